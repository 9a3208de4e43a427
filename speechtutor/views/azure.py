"""A score in the shape of Azure's pronunciation assessment, for programs written to it.

An adapter, not an imitation of its numbers: words and phones in ARPAbet or IPA, scores of 100 or of 5, times
in ticks of 100 ns. What a program asks for in its header (`Wanted`) is what it gets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from speechtutor.core import ErrorType, PhoneScore, Transcript, UtteranceScore, WordScore
from speechtutor.schema import Json, number, percent, probability
from speechtutor.text.phone_sets import spelled
from speechtutor.text.phones import syllabify

_TICKS = 10_000_000
"""Per second."""
_EXTRA = (ErrorType.INSERTION, ErrorType.REPETITION)
_PROSODIC = {
    ErrorType.UNEXPECTED_BREAK: ("Break", "UnexpectedBreak"),
    ErrorType.MISSING_BREAK: ("Break", "MissingBreak"),
    ErrorType.MONOTONE: ("Intonation", "Monotone"),
}
"""Under which key of a word's prosody each stands."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reply holds; the defaults are those of Azure's header.

    `granularity` is the finest level told; `comprehensive` adds fluency, completeness and the score of all
    to accuracy; `n_best` is how many phones may have been said for each; `miscue` tells words left out and
    added (without, the text is taken to be what was said); `prosody` adds its score and its errors.
    """

    granularity: Literal["Phoneme", "Word", "FullText"] = "Phoneme"
    of_five: bool = True
    comprehensive: bool = False
    ipa: bool = False
    n_best: int = 0
    miscue: bool = False
    prosody: bool = False

    def score(self, value: float | None) -> float | None:
        """A score in [0, 1] in the grading system."""
        return number(5 * value, 2) if self.of_five and value is not None else percent(value)

    def phone(self, name: str) -> str:
        """A phone in the alphabet."""
        return spelled(name, "ipa") if self.ipa else name.lower()

    def error(self, kind: ErrorType) -> ErrorType:
        """What an error is called; Azure knows neither a word said twice nor one that was not sure."""
        if kind is ErrorType.UNSURE or (kind in _PROSODIC and not self.prosody):
            return ErrorType.NONE
        if kind is ErrorType.OMISSION and not self.miscue:
            return ErrorType.MISPRONUNCIATION
        return ErrorType.INSERTION if kind is ErrorType.REPETITION else kind


EVERYTHING = Wanted(of_five=False, comprehensive=True, n_best=5, miscue=True, prosody=True)


def azure_json(score: UtteranceScore, wanted: Wanted = EVERYTHING) -> Json:
    """The Azure-shaped value; `RecognitionStatus` is NoMatch when the recording could not be judged."""
    judged = score.overall is not None or score.accuracy is not None
    best: Json = {
        "Confidence": probability(score.confidence),
        "Lexical": score.text.lower(),
        "Display": score.text,
        "PronunciationAssessment": _whole(score, wanted),
    }
    if wanted.granularity != "FullText":
        best["Words"] = [
            _word(word, wanted) for word in score.words if wanted.miscue or word.error_type not in _EXTRA
        ]
    return {
        "RecognitionStatus": "Success" if judged else "NoMatch",
        **_ticks(0.0, score.duration),
        "DisplayText": score.text,
        "SNR": number(score.snr_db, 1),
        "NBest": [best],
    }


def rest_json(score: UtteranceScore, wanted: Wanted = EVERYTHING) -> Json:
    """The reply of Azure's REST form: the same value, the scores beside what they are of as well.

    The SDK nests them under `PronunciationAssessment`, the REST form does not.
    """
    found = azure_json(score, wanted)
    for best in found["NBest"]:
        best |= {"ITN": best["Lexical"], "MaskedITN": best["Lexical"], **best["PronunciationAssessment"]}
        for word in best.get("Words", ()):
            word |= word["PronunciationAssessment"]
            for part in (*word.get("Syllables", ()), *word.get("Phonemes", ())):
                part |= part["PronunciationAssessment"]
    return found


def heard_json(transcript: Transcript, duration: float, *, detailed: bool) -> Json:
    """The reply to a request for recognition alone."""
    found: Json = {
        "RecognitionStatus": "Success" if transcript.words else "NoMatch",
        "DisplayText": transcript.text,
        **_ticks(0.0, duration),
    }
    if detailed:
        plain = transcript.text.lower()
        best = {"Confidence": probability(transcript.confidence), "Lexical": plain, "ITN": plain}
        found["NBest"] = [{**best, "MaskedITN": plain, "Display": transcript.text}]
    return found


def _ticks(start: float | None, end: float | None) -> Json:
    """Azure's offset and duration in ticks of 100 ns."""
    if start is None or end is None:
        return {}
    return {"Offset": round(start * _TICKS), "Duration": round((end - start) * _TICKS)}


def _whole(score: UtteranceScore, wanted: Wanted) -> Json:
    found = {"AccuracyScore": wanted.score(score.accuracy)}
    if wanted.comprehensive:
        found["FluencyScore"] = wanted.score(score.fluency)
    if wanted.prosody:
        found["ProsodyScore"] = wanted.score(score.prosody)
    if wanted.comprehensive:
        found["CompletenessScore"] = wanted.score(score.completeness)
        found["PronScore"] = wanted.score(score.overall)
    return found


def _word(word: WordScore, wanted: Wanted) -> Json:
    error = wanted.error(word.error_type)
    told: Json = {"AccuracyScore": wanted.score(word.score), "ErrorType": error.value}
    if wanted.prosody:
        prosody: Json = {"Break": {"ErrorTypes": ["None"]}, "Intonation": {"ErrorTypes": []}}
        if error in _PROSODIC:
            where, name = _PROSODIC[error]
            prosody[where]["ErrorTypes"] = [name]
        told["Feedback"] = {"Prosody": prosody}
    found = {"Word": word.text, **_ticks(word.start, word.end), "PronunciationAssessment": told}
    if wanted.granularity == "Phoneme":
        found["Syllables"] = [
            _syllable([word.phones[i] for i in part], wanted)
            for part in syllabify([phone.canonical for phone in word.phones])
        ]
        found["Phonemes"] = [_phone(phone, wanted) for phone in word.phones]
    return found


def _syllable(phones: Sequence[PhoneScore], wanted: Wanted) -> Json:
    """A syllable is as good as its phones are on average."""
    scores = [phone.score for phone in phones if phone.score is not None]
    mean = sum(scores) / len(scores) if scores else None
    return {
        "Syllable": ("" if wanted.ipa else " ").join(wanted.phone(phone.canonical) for phone in phones),
        **_ticks(phones[0].start, phones[-1].end),
        "PronunciationAssessment": {"AccuracyScore": wanted.score(mean)},
    }


def _phone(phone: PhoneScore, wanted: Wanted) -> Json:
    """A phone; Azure has no name for one left out, so that is not among what may have been said."""
    told: Json = {"AccuracyScore": wanted.score(phone.score)}
    if wanted.n_best:
        told["NBestPhonemes"] = [
            {"Phoneme": wanted.phone(one.phone), "Score": wanted.score(one.probability)}
            for one in [c for c in phone.nbest if c.phone][: wanted.n_best]
        ]
    return {
        "Phoneme": wanted.phone(phone.canonical),
        **_ticks(phone.start, phone.end),
        "PronunciationAssessment": told,
    }
