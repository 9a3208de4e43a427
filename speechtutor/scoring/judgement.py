"""From numbers to a judgement: error types, what was heard, confidence, abstention.

Pure: what the scoring head predicted and what the alignment found come in, an `UtteranceScore`
goes out. The thresholds were chosen on out-of-fold predictions of train speakers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from speechtutor.core import (
    Alignment,
    Candidate,
    CanonicalWord,
    Caution,
    Code,
    Edit,
    ErrorType,
    Fluency,
    PhoneScore,
    Pitch,
    Quality,
    SentenceScore,
    UtteranceScore,
    WordScore,
)
from speechtutor.core.score import ERROR_THRESHOLD, LEAST_CONFIDENCE
from speechtutor.scoring.diagnosis import Diagnosis
from speechtutor.scoring.gop import Goodness
from speechtutor.scoring.insertions import Extra, ExtraSound
from speechtutor.text.marks import asks_pause, may_pause

Floats = NDArray[np.float64]


CLEAR_RIVAL = 0.5
"""Share of the probability of an error that one sound must hold to be named as what was heard."""

OMISSION_GAIN = 20.0
"""Nats by which a text without the word must fit better than the text with it; alone it is not enough,
since the sounds of a word said badly fit its absence too."""

OMISSION_ERROR = 0.25
"""Mean error probability of its phones from which on such a word counts as left out."""

BREAK = 0.6
"""Seconds of silence inside a phrase that count as a break in the wrong place."""

JOINED = 0.06
"""Seconds of silence after a sentence's end, inside the text, below which a break is missing."""

FLAT_RANGE, FLAT_PROSODY, FLAT_VOICED, FLAT_WORDS = 2.0, 0.75, 1.0, 4
"""Monotone: the middle four fifths of the pitch span fewer semitones (3 % of learners' utterances do), the
prosody score is lower, and there is enough to tell: so many voiced seconds and words."""

SURE_WRONG = 0.8
"""Calibrated probability of another sound from which on the score of a phone and its word falls."""

LEAST_CERTAIN, LEAST_CERTAIN_WORD = 0.4, 0.6
"""The highest score of a phone that certainly was not said, and of its word; between `SURE_WRONG` and
certainty the highest score falls from 1 to it in a line. On 249 dev readings the correlation
with raters stays 0.7745 (phones) and 0.7893 (words): they mark what the diagnosis is that sure of."""

WORD_WRONG = 0.5
"""Probability that not all sounds of a word were said from which on one that raters would mark too is
mispronounced, although no single sound is surely wrong: such as another word in its place."""

CLEAR_SNR, LOST_SNR = 15.0, 0.0
"""Decibels: from here on noise takes nothing from the confidence; down there it takes all."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """The head's output in [0, 1], calibrated.

    `phones` and `errors` (n_phones,), `words` (n_words, 3) as score, stress, total; `utterance` (4,)
    as accuracy, fluency, prosody, overall. `spread` (n_phones,) is the standard deviation of the
    phone score over the ensemble's members.
    """

    phones: Floats
    errors: Floats
    words: Floats
    utterance: Floats
    spread: Floats


def together(parts: Sequence[Predicted], sizes: Sequence[int]) -> Predicted:
    """The opinions of the passages of a reading as one; those of the whole weighed by `sizes` (n_phones)."""
    if len(parts) == 1:
        return parts[0]
    names = ("phones", "errors", "words", "spread")
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    utterance = np.average([part.utterance for part in parts], axis=0, weights=sizes)
    return Predicted(**joined, utterance=utterance)


@dataclass(frozen=True, slots=True)
class Measurements:
    """What alignment and signal say about the utterance."""

    text: str
    alignment: Alignment
    evidence: Sequence[Goodness]
    word_deletion: Floats
    extras: Sequence[Extra]
    sounds: Sequence[ExtraSound]
    quality: Quality
    timing: Fluency
    pitch: Pitch
    diagnosis: Diagnosis | None = None
    """Which sounds were said; without one the raters' error probability decides what is named."""


def highest(wrong: float, least: float) -> float:
    """The highest score of what was not said with probability `wrong`; `least` where that is certain."""
    sure = max(wrong - SURE_WRONG, 0.0) / (1 - SURE_WRONG)
    return 1.0 - sure * (1.0 - least)


def marked(phone: PhoneScore) -> bool:
    """Whether raters would mark the phone as wrong."""
    return (phone.error_probability or 0.0) >= ERROR_THRESHOLD


def clarity(snr_db: float | None) -> float:
    """How far the noise lets a finding be trusted, in [0, 1]; without a pause to measure it in, fully."""
    if snr_db is None:
        return 1.0
    return float(np.clip((snr_db - LOST_SNR) / (CLEAR_SNR - LOST_SNR), 0.0, 1.0))


