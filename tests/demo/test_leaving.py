"""What a learner leaves behind stays behind: late advice, a long answer that is called off, silence."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from demo import app, practice_page, talk
from demo.practice import Screen
from demo.prefs import Prefs
from demo.working import Work
from speechtutor import audio
from speechtutor.core import CanonicalWord, Feedback, LearnerState, Recording, UtteranceScore
from speechtutor.core.watching import each
from speechtutor.learner.store import SqlStore
from speechtutor.models import fake
from speechtutor.pipeline import Coach
from speechtutor.tutor.rules import RuleTutor
from tests.conftest import EXAMPLES
from tests.demo.test_practice import coach
from tests.support.browser import WAIT, own_text, pick, upload

GOOD = EXAMPLES / "weather-good.flac"


class Lingering(RuleTutor):
    """Says its first word at once and the others when it may."""

    go = threading.Event()

    def stream(self, score: UtteranceScore, learner: LearnerState) -> Generator[str, None, Feedback]:
        feedback = self.advise(score, learner)
        first, rest = feedback.summary[:9], feedback.summary[9:]
        yield first
        self.go.wait(120)
        yield rest
        return feedback


class Slow(fake.FakeScorer):
    """Hears in pieces, and waits after the first until it may go on."""

    go = threading.Event()

    def score(
        self, recording: Recording, text: str, *, words: Sequence[CanonicalWord] | None = None
    ) -> UtteranceScore:
        for k in each(range(4)):
            if k == 1:
                self.go.wait(120)
        return super().score(recording, text, words=words)


@pytest.fixture
def lent(judge: Coach) -> Iterator[Any]:
    """Gives the running app another stage for the time of a test."""
    own = {name: getattr(judge, name) for name in ("tutor", "scorer", "transcriber")}
    Lingering.go, Slow.go = threading.Event(), threading.Event()
    yield lambda **stages: [object.__setattr__(judge, name, one) for name, one in stages.items()]
    Lingering.go.set()
    Slow.go.set()
    for name, one in own.items():
        object.__setattr__(judge, name, one)


def long_take(folder: Path, name: str = "long") -> Path:
    path = folder / f"{name}.wav"
    audio.save(Recording(np.tile(audio.load(GOOD).samples, 5)), path)
    return path


@pytest.mark.browser
@pytest.mark.parametrize("how", ["next", "kind"])
def test_whoever_goes_on_is_not_brought_back_by_late_advice(page: Any, lent: Any, how: str) -> None:
    from playwright.sync_api import expect

    lent(tutor=Lingering())
    pick(page, "kind", "Read a sentence")
    upload(page, GOOD)
    expect(page.locator("#next")).to_be_visible(timeout=WAIT)
    before = page.evaluate("window.speechtutor.shown()")
    if how == "next":
        page.locator("#next").click()
        page.wait_for_function("before => window.speechtutor.shown() !== before", arg=before, timeout=WAIT)
    else:
        pick(page, "kind", "Listen and repeat")
    after = page.evaluate("window.speechtutor.shown()")
    Lingering.go.set()
    page.wait_for_timeout(2_000)
    assert page.evaluate("window.speechtutor.shown()") == after
    expect(page.locator("#words button")).to_have_count(0)
    upload(page, EXAMPLES / "dinner-good.flac")
    expect(page.locator("#advice h2")).to_be_visible(timeout=WAIT)


@pytest.mark.browser
def test_a_word_that_is_opened_before_the_advice_is_whole_stays_open(page: Any, lent: Any) -> None:
    from playwright.sync_api import expect

    lent(tutor=Lingering())
    pick(page, "kind", "Read a sentence")
    upload(page, GOOD)
    expect(page.locator("#words button").first).to_be_visible(timeout=WAIT)
    page.locator("#words button").first.click()
    expect(page.locator("#detail [data-sound]").first).to_be_visible(timeout=WAIT)
    Lingering.go.set()
    expect(page.locator("#advice h2")).to_be_visible(timeout=WAIT)
    page.wait_for_timeout(1_000)
    expect(page.locator("#detail [data-sound]").first).to_be_visible()
    page.locator("#next").click()
    expect(page.locator("#detail")).to_be_empty(timeout=WAIT)


def test_nothing_that_follows_takes_away_what_was_asked_for_since() -> None:
    """What is opened or heard is cleared by the update that brings the new, never by one after it."""
    blocks = app.build(coach())
    named = {getattr(one, "elem_id", None): one._id for one in blocks.blocks.values()}
    kept = {named["detail"], named["voice"]}
    late = [
        one.fn.__name__
        for one in blocks.fns.values()
        if one.fn is not None
        and {out._id for out in one.outputs} & kept
        and any(event == "then" for _, event in one.targets)
    ]
    assert set(late) == {"prepared"}, "a voice that is only readied for speaking along"


@pytest.mark.browser
def test_a_long_answer_in_a_talk_says_how_far_it_is_and_can_be_called_off(
    page: Any, lent: Any, tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    lent(scorer=Slow())
    page.get_by_role("tab", name="Talk").click()
    page.locator("#start-talk").click()
    lines = page.locator("#talk .st-line")
    expect(lines).to_have_count(1, timeout=WAIT)
    upload(page, long_take(tmp_path), "talk-mic")
    expect(page.locator("#talk-message progress")).to_be_visible(timeout=WAIT)
    page.locator("#talk-cancel").click()
    expect(page.locator("#talk-message")).to_contain_text("Nothing of this take was kept", timeout=WAIT)
    expect(page.locator("#talk-cancel")).to_be_hidden(timeout=WAIT)
    Slow.go.set()
    upload(page, long_take(tmp_path, "again"), "talk-mic")
    expect(lines).to_have_count(3, timeout=WAIT)
    expect(page.locator("#talk-cancel")).to_be_hidden(timeout=WAIT)


def test_an_answer_that_is_called_off_is_not_kept(tmp_path: Path) -> None:
    Slow.go = threading.Event()
    store = SqlStore(f"sqlite:///{tmp_path / 'l.db'}")
    judge = coach("a table for two please", scorer=Slow(), store=store)
    steps = talk.answer(
        judge, talk.start("restaurant", "A2"), str(long_take(tmp_path)), Prefs(lang="en"), "ana"
    )
    waiting = next(steps)
    assert waiting.waiting and talk.shown(waiting, Prefs(lang="en")).cancel
    share = next(steps)
    while share.share is not None and share.share < 0.6:  # half of it is to write it down
        share = next(steps)
    assert "<progress" in talk.shown(share, Prefs(lang="en")).message
    called_off = talk.stopped(waiting, Prefs(lang="en"))
    assert not called_off.waiting and "Nothing of this take" in called_off.problem
    Slow.go.set()
    assert all(one.waiting for one in steps)
    assert not list(store.attempts("ana"))
    Work.call_off("what there never was")
    store.close()


def test_a_short_answer_says_no_numbers() -> None:
    Slow.go = threading.Event()
    Slow.go.set()
    judge = coach("a table for two please", scorer=Slow())
    turns = list(talk.answer(judge, talk.start("restaurant", "A2"), str(GOOD), Prefs(lang="en")))
    assert all(one.share is None for one in turns) and not talk.shown(turns[-1], Prefs(lang="en")).cancel


@pytest.mark.browser
def test_a_silent_file_is_said_kindly_and_is_no_turn(page: Any, lent: Any, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    lent(transcriber=fake.FakeTranscriber(""))
    silent = tmp_path / "silent.wav"
    audio.save(Recording(np.zeros(48_000, np.float32)), silent)
    own_text(page, "I think so.")
    upload(page, silent)
    expect(page.locator("#message [role=note]")).to_contain_text("I heard no speech", timeout=WAIT)
    expect(page.locator("#again")).to_be_visible(timeout=WAIT)
    expect(page.locator("#words button")).to_have_count(0)
    expect(page.locator("#advice")).to_be_empty()
    page.get_by_role("tab", name="Talk").click()
    page.locator("#start-talk").click()
    lines = page.locator("#talk .st-line")
    expect(lines).to_have_count(1, timeout=WAIT)
    upload(page, silent, "talk-mic")
    expect(page.locator("#talk-message")).to_contain_text("I did not hear you", timeout=WAIT)
    expect(page.locator("#talk-words button")).to_have_count(0)


def test_a_menu_that_is_told_of_twice_at_once_gives_one_exercise() -> None:
    """What gradio tells when a menu is left comes while the choice is still being worked on."""
    page: Any = SimpleNamespace(onward=[object(), object()])
    chosen, made = practice_page.Page.menu(page, "kind"), []
    asked = {"kind": "for_you", "level": "A2"}
    rest = (Screen(), "sound", "A2", "", "", "", "guest", Prefs())

    def wished(*given: Any) -> tuple[str, str]:
        made.append(given)
        assert all(not isinstance(one, str) for one in chosen(asked, *rest)), "told again: nothing is changed"
        return "card", "words"

    page.wished = wished
    assert chosen(asked, *rest) == ({"kind": "sound", "level": "A2"}, "card", "words")
    assert len(made) == 1
