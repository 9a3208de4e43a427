"""Stages that tell how long they took; what they answer is theirs."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import monotonic
from typing import cast

from speechtutor.core import (
    Alignment,
    CanonicalWord,
    Correction,
    Feedback,
    LearnerState,
    Recording,
    Transcript,
    UtteranceScore,
)
from speechtutor.pipeline import Coach
from speechtutor.stages import (
    AcousticModel,
    Drafting,
    GrammarCorrector,
    Listening,
    Scorer,
    Synthesizer,
    Transcriber,
    Tutor,
)

Tell = Callable[[str, float], None]
"""Is given the name of a stage and its seconds."""


@contextmanager
def timed(tell: Tell, stage: str) -> Iterator[None]:
    """Tell how long the block took, also where it fails."""
    began = monotonic()
    try:
        yield
    finally:
        tell(stage, monotonic() - began)


@dataclass(frozen=True, slots=True)
class _Transcriber:
    inner: Transcriber
    tell: Tell

    def transcribe(self, recording: Recording, *, lang: str | None = None) -> Transcript:
        with timed(self.tell, "transcriber"):
            return self.inner.transcribe(recording, lang=lang)


@dataclass(frozen=True, slots=True)
class _Drafting(_Transcriber):
    inner: Drafting

    def draft(self, recording: Recording, *, lang: str | None = None) -> Transcript:
        with timed(self.tell, "transcriber"):
            return self.inner.draft(recording, lang=lang)


@dataclass(frozen=True, slots=True)
class _Scorer:
    inner: Scorer
    tell: Tell

    def align(self, recording: Recording, text: str) -> Alignment:
        with timed(self.tell, "scorer"):
            return self.inner.align(recording, text)

    def score(
        self, recording: Recording, text: str, *, words: Sequence[CanonicalWord] | None = None
    ) -> UtteranceScore:
        with timed(self.tell, "scorer"):
            return self.inner.score(recording, text, words=words)


@dataclass(frozen=True, slots=True)
class _Tutor:
    inner: Tutor
    tell: Tell

    def advise(self, score: UtteranceScore, learner: LearnerState) -> Feedback:
        with timed(self.tell, "tutor"):
            return self.inner.advise(score, learner)

    def stream(self, score: UtteranceScore, learner: LearnerState) -> Generator[str, None, Feedback]:
        with timed(self.tell, "tutor"):
            return (yield from self.inner.stream(score, learner))


@dataclass(frozen=True, slots=True)
class _Corrector:
    inner: GrammarCorrector
    tell: Tell

    def correct(self, text: str) -> Correction:
        with timed(self.tell, "grammar"):
            return self.inner.correct(text)


@dataclass(frozen=True, slots=True)
class _Synthesizer:
    inner: Synthesizer
    tell: Tell

    def speak(self, text: str, *, rate: float = 1.0, phones: str | None = None) -> Recording:
        with timed(self.tell, "synthesizer"):
            return self.inner.speak(text, rate=rate, phones=phones)


@dataclass(frozen=True, slots=True)
class _Listening(_Scorer):
    inner: Listening

    @property
    def acoustic(self) -> AcousticModel:
        return self.inner.acoustic

    def hearing_with(self, acoustic: AcousticModel) -> Scorer:
        return _Listening(cast(Listening, self.inner.hearing_with(acoustic)), self.tell)


def watched(coach: Coach, tell: Tell) -> Coach:
    """The same coach, each stage of which tells its seconds."""
    return replace(
        coach,
        transcriber=_transcriber(coach.transcriber, tell),
        scorer=_scorer(coach.scorer, tell),
        tutor=_Tutor(coach.tutor, tell),
        grammar=None if coach.grammar is None else _Corrector(coach.grammar, tell),
        synthesizer=None if coach.synthesizer is None else _Synthesizer(coach.synthesizer, tell),
    )


def _transcriber(transcriber: Transcriber, tell: Tell) -> Transcriber:
    """A transcriber that drafts still does."""
    if isinstance(transcriber, Drafting):
        return _Drafting(transcriber, tell)
    return _Transcriber(transcriber, tell)


def _scorer(scorer: Scorer, tell: Tell) -> Scorer:
    """A scorer that listens by an acoustic model still does."""
    return _Listening(scorer, tell) if isinstance(scorer, Listening) else _Scorer(scorer, tell)
