"""The values that flow through speechtutor.

Four conventions hold everywhere and are stated only here:

1. Time is in **seconds**; intervals are **half-open** `[start, end)`.
2. Audio inside the library is mono float32 in [-1, 1] at `SAMPLE_RATE` hertz.
3. Scores are in **[0, 1], 1 is best**; `None` means "not measured", never 0 for unknown. Error
   rates are fractions and may exceed 1. People see 0-100: `speechtutor.schema.percent` converts.
4. Arrays have their shape beside the field.

All values are frozen; use `dataclasses.replace` to change one.

    Recording ──Transcriber──▶ Transcript(Word…)                                 what was said
        └──AcousticModel──▶ Emission ──align──▶ Alignment(AlignedPhone…)         when
                                └──scoring──▶ UtteranceScore ▷ WordScore ▷ PhoneScore   how well
    UtteranceScore + LearnerState ──Tutor──▶ Feedback(Tip…)      Attempt* ──replay──▶ LearnerState
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from speechtutor.corrections import Correction as Correction
from speechtutor.corrections import GrammarEdit as GrammarEdit
from speechtutor.corrections import GrammarKind as GrammarKind
from speechtutor.signals import SAMPLE_RATE as SAMPLE_RATE
from speechtutor.signals import Caution as Caution
from speechtutor.signals import Code as Code
from speechtutor.signals import Emission as Emission
from speechtutor.signals import Floats as Floats
from speechtutor.signals import Quality as Quality
from speechtutor.signals import Recording as Recording
from speechtutor.signals import Seconds as Seconds


@dataclass(frozen=True, slots=True)
class Word:
    """A recognised word; `confidence` is a probability or None."""

    text: str
    start: Seconds
    end: Seconds
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a recogniser heard."""

    words: tuple[Word, ...]
    lang: str = "en"
    confidence: float | None = None

    @property
    def text(self) -> str:
        """The words, separated by spaces."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class CanonicalWord:
    """A word of the text with its accepted pronunciations, the citation form first.

    `pronunciations` are tuples of phones without stress digits; `stress` is parallel to it: per
    pronunciation one digit per phone (0, 1, 2 for vowels, -1 for consonants). `text` is the word
    as written, at `[char_start, char_end)` of the text.
    """

    text: str
    char_start: int
    char_end: int
    pronunciations: tuple[tuple[str, ...], ...]
    stress: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class AlignedPhone:
    """A canonical phone at frames [start_frame, end_frame); `word` indexes the text's words."""

    canonical: str
    word: int
    start_frame: int
    end_frame: int


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where each canonical phone is; `variants[i]` says which pronunciation of word i was heard."""

    words: tuple[CanonicalWord, ...]
    variants: tuple[int, ...]
    phones: tuple[AlignedPhone, ...]
    log_likelihood: float
    frame_shift: Seconds
    origin: Seconds = 0.0

    def interval(self, phone: AlignedPhone) -> tuple[Seconds, Seconds]:
        """Start and end of a phone in seconds of the recording, never below 0."""
        start, end = phone.start_frame * self.frame_shift, phone.end_frame * self.frame_shift
        return max(start + self.origin, 0.0), max(end + self.origin, 0.0)


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
    more when the canonical phone wins). `heard` is None when nothing fits better than the
    canonical phone, "" when it was left out. `error_probability` is calibrated.
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


@dataclass(frozen=True, slots=True)
class Ratings:
    """What an acoustic model that was trained with raters' scores expects them to say, in [0, 1].

    `phones` (n_phones,), `words` (n_words,), `utterance` (4,) as accuracy, fluency, prosody, overall.
    First guesses: a scorer's head weighs them with all other cues.
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


@dataclass(frozen=True, slots=True)
class Tip:
    """One thing to work on; it may only name what is in the score it was made from."""

    word: str
    phone: str
    heard: str | None
    advice: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Some words of a feedback's summary and the id of what bears them out.

    `evidence` is the id of a finding or a strength (`speechtutor.evidence`), the code of a caution,
    or "f0": that there was no finding.
    """

    text: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Feedback:
    """What the tutor says; `source` is "rules" or the name of the model that phrased it.

    `claims` are the summary's sentences with what they rest on; `lang` is the language it is said in.
    """

    summary: str
    tips: tuple[Tip, ...]
    follow_up: str
    source: str = "rules"
    claims: tuple[Claim, ...] = ()
    lang: str = "en"


@dataclass(frozen=True, slots=True)
class Exercise:
    """A sentence to say and the phones it practises."""

    text: str
    focus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a learner; append-only. `at` is timezone-aware UTC."""

    learner: str
    exercise: Exercise
    score: UtteranceScore
    at: datetime

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("an attempt's time must be timezone-aware")


@dataclass(frozen=True, slots=True)
class Mastery:
    """How well a phone is known: `mean` in [0, 1] from `n_attempts` observations."""

    mean: float
    n_attempts: int


@dataclass(frozen=True, slots=True)
class LearnerState:
    """What is known of a learner, always rebuildable from the attempts.

    `l1` is the first language; `explain` the language to explain in, where it is to differ from that.
    """

    learner: str = "anonymous"
    phones: Mapping[str, Mastery] = field(default_factory=dict)
    n_attempts: int = 0
    l1: str | None = None
    explain: str | None = None


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