def judge(found: Measurements, predicted: Predicted) -> UtteranceScore:
    """The judgement of an utterance that can be judged."""
    trust = clarity(found.quality.snr_db)
    phones = [_phone(found, predicted, i, trust) for i in range(len(found.alignment.phones))]
    words = []
    for w, group in groupby(zip(found.alignment.phones, phones, strict=True), key=lambda pair: pair[0].word):
        words.append(_word(found, predicted, w, [phone for _, phone in group]))
    omitted = sum(word.error_type is ErrorType.OMISSION for word in words)
    accuracy, fluency, prosody, overall = (float(np.clip(x, 0, 1)) for x in predicted.utterance)
    return UtteranceScore(
        text=found.text,
        words=_with_extras(_with_prosody(_with_breaks(words, found), found, prosody), found.extras),
        overall=overall,
        accuracy=accuracy,
        fluency=fluency,
        prosody=prosody,
        completeness=1 - omitted / len(words),
        confidence=float(np.mean([phone.confidence or 0.0 for phone in phones])),
        duration=found.quality.duration,
        snr_db=found.quality.snr_db,
        timing=found.timing,
        pitch=found.pitch,
        cautions=found.quality.cautions,
    )


def sentence(
    words: Sequence[CanonicalWord], times: tuple[float, float], predicted: Predicted
) -> SentenceScore:
    """The judgement of one sentence of several; `times` are its start and end in seconds."""
    accuracy, fluency, prosody, overall = (float(np.clip(x, 0, 1)) for x in predicted.utterance)
    return SentenceScore(
        words[0].char_start,
        words[-1].char_end,
        *times,
        overall=overall,
        accuracy=accuracy,
        fluency=fluency,
        prosody=prosody,
    )


def _phone(found: Measurements, predicted: Predicted, i: int, trust: float) -> PhoneScore:
    aligned, evidence = found.alignment.phones[i], found.evidence[i]
    error = float(predicted.errors[i])
    start, end = found.alignment.interval(aligned)
    score, said = float(np.clip(predicted.phones[i], 0, 1)), None
    if found.diagnosis is not None:
        finding = found.diagnosis.phones[i]
        heard, nbest, wrong = finding.heard, finding.nbest, finding.probability
        score, said = min(score, highest(wrong, LEAST_CERTAIN)), 1 - wrong
    else:
        nbest, wrong = candidates(evidence, error), error
        named = nbest and error >= ERROR_THRESHOLD and nbest[0].probability >= CLEAR_RIVAL * error
        heard = nbest[0].phone if named else None
    edit = Edit.MATCH if heard is None else (Edit.DELETION if heard == "" else Edit.SUBSTITUTION)
    certainty = 1 - min(float(predicted.spread[i]), 1.0)
    return PhoneScore(
        canonical=aligned.canonical,
        score=score,
        start=start,
        end=end,
        edit=edit,
        heard=heard,
        gop=evidence.gop,
        confidence=trust * certainty * max(wrong, 1 - wrong),
        error_probability=error,
        nbest=nbest,
        said_probability=said,
    )


def candidates(evidence: Goodness, error_probability: float) -> tuple[Candidate, ...]:
    """What else it may have been: the calibrated error probability shared out as the likelihoods say."""
    others = [c for c in evidence.nbest if c.phone != evidence.canonical]
    mass = sum(c.probability for c in others)
    if mass <= 0:
        return ()
    shared = [Candidate(c.phone, error_probability * c.probability / mass) for c in others]
    return tuple(sorted(shared, key=lambda c: -c.probability))


def _word(found: Measurements, predicted: Predicted, w: int, phones: Sequence[PhoneScore]) -> WordScore:
    word = found.alignment.words[w]
    score, stress, total = (float(np.clip(x, 0, 1)) for x in predicted.words[w])
    doubts = [p for p in phones if marked(p)]
    suspects = doubts if found.diagnosis is None else [p for p in phones if p.heard is not None]
    # A word is as trustworthy as its least certain phone that would be reported.
    confidence = float(np.mean([p.confidence or 0.0 for p in suspects or doubts or phones]))
    inserted = _inserted(found, w)
    worst = max((1 - p.said_probability for p in phones if p.said_probability is not None), default=0.0)
    score, total = (min(value, highest(worst, LEAST_CERTAIN_WORD)) for value in (score, total))
    kind = ErrorType.NONE
    missing = np.mean([p.error_probability or 0.0 for p in phones]) >= OMISSION_ERROR
    if missing and found.word_deletion[w] > OMISSION_GAIN:
        kind, score, total = ErrorType.OMISSION, 0.0, 0.0
        phones = [_left_out(p) for p in phones]
        inserted = ()
    elif suspects or inserted or (doubts and _not_all_said(phones) >= WORD_WRONG):
        kind = ErrorType.MISPRONUNCIATION
    elif doubts:  # raters would mark it, but no other sound was heard
        kind = ErrorType.UNSURE
    if kind is not ErrorType.NONE and confidence < LEAST_CONFIDENCE:
        kind = ErrorType.UNSURE
    return WordScore(
        text=word.text,
        score=score,
        start=phones[0].start,
        end=phones[-1].end,
        char_start=word.char_start,
        char_end=word.char_end,
        stress=stress,
        total=total,
        confidence=confidence,
        error_type=kind,
        phones=tuple(phones),
        inserted=inserted,
    )


