"""One Protocol per stage: what a model must do to take part.

Structural, never inherited; core types in and out; device and a scorer's language are bound when
the stage is loaded. Inference takes one recording at a time, so a result cannot depend on a
neighbour's padding; where many are wanted at once (`ManyHearing`), they may differ from that by rounding
alone. Every stage has a small fake in `speechtutor.models.fake`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from speechtutor.core import (
    Alignment,
    Attempt,
    CanonicalWord,
    Correction,
    Emission,
    Feedback,
    LearnerState,
    Ratings,
    Recording,
    Seconds,
    Transcript,
    UtteranceScore,
)


class Transcriber(Protocol):
    """Writes down what was said."""

    def transcribe(self, recording: Recording, *, lang: str | None = None) -> Transcript:
        """Words with times and confidence; `lang=None` lets the model detect the language."""
        ...


@runtime_checkable
class Drafting(Transcriber, Protocol):
    """A transcriber that guesses quickly at speech that is still going on."""

    def draft(self, recording: Recording, *, lang: str | None = None) -> Transcript:
        """What was said so far, heard once and never again where it is in doubt: soon, and not to be kept."""
        ...


class AcousticModel(Protocol):
    """Hears the sounds."""

    def emit(self, recording: Recording) -> Emission:
        """Log-probabilities of phones per frame."""
        ...


@runtime_checkable
class Limited(Protocol):
    """An acoustic model that states how much it can hear at once; of others it is taken to be little."""

    @property
    def longest(self) -> Seconds:
        """The longest recording that `emit` takes, in seconds."""
        ...


@runtime_checkable
class ManyHearing(AcousticModel, Protocol):
    """An acoustic model that hears many recordings at once, as it would hear each."""

    def emit_many(self, recordings: Sequence[Recording]) -> list[Emission]:
        """As `emit` of each, up to rounding."""
        ...


@runtime_checkable
class Rater(Protocol):
    """An acoustic model that also guesses what raters would say."""

    def rate(self, emission: Emission, alignment: Alignment) -> Ratings | None:
        """First guesses for the phones, words and utterance; None when it was not trained to."""
        ...


class Scorer(Protocol):
    """Judges the pronunciation of a known text.

    How readily it names a sound as wrong (its strictness) is bound when it is loaded, where it has one.
    """

    def align(self, recording: Recording, text: str) -> Alignment:
        """When each word and phone of the text was said."""
        ...

    def score(
        self, recording: Recording, text: str, *, words: Sequence[CanonicalWord] | None = None
    ) -> UtteranceScore:
        """Scores with None and a caution where the recording cannot be judged.

        `words` gives canonical phones in place of the lexicon's.
        """
        ...


@runtime_checkable
class Listening(Scorer, Protocol):
    """A scorer that judges by an acoustic model, which may be replaced by one that watches it."""

    @property
    def acoustic(self) -> AcousticModel:
        """What it hears with."""
        ...

    def hearing_with(self, acoustic: AcousticModel) -> Scorer:
        """The same scorer with another acoustic model; the one given to may not be changed."""
        ...


@runtime_checkable
class Foresighted(Listening, Protocol):
    """A listening scorer that can hear many recordings at once before it judges each by itself."""

    def having_heard(self, recordings: Sequence[Recording]) -> Foresighted:
        """The same scorer with these recordings heard; its scores are the same up to rounding."""
        ...


class Tutor(Protocol):
    """Turns evidence into advice."""

    def advise(self, score: UtteranceScore, learner: LearnerState) -> Feedback:
        """Feedback that names only what the score holds; `warnings` says where another had to speak."""
        ...

    def stream(self, score: UtteranceScore, learner: LearnerState) -> Generator[str, None, Feedback]:
        """The summary piece by piece as it is written, then the whole feedback as what it returns.

        What was given away stays true, also where the rest is another's words.
        """
        ...


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat; `role` is system, user or assistant."""

    role: str
    content: str


class TextEngine(Protocol):
    """Writes the next turn of a chat."""

    @property
    def name(self) -> str:
        """What `Feedback.source` says."""
        ...

    def generate(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
        """The reply in pieces, as they come; closing the iterator stops the writing.

        Raises:
            ServiceError: when a remote engine fails.
        """
        ...


@runtime_checkable
class Batching(TextEngine, Protocol):
    """An engine that answers many chats at once, as it would answer each."""

    def answers(self, chats: Sequence[Sequence[Message]], *, max_tokens: int) -> list[str]:
        """A reply to each chat."""
        ...


@runtime_checkable
class Choosing(TextEngine, Protocol):
    """An engine that also gives several replies to choose from and says how likely a text is."""

    def alternatives(
        self, messages: Sequence[Message], n: int, *, max_tokens: int, words: frozenset[str] | None = None
    ) -> list[str]:
        """`n` replies that begin differently, the likeliest first; with `words`, of these and marks alone."""
        ...

    def likelihoods(self, texts: Sequence[str]) -> list[float]:
        """Mean log-probability of a token of each text by itself, in nats."""
        ...


@runtime_checkable
class Worded(Tutor, Protocol):
    """A tutor whose words a language model writes, which others may borrow."""

    @property
    def engine(self) -> TextEngine:
        """What writes."""
        ...

    @property
    def general(self) -> bool:
        """Whether the engine also follows instructions that it was not trained on, such as a partner's."""
        ...


@runtime_checkable
class Adjustable(Scorer, Protocol):
    """A scorer that names wrong sounds more or less readily, as is asked for."""

    def as_strict(self, strictness: str) -> Scorer:
        """The same scorer at another strictness (`speechtutor.scoring.diagnosis.STRICTNESS`)."""
        ...


class GrammarCorrector(Protocol):
    """Mends what a learner said freely, as little as possible."""

    def correct(self, text: str) -> Correction:
        """The text without disfluencies, with few typed edits; none where it is not sure."""
        ...


class Synthesizer(Protocol):
    """Says a text as a model voice."""

    def speak(self, text: str, *, rate: float = 1.0, phones: str | None = None) -> Recording:
        """The text as speech; `phones` (ARPAbet, words separated by `|`) overrides the lexicon."""
        ...


class Store(Protocol):
    """Keeps what learners did; append-only."""

    def append(self, attempt: Attempt) -> None:
        """Remember an attempt; the same id twice is one."""
        ...

    def state(self, learner: str) -> LearnerState:
        """What is known of a learner, by all attempts so far."""
        ...

    def attempts(self, learner: str) -> Iterator[Attempt]:
        """All attempts of a learner, oldest first."""
        ...

    def delete(self, learner: str) -> int:
        """Forget a learner; returns how many attempts went."""
        ...


@runtime_checkable
class Keeping(Protocol):
    """A store that also keeps the recording of an attempt, of a learner who allows it."""

    def keep(self, learner: str, attempt: str, recording: Recording, at: datetime) -> bool:
        """Keep it where the learner allows it; returns whether it was."""
        ...
