from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from speechtutor.core import Attempt, Code, LearnerState, Recording, Transcript, UtteranceScore, Word
from speechtutor.grammar import load_rules
from speechtutor.models.fake import FakeScorer, FakeStore, FakeTutor
from speechtutor.pipeline import Coach

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

    class Listening(FakeTutor):
        def advise(self, score: UtteranceScore, learner: LearnerState):  # type: ignore[no-untyped-def]
            states.append(learner)
            return super().advise(score, learner)

    store = FakeStore()
    coach = Coach(Heard(), FakeScorer(), Listening(), store)
    for _ in range(2):
        coach.coach(SECOND, "hello", "ana", now=NOON)
    attempts: list[Attempt] = list(store.attempts("ana"))
    assert [a.at for a in attempts] == [NOON, NOON] and attempts[0].exercise.text == "hello"
    assert [s.n_attempts for s in states] == [0, 1] and states[1].learner == "ana"


def test_advice_streams_where_the_tutor_can() -> None:
    class Streaming(FakeTutor):
        def stream(self, score: UtteranceScore, learner: LearnerState) -> Iterator[str]:
            yield "one "
            yield "two"

    score = FakeScorer().score(SECOND, "hello")
    assert list(Coach(Heard(), FakeScorer(), Streaming()).advise_stream(score, LearnerState())) == [
        "one ",
        "two",
    ]
    assert len(list(Coach(Heard(), FakeScorer(), FakeTutor()).advise_stream(score, LearnerState()))) == 1


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
