"""How well it was said, as a model or people judge it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from speechtutor.core import display
from speechtutor.core.recording import (
    Caution,
    Floats,
    Seconds,
)


class Edit(StrEnum):
    """What became of a reference unit."""

    MATCH = "match"
    SUBSTITUTION = "substitution"
    DELETION = "deletion"
    INSERTION = "insertion"


class ErrorType(StrEnum):
    """What is wrong with a word; the values are those of the JSON schema."""

    NONE = "None"
    MISPRONUNCIATION = "Mispronunciation"
    OMISSION = "Omission"
    INSERTION = "Insertion"
    REPETITION = "Repetition"
    UNEXPECTED_BREAK = "UnexpectedBreak"
    MISSING_BREAK = "MissingBreak"
    MONOTONE = "Monotone"
    UNSURE = "Unsure"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A phone that may have been said, with its probability; phone "" stands for nothing at all."""

    phone: str
    probability: float


@dataclass(frozen=True, slots=True)
class PhoneScore:
    """A judgement of one canonical phone, by a model or by people.

    `gop` is the log-likelihood ratio of the canonical phone against its best rival (nats, 0 or
    more when the canonical phone wins). `heard` is None when nothing else is named, "" when the
    phone was left out. Two questions, never mixed: `error_probability` (calibrated) is that raters
    would mark it wrong, `said_probability` (calibrated on speech whose sounds are known) that it was
    said; None without a diagnosis, and `heard` and `nbest` then follow from the raters'.
    """

    canonical: str
    score: float | None
    start: Seconds | None = None
    end: Seconds | None = None
    edit: Edit = Edit.MATCH
    heard: str | None = None
    gop: float | None = None
    confidence: float | None = None
    error_probability: float | None = None
    nbest: tuple[Candidate, ...] = ()
    said_probability: float | None = None


@dataclass(frozen=True, slots=True)
class Ratings:
    """What an acoustic model that was trained with raters' scores expects them to say, in [0, 1].

    `phones` (n_phones,), `words` (n_words,), `utterance` (4,) as accuracy, fluency, prosody, overall.
    First guesses: a scorer's head weighs them with all other features.
    """

    phones: Floats
    words: Floats
    utterance: Floats


@dataclass(frozen=True, slots=True)
class WordScore:
    """A judgement of one word, at `[char_start, char_end)` of the text (None for an insertion)."""

    text: str
    score: float | None
    start: Seconds | None = None
    end: Seconds | None = None
    char_start: int | None = None
    char_end: int | None = None
    stress: float | None = None
    total: float | None = None
    confidence: float | None = None
    error_type: ErrorType = ErrorType.NONE
    phones: tuple[PhoneScore, ...] = ()
    inserted: tuple[tuple[int, str], ...] = ()
    """Phones that were heard beyond the canonical ones: before which phone (index), and what."""


@dataclass(frozen=True, slots=True)
class Fluency:
    """Timing of an utterance.

    `speech_rate` is words per minute over the whole utterance; `articulation_rate` is syllables
    per second without the pauses; `pause_time` is in seconds; `mean_run` is the mean number of
    syllables between pauses (de Jong and Wempe, 2009, for the measures and the 0.25 s threshold).
    """

    speech_rate: float
    articulation_rate: float
    pause_count: int
    pause_time: Seconds
    mean_run: float


@dataclass(frozen=True, slots=True)
class Pitch:
    """Fundamental frequency: `times` in seconds, `hz` (nan where unvoiced), `voiced`; shape (n,) each."""

    times: Floats
    hz: Floats
    voiced: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SentenceScore:
    """One sentence of a reading of several, judged as if it had been read alone.

    It is `[char_start, char_end)` of the text, said from `start` to `end`; the aspects are those of
    `UtteranceScore`.
    """

    char_start: int
    char_end: int
    start: Seconds
    end: Seconds
    overall: float
    accuracy: float
    fluency: float
    prosody: float


@dataclass(frozen=True, slots=True)
class UtteranceScore:
    """A judgement of an utterance, by a model or by people; aspects as in speechocean762."""

    text: str
    words: tuple[WordScore, ...]
    overall: float | None = None
    accuracy: float | None = None
    fluency: float | None = None
    prosody: float | None = None
    completeness: float | None = None
    confidence: float | None = None
    lang: str = "en"
    duration: Seconds = 0.0
    snr_db: float | None = None
    timing: Fluency | None = None
    pitch: Pitch | None = None
    cautions: tuple[Caution, ...] = ()
    model: str = ""
    model_version: str = ""
    device: str = "cpu"
    elapsed: Seconds = 0.0
    sentences: tuple[SentenceScore, ...] = ()
    """Those of a text of two or more; a single sentence is the utterance itself."""

    def text_of(self, sentence: SentenceScore) -> str:
        """One of its sentences, in one line."""
        return " ".join(self.text[sentence.char_start : sentence.char_end].split())

    def _repr_html_(self) -> str | None:
        """What a notebook shows."""
        return display.html(self)


@dataclass(frozen=True, slots=True)
class Utterance:
    """One manifest row. `audio` is relative to a root; `scores` are people's, in this module's scale."""

    id: str
    audio: str
    text: str
    speaker: str
    split: str = "train"
    lang: str = "en"
    l1: str | None = None
    age: int | None = None
    gender: str | None = None
    scores: UtteranceScore | None = None
    phones: tuple[tuple[str, ...], ...] | None = None
    """Canonical phones per word; where given they replace the lexicon's."""
    accent: str | None = None
    """The variety of the language, in the corpus's own words."""


ERROR_THRESHOLD = 0.33
"""Calibrated probability from which a phone is called wrong. Half of the best F1 maximises F1 (Lipton et
al., 2014), and out of fold that F1 is 0.65; tutor, views and reports use the same threshold."""


LEAST_CONFIDENCE = 0.4
"""Below it a finding is reported as Unsure, not as an error."""


RATED_WRONG = 0.25
"""Mean rating in [0, 1] below which people heard a phone as mispronounced: half a point of the corpus's two,
as in the literature on it. On other scales it is a multiple of this."""


ASPECTS = ("overall", "accuracy", "fluency", "prosody", "completeness")
"""What an utterance is scored for, as it is shown."""

UTTERANCE_ASPECTS = ("accuracy", "fluency", "prosody", "overall")
"""What models predict of an utterance. The order is a contract: weights know aspects by number."""

WORD_ASPECTS = ("score", "stress", "total")
"""The same of a word."""
