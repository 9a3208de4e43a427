"""One Protocol per stage: what a model must do to take part.

Structural, never inherited; core types in and out; device and a scorer's language are bound when
the stage is loaded. Inference takes one recording at a time, so a result cannot depend on a
neighbour's padding. Every stage has a small fake in `speechtutor.models.fake`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from speechtutor.core import (
    Alignment,
    Attempt,
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

    def score(self, recording: Recording, text: str) -> UtteranceScore:
        """Scores with None and a caution where the recording cannot be judged."""
        ...


class Tutor(Protocol):
    """Turns evidence into advice."""

    def advise(self, score: UtteranceScore, learner: LearnerState) -> Feedback:
        """Feedback that names only what the score holds."""
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
