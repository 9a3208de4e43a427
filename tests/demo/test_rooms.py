"""Learners in rooms as they are, with the real scorer in a real browser: two at once, noise, another text, a
passage of two minutes, and a first visit from an empty home to the first score on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demo import app, private
from speechtutor import audio, registry
from speechtutor.core import Recording, Seconds
from speechtutor.learner.store import SqlStore, open_store
from speechtutor.pipeline import Coach
from tests.conftest import EXAMPLES
from tests.demo.test_practice import coach
from tests.support import sounds
from tests.support.browser import PHONE, WAIT, nameless, own_text, pick, serious, upload, visit

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1800)]

GOOD = EXAMPLES / "weather-good.flac"
WEATHER, DINNER = "I think the weather is very nice today.", "We like rice and chips for dinner."
READINGS = {
    "weather-good": WEATHER,
    "bench-good": "Please put the big red bag beside the old wooden bench.",
    "village-long": "My three brothers have a farm in the village, "
    "and every winter they come down to visit us.",
    "dinner-good": DINNER,
}
LONG_WAIT = 5 * WAIT
"""Two minutes are judged in less on any machine."""


@pytest.fixture(scope="module")
def judge(models_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coach]:
    store = SqlStore(f"sqlite:///{tmp_path_factory.mktemp('store') / 'learners.db'}")
    yield coach(store=store, scorer=registry.load_scorer())
    store.close()


@pytest.fixture(scope="module")
def url(judge: Coach, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(private, "home", lambda: tmp_path_factory.mktemp("home"))
        with private.private_folder():
            page = app.build(judge)
            _, address, _ = app.launch(page, prevent_thread_lock=True)
            yield address
            page.close()


def attempts(judge: Coach, name: str) -> list[str]:
    """The texts of a learner's takes."""
    assert isinstance(judge.store, SqlStore)
    return [one.exercise.text for one in judge.store.attempts(name)]


def passage(seconds: Seconds) -> tuple[Recording, list[str]]:
    """Readings in a row with pauses between, at least so long, and their sentences."""
    parts: list[Any] = []
    said: list[str] = []
    while sum(map(len, parts)) < seconds * 16_000:
        for name, text in READINGS.items():
            parts += [audio.load(EXAMPLES / f"{name}.flac").samples, sounds.silence(0.5)]
            said.append(text)
    return Recording(np.concatenate(parts)), said


def test_two_learners_at_once_see_only_their_own(browsers: dict[str, Any], url: str, judge: Coach) -> None:
    from playwright.sync_api import expect

    ana, bo = (visit(browsers["speaking"], url, name) for name in ("ana", "bo"))
    own_text(ana, WEATHER)
    own_text(bo, DINNER)
    upload(ana, EXAMPLES / "weather-errors.flac")
    upload(bo, EXAMPLES / "dinner-good.flac")
    for page, text in ((ana, WEATHER), (bo, DINNER)):
        words = page.locator("#words button")
        expect(words).to_have_count(len(text.split()), timeout=WAIT)
        assert [one.split("\n")[0] for one in words.all_inner_texts()] == re.findall(r"\w+", text)
        expect(page.locator("#next")).to_be_visible(timeout=WAIT)
    assert attempts(judge, "ana") == [WEATHER] and attempts(judge, "bo") == [DINNER]
    for page, n in ((ana, 2), (bo, 1)):
        if n == 2:
            upload(page, GOOD)
            expect(page.locator("#advice .st-changes")).to_be_visible(timeout=WAIT)
        page.get_by_role("tab", name="Progress").click()
        expect(page.locator("#progress .st-numbers b").first).to_have_text(str(n), timeout=WAIT)
        page.context.close()