def _not_all_said(phones: Sequence[PhoneScore]) -> float:
    """Probability that some sound of a word was not said, by the diagnosis of each; 0 without one."""
    return 1 - float(np.prod([1.0 if p.said_probability is None else p.said_probability for p in phones]))


def _left_out(phone: PhoneScore) -> PhoneScore:
    """A phone of a word that was left out."""
    said = None if phone.said_probability is None else 0.0
    return replace(phone, heard="", edit=Edit.DELETION, score=0.0, nbest=(), said_probability=said)


def _inserted(found: Measurements, w: int) -> tuple[tuple[int, str], ...]:
    """Sounds beyond the text in word w; none in noise, and none beside extra words: they are theirs."""
    beside = {extra.word + side for extra in found.extras for side in (-1, 0)}
    if clarity(found.quality.snr_db) < LEAST_CONFIDENCE or w in beside:
        return ()
    return tuple((s.at, s.phone) for s in found.sounds if s.word == w)


def _with_breaks(words: Sequence[WordScore], found: Measurements) -> list[WordScore]:
    """Mark words before which the speaker stopped although the text does not, or the other way round."""
    marked = list(words)
    for i in range(1, len(words)):
        left, right = words[i - 1], words[i]
        between = found.text[left.char_end : right.char_start]
        silent = (right.start or 0) - (left.end or 0)
        if right.error_type is not ErrorType.NONE or left.error_type is ErrorType.OMISSION:
            continue
        if silent >= BREAK and not may_pause(between):
            marked[i] = replace(right, error_type=ErrorType.UNEXPECTED_BREAK)
        elif silent < JOINED and asks_pause(between) and len(left.text) > 2:
            # After "Dr." or "e.g." nobody pauses: what is so short may be an abbreviation.
            marked[i] = replace(right, error_type=ErrorType.MISSING_BREAK)
    return marked


def _with_prosody(words: Sequence[WordScore], found: Measurements, prosody: float) -> list[WordScore]:
    """When all is flat, mark the word that carries the accent, by default the last content word."""
    marked = list(words)
    span = pitch_range(found.pitch)
    if span is None or span >= FLAT_RANGE or prosody >= FLAT_PROSODY or len(words) < FLAT_WORDS:
        return marked
    for i in reversed(range(len(words))):
        if words[i].error_type is ErrorType.NONE and len(words[i].phones) > 2:
            marked[i] = replace(words[i], error_type=ErrorType.MONOTONE)
            break
    return marked


def pitch_range(pitch: Pitch) -> float | None:
    """Semitones between the 10th and the 90th percentile of the voiced pitch; None when little is voiced."""
    hz = np.asarray(pitch.hz, dtype=np.float64)[np.asarray(pitch.voiced, dtype=bool)]
    step = float(pitch.times[1] - pitch.times[0]) if len(pitch.times) > 1 else 0.0
    if len(hz) * step < FLAT_VOICED:
        return None
    low, high = np.quantile(12 * np.log2(hz), [0.1, 0.9])
    return float(high - low)


def _with_extras(words: Sequence[WordScore], extras: Sequence[Extra]) -> tuple[WordScore, ...]:
    """Insert what was said beyond the text, in its place."""
    result: list[WordScore] = []
    for i in range(len(words) + 1):
        for extra in extras:
            if extra.word == i:
                phones = tuple(PhoneScore(p, None, edit=Edit.INSERTION, heard=p) for p in extra.phones)
                result.append(
                    WordScore("", None, extra.start, extra.end, error_type=extra.kind, phones=phones)
                )
        result.extend(words[i : i + 1])
    return tuple(result)


def abstain(
    text: str, words: Sequence[CanonicalWord], quality: Quality, cautions: Sequence[Caution] = ()
) -> UtteranceScore:
    """The answer where no score can be given: the text with nothing measured, and why."""
    blank = tuple(
        WordScore(
            word.text,
            None,
            char_start=word.char_start,
            char_end=word.char_end,
            error_type=ErrorType.UNSURE,
            phones=tuple(PhoneScore(phone, None) for phone in word.pronunciations[0]),
        )
        for word in words
    )
    every = (*quality.cautions, *cautions)
    return UtteranceScore(text, blank, duration=quality.duration, snr_db=quality.snr_db, cautions=every)


def interpolate(knots: Mapping[str, Sequence[float]], values: Floats) -> Floats:
    """A calibration curve given as its knots `x` and `y`, constant beyond its ends."""
    return np.interp(values, knots["x"], knots["y"])


OFF_TEXT = Caution(Code.OFF_TEXT, "What was said does not fit the text, so it was not scored.")
