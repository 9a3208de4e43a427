"""Core values as JSON for people and programs: schema version 1.

Inside the library scores are in [0, 1]; outside they are 0-100 with one decimal, converted by
`percent` and nowhere else. Probabilities (`confidence`, `error_probability`, `said_probability`) stay in
[0, 1], times stay in seconds. A number that is not finite is a bug and raises ValueError, except unvoiced
pitch, which is null.

Two questions, never mixed. What would raters say? `score` and `error_probability` (calibrated on raters:
of 100 phones at 0.3 about 30 are marked wrong). Which sound was said? `said_probability`, `heard` and
`nbest` (calibrated on speech whose sounds are known; `said_probability` is null without a diagnosis, and
`heard` and `nbest` then follow the raters). A word is a Mispronunciation where the diagnosis names another
sound, none, or one more, at the chosen strictness; where only raters would mark it, it is Unsure; what
raters mark and no ear hears as another sound is variety until it is said again. A diagnosis from 0.8 on
lowers the score of the phone and its word (`scoring.judgement.highest`), whatever the strictness.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, overload

import numpy as np

from speechtutor.core import (
    Alignment,
    Candidate,
    Caution,
    Code,
    Edit,
    ErrorType,
    Feedback,
    Floats,
    Fluency,
    PhoneScore,
    Pitch,
    SentenceScore,
    Transcript,
    UtteranceScore,
    WordScore,
)
from speechtutor.core.score import ASPECTS, UTTERANCE_ASPECTS
from speechtutor.errors import InputError
from speechtutor.files import jsonio
from speechtutor.schema.types import Scored
from speechtutor.text.phones import to_ipa

Json = dict[str, Any]

VERSION = 1
_ROUNDING = 1e-6
"""A float32 mean of ones may be this much over 1."""


def dumps(value: object, *, indent: int | None = 2) -> str:
    """JSON text as it is printed; refuses NaN."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)


def percent(score: float | None) -> float | None:
    """A score in [0, 1] as people see it: 0-100, one decimal; None stays None.

    Raises:
        ValueError: for a value that is not a score.
    """
    if score is None:
        return None
    if not -_ROUNDING <= score <= 1 + _ROUNDING:  # also false for NaN
        raise ValueError(f"a score must be in [0, 1], not {score}")
    return round(100 * min(max(float(score), 0.0), 1.0), 1)


@overload
def fraction(points: float) -> float: ...
@overload
def fraction(points: float | None) -> float | None: ...
def fraction(points: float | None) -> float | None:
    """The inverse of `percent`."""
    return None if points is None else points / 100


def number(value: float | None, digits: int) -> float | None:
    """A rounded number; raises ValueError when it is not finite."""
    if value is None:
        return None
    if not math.isfinite(value):
        raise ValueError(f"{value} has no place in JSON")
    return round(float(value), digits)


def _time(value: float | None) -> float | None:
    return number(value, 3)


def probability(value: float | None) -> float | None:
    """A probability in [0, 1] with four digits."""
    return number(value, 4)


def cautions_json(cautions: Iterable[Caution]) -> list[Json]:
    """Warnings as code and sentence."""
    return [{"code": caution.code.value, "message": caution.message} for caution in cautions]


def _phone_json(phone: PhoneScore) -> Json:
    return {
        "expected": phone.canonical,
        "ipa": to_ipa(phone.canonical),
        "start": _time(phone.start),
        "end": _time(phone.end),
        "score": percent(phone.score),
        "confidence": probability(phone.confidence),
        "error_probability": probability(phone.error_probability),
        "said_probability": probability(phone.said_probability),
        "heard": phone.heard,
        "nbest": [{"phone": c.phone, "probability": probability(c.probability)} for c in phone.nbest],
    }


def _word_json(word: WordScore) -> Json:
    """A word; `inserted` is there only where sounds beyond the text were heard."""
    inserted = [{"before": at, "phone": phone, "ipa": to_ipa(phone)} for at, phone in word.inserted]
    return {
        "text": word.text,
        "char_start": word.char_start,
        "char_end": word.char_end,
        "start": _time(word.start),
        "end": _time(word.end),
        "score": percent(word.score),
        "stress": percent(word.stress),
        "confidence": probability(word.confidence),
        "error_type": word.error_type.value,
        "phones": [_phone_json(phone) for phone in word.phones],
        **({"inserted": inserted} if inserted else {}),
    }


def _fluency_json(timing: Fluency | None) -> Json | None:
    if timing is None:
        return None
    return {
        "speech_rate": number(timing.speech_rate, 1),
        "articulation_rate": number(timing.articulation_rate, 2),
        "pause_count": timing.pause_count,
        "pause_time": _time(timing.pause_time),
        "mean_run": number(timing.mean_run, 2),
    }


def _pitch_json(pitch: Pitch | None) -> Json | None:
    if pitch is None:
        return None
    return {
        "times": [_time(float(t)) for t in pitch.times],
        "hz": [
            number(float(hz), 1) if voiced else None
            for hz, voiced in zip(pitch.hz, pitch.voiced, strict=True)
        ],
        "voiced": [bool(voiced) for voiced in pitch.voiced],
    }


def _sentence_json(sentence: SentenceScore) -> Json:
    return {
        "char_start": sentence.char_start,
        "char_end": sentence.char_end,
        "start": _time(sentence.start),
        "end": _time(sentence.end),
        **{aspect: percent(getattr(sentence, aspect)) for aspect in UTTERANCE_ASPECTS},
    }


def _sentence(row: Mapping[str, Any]) -> SentenceScore:
    places = {name: row[name] for name in ("char_start", "char_end", "start", "end")}
    return SentenceScore(**places, **{aspect: fraction(row[aspect]) for aspect in UTTERANCE_ASPECTS})