def test_noise_is_said_kindly_and_nothing_right_is_called_wrong(
    browsers: dict[str, Any], url: str, tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    noisy = tmp_path / "noisy.wav"
    audio.save(Recording(sounds.with_noise(audio.load(GOOD).samples, 0.0)), noisy)
    page = visit(browsers["speaking"], url, "noisy")
    own_text(page, WEATHER)
    upload(page, noisy)
    expect(page.locator("#message [role=note]")).to_contain_text("noise", timeout=WAIT)
    expect(page.locator("#next")).to_be_visible(timeout=WAIT)
    expect(page.locator("#words .st-wrong, #words .st-missing, #words .st-extra")).to_have_count(0)
    expect(page.locator("#again")).to_be_visible()
    page.context.close()


def test_another_text_is_said_and_never_scored(browsers: dict[str, Any], url: str, judge: Coach) -> None:
    from playwright.sync_api import expect

    page = visit(browsers["speaking"], url, "other")
    own_text(page, WEATHER)
    upload(page, EXAMPLES / "bench-good.flac")
    expect(page.locator("#message [role=note]")).to_contain_text("does not", timeout=WAIT)
    expect(page.locator("#again")).to_be_visible(timeout=WAIT)
    expect(page.locator("#words button")).to_have_count(0)
    expect(page.locator("#advice")).to_be_empty()
    assert attempts(judge, "other") == [], "what was not judged is no record"
    upload(page, GOOD)
    expect(page.locator("#words button")).to_have_count(8, timeout=WAIT)
    page.context.close()


def test_a_passage_of_two_minutes_sentence_by_sentence(
    browsers: dict[str, Any], url: str, judge: Coach, tmp_path: Path
) -> None:
    """First called off half way, which keeps nothing; then to its end, and a tap on its last sentence."""
    from playwright.sync_api import expect

    recording, said = passage(120)
    for name in ("passage", "again"):  # a browser does not tell of the same file twice
        audio.save(recording, tmp_path / f"{name}.wav")
    page = visit(browsers["speaking"], url, "passage")
    own_text(page, " ".join(said))
    upload(page, tmp_path / "passage.wav")
    expect(page.locator("#message progress")).to_be_visible(timeout=LONG_WAIT)
    page.locator("#cancel").click()
    expect(page.locator("#message")).to_contain_text("Nothing of this take was kept", timeout=WAIT)
    expect(page.locator("#cancel")).to_be_hidden(timeout=WAIT)
    upload(page, tmp_path / "again.wav")
    sentences = page.locator("#words .st-sentence")
    expect(sentences).to_have_count(len(said), timeout=LONG_WAIT)
    assert attempts(judge, "passage") == [" ".join(said)], "only the one that was not called off"
    assert all(int(text.split("\n")[0]) > 70 for text in sentences.all_inner_texts())
    expect(page.locator("#next")).to_be_visible(timeout=WAIT)
    expect(page.locator("#message")).not_to_contain_text("Nothing of this take", timeout=WAIT)
    sentences.last.click()
    n_before = sum(len(one.split()) for one in said[:-1])
    last = page.locator(f'#words [data-word="{n_before}"]')
    expect(last).to_be_focused(timeout=WAIT)
    expect(last).to_be_in_viewport(timeout=WAIT)
    page.keyboard.press("Enter")
    expect(page.locator("#detail [data-sound]").first).to_be_visible(timeout=WAIT)
    page.get_by_text("More about this take").click()
    expect(page.locator("#result .st-seen")).to_have_count(5, timeout=LONG_WAIT)
    assert serious(page) == [] and nameless(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.context.close()


@pytest.mark.writes_home
def test_the_first_visit_on_a_phone_from_an_empty_home(
    browsers: dict[str, Any], judge: Coach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Touch alone: nothing stored, no name, a welcome, a sentence that is in no menu, a score, advice."""
    from playwright.sync_api import expect

    home = tmp_path / "home"
    monkeypatch.setattr(private, "home", lambda: home)
    store = open_store(None)
    fresh = coach(store=store, scorer=judge.scorer)
    with private.private_folder():
        blocks = app.build(fresh)
        _, address, _ = app.launch(blocks, prevent_thread_lock=True)
        page = visit(browsers["speaking"], address, has_touch=True, is_mobile=True, device_scale_factor=2)
        expect(page.get_by_role("heading", name="Welcome!")).to_be_visible(timeout=WAIT)
        page.locator("#start").tap()
        expect(page.locator("#welcome")).to_be_hidden(timeout=WAIT)
        pick(page, "kind", "Your own text")
        page.locator("#text textarea").fill(WEATHER)
        page.locator("#use").tap()
        expect(page.locator("#card .say")).to_have_text(WEATHER, timeout=WAIT)
        page.locator("#mic .st-record").tap()
        page.locator("#mic .st-on").wait_for(timeout=WAIT)
        page.wait_for_timeout(4_000)
        page.locator("#mic .st-record").tap()
        expect(page.locator("#words button")).to_have_count(8, timeout=WAIT)
        expect(page.locator("#advice h2")).to_be_visible(timeout=WAIT)
        page.locator("#words button").first.tap()
        expect(page.locator("#detail [data-sound]").first).to_be_visible(timeout=WAIT)
        small = page.evaluate(
            "[...document.querySelectorAll('#words button, #mic button, #on button, [role=tab]')].filter("
            "(one) => one.offsetParent && one.getBoundingClientRect().height < 43.5)"
            ".map((one) => one.outerHTML)"
        )
        assert small == [], "too small for a finger"
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        page.context.close()
        blocks.close(verbose=False)
    assert [one.exercise.text for one in store.attempts("guest")] == [WEATHER]
    store.close()
