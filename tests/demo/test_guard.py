"""Whatever goes wrong in the app ends in one kind line and a traceback in a file; who practises is known."""

from __future__ import annotations

import html
import inspect
import stat
from collections.abc import Generator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from demo import app, guard, learners, practice_page, practice_view, talk, talk_page, voices
from demo.here import Here
from demo.practice import Screen, Take, Wish, fresh
from demo.prefs import Prefs
from speechtutor.content.tables import languages, message
from speechtutor.core import Feedback, LearnerState, Recording, Transcript, UtteranceScore
from speechtutor.errors import AudioError, InputError, ModelError, SpeechTutorError, StorageError, TextError
from speechtutor.grammar import load_rules
from speechtutor.learner.store import SqlStore
from speechtutor.models import fake
from speechtutor.pipeline import Coach
from speechtutor.practice.levels import phones_in
from tests.conftest import EXAMPLES
from tests.demo.test_practice import SCREEN

GOOD = str(EXAMPLES / "weather-good.flac")
EN = Prefs(lang="en")
FREE = Screen(Wish("free"), manner="free")


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


def page_of(coach: Coach, door: guard.Guard) -> tuple[practice_page.Page, talk_page.Page]:
    """Both tabs over a coach, as `build` makes them."""
    kept: list[Here] = []
    made = Here.wire

    def wire(self: Here, blocks: gr.Blocks) -> None:
        kept.append(self)
        made(self, blocks)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Here, "wire", wire)
        app.build(coach, guard=door)
    return kept[0].practice, kept[0].talk


def taken(coach: Coach, door: guard.Guard, screen: Screen, name: str = "ana") -> Screen:
    """What a take of a screen led to, through the last guard."""
    *_, final = page_of(coach, door)[0].judged(GOOD, screen.id, screen, name, EN)
    last = final[0]
    assert isinstance(last, Screen)
    return last


def turned(coach: Coach, door: guard.Guard, sitting: talk.Sitting) -> talk.Sitting:
    """What a turn of a talk led to, through the last guard."""
    *_, final = page_of(coach, door)[1].answered(sitting, GOOD, "ana", EN)
    last = final[0]
    assert isinstance(last, talk.Sitting)
    return last


@pytest.mark.parametrize("stage", ["transcriber", "scorer", "tutor", "store", "grammar"])
def test_a_take_never_ends_in_listening(stage: str, door: guard.Guard) -> None:
    broken = with_broken(stage, RuntimeError("size of tensor a (1681)"))
    final = taken(broken, door, FREE)
    told = practice_view.shown(final, EN).message
    assert told.count('role="alert"') == 1 and not final.waiting
    assert "please try again" in told and str(door.logs) in told
    assert "tensor" not in told and "Traceback" not in told
    (log,) = door.logs.iterdir()
    written = log.read_text("utf-8")
    assert "Traceback" in written and "size of tensor a (1681)" in written
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


@pytest.mark.parametrize("stage", ["transcriber", "scorer", "store", "grammar"])
def test_a_turn_of_a_talk_never_ends_in_listening(stage: str, door: guard.Guard) -> None:
    sitting = talk.start("restaurant", "A2")
    final = turned(with_broken(stage, ValueError("inside")), door, sitting)
    told = talk.shown(final, EN).message
    assert "please try again" in told and final.talk == sitting.talk and "inside" not in told
    assert not final.waiting
    (log,) = door.logs.iterdir()
    assert "ValueError: inside" in log.read_text("utf-8")


def test_what_a_person_can_help_is_said_and_not_logged(door: guard.Guard) -> None:
    final = taken(with_broken("store", StorageError("the disk is full")), door, SCREEN)
    told = practice_view.shown(final, EN).message
    assert "the disk is full" in told and "please try again" not in told
    assert not door.logs.exists()


def test_sorry_is_said_in_the_learners_language(door: guard.Guard) -> None:
    assert "不是你的错" in door.told(RuntimeError("inside"), lang="zh")
    watched = door.once(lambda prefs: 1 / 0, str)
    assert "No es culpa tuya" in watched(Prefs(lang="es"))


@pytest.mark.parametrize(
    ("lang", "told"),
    [
        ("zh", "这段录音不能用：is cut off"),
        ("es", "no se puede usar: is cut off"),
        ("en", "The recording: is cut off"),
    ],
)
def test_a_bad_recording_is_said_in_the_learners_language(door: guard.Guard, lang: str, told: str) -> None:
    shown = door.told(AudioError("/tmp/x.wav: is cut off"), hide="/tmp/x.wav", lang=lang)
    assert told in shown and "/tmp" not in shown


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (TextError("the text has no words: !"), "bad_text"),
        (InputError("there is no level 'Z9'"), "bad_input"),
        (StorageError("the disk is full"), "not_now"),
        (ModelError("it is not here"), "not_now"),
    ],
)
@pytest.mark.parametrize("lang", languages())
def test_every_error_begins_in_the_learners_language(
    door: guard.Guard, lang: str, error: SpeechTutorError, key: str
) -> None:
    shown = door.told(error, lang=lang)
    assert str(error) in html.unescape(shown)
    assert (message("app", key, lang) in shown) == (lang != "en")


def test_a_log_that_cannot_be_written_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = guard.Guard(tmp_path / "file" / "logs").told(RuntimeError("inside"))
    assert "please try again" in told and "Details" not in told


