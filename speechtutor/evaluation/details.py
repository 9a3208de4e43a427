"""What a row's `detail` holds, for each kind of evaluation: the types that a run's folder is read with.

The package's docstring says what the keys mean. Scores are 0-100, probabilities 0-1, times seconds.
"""

from __future__ import annotations

from typing import Annotated, Any, NotRequired, TypedDict

from msgspec import Meta

from speechtutor.core import ErrorType
from speechtutor.files.jsonio import Count, Number, Probability, Score

Edits = Annotated[list[Count], Meta(min_length=4, max_length=4)]
"""Hits, substitutions, deletions, insertions; or wrong, of them repaired, right, of them heard."""
Two = Annotated[list[str], Meta(min_length=2, max_length=2)]


class Counts(TypedDict):
    """Edits in every unit."""

    words_normalised: Edits
    words_verbatim: Edits
    characters_normalised: Edits
    characters_verbatim: Edits
    phones: Edits


class Recognised(TypedDict):
    """An utterance that a recogniser wrote down."""

    counts: Counts
    normalised: Two
    unpronounceable: list[str]
    words: list[Score | None] | None
    repairs: Edits | None


class Aspects(TypedDict):
    """Scores of a whole utterance."""

    overall: Score | None
    accuracy: Score | None
    fluency: Score | None
    prosody: Score | None


class WordAspects(TypedDict):
    """Scores of a word."""

    accuracy: Score | None
    stress: Score | None
    total: Score | None


class Phone(TypedDict):
    """A sound, as the machine and as people judged it."""

    expected: str
    start: Number | None
    end: Number | None
    score: Score | None
    rated: Score | None
    gop: Number | None
    error_probability: Probability | None
    said_probability: NotRequired[Probability | None]
    heard: str | None
    perceived: str | None


class Word(TypedDict):
    """A word with its sounds."""

    text: str
    start: Number | None
    end: Number | None
    error_type: ErrorType | None
    model: WordAspects
    raters: WordAspects | None
    matched: bool
    phones: list[Phone]


class Sentence(TypedDict):
    """One sentence of a text of several, as the machine judged it."""

    text: str
    overall: Score
    accuracy: Score
    fluency: Score
    prosody: Score


class Scored(TypedDict):
    """An utterance that a scorer judged."""

    model: Aspects
    raters: Aspects | None
    warnings: list[str]
    declined: bool
    heard: list[str] | None
    decoded: Edits | None
    decoded_perceived: Edits | None
    words: list[Word]
    sentences: NotRequired[list[Sentence]]


class Worded(TypedDict):
    """A reply of a model about one utterance; every field is None or empty where the rules spoke."""

    finding: str
    rules: bool
    violations: list[str]
    dropped: str
    word: bool | None
    sound: bool | None
    n_words: Count
    grade: Number | None
    first: Number | None
    rubric: NotRequired[dict[str, Number | None]]


class Corrected(TypedDict):
    """A learner's turn that was corrected, held against the annotator who agrees best."""

    corrected: str
    edits: Annotated[list[Count], Meta(min_length=3, max_length=3)]
    by_kind: dict[str, Annotated[list[Count], Meta(min_length=3, max_length=3)]]
    grams: Annotated[list[Count], Meta(min_length=10, max_length=10)]
    copied: Annotated[list[Count], Meta(min_length=10, max_length=10)]
    was_right: bool
    changed: bool
    refused: str


class Tipped(TypedDict):
    """A reading with what was told of it: kind of the first finding, raters' means of the sounds named."""

    first: str
    first_rating: Probability | None
    named: list[Probability]
    wrong: Count
    contradictions: list[str]


class Foretold(TypedDict):
    """What the first k utterances of a speaker foretell of the phones in the others; lists are parallel."""

    right: list[Number]
    model: list[Number]
    speaker: list[Number]
    phone: list[Number]
    text: list[Number]


class Learnt(TypedDict):
    """One speaker: what was foretold, by k as text, and where the placement ended on the raters' scale."""

    utterances: Count
    foretold: dict[str, Foretold]
    placed: Number | None
    n_placed: Count
    raters: Number | None
    raters_rest: Number | None


class Place(TypedDict):
    """A wrong sound or a well-said phone, and what a diagnosis and a scorer said of it.

    `kind` is substitution, deletion, insertion or right; `said` is null where the phone is right, "" for left
    out. `found` by strictness and for the scorer; `heard` is what diagnosis and scorer name. `level` is the
    diagnosis's probability that it is wrong.
    """

    kind: str
    wanted: str
    said: str | None
    place: str
    level: Probability
    found: dict[str, bool]
    heard: dict[str, str | None]


class Diagnosed(TypedDict):
    """A recording whose wrong sounds are known, against one text or several: how many, how many declined."""

    cases: Count
    declined: Count
    places: list[Place]


DETAILS: dict[str, Any] = {
    "asr": Recognised,
    "scoring": Scored,
    "feedback": Worded,
    "grammar": Corrected,
    "tips": Tipped,
    "learner": Learnt,
    "diagnosis": Diagnosed,
}
"""By kind of evaluation; a further kind is one more type here."""
