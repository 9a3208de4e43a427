"""The coach: transcribe, score, advise, correct, remember. It takes stages and builds none.

    recording ──▶ Heard ──▶ Scored ──▶ Piece … ──▶ Advised ──▶ Corrected ──▶ Remembered

`Coach.steps` gives each as soon as it is there; the command line, the app and the talks all consume it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from speechtutor.core import (
    Attempt,
    Caution,
    Code,
    Correction,
    Exercise,
    Feedback,
    LearnerState,
    Outcome,
    Quality,
    Recording,
    Transcript,
    UtteranceScore,
    WordScore,
)
from speechtutor.core.watching import part
from speechtutor.stages import GrammarCorrector, Keeping, Scorer, Store, Synthesizer, Transcriber, Tutor

ANONYMOUS = "anonymous"
"""Who gives no name."""

FREE_SPEECH = Caution(
    Code.FREE_SPEECH,
    "No text was given: what the recogniser heard stands in for it, so errors it repaired are missed.",
)
NO_WORDS = Caution(Code.SILENCE, "No words were recognised in the recording.")


@dataclass(frozen=True, slots=True)
class Heard:
    """How good the recording is, and what was said in it; `transcript` is None where a text was given."""

    quality: Quality
    transcript: Transcript | None
    outcome: Outcome | None = None
    """What was said of an exercise that is answered in the learner's own words."""


@dataclass(frozen=True, slots=True)
class Scored:
    """How well it was said, and what was known of the learner before."""

    score: UtteranceScore
    learner: LearnerState


@dataclass(frozen=True, slots=True)
class Piece:
    """The next piece of the advice's summary."""

    text: str


@dataclass(frozen=True, slots=True)
class Advised:
    """The whole advice."""

    feedback: Feedback


@dataclass(frozen=True, slots=True)
class Corrected:
    """The grammar of free speech: None for a given text, without a corrector, or where nothing was heard."""

    correction: Correction | None


@dataclass(frozen=True, slots=True)
class Remembered:
    """The attempt as it was stored, and what is known of the learner with it."""

    attempt: Attempt
    learner: LearnerState


Step = Heard | Scored | Piece | Advised | Corrected | Remembered


@dataclass(frozen=True, slots=True)
class Session:
    """All steps of one turn together; `attempt` is None where nothing was remembered."""

    transcript: Transcript | None
    score: UtteranceScore
    feedback: Feedback
    correction: Correction | None = None
    attempt: Attempt | None = None
    outcome: Outcome | None = None


Judge = Callable[[Exercise, str], Outcome]
"""Says what of an exercise was said."""