def test_every_callback_of_the_page_survives_broken_stages(door: guard.Guard) -> None:
    """Each is called with what its widgets hold when the page comes up."""
    page = app.build(Coach(**{stage: Broken(RuntimeError("broken")) for stage in STAGES}), guard=door)
    called = 0
    for block in page.fns.values():
        if block.fn is None:
            continue
        wants = inspect.signature(block.fn).parameters
        given = [getattr(widget, "value", None) for widget in block.inputs]
        if "event" in wants:
            given.append(gr.EventData(None, {"word": 0, "choice": 0, "hear": "x", "phone": "TH"}))
        if "request" in wants and wants["request"].default is inspect.Parameter.empty:
            given.append(SimpleNamespace(headers={"accept-language": "es"}, username=None))
        result = block.fn(*given)
        shown = list(result)[-1] if isinstance(result, Iterator) else result
        many = shown if isinstance(shown, tuple) else [shown] if block.outputs else []
        assert len(many) == len(block.outputs), block.fn
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
    page = page_of(coach, door)[0]
    for name in ("ana", "ana", "ana", ""):
        list(page.judged(GOOD, SCREEN.id, SCREEN, name, EN))
    assert store.learners() == ("ana", "guest")
    state = coach.learner("ana")
    assert state.n_attempts == 3 and state.phones["TH"].mean < 0.5
    given = [fresh(coach, Wish("sound"), "ana", "en", np.random.default_rng(i)).exercise for i in range(20)]
    missed = [one.text for one in given if one and "TH" in phones_in(one.text)]
    assert len(missed) > 10, "the sound that was missed is practised"
    store.close()


def test_an_exercise_is_remembered_with_its_sounds(door: guard.Guard) -> None:
    store = fake.FakeStore()
    coach = Coach(**{**STAGES, "store": store})
    screen = fresh(coach, Wish("pair"), "ana", "en", np.random.default_rng(0))
    taken(coach, door, screen)
    assert [attempt.exercise for attempt in store.kept] == [screen.exercise]


def test_the_example_is_nobodys_record(door: guard.Guard) -> None:
    store = fake.FakeStore()
    here = Here.__new__(Here)
    here.practice = page_of(Coach(**{**STAGES, "store": store}), door)[0]
    *_, final = here.example(EN)
    assert "st-word" in final[3] and store.kept == []


def test_turns_of_a_talk_are_remembered(door: guard.Guard) -> None:
    store = fake.FakeStore()
    turned(Coach(**{**STAGES, "store": store}), door, talk.start("restaurant", "A2"))
    assert [(a.learner, a.score.text) for a in store.kept] == [("ana", "hello think")]


def test_an_extra_word_is_tapped_without_a_voice_for_nothing(door: guard.Guard) -> None:
    from speechtutor.core import ErrorType, PhoneScore, WordScore

    class Picky:
        def speak(self, text: str, *, rate: float = 1.0, phones: str | None = None) -> Recording:
            raise AssertionError(f"asked to say {text!r}")

    extra = WordScore("", None, 0.1, 0.4, error_type=ErrorType.REPETITION, phones=(PhoneScore("DH", None),))
    take = Take(Recording(np.zeros(16_000, np.float32)), UtteranceScore("the", (extra,)))
    page = page_of(Coach(**{**STAGES, "synthesizer": Picky()}), door)[0]
    *_, detail = page.tapped(Screen(take=take), EN, gr.EventData(None, {"word": 0}))
    assert "ð" in detail and "extra" in detail and "error" not in detail
    assert detail.count("data-sound") == 1, "the learner's own voice"


def test_warnings_of_a_stage_that_stood_in_are_shown(door: guard.Guard) -> None:
    class Substitute(fake.FakeTutor):
        def stream(self, score: UtteranceScore, learner: LearnerState) -> Generator[str, None, Feedback]:
            yield "Well."
            return Feedback("Well.", (), "", warnings=("the server did not answer: the rules speak",))

    final = taken(Coach(**{**STAGES, "tutor": Substitute()}), door, SCREEN)
    assert "the server did not answer" in practice_view.shown(final, EN).advice


def test_nothing_heard_is_no_turn_that_breaks(door: guard.Guard) -> None:
    class Deaf:
        def transcribe(self, recording: Recording, *, lang: str | None = None) -> Transcript:
            return Transcript(())

    coach = Coach(**{**STAGES, "transcriber": Deaf()})
    final = turned(coach, door, talk.start("restaurant", "A2"))
    assert "did not hear" in talk.shown(final, EN).message and not door.logs.exists()


def test_after_a_restart_there_is_something_to_say(door: guard.Guard) -> None:
    """The server forgot the exercise: the take is not judged against another, and that is said."""
    final = taken(Coach(**STAGES), door, Screen())
    assert final.exercise is not None and final.take is None
    assert "started again" in practice_view.shown(final, EN).message


def test_as_strict_as_was_asked_for() -> None:
    class Strict(fake.FakeScorer):
        strictness = "standard"

        def as_strict(self, strictness: str) -> Strict:
            made = Strict()
            made.strictness = strictness
            return made

    made = app.stricter(Coach(**STAGES), Strict(), voices.Lane())
    assert {name: one.scorer.scorer.strictness for name, one in made.items()} == {  # type: ignore[attr-defined]
        name: name for name in ("lenient", "standard", "strict")
    }
    assert app.stricter(Coach(**STAGES), fake.FakeScorer(), voices.Lane()) == {}