def score_json(score: UtteranceScore) -> Json:
    """An utterance score in schema version 1; `sentences` is there where the text has several."""
    sentences = [_sentence_json(sentence) for sentence in score.sentences]
    return {
        "schema_version": VERSION,
        "model": score.model,
        "model_version": score.model_version,
        "device": score.device,
        "elapsed_ms": round(1000 * score.elapsed),
        "warnings": cautions_json(score.cautions),
        "text": score.text,
        "lang": score.lang,
        "duration": _time(score.duration),
        "snr_db": number(score.snr_db, 1),
        "scores": {aspect: percent(getattr(score, aspect)) for aspect in ASPECTS},
        "confidence": probability(score.confidence),
        "words": [_word_json(word) for word in score.words],
        "fluency": _fluency_json(score.timing),
        "pitch": _pitch_json(score.pitch),
        **({"sentences": sentences} if sentences else {}),
    }


def _edit(heard: str | None) -> Edit:
    if heard is None:
        return Edit.MATCH
    return Edit.SUBSTITUTION if heard else Edit.DELETION


def _phone(row: Mapping[str, Any]) -> PhoneScore:
    return PhoneScore(
        canonical=row["expected"],
        score=fraction(row["score"]),
        start=row["start"],
        end=row["end"],
        edit=_edit(row["heard"]),
        heard=row["heard"],
        confidence=row["confidence"],
        error_probability=row["error_probability"],
        nbest=tuple(Candidate(c["phone"], c["probability"]) for c in row["nbest"]),
        said_probability=row.get("said_probability"),
    )


def _word(row: Mapping[str, Any]) -> WordScore:
    return WordScore(
        text=row["text"],
        score=fraction(row["score"]),
        start=row["start"],
        end=row["end"],
        char_start=row["char_start"],
        char_end=row["char_end"],
        stress=fraction(row["stress"]),
        confidence=row["confidence"],
        error_type=ErrorType(row["error_type"]),
        phones=tuple(_phone(phone) for phone in row["phones"]),
        inserted=tuple((extra["before"], extra["phone"]) for extra in row.get("inserted", ())),
    )


def _pitch(row: Mapping[str, Any]) -> Pitch:
    hz: Floats = np.array([np.nan if hz is None else hz for hz in row["hz"]], dtype=np.float32)
    return Pitch(np.array(row["times"], dtype=np.float32), hz, np.array(row["voiced"], dtype=np.bool_))


def score_from_json(row: Mapping[str, Any]) -> UtteranceScore:
    """Read an utterance score back.

    Values come back rounded as they were written; `gop` and a word's `total`, which the schema
    does not carry, come back as None, and `edit` follows from `heard`.

    Raises:
        InputError: when the value is not one of schema version 1.
    """
    if row.get("schema_version") != VERSION:
        raise InputError(f"schema_version is {row.get('schema_version')!r}, expected {VERSION}")
    jsonio.convert(dict(row), Scored, f"not a score of schema version {VERSION}")
    try:
        return UtteranceScore(
            text=row["text"],
            words=tuple(_word(word) for word in row["words"]),
            **{aspect: fraction(row["scores"][aspect]) for aspect in ASPECTS},
            confidence=row["confidence"],
            lang=row["lang"],
            duration=row["duration"],
            snr_db=row["snr_db"],
            timing=None if row["fluency"] is None else Fluency(**row["fluency"]),
            pitch=None if row["pitch"] is None else _pitch(row["pitch"]),
            cautions=tuple(Caution(Code(c["code"]), c["message"]) for c in row["warnings"]),
            model=row["model"],
            model_version=row["model_version"],
            device=row["device"],
            elapsed=(row["elapsed_ms"] or 0) / 1000,
            sentences=tuple(_sentence(sentence) for sentence in row.get("sentences", ())),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"not a score of schema version {VERSION}: {error!r}") from error


def transcript_json(transcript: Transcript) -> Json:
    """A transcript with word times and confidence."""
    return {
        "schema_version": VERSION,
        "text": transcript.text,
        "lang": transcript.lang,
        "confidence": probability(transcript.confidence),
        "words": [
            {
                "text": word.text,
                "start": _time(word.start),
                "end": _time(word.end),
                "confidence": probability(word.confidence),
            }
            for word in transcript.words
        ],
    }


def alignment_json(alignment: Alignment) -> Json:
    """Words and phones with their times in seconds."""
    words: list[Json] = [
        {"text": word.text, "char_start": word.char_start, "char_end": word.char_end, "phones": []}
        for word in alignment.words
    ]
    for phone in alignment.phones:
        start, end = (_time(t) for t in alignment.interval(phone))
        row = {"phone": phone.canonical, "ipa": to_ipa(phone.canonical), "start": start, "end": end}
        words[phone.word]["phones"].append(row)
    for word in words:
        word["start"] = word["phones"][0]["start"] if word["phones"] else None
        word["end"] = word["phones"][-1]["end"] if word["phones"] else None
    return {
        "schema_version": VERSION,
        "log_likelihood": number(alignment.log_likelihood, 3),
        "words": words,
    }


def feedback_json(feedback: Feedback) -> Json:
    """What the tutor says."""
    return {
        "summary": feedback.summary,
        "tips": [
            {
                "word": tip.word,
                "phone": tip.phone,
                "ipa": to_ipa(tip.phone),
                "heard": tip.heard,
                "advice": tip.advice,
            }
            for tip in feedback.tips
        ],
        "follow_up": feedback.follow_up,
        "source": feedback.source,
        "lang": feedback.lang,
        "claims": [{"text": claim.text, "evidence": claim.evidence} for claim in feedback.claims],
    }
