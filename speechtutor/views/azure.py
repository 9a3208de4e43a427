"""A score in the shape of Azure's pronunciation assessment, for programs written to it.

An adapter, not an imitation of its numbers: words and phones in ARPAbet, scores 0-100, times in
ticks of 100 ns.
"""

from __future__ import annotations

from speechtutor.core import ErrorType, Transcript, UtteranceScore, WordScore
from speechtutor.schema import Json, number, percent, probability

_TICKS = 10_000_000
"""Per second."""


def _ticks(start: float | None, end: float | None) -> Json:
    """Azure's offset and duration in ticks of 100 ns."""
    if start is None or end is None:
        return {}
    return {"Offset": round(start * _TICKS), "Duration": round((end - start) * _TICKS)}


_AZURE_ERRORS = {ErrorType.REPETITION: ErrorType.INSERTION, ErrorType.UNSURE: ErrorType.NONE}
"""Azure has no word for these two."""


def _azure_word(word: WordScore) -> Json:
    error = _AZURE_ERRORS.get(word.error_type, word.error_type)
    return {
        "Word": word.text,
        **_ticks(word.start, word.end),
        "PronunciationAssessment": {"AccuracyScore": percent(word.score), "ErrorType": error.value},
        "Phonemes": [
            {
                "Phoneme": phone.canonical.lower(),
                **_ticks(phone.start, phone.end),
                "PronunciationAssessment": {
                    "AccuracyScore": percent(phone.score),
                    "NBestPhonemes": [
                        {"Phoneme": c.phone.lower(), "Score": percent(c.probability)}
                        for c in phone.nbest
                        if c.phone
                    ],
                },
            }
            for phone in word.phones
        ],
    }


def azure_json(score: UtteranceScore) -> Json:
    """The Azure-shaped value; `RecognitionStatus` is NoMatch when the recording could not be judged."""
    judged = score.overall is not None or score.accuracy is not None
    return {
        "RecognitionStatus": "Success" if judged else "NoMatch",
        **_ticks(0.0, score.duration),
        "DisplayText": score.text,
        "SNR": number(score.snr_db, 1),
        "NBest": [
            {
                "Confidence": probability(score.confidence),
                "Lexical": score.text.lower(),
                "Display": score.text,
                "PronunciationAssessment": {
                    "AccuracyScore": percent(score.accuracy),
                    "FluencyScore": percent(score.fluency),
                    "ProsodyScore": percent(score.prosody),
                    "CompletenessScore": percent(score.completeness),
                    "PronScore": percent(score.overall),
                },
                "Words": [_azure_word(word) for word in score.words],
            }
        ],
    }


def rest_json(score: UtteranceScore) -> Json:
    """The reply of Azure's REST form: the same value, the scores beside what they are of as well.

    The SDK nests them under `PronunciationAssessment`, the REST form does not.
    """
    found = azure_json(score)
    for best in found["NBest"]:
        best |= {"ITN": best["Lexical"], "MaskedITN": best["Lexical"], **best["PronunciationAssessment"]}
        for word in best["Words"]:
            word |= word["PronunciationAssessment"]
            for phone in word["Phonemes"]:
                phone |= phone["PronunciationAssessment"]
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
