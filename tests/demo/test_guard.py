"""Whatever goes wrong in the app ends in one kind line and a traceback in a file; who practises is known."""

from __future__ import annotations

import inspect
import stat
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest

from demo import app, drills, guard, learners, talk
from speechtutor.core import Feedback, LearnerState, Recording, Transcript, UtteranceScore
from speechtutor.errors import StorageError
from speechtutor.grammar import load_rules
from speechtutor.learner.store import SqlStore
from speechtutor.models import fake
from speechtutor.pipeline import Coach
from tests.conftest import EXAMPLES

GOOD = str(EXAMPLES / "weather-good.flac")
TEXT = "I think the weather is very nice today."


class Broken:
    """Every stage at once, none of which works; `at` says what fails, all else is a fake's."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def _fails(self, *given: Any, **more: Any) -> Any:
        raise self.error

    transcribe = score = align = advise = correct = speak = append = attempts = state = delete = _fails

    def stream(self, score: UtteranceScore, learner: LearnerState) -> Generator[str, None, Feedback]:
        yield "So far "
        raise self.error


STAGES: dict[str, Any] = {
    "transcriber": fake.FakeTranscriber("hello think"),
    "scorer": fake.FakeScorer(),
    "tutor": fake.FakeTutor(),
    "store": fake.FakeStore(),
    "grammar": load_rules(),
    "synthesizer": fake.FakeSynthesizer(),
}


def with_broken(stage: str, error: Exception) -> Coach:
    return Coach(**{**STAGES, "store": fake.FakeStore(), stage: Broken(error)})


@pytest.fixture
def door(tmp_path: Path) -> guard.Guard:
    return guard.Guard(tmp_path / "home" / "logs")


@pytest.mark.parametrize("stage", ["transcriber", "scorer", "tutor", "store", "grammar"])
def test_a_take_never_ends_in_listening(stage: str, door: guard.Guard) -> None:
    broken = with_broken(stage, RuntimeError("size of tensor a (1681)"))
    *_, final = app.assess(broken, GOOD, app.FREE, "", "en", None, "ana", door)
    assert final[0].count('role="alert"') == 1 and "Listening" not in final[0]
    assert "please try again" in final[0] and str(door.logs) in final[0]
    assert "tensor" not in final[0] and "Traceback" not in final[0]
    (log,) = door.logs.iterdir()
    written = log.read_text("utf-8")
    assert "Traceback" in written and "size of tensor a (1681)" in written
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


@pytest.mark.parametrize("stage", ["transcriber", "scorer", "store", "grammar"])
def test_a_turn_of_a_talk_never_ends_in_listening(stage: str, door: guard.Guard) -> None:
    sitting = talk.start(Coach(**STAGES), "restaurant", "A2", "en")[0]
    broken = with_broken(stage, ValueError("inside"))
    *_, final = talk.answer(broken, sitting, GOOD, "en", "ana", door)
    assert "please try again" in final[4] and final[0] == sitting and "inside" not in final[4]
    (log,) = door.logs.iterdir()
    assert "ValueError: inside" in log.read_text("utf-8")


def test_what_a_person_can_help_is_said_and_not_logged(door: guard.Guard) -> None:
    broken = with_broken("store", StorageError("the disk is full"))
    *_, final = app.assess(broken, GOOD, app.READ, TEXT, "en", None, "ana", door)
    assert "the disk is full" in final[0] and "please try again" not in final[0]
    assert not door.logs.exists()


def test_a_log_that_cannot_be_written_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = guard.Guard(tmp_path / "file" / "logs").told(RuntimeError("inside"))
    assert "please try again" in told and "Details" not in told


def test_a_partner_without_a_voice_still_answers(door: guard.Guard) -> None:
    sitting = talk.start(Coach(**STAGES), "restaurant", "A2", "en")[0]
    mute = with_broken("synthesizer", StorageError("no voice"))
    *_, final = talk.answer(mute, sitting, GOOD, "en", "ana", door)
    assert final[0] != sitting and "no voice" in final[4] and "hello think" in final[1]


def test_every_callback_of_the_page_survives_broken_stages(door: guard.Guard) -> None:
    """Each is called with what its widgets hold when the page comes up."""
    page = app.build(Coach(**{stage: Broken(RuntimeError("broken")) for stage in STAGES}), guard=door)
    called = 0
    for block in page.fns.values():
        if block.fn is None or "request" in inspect.signature(block.fn).parameters:
            continue
        given = [getattr(widget, "value", None) for widget in block.inputs]
        if "event" in inspect.signature(block.fn).parameters:
            given.append(gr.EventData(None, {"word": 0}))
        result = block.fn(*given)
        shown = list(result)[-1] if isinstance(result, Iterator) else result
        many = isinstance(shown, tuple)
        assert len(shown if many else [shown]) == len(block.outputs), block.fn
        called += 1
    assert called > 20


# --- who practises ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "name"),
    [("", "guest"), (None, "guest"), ("  Ana ", "Ana"), ("a\n b", "a b"), ("x" * 99, "x" * 60)],
)
def test_a_name_is_one_line_and_nobody_is_the_guest(given: str | None, name: str) -> None:
    assert learners.name_of(given) == name


def test_practice_in_the_app_adapts_to_what_the_store_knows(tmp_path: Path, door: guard.Guard) -> None:
    store = SqlStore(f"sqlite:///{tmp_path / 'learners.db'}")
    coach = Coach(**{**STAGES, "store": store})
    seen = []
    for name in ("ana", "ana", "ana", ""):
        *_, final = app.assess(coach, GOOD, app.READ, TEXT, "en", None, name, door)
        seen.append(final[4])
    assert store.learners() == ("ana", "guest")
    state = coach.learner("ana")
    assert state.n_attempts == 3 and state.phones["TH"].mean < 0.5
    wanted = [drills.new("sound", "A2", "en", np.random.default_rng(i), state)[0].focus for i in range(20)]
    assert sum("TH" in focus for focus in wanted) > 10, "the sound that was missed is practised"
    store.close()


def test_a_drill_is_remembered_with_its_sounds(door: guard.Guard) -> None:
    store = fake.FakeStore()
    drill, _ = drills.new("pair", "A2", "en", np.random.default_rng(0))
    assert drill is not None
    list(app.assess(Coach(**{**STAGES, "store": store}), GOOD, app.TASK, "", "en", drill, "ana", door))
    assert [attempt.exercise for attempt in store.kept] == [drill]


def test_turns_of_a_talk_are_remembered(door: guard.Guard) -> None:
    store = fake.FakeStore()
    coach = Coach(**{**STAGES, "store": store})
    sitting = talk.start(coach, "restaurant", "A2", "en")[0]
    list(talk.answer(coach, sitting, GOOD, "en", "ana", door))
    assert [(a.learner, a.score.text) for a in store.kept] == [("ana", "hello think")]


def test_say_it_again_keeps_the_exercise() -> None:
    drill, _ = drills.new("pair", "A2", "en", np.random.default_rng(0))
    assert drill is not None
    taken = UtteranceScore(drill.text, ()), Recording(np.zeros(10, np.float32))
    assert app.proceed(taken, drill.text, app.TASK, drill) == (drill.text, app.TASK, drill)
    assert app.proceed(taken, "Another one.", app.TASK, drill) == ("Another one.", app.READ, None)


def test_an_extra_word_is_tapped_without_a_voice_for_nothing() -> None:
    from speechtutor.core import ErrorType, PhoneScore, WordScore

    class Picky:
        def speak(self, text: str, *, rate: float = 1.0, phones: str | None = None) -> Recording:
            raise AssertionError(f"asked to say {text!r}")

    extra = WordScore("", None, 0.1, 0.4, error_type=ErrorType.REPETITION, phones=(PhoneScore("DH", None),))
    take = UtteranceScore("the", (extra,)), Recording(np.zeros(16_000, np.float32))
    detail, player = app.tap(Coach(**{**STAGES, "synthesizer": Picky()}), take, 0)
    assert "ð" in detail and "extra" in detail and "error" not in detail
    assert player.label == "/ð/: your voice"


def test_warnings_of_a_stage_that_stood_in_are_shown(door: guard.Guard) -> None:
    class Substitute(fake.FakeTutor):
        def stream(self, score: UtteranceScore, learner: LearnerState) -> Generator[str, None, Feedback]:
            yield "Well."
            return Feedback("Well.", (), "", warnings=("the server did not answer: the rules speak",))

    coach = Coach(**{**STAGES, "tutor": Substitute()})
    *_, final = app.assess(coach, GOOD, app.READ, TEXT, "en", None, "ana", door)
    assert "the server did not answer" in final[0]


def test_nothing_heard_is_no_turn_that_breaks(door: guard.Guard) -> None:
    class Deaf:
        def transcribe(self, recording: Recording, *, lang: str | None = None) -> Transcript:
            return Transcript(())

    coach = Coach(**{**STAGES, "transcriber": Deaf()})
    sitting = talk.start(coach, "restaurant", "A2", "en")[0]
    *_, final = talk.answer(coach, sitting, GOOD, "en", "ana", door)
    assert "did not hear" in final[4] and not door.logs.exists()
