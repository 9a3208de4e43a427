from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from speechtutor import pipeline
from speechtutor.core import (
    Attempt,
    Code,
    Exercise,
    Feedback,
    LearnerState,
    Recording,
    Transcript,
    UtteranceScore,
    Word,
)
from speechtutor.grammar import load_rules
from speechtutor.models.fake import FakeScorer, FakeStore, FakeTutor
from speechtutor.pipeline import Coach
from tests.conftest import PROJECT

PACKAGE = PROJECT / "speechtutor"
SECOND = Recording(np.full(16_000, 0.1, np.float32))
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Heard:
    """A transcriber that heard these words."""

    def __init__(self, *words: str, confidence: float | None = 0.5) -> None:
        self.words = tuple(Word(w, i, i + 1.0, confidence) for i, w in enumerate(words))
        self.confidence = confidence

    def transcribe(self, recording: Recording, *, lang: str | None = None) -> Transcript:
        return Transcript(self.words, lang or "en", self.confidence)


def test_a_given_text_is_scored_without_transcribing() -> None:
    session = Coach(Heard("never", "used"), FakeScorer(), FakeTutor()).coach(SECOND, "hello there")
    assert session.transcript is None and session.score.text == "hello there"
    assert session.feedback.summary


def test_free_speech_says_so_and_trusts_itself_less() -> None:
    sure = Coach(Heard("hello", confidence=1.0), FakeScorer(), FakeTutor()).assess(SECOND)
    unsure = Coach(Heard("hello", confidence=0.25), FakeScorer(), FakeTutor()).assess(SECOND)
    assert unsure.text == "hello" and Code.FREE_SPEECH in {c.code for c in unsure.cautions}
    assert sure.confidence is not None and unsure.confidence == pytest.approx(sure.confidence / 4)


def test_nothing_heard_is_not_scored() -> None:
    score = Coach(Heard(), FakeScorer(), FakeTutor()).assess(SECOND)
    assert score.overall is None and {c.code for c in score.cautions} == {Code.SILENCE}


def test_an_attempt_is_remembered_and_the_next_advice_knows_it() -> None:
    states: list[LearnerState] = []

    class Attentive(FakeTutor):
        def advise(self, score: UtteranceScore, learner: LearnerState) -> Feedback:
            states.append(learner)
            return super().advise(score, learner)

    store = FakeStore()
    coach = Coach(Heard(), FakeScorer(), Attentive(), store)
    for _ in range(2):
        coach.coach(SECOND, "hello", "ana", now=NOON)
    attempts: list[Attempt] = list(store.attempts("ana"))
    assert [a.at for a in attempts] == [NOON, NOON] and attempts[0].exercise.text == "hello"
    assert [s.n_attempts for s in states] == [0, 1] and states[1].learner == "ana"


class Streaming(FakeTutor):
    """Writes two pieces, and remembers how often it was asked."""

    def stream(self, score: UtteranceScore, learner: LearnerState) -> Generator[str, None, Feedback]:
        yield "one "
        yield "two"
        return Feedback("one two", (), "three", "streaming")


def test_the_steps_come_in_their_order_and_make_the_session() -> None:
    store = FakeStore()
    coach = Coach(Heard("she", "don't", "know"), FakeScorer(), Streaming(), store, grammar=load_rules())
    steps = list(coach.steps(SECOND, learner="ana", now=NOON))
    names = [type(step).__name__ for step in steps]
    assert names == ["Heard", "Scored", "Piece", "Piece", "Advised", "Corrected", "Remembered"]
    heard, scored, *pieces, advised, corrected, remembered = steps
    assert heard.quality.duration == 1.0 and heard.transcript.text == "she don't know"
    assert "".join(piece.text for piece in pieces) == advised.feedback.summary == "one two"
    assert scored.learner.n_attempts == 0 and remembered.learner.n_attempts == 1
    assert remembered.learner == coach.learner("ana"), "the state said is the one the store gives"
    whole = pipeline.session(steps)
    assert whole == pipeline.Session(
        heard.transcript, scored.score, advised.feedback, corrected.correction, store.kept[0]
    )


def test_an_attempt_is_kept_even_when_nobody_waits_for_the_advice() -> None:
    store = FakeStore()
    steps = Coach(Heard(), FakeScorer(), FakeTutor(), store).steps(
        SECOND, "hello", "ana", exercise=Exercise("hello", ("HH",))
    )
    assert isinstance(next(steps), pipeline.Heard) and not store.kept
    assert isinstance(next(steps), pipeline.Scored)
    steps.close()  # type: ignore[attr-defined]
    assert [attempt.exercise.focus for attempt in store.kept] == [("HH",)]


def test_what_was_not_judged_is_not_remembered() -> None:
    store = FakeStore()
    silence = Recording(np.zeros(16_000, np.float32))
    steps = Coach(Heard(), FakeScorer(), FakeTutor(), store).steps(silence, "hello", "ana")
    assert not any(isinstance(step, pipeline.Remembered) for step in steps) and store.kept == []


STAGE = "tutor|scorer|transcriber|stage|acoustic|engine|corrector"
ASKING = re.compile(rf"\b(hasattr|inspect\.)|getattr\([\w.]*({STAGE})\b")
ROOMS = ("evaluation", "commands", "practice", "tutor", "views", "scoring", "learner")


def test_no_stage_is_looked_into() -> None:
    """A Protocol says what a stage can do: nobody asks an object for what its Protocol does not promise."""
    files = [PACKAGE / "pipeline.py", PACKAGE / "stages.py", *(PROJECT / "demo").glob("*.py")]
    files += [file for room in ROOMS for file in (PACKAGE / room).glob("*.py")]
    assert len(files) > 50
    lines = [(file.name, line) for file in files for line in file.read_text("utf-8").splitlines()]
    assert [f"{name}: {line}" for name, line in lines if ASKING.search(line)] == []


def test_free_speech_is_corrected_and_a_given_text_is_not() -> None:
    coach = Coach(Heard("um", "she", "don't", "know"), FakeScorer(), FakeTutor(), grammar=load_rules())
    found = coach.coach(SECOND).correction
    assert found is not None and (found.heard, found.text) == ("um she don't know", "she doesn't know")
    assert coach.coach(SECOND, "she don't know").correction is None
    assert replace(coach, grammar=None).coach(SECOND).correction is None
    assert Coach(Heard(), FakeScorer(), FakeTutor(), grammar=load_rules()).coach(SECOND).correction is None


def test_what_was_hardly_heard_is_not_corrected() -> None:
    coach = Coach(Heard("she", "don't", confidence=0.1), FakeScorer(), FakeTutor(), grammar=load_rules())
    found = coach.coach(SECOND).correction
    assert found is not None and found.edits == () and "not sure" in found.refused
