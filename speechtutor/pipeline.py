"""The coach: transcribe, score, advise, remember. It takes stages and builds none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    Recording,
    Transcript,
    UtteranceScore,
    WordScore,
)
from speechtutor.stages import GrammarCorrector, Scorer, Store, Synthesizer, Transcriber, Tutor

FREE_SPEECH = Caution(
    Code.FREE_SPEECH,
    "No text was given: what the recogniser heard stands in for it, so errors it repaired are missed.",
)
NO_WORDS = Caution(Code.SILENCE, "No words were recognised in the recording.")


@dataclass(frozen=True, slots=True)
class Session:
    """One turn: what was heard (None when a text was given), how well, and the advice.

    `correction` is the grammar of free speech: None for a given text, without a grammar stage, or
    where no words were heard. `outcome` is what was said of an exercise that is answered freely.
    """

    transcript: Transcript | None
    score: UtteranceScore
    feedback: Feedback
    correction: Correction | None = None
    outcome: Outcome | None = None


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

    def coach(
        self,
        recording: Recording,
        text: str | None = None,
        learner: str = "anonymous",
        *,
        exercise: Exercise | None = None,
        judge: Callable[[Exercise, str], Outcome] | None = None,
        explain: str | None = None,
        now: datetime | None = None,
    ) -> Session:
        """Assess, advise in the language `explain` and, where there is a store, remember.

        `exercise` is what is answered, where that is more than a text; `judge` says what of it was said
        when it is answered in the learner's own words.

        Raises:
            InputError: when there are no explanations in that language.
            TextError: when the text cannot be turned into phones.
            StorageError: when the store refuses; the advice is then lost with it on purpose, so that
                nobody believes in progress that was not kept.
        """
        transcript = self.transcribe(recording) if text is None else None
        score = (
            self.scorer.score(recording, text)
            if text is not None
            else self.assess_free(recording, transcript or Transcript(()))
        )
        feedback = self.tutor.advise(score, self.learner(learner, explain))
        outcome = None
        if exercise is not None and judge is not None and transcript is not None:
            outcome = judge(exercise, transcript.text)
        if self.store is not None and score.overall is not None:
            given = exercise or Exercise(score.text)
            self.store.append(Attempt(learner, given, score, now or datetime.now(UTC), outcome))
        correction = None if transcript is None else self.correct(transcript)
        return Session(transcript, score, feedback, correction, outcome)

    def advise_stream(self, score: UtteranceScore, learner: LearnerState) -> Iterator[str]:
        """The advice piece by piece where the tutor can stream, else at once."""
        stream = getattr(self.tutor, "stream", None)
        if stream is None:
            yield self.tutor.advise(score, learner).summary
        else:
            yield from stream(score, learner)


def _doubted(word: WordScore, trust: float) -> WordScore:
    """A word judged against a text that is itself a guess."""
    phones = tuple(
        replace(p, confidence=None if p.confidence is None else p.confidence * trust) for p in word.phones
    )
    return replace(
        word, phones=phones, confidence=None if word.confidence is None else word.confidence * trust
    )
