"""Judged utterances made by hand, with errors that are known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from speechtutor.core import Edit, ErrorType, LearnerState, PhoneScore, UtteranceScore, WordScore

LEARNER = LearnerState()


def phone(canonical: str, error: float = 0.05, heard: str | None = None, **more: Any) -> PhoneScore:
    edit = Edit.MATCH if heard is None else Edit.SUBSTITUTION if heard else Edit.DELETION
    return PhoneScore(canonical, 1 - error, edit=edit, heard=heard, error_probability=error, **more)


def word(text: str, phones: tuple[PhoneScore, ...] = (), **more: Any) -> WordScore:
    score = min((p.score or 0.0 for p in phones), default=0.9)
    return WordScore(**({"text": text, "score": score, "phones": phones} | more))


def said(text: str, phones: str, at: int, heard: str | None, error: float = 0.9, **more: Any) -> WordScore:
    """A word with an error at one phone; `heard` as in `PhoneScore`."""
    symbols = phones.split()
    return word(
        text,
        tuple(phone(p, error, heard, **more) if i == at else phone(p) for i, p in enumerate(symbols)),
    )


def omitted(text: str) -> WordScore:
    return WordScore(text, None, error_type=ErrorType.OMISSION)


def fine(text: str, **more: Any) -> WordScore:
    return word(text, (phone("AH"),), **more)


def utterance(*words: WordScore | str, **more: Any) -> UtteranceScore:
    """An utterance of words, those given as text being well said."""
    judged = tuple(fine(w) if isinstance(w, str) else w for w in words)
    text = " ".join(w.text for w in judged if w.error_type is not ErrorType.INSERTION)
    return UtteranceScore(**({"text": text, "words": judged, "overall": 0.8} | more))


def marked(text: str, kind: ErrorType) -> WordScore:
    return replace(fine(text), error_type=kind)


THINK = said("think", "TH IH NG K", 0, "S")
SINK = utterance("I", THINK, "the", "weather", "is", "nice", "today")
"""The word "think" said as "sink": the example that most tests speak of."""