@dataclass(frozen=True)
class Coach:
    """The whole loop over stages that were loaded elsewhere; those with a default may be absent."""

    transcriber: Transcriber
    scorer: Scorer
    tutor: Tutor
    store: Store | None = None
    synthesizer: Synthesizer | None = None
    grammar: GrammarCorrector | None = None

    def transcribe(self, recording: Recording) -> Transcript:
        """What was said."""
        return self.transcriber.transcribe(recording, lang="en")

    def assess(self, recording: Recording, text: str | None = None) -> UtteranceScore:
        """Judge a recording of `text`, or of what was heard when no text is given.

        Raises:
            TextError: when the text cannot be turned into phones.
        """
        if text is not None:
            return self.scorer.score(recording, text)
        return self.assess_free(recording, self.transcribe(recording))

    def assess_free(self, recording: Recording, transcript: Transcript) -> UtteranceScore:
        """Judge free speech against what was heard, with less trust than a given text allows."""
        if not transcript.words:
            return UtteranceScore("", (), duration=recording.duration, cautions=(NO_WORDS,))
        score = self.scorer.score(recording, transcript.text)
        trust = 1.0 if transcript.confidence is None else transcript.confidence
        return replace(
            score,
            words=tuple(_doubted(word, trust) for word in score.words),
            confidence=None if score.confidence is None else score.confidence * trust,
            cautions=(*score.cautions, FREE_SPEECH),
        )

    def correct(self, transcript: Transcript) -> Correction | None:
        """The grammar of what was heard: no edit where the recogniser itself was unsure of the words."""
        if self.grammar is None or not transcript.words:
            return None
        # Word lists are read with it, which reading a text aloud has no use for.
        from speechtutor.grammar.heard import borne_out

        return borne_out(self.grammar.correct(transcript.text), transcript)

    def learner(self, name: str, explain: str | None = None) -> LearnerState:
        """What is known of a learner from the store; `explain` is the language to explain in."""
        state = self.store.state(name) if self.store is not None else LearnerState(name)
        return replace(state, explain=explain)

    def steps(
        self,
        recording: Recording,
        text: str | None = None,
        learner: str = ANONYMOUS,
        *,
        explain: str | None = None,
        exercise: Exercise | None = None,
        judge: Judge | None = None,
        advise: bool = True,
        now: datetime | None = None,
    ) -> Iterator[Step]:
        """Hear, score, advise in the language `explain`, correct and, where there is a store, remember.

        An attempt is remembered once its score is there: whoever stops listening to the advice has still
        said it. `exercise` is what is answered, where that is more than a text; `judge` says what of it was
        said when it is answered in the learner's own words. A talk asks for no advice on each turn
        (`advise=False`): no `Piece` comes then, and no `Advised`.

        Raises:
            InputError: when there are no explanations in that language.
            TextError: when the text cannot be turned into phones.
            StorageError: when the store refuses; the advice is then lost with it on purpose, so that
                nobody believes in progress that was not kept.
        """
        from speechtutor.audio.quality import quality

        # Without a text it is heard twice: to write it down, and to judge it.
        with part(0.0, 0.0 if text is not None else 0.5):
            transcript = self.transcribe(recording) if text is None else None
        outcome = None
        if exercise is not None and judge is not None and transcript is not None:
            outcome = judge(exercise, transcript.text)
        yield Heard(quality(recording), transcript, outcome)
        with part(0.0 if transcript is None else 0.5, 1.0):
            score = (
                self.assess(recording, text)
                if transcript is None
                else self.assess_free(recording, transcript)
            )
        known = self.learner(learner, explain)
        given = exercise or Exercise(score.text)
        kept = self._remember(known, given, score, outcome, now)
        if kept is not None and isinstance(self.store, Keeping):
            self.store.keep(kept.learner, kept.id, recording, kept.at)
        yield Scored(score, known)
        if advise:
            feedback = yield from self._advice(score, known)
            yield Advised(feedback)
        yield Corrected(None if transcript is None else self.correct(transcript))
        if kept is not None:
            yield Remembered(kept, self.learner(learner, explain))

    def coach(
        self,
        recording: Recording,
        text: str | None = None,
        learner: str = ANONYMOUS,
        *,
        exercise: Exercise | None = None,
        judge: Judge | None = None,
        explain: str | None = None,
        now: datetime | None = None,
    ) -> Session:
        """All steps at once.

        Raises:
            SpeechTutorError: as `steps`.
        """
        return session(
            self.steps(recording, text, learner, exercise=exercise, judge=judge, explain=explain, now=now)
        )

    def _advice(self, score: UtteranceScore, known: LearnerState) -> Generator[Step, None, Feedback]:
        pieces = self.tutor.stream(score, known)
        while True:
            try:
                yield Piece(next(pieces))
            except StopIteration as end:
                feedback: Feedback = end.value
                return feedback

    def _remember(
        self,
        known: LearnerState,
        exercise: Exercise,
        score: UtteranceScore,
        outcome: Outcome | None,
        now: datetime | None,
    ) -> Attempt | None:
        """Store an attempt that was judged, where there is a store."""
        if self.store is None or score.overall is None:
            return None
        attempt = Attempt(known.learner, exercise, score, now or datetime.now(UTC), outcome)
        self.store.append(attempt)
        return attempt


def session(steps: Iterable[Step]) -> Session:
    """All steps of a turn together."""
    transcript: Transcript | None = None
    score: UtteranceScore | None = None
    feedback: Feedback | None = None
    correction: Correction | None = None
    attempt: Attempt | None = None
    outcome: Outcome | None = None
    for step in steps:
        match step:
            case Heard():
                transcript, outcome = step.transcript, step.outcome
            case Scored():
                score = step.score
            case Advised():
                feedback = step.feedback
            case Corrected():
                correction = step.correction
            case Remembered():
                attempt = step.attempt
    assert score is not None and feedback is not None
    return Session(transcript, score, feedback, correction, attempt, outcome)


def _doubted(word: WordScore, trust: float) -> WordScore:
    """A word judged against a text that is itself a guess."""
    phones = tuple(
        replace(p, confidence=None if p.confidence is None else p.confidence * trust) for p in word.phones
    )
    return replace(
        word, phones=phones, confidence=None if word.confidence is None else word.confidence * trust
    )
