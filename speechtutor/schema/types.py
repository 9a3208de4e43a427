"""The kinds of the values of `score --json`, for reading it back; `schema` says what they mean."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from speechtutor.core import Code, ErrorType
from speechtutor.files.jsonio import Count, Number, Probability, Score


class Candidate(TypedDict):
    """A sound that may have been said."""

    phone: str
    probability: Probability | None


class Phone(TypedDict):
    """A sound of a word."""

    expected: str
    start: Number | None
    end: Number | None
    score: Score | None
    confidence: Probability | None
    error_probability: Probability | None
    said_probability: NotRequired[Probability | None]
    heard: str | None
    nbest: list[Candidate]


class Inserted(TypedDict):
    """A sound that the word does not have."""

    before: Count
    phone: str


class Word(TypedDict):
    """A word with its sounds."""

    text: str
    char_start: Count | None
    char_end: Count | None
    start: Number | None
    end: Number | None
    score: Score | None
    stress: Score | None
    confidence: Probability | None
    error_type: ErrorType
    phones: list[Phone]
    inserted: NotRequired[list[Inserted]]


class Aspects(TypedDict):
    """Scores of the whole utterance."""

    overall: Score | None
    accuracy: Score | None
    fluency: Score | None
    prosody: Score | None
    completeness: Score | None


class Sentence(TypedDict):
    """One sentence of a text of several."""

    char_start: Count
    char_end: Count
    start: Number
    end: Number
    overall: Score
    accuracy: Score
    fluency: Score
    prosody: Score


class Pitch(TypedDict):
    """The melody."""

    times: list[Number]
    hz: list[Number | None]
    voiced: list[bool]


class Caution(TypedDict):
    """A warning."""

    code: Code
    message: str


class Scored(TypedDict):
    """An utterance score of schema version 1."""

    text: str
    lang: str
    words: list[Word]
    scores: Aspects
    confidence: Probability | None
    duration: Number | None
    snr_db: Number | None
    fluency: dict[str, Number | None] | None
    pitch: Pitch | None
    warnings: list[Caution]
    model: str
    model_version: str
    device: str
    elapsed_ms: Number | None
    sentences: NotRequired[list[Sentence]]
