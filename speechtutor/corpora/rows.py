"""A row of a manifest: an utterance as JSON and back, read by type.

Scores in a manifest are 0-100 as everywhere outside the library; in memory they are [0, 1].

A word that annotators transcribed has two more fields: `said`, the phones that they heard (`?` where
they could not tell), and `errors`, what was wrong: `{"at": 2, "type": "substitution", "heard": "S"}`,
where `at` counts the canonical phones (an insertion stands before that phone). In memory such a phone
has an `error_probability` of 1 or 0, its `edit` and what was `heard`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Any

from msgspec import Meta

from speechtutor.core import Edit, PhoneScore, Utterance, UtteranceScore, WordScore
from speechtutor.core.score import ASPECTS
from speechtutor.errors import InputError
from speechtutor.files import jsonio
from speechtutor.files.jsonio import Count, Score

UNTOLD = "?"
"""A phone that annotators heard but could not name."""


def _up(score: float | None) -> float | None:
    return None if score is None else round(score * 100, 3)


def _down(score: float | None) -> float | None:
    return None if score is None else score / 100


def row_of(utterance: Utterance) -> dict[str, Any]:
    """An utterance as the JSON value of its row."""
    keys = ("id", "audio", "text", "speaker", "split", "lang", "l1", "age", "gender")
    row: dict[str, Any] = {key: getattr(utterance, key) for key in keys}
    if utterance.accent is not None:
        row["accent"] = utterance.accent
    scores = utterance.scores
    row["scores"] = scores and {aspect: _up(getattr(scores, aspect)) for aspect in ASPECTS}
    row["words"] = None
    if scores is not None and scores.words:
        row["words"] = [
            {
                "text": word.text,
                "score": _up(word.score),
                "stress": _up(word.stress),
                "total": _up(word.total),
                "phones": [phone.canonical for phone in word.phones],
                "phone_scores": [_up(phone.score) for phone in word.phones],
                **_annotation(word),
            }
            for word in scores.words
        ]
    return row


def annotated(word: WordScore) -> bool:
    """Whether people wrote down what they heard of every phone of the word."""
    return bool(word.phones) and all(phone.error_probability is not None for phone in word.phones)


def said(word: WordScore) -> tuple[str, ...]:
    """The phones that annotators heard in a word."""
    heard: list[str] = []
    for index, phone in enumerate((*word.phones, None)):
        heard += [other for at, other in word.inserted if at == index]
        if phone is not None:
            heard += [phone.canonical if phone.heard is None else phone.heard]
    return tuple(filter(None, heard))


def _annotation(word: WordScore) -> dict[str, Any]:
    if not annotated(word):
        return {}
    errors = [(at, Edit.INSERTION, heard) for at, heard in word.inserted]
    errors += [(i, p.edit, p.heard or "") for i, p in enumerate(word.phones) if p.edit is not Edit.MATCH]
    errors.sort(key=lambda error: (error[0], error[1] is not Edit.INSERTION))
    tags = [{"at": at, "type": str(edit), "heard": heard} for at, edit, heard in errors]
    return {"said": list(said(word)), "errors": tags}


@dataclass(frozen=True, slots=True)
class _Tag:
    at: Count
    type: Edit
    heard: str


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    score: Score | None = None
    stress: Score | None = None
    total: Score | None = None
    phones: list[str] | None = None
    phone_scores: list[Score | None] | None = None
    errors: list[_Tag] | None = None


@dataclass(frozen=True, slots=True)
class _Scores:
    overall: Score | None = None
    accuracy: Score | None = None
    fluency: Score | None = None
    prosody: Score | None = None
    completeness: Score | None = None


Name = Annotated[str, Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class _Row:
    """What a row holds; a field that is not named here is passed over."""

    id: Name
    audio: Name
    text: str
    speaker: str
    split: str
    lang: str = "en"
    l1: str | None = None
    age: Annotated[float, Meta(ge=0, le=150)] | None = None
    gender: str | None = None
    accent: str | None = None
    scores: _Scores | None = None
    words: list[_Word] | None = None


def utterance(line: str | bytes, where: str) -> Utterance:
    """The utterance of one line; `where` begins the line of an error.

    Raises:
        InputError: naming the field that cannot be used.
    """
    row = jsonio.decode(line, _Row, where)
    for name in ("id", "audio", "text", "speaker", "lang"):
        if "\0" in getattr(row, name):
            raise InputError(f"{where}: {name}: holds a null character")
    _check_below(row.audio, where)
    if row.age is not None and not row.age.is_integer():
        raise InputError(f"{where}: age: expected whole years, got {row.age}")
    words = tuple(_word(word, f"{where}: words[{i}]") for i, word in enumerate(row.words or ()))
    scores = None
    if row.scores is not None:
        aspects = {aspect: _down(getattr(row.scores, aspect)) for aspect in ASPECTS}
        scores = UtteranceScore(row.text, words, **aspects)  # type: ignore[arg-type]
    phones = tuple(tuple(p.canonical for p in word.phones) for word in words)
    return Utterance(
        row.id, row.audio, row.text, row.speaker, row.split, row.lang, row.l1,
        None if row.age is None else int(row.age), row.gender, scores,
        phones if words and all(phones) else None, row.accent,
    )  # fmt: skip


def _check_below(audio: str, where: str) -> None:
    """Raise `InputError` unless a recording stays below the root, on this system and on others."""
    for kind in (PurePosixPath, PureWindowsPath):
        path = kind(audio)
        if path.anchor or ".." in path.parts:
            raise InputError(f"{where}: audio: must be below the root of the corpus, not {audio!r:.80}")


def _word(row: _Word, where: str) -> WordScore:
    phones = row.phones or []
    scores = row.phone_scores or [None] * len(phones)
    if len(scores) != len(phones):
        raise InputError(
            f"{where}.phone_scores: {len(scores)} scores for {len(phones)} phones of {row.text!r:.60}"
        )
    judged = tuple(PhoneScore(p, _down(s)) for p, s in zip(phones, scores, strict=True))
    word = WordScore(
        row.text, _down(row.score), stress=_down(row.stress), total=_down(row.total), phones=judged
    )
    return word if row.errors is None else _annotated(word, row.errors, where)


def _annotated(word: WordScore, tags: list[_Tag], where: str) -> WordScore:
    """The word with its tags.

    Raises:
        InputError: for a tag beside the word's phones.
    """
    phones = [replace(phone, error_probability=0.0) for phone in word.phones]
    inserted = []
    for number, tag in enumerate(tags):
        if tag.type is Edit.MATCH or tag.at >= len(phones) + (tag.type is Edit.INSERTION):
            told = f"{tag.type} at {tag.at} fits no phone of {word.text!r:.60}"
            raise InputError(f"{where}.errors[{number}]: {told}")
        if tag.type is Edit.INSERTION:
            inserted.append((tag.at, tag.heard))
        else:
            phones[tag.at] = replace(phones[tag.at], edit=tag.type, heard=tag.heard, error_probability=1.0)
    return replace(word, phones=tuple(phones), inserted=tuple(inserted))
