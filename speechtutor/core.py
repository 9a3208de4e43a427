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

SAMPLE_RATE = 16_000
"""Hertz; every stage works at this rate."""

Seconds = float
Floats = NDArray[np.float32]


class Code(StrEnum):
    """Why a result should be read with care, or why there is none."""

    TOO_SHORT = "too_short"
    TOO_QUIET = "too_quiet"
    CLIPPED = "clipped"
    NOISY = "noisy"
    SILENCE = "silence"
    OFF_TEXT = "off_text"
    TRUNCATED = "truncated"
    FREE_SPEECH = "free_speech"


@dataclass(frozen=True, slots=True)
class Caution:
    """A warning code with a sentence for people."""

    code: Code
    message: str


@dataclass(frozen=True, slots=True)
class Recording:
    """Mono audio in memory.

    `samples` has shape (n_samples,), float32 in [-1, 1]; `sample_rate` is in hertz.
    """

    samples: Floats
    sample_rate: int = SAMPLE_RATE

    def __post_init__(self) -> None:
        if self.samples.ndim != 1:
            raise ValueError(f"samples must be mono, shape (n_samples,), not {self.samples.shape}")
        if self.samples.dtype != np.float32:
            raise ValueError(f"samples must be float32, not {self.samples.dtype}")

    @property
    def duration(self) -> Seconds:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate

    def crop(self, start: Seconds, end: Seconds) -> Recording:
        """The part [start, end), clipped to the recording."""
        first, last = (round(max(t, 0.0) * self.sample_rate) for t in (start, end))
        return Recording(self.samples[first:last], self.sample_rate)


@dataclass(frozen=True, slots=True)
class Quality:
    """What the signal itself says, before any recogniser.

    `peak` and `clipped` (share of samples at full scale) are fractions; `level_db` is the speech
    level in dBFS; `snr_db` is None when there is no pause to measure the noise in; `speech`
    holds the voiced intervals found by the voice activity detector.
    """

    duration: Seconds
    peak: float
    clipped: float
    level_db: float
    snr_db: float | None
    speech: tuple[tuple[Seconds, Seconds], ...]
    cautions: tuple[Caution, ...] = ()

    @property
    def judgeable(self) -> bool:
        """Whether a score may be given at all."""
        return not {Code.SILENCE, Code.TOO_SHORT} & {caution.code for caution in self.cautions}


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
class Emission:
    """Frame-wise output of an acoustic model: the seam that lets any model be scored.

    `log_probs` has shape (n_frames, n_symbols), natural logarithms, rows sum to 1 after exp.
    `symbols` names the columns; `symbols[blank]` is the CTC blank. `frame_shift` is in seconds.
    `embedding`, shape (n_frames, n_dims), is the encoder's last layer where the model has one.
    `origin` is the time of frame 0 in the recording (negative when silence was padded in front).
    """

    log_probs: Floats
    symbols: tuple[str, ...]
    frame_shift: Seconds
    blank: int = 0
    embedding: Floats | None = None
    origin: Seconds = 0.0

    def __post_init__(self) -> None:
        if self.log_probs.ndim != 2 or self.log_probs.shape[1] != len(self.symbols):
            raise ValueError(
                f"log_probs must have shape (n_frames, {len(self.symbols)}), not {self.log_probs.shape}"
            )
        if self.embedding is not None and len(self.embedding) != len(self.log_probs):
            raise ValueError("embedding and log_probs differ in their number of frames")

    def time(self, frame: int) -> Seconds:
        """When a frame starts, in seconds of the recording."""
        return frame * self.frame_shift + self.origin


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
    """Phones that annotators heard beyond the canonical ones: before which phone (index), and what."""


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
