"""Voices that take their time: what comes late belongs to what it was asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from speechtutor.core import Recording
from speechtutor.models import fake
from speechtutor.pipeline import Coach
from tests.conftest import EXAMPLES
from tests.support.browser import WAIT, own_text, pick, upload

GOOD = EXAMPLES / "weather-good.flac"
PLAYING = "[...document.querySelectorAll('audio')].filter((one) => !one.paused).length"


class Slow(fake.FakeSynthesizer):
    def speak(self, text: str, *, rate: float = 1.0, phones: str | None = None) -> Recording:
        time.sleep(1.5)  # the browser goes on meanwhile
        return super().speak(text, rate=rate, phones=phones)


@pytest.fixture
def slowly(judge: Coach) -> Iterator[None]:
    """The model voice needs a second and a half."""
    voice = judge.synthesizer
    object.__setattr__(judge, "synthesizer", Slow())
    yield
    object.__setattr__(judge, "synthesizer", voice)


@pytest.mark.browser
@pytest.mark.usefixtures("slowly")
def test_a_voice_that_comes_when_the_next_exercise_is_there_is_neither_seen_nor_heard(page: Any) -> None:
    """Listen, then on: the old sentence was played beside the new one."""
    from playwright.sync_api import expect

    pick(page, "kind", "Read a sentence")
    page.evaluate(
        "window.played = 0; document.addEventListener('playing', () => { window.played += 1; }, true)"
    )
    before = page.evaluate("window.speechtutor.shown()")
    page.locator("#hear").click()
    page.locator("#skip").click()
    page.wait_for_function("before => window.speechtutor.shown() !== before", arg=before, timeout=WAIT)
    expect(page.locator("#voice audio")).to_have_count(1, timeout=WAIT)
    expect(page.locator("#voice audio")).to_be_hidden()
    page.wait_for_timeout(300)
    assert page.evaluate(PLAYING) == page.evaluate("window.played") == 0
    page.locator("#hear").click()
    expect(page.locator("#voice audio")).to_be_visible(timeout=WAIT)
    page.wait_for_function("window.played === 1", timeout=WAIT)


@pytest.mark.browser
@pytest.mark.usefixtures("slowly")
def test_an_opened_word_that_is_whole_when_the_next_exercise_is_there_is_not_seen(page: Any) -> None:
    from playwright.sync_api import expect

    pick(page, "kind", "Read a sentence")
    upload(page, GOOD)
    expect(page.locator("#next")).to_be_visible(timeout=WAIT)
    before = page.evaluate("window.speechtutor.shown()")
    page.locator("#words button").last.click()
    expect(page.locator("#detail [data-sound]")).to_have_count(1, timeout=WAIT)  # one's own voice, at once
    page.locator("#skip").click()
    page.wait_for_function("before => window.speechtutor.shown() !== before", arg=before, timeout=WAIT)
    expect(page.locator("#detail [data-sound]")).to_have_count(2, timeout=WAIT)
    expect(page.locator("#detail [data-sound]").first).to_be_hidden()


@pytest.mark.browser
@pytest.mark.usefixtures("slowly")
def test_an_answer_while_the_partners_voice_is_made_is_not_lost(page: Any) -> None:
    from playwright.sync_api import expect

    page.get_by_role("tab", name="Talk").click()
    page.locator("#start-talk").click()
    lines = page.locator("#talk .st-line")
    expect(lines).to_have_count(1, timeout=WAIT)
    upload(page, GOOD, "talk-mic")
    expect(lines).to_have_count(3, timeout=WAIT)
    expect(page.locator("#talk-voice audio")).to_be_visible(timeout=WAIT)
    expect(lines).to_have_count(3)


@pytest.mark.browser
def test_there_is_a_recorder_where_something_is_to_be_said(page: Any) -> None:
    """None for who only listens, none before a talk has begun."""
    from playwright.sync_api import expect

    expect(page.locator("#mic .st-record")).to_be_visible()
    pick(page, "kind", "Only listen, say nothing")
    expect(page.locator("#card .st-choice")).to_have_count(2, timeout=WAIT)
    for hidden in ("#mic .st-record", "#mic-upload"):
        expect(page.locator(hidden)).to_be_hidden()
    page.locator("#card .st-choice").first.click()
    expect(page.locator("#card [role=status]")).to_be_visible(timeout=WAIT)
    own_text(page, "I think so.")
    expect(page.locator("#mic .st-record")).to_be_visible()
    page.get_by_role("tab", name="Talk").click()
    expect(page.locator("#start-talk")).to_be_visible(timeout=WAIT)
    acts = ("#talk-mic .st-record", "#talk-mic-upload", "#hint", "#finish")
    for hidden in acts:
        expect(page.locator(hidden)).to_be_hidden()
    page.locator("#start-talk").click()
    for seen in acts:
        expect(page.locator(seen)).to_be_visible(timeout=WAIT)
