"""The app in a real browser: a phone, a fake microphone that plays a real reading, and no network."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speechtutor import audio, hub, registry
from speechtutor.core import Recording, UtteranceScore
from speechtutor.learner.store import SqlStore
from speechtutor.pipeline import Coach
from tests.conftest import EXAMPLES, need
from tests.support.browser import WAIT, own_text, pick, record, serious, tab_to, upload, visit
from tests.support.marks import half_width

GOOD = EXAMPLES / "weather-good.flac"


@pytest.mark.writes_home
def test_models_are_taken_only_where_they_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert [registry.ready(stage) for stage in ("grammar", "tutor", "scorer")] == ["rules", "rules", "raters"]
    monkeypatch.setattr(hub, "located", lambda name: tmp_path)
    assert registry.ready("grammar") == "smollm2-135m-instruct"
    need(importlib.util.find_spec("faster_whisper"), "faster-whisper is not installed")
    assert registry.ready("tutor") == "smollm2-135m-tutor"


@pytest.mark.browser
def test_the_first_minute(browsers: dict[str, Any], url: str) -> None:
    """No account: a welcome, one press, speak, stop, a score, advice, and the way on."""
    from playwright.sync_api import expect

    page = visit(browsers["speaking"], url, "first")
    expect(page.get_by_role("heading", level=1)).to_have_text("speechtutor")
    expect(page.get_by_role("heading", name="Welcome!")).to_be_visible()
    page.locator("#start").click()
    expect(page.locator("#welcome")).to_be_hidden(timeout=WAIT)
    pick(page, "kind", "Read a sentence")
    record(page)
    expect(page.locator("#words button").first).to_be_visible(timeout=WAIT)
    first = page.locator("#card .say").inner_text()
    expect(page.locator("#mic .st-record")).to_be_focused(timeout=WAIT)
    page.locator("#next").click()
    expect(page.locator("#words button")).to_have_count(0, timeout=WAIT)
    expect(page.locator("#card .say")).not_to_have_text(first)
    page.reload()
    page.locator("#card [data-id]:not([data-id=for_you])").wait_for(timeout=WAIT)
    expect(page.locator("#back")).to_contain_text("Good to see you again, first.", timeout=WAIT)
    expect(page.locator("#welcome")).to_be_hidden(timeout=WAIT)
    page.context.close()


@pytest.mark.browser
def test_a_take_a_tapped_word_a_retry_and_the_way_on(page: Any) -> None:
    from playwright.sync_api import expect

    own_text(page, "I think so.")
    upload(page, GOOD)
    words = page.locator("#words button")
    expect(words).to_have_count(3, timeout=WAIT)
    expect(words.nth(1)).to_have_class("st-word st-wrong")
    expect(words.nth(1)).to_contain_text('✗ "s" for "th"')
    expect(words.nth(0)).to_contain_text("✓ good")
    expect(page.locator("#advice")).to_contain_text("One thing to work on", timeout=WAIT)
    expect(page.locator("#advice svg")).to_have_attribute("role", "img")
    words.nth(1).click()
    expect(page.locator("#detail")).to_contain_text("I heard", timeout=WAIT)
    expect(page.locator("#detail [data-sound]")).to_have_count(2, timeout=WAIT)
    page.locator("#advice [data-hear=sink]").click()
    expect(page.locator("#voice audio")).to_have_attribute("aria-label", "sink", timeout=WAIT)
    page.get_by_text("More about this take").click()
    expect(page.locator("#result")).to_contain_text("accuracy")
    card = page.locator("#card").inner_text()
    page.locator("#again").click()
    expect(words).to_have_count(0, timeout=WAIT)
    assert page.locator("#card").inner_text() == card
    record(page)
    expect(page.locator("#advice")).to_contain_text("About the same as your last take", timeout=WAIT)


@pytest.mark.browser
def test_a_recording_is_scored_unchanged_by_the_browser(
    page: Any, judge: Coach, monkeypatch: pytest.MonkeyPatch
) -> None:
    from playwright.sync_api import expect

    got: list[Recording] = []

    def assess(self: Coach, recording: Recording, text: str | None = None) -> UtteranceScore:
        got.append(recording)
        return self.scorer.score(recording, text or "hello")

    monkeypatch.setattr(Coach, "assess", assess)
    own_text(page, "I think so.")
    record(page, milliseconds=3_300)
    expect(page.locator("#words button")).to_have_count(3, timeout=WAIT)
    assert got[0].sample_rate == 16_000
    spoken, truth = got[0].samples, audio.load(GOOD).samples
    # Slide the loud middle of the truth over the take: gain 1 and the same shape, so nothing was "improved".
    middle = truth[12_000:28_000]
    overlap = np.correlate(spoken, middle, "valid")
    start = int(np.abs(overlap).argmax())
    part = spoken[start : start + len(middle)]
    assert np.corrcoef(part, middle)[0, 1] > 0.95
    assert np.linalg.norm(part) / np.linalg.norm(middle) == pytest.approx(1, abs=0.1)


@pytest.mark.browser
def test_a_pair_is_heard_chosen_and_said(page: Any) -> None:
    from playwright.sync_api import expect

    pick(page, "kind", "Two words that sound alike")
    expect(page.locator("#card")).to_contain_text("which word do you hear", timeout=WAIT)
    page.locator("#hear").click()
    expect(page.locator("#voice audio")).to_have_count(1, timeout=WAIT)
    page.locator(".st-choice").first.click()
    expect(page.locator("#card [role=status]")).to_be_visible(timeout=WAIT)
    expect(page.locator("#card")).to_contain_text("say both words")
    record(page)
    expect(page.locator("#words button")).to_have_count(2, timeout=WAIT)


@pytest.mark.browser
def test_kinds_that_are_heard_first_hide_their_text(page: Any) -> None:
    from playwright.sync_api import expect

    pick(page, "kind", "Listen and repeat")
    expect(page.locator("#card")).to_contain_text("The text is hidden", timeout=WAIT)
    page.get_by_role("button", name="Show the text").click()
    expect(page.locator("#card .say")).to_be_visible(timeout=WAIT)
    pick(page, "kind", "Speak along with the voice")
    expect(page.locator("#card [data-along]")).to_be_visible(timeout=WAIT)
    expect(page.locator("#voice audio")).to_have_count(1, timeout=WAIT)
    pick(page, "kind", "Talk freely")
    expect(page.locator("#hear")).to_be_hidden(timeout=WAIT)
    record(page)
    expect(page.locator("#message")).to_contain_text("I understood: hello think", timeout=WAIT)


@pytest.mark.browser
def test_speaking_along_with_the_voice(page: Any) -> None:
    """The voice plays while the microphone is open, and what was said along is judged like any reading."""
    from playwright.sync_api import expect

    pick(page, "kind", "Speak along with the voice")
    expect(page.locator("#card [data-along]")).to_be_visible(timeout=WAIT)
    expect(page.locator("#voice audio")).to_have_count(1, timeout=WAIT)
    text = page.locator("#card .say").inner_text()
    page.evaluate("document.querySelector('#voice audio').loop = true")
    page.locator("#mic .st-record").click()
    page.locator("#mic .st-on").wait_for(timeout=WAIT)
    page.wait_for_function("!document.querySelector('#voice audio').paused", timeout=WAIT)
    page.wait_for_timeout(1_000)
    page.locator("#mic .st-record").click()
    expect(page.locator("#words button")).to_have_count(len(text.split()), timeout=WAIT)
    assert page.evaluate("document.querySelector('#voice audio')?.paused ?? true")
    expect(page.locator("#next")).to_be_visible(timeout=WAIT)


@pytest.mark.browser
def test_what_follows_goes_on_with_the_sound_of_the_advice(page: Any) -> None:
    from playwright.sync_api import expect

    pick(page, "sound", '"th" as in "think"')
    expect(page.locator("#card .why")).to_contain_text("th", timeout=WAIT)
    upload(page, GOOD)
    expect(page.locator("#advice")).to_contain_text("One thing to work on", timeout=WAIT)
    page.locator("#next").click()
    expect(page.locator("#card .why")).to_contain_text('This goes on with "th" as in "think"', timeout=WAIT)


@pytest.mark.browser
def test_a_file_that_is_no_sound_is_answered_in_words(page: Any, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    bad = tmp_path / "text.wav"
    bad.write_text("this is no sound")
    upload(page, bad)
    expect(page.locator("#message [role=alert]")).to_contain_text("not an audio file", timeout=WAIT)
    expect(page.locator("#message")).to_have_attribute("aria-live", "polite")


@pytest.mark.browser
def test_the_same_file_may_be_chosen_twice(page: Any) -> None:
    from playwright.sync_api import expect

    own_text(page, "I think so.")
    upload(page, GOOD)
    expect(page.locator("#words button")).to_have_count(3, timeout=WAIT)
    page.locator("#text textarea").fill("I think it is.")
    page.locator("#use").click()
    expect(page.locator("#words button")).to_have_count(0, timeout=WAIT)
    upload(page, GOOD)
    expect(page.locator("#words button")).to_have_count(4, timeout=WAIT)


@pytest.mark.browser
def test_the_example_needs_one_tap_and_is_no_record(browsers: dict[str, Any], url: str, judge: Coach) -> None:
    from playwright.sync_api import expect

    page = visit(browsers["speaking"], url, "nobody")
    page.locator("#example").click()
    expect(page.locator("#words button")).to_have_count(7, timeout=WAIT)
    page.context.close()
    assert isinstance(judge.store, SqlStore) and "nobody" not in judge.store.learners()


@pytest.mark.browser
def test_a_microphone_that_is_denied_muted_or_not_there_is_named(browsers: dict[str, Any], url: str) -> None:
    from playwright.sync_api import expect

    denied = visit(browsers["muted"], url, permissions=[])
    denied.locator("#mic .st-record").click()
    expect(denied.locator("#mic .st-mic-line")).to_contain_text("may not use the microphone", timeout=WAIT)
    expect(denied.locator("#mic .st-record")).to_have_text("Record")
    for error, told in (
        ("NotFoundError", "No microphone was found"),
        ("NotReadableError", "Another program"),
    ):
        denied.evaluate(
            "name => { navigator.mediaDevices.getUserMedia = () => "
            "Promise.reject(new DOMException('', name)); }",
            error,
        )
        denied.locator("#mic .st-record").click()
        expect(denied.locator("#mic .st-mic-line")).to_contain_text(told)
    denied.context.close()

    muted = visit(browsers["muted"], url)
    record(muted, milliseconds=800)
    expect(muted.locator("#mic .st-mic-line")).to_contain_text("gives no sound at all", timeout=WAIT)
    expect(muted.locator("#words button")).to_have_count(0)
    muted.context.close()


@pytest.mark.browser
def test_the_check_of_the_microphone(page: Any) -> None:
    from playwright.sync_api import expect

    page.get_by_text("Check the microphone").first.click()
    page.locator("#check-mic .st-record").click()
    page.wait_for_timeout(2_500)
    page.locator("#check-mic .st-record").click()
    expect(page.locator("#checked")).to_contain_text("works well", timeout=WAIT)


@pytest.mark.browser
def test_a_recording_can_be_thrown_away_and_started_from_the_keyboard(page: Any) -> None:
    from playwright.sync_api import expect

    page.keyboard.press("Alt+KeyR")
    expect(page.locator("#mic .st-on")).to_be_visible(timeout=WAIT)
    expect(page.locator("#mic .st-record")).to_have_attribute("aria-pressed", "true")
    page.locator("#mic .st-cancel").click()
    expect(page.locator("#mic .st-mic-line")).to_have_text("Discarded.")
    expect(page.locator("#words button")).to_have_count(0)


@pytest.mark.browser
def test_a_take_ends_by_itself_after_the_last_word(page: Any) -> None:
    """Hands-free: the fake microphone speaks once and is silent from then on; nobody presses Stop."""
    from playwright.sync_api import expect

    own_text(page, "I think so.")
    page.locator("#mic .st-handsfree input").check()
    page.locator("#mic .st-record").click()
    expect(page.locator("#words button")).to_have_count(3, timeout=WAIT)
    expect(page.locator("#mic .st-record")).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("localStorage['speechtutor-pauses'] || '[]'").startswith("[")


@pytest.mark.browser
def test_a_whole_round_with_the_keyboard_alone(page: Any) -> None:
    """Tab to the recorder, record, stop, tab to a word, open it, tab to Next."""
    from playwright.sync_api import expect

    own_text(page, "I think so.")
    page.locator("#card").click()
    tab_to(page, "#mic .st-record")
    page.keyboard.press("Enter")
    page.wait_for_timeout(1_500)
    page.keyboard.press("Space")
    expect(page.locator("#words button")).to_have_count(3, timeout=WAIT)
    tab_to(page, "#words button")
    page.keyboard.press("Enter")
    expect(page.locator("#detail")).to_contain_text("good", timeout=WAIT)
    tab_to(page, "#next")
    page.keyboard.press("Enter")
    expect(page.locator("#words button")).to_have_count(0, timeout=WAIT)


@pytest.mark.browser
def test_the_language_follows_the_browser_and_changes_at_once(browsers: dict[str, Any], url: str) -> None:
    from playwright.sync_api import expect

    page = visit(browsers["speaking"], url, locale="zh-CN")
    expect(page.locator("#language input")).to_have_value("中文", timeout=WAIT)
    expect(page.locator("#mic .st-record")).to_have_text("录音")
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    pick(page, "kind", "读一个句子")
    record(page)
    words = page.locator("#words button")
    expect(words.first).to_be_visible(timeout=WAIT)
    sentence, n = page.locator("#card .say").inner_text(), words.count()
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(700)  # a menu opens where its field is, and the words were just scrolled to
    pick(page, "language", "Español")
    expect(page.locator("#mic .st-record")).to_have_text("Grabar", timeout=WAIT)
    expect(page.get_by_role("tab", name="Practicar")).to_be_visible()
    expect(page.locator("#card")).to_contain_text("Lee esto en voz alta")
    expect(page.locator("#next")).to_have_text("Siguiente")
    assert page.locator("#card .say").inner_text() == sentence and words.count() == n
    page.reload()
    expect(page.locator("#language input")).to_have_value("Español", timeout=WAIT)
    page.context.close()


@pytest.mark.browser
def test_progress_settings_export_and_delete(browsers: dict[str, Any], url: str, judge: Coach) -> None:
    from playwright.sync_api import expect

    page = visit(browsers["speaking"], url, "progress")
    own_text(page, "I think so.")
    upload(page, GOOD)
    expect(page.locator("#advice")).to_contain_text("One thing", timeout=WAIT)
    page.get_by_role("tab", name="Progress").click()
    expect(page.locator("#progress")).to_contain_text("Your last takes", timeout=WAIT)
    page.locator("[data-phone=R]").click()
    expect(page.locator("#sound input")).to_have_value('"r" as in "red"', timeout=WAIT)
    expect(page.locator("#card .say")).to_be_visible()
    page.get_by_role("tab", name="Settings").click()
    pick(page, "set-colours", "dark")
    expect(page.locator("body")).to_have_class("dark", timeout=WAIT)
    pick(page, "set-notation", "in phonetic signs")
    with page.expect_download() as waiting:
        page.locator("#export").click()
    data = json.loads(Path(waiting.value.path()).read_text(encoding="utf-8"))
    assert data["learner"] == "progress" and len(data["attempts"]) == 1
    page.locator("#confirm textarea, #confirm input").fill("progress")
    page.locator("#delete").click()
    expect(page.locator("#told")).to_contain_text("1 take of progress deleted", timeout=WAIT)
    page.context.close()
    assert isinstance(judge.store, SqlStore) and "progress" not in judge.store.learners()


@pytest.mark.browser
def test_a_placement_begins(browsers: dict[str, Any], url: str) -> None:
    from playwright.sync_api import expect

    page = visit(browsers["speaking"], url, "to be placed")
    expect(page.locator("#place")).to_be_visible(timeout=WAIT)
    page.locator("#place").click()
    expect(page.locator("#welcome")).to_be_hidden(timeout=WAIT)
    expect(page.locator("#card")).to_contain_text("Sentence 1 of at most", timeout=WAIT)
    record(page)
    expect(page.locator("#next")).to_be_visible(timeout=WAIT)
    page.locator("#next").click()
    expect(page.locator("#card")).to_contain_text("Sentence 2 of at most", timeout=WAIT)
    page.context.close()


@pytest.mark.browser
def test_a_talk_in_the_browser(page: Any) -> None:
    from playwright.sync_api import expect

    page.get_by_role("tab", name="Talk").click()
    page.locator("#start-talk").click()
    lines = page.locator("#talk .st-line")
    expect(lines).to_have_count(1, timeout=WAIT)
    expect(lines.first).to_contain_text("How many people are you today?")
    expect(page.locator("#talk-voice audio")).to_be_visible(timeout=WAIT)
    page.locator("#hint").click()
    expect(page.locator("#talk-message")).to_contain_text("A table for …", timeout=WAIT)
    record(page, "#talk-mic")
    expect(lines).to_have_count(3, timeout=WAIT)
    expect(lines.nth(1)).to_contain_text("hello think")
    expect(lines.nth(2)).to_contain_text("What would you like to drink?")
    words = page.locator("#talk-words button")
    expect(words).to_have_count(2)
    words.nth(1).click()
    expect(page.locator("#talk-detail")).to_contain_text("I heard", timeout=WAIT)
    page.locator("#finish").click()
    summary = page.locator("#talk-summary")
    expect(summary).to_contain_text("Turns you spoke: 1", timeout=WAIT)
    expect(summary).to_contain_text('"th" as in "think"')


@pytest.mark.browser
def test_who_begins_to_speak_is_not_talked_over(page: Any) -> None:
    """The partner's voice stops at once, and one that comes while somebody speaks stays silent."""
    page.get_by_role("tab", name="Talk").click()
    page.locator("#start-talk").click()
    page.wait_for_function("document.querySelector('#talk-voice audio, .st-sound')", timeout=WAIT)
    playing = "[...document.querySelectorAll('audio')].filter((one) => !one.paused).length"
    page.evaluate("document.querySelector('.st-sound').loop = true")
    page.evaluate("document.querySelector('.st-sound').play()")
    assert page.evaluate(playing) == 1
    page.locator("#talk-mic .st-record").click()
    page.locator("#talk-mic .st-on").wait_for(timeout=WAIT)
    assert page.evaluate(playing) == 0
    page.evaluate("document.querySelector('.st-sound').play().catch(() => {})")
    page.wait_for_timeout(300)
    assert page.evaluate(playing) == 0
    page.locator("#talk-mic .st-cancel").click()
    page.evaluate("document.querySelector('.st-sound').play().catch(() => {})")
    page.wait_for_timeout(300)
    assert page.evaluate(playing) == 1


@pytest.mark.browser
@pytest.mark.parametrize(("locale", "scheme"), [("en-US", "light"), ("zh-CN", "dark")])
def test_axe_finds_nothing_serious(browsers: dict[str, Any], url: str, locale: str, scheme: str) -> None:
    """Every tab, with a result on it (axe-core 4, all its rules)."""
    from playwright.sync_api import expect

    need(importlib.util.find_spec("axe_playwright_python"), "axe-playwright-python is not installed")
    page = visit(browsers["speaking"], url, locale=locale, color_scheme=scheme)
    upload(page, GOOD)
    expect(page.locator("#words button").first).to_be_visible(timeout=WAIT)
    expect(page.locator("#next")).to_be_visible(timeout=WAIT)
    page.locator("#words button").first.click()
    expect(page.locator("#detail")).not_to_be_empty(timeout=WAIT)
    found = []
    for tab in page.get_by_role("tab").all():
        tab.click()
        if tab.get_attribute("data-tab-id") == "talk":
            page.locator("#start-talk").click()
            expect(page.locator("#talk .st-line")).to_have_count(1, timeout=WAIT)
        page.wait_for_timeout(500)
        found += [(tab.get_attribute("data-tab-id"), *one) for one in serious(page)]
        found += [("marks", one) for one in half_width(page.locator("main").first.inner_html())]
    page.context.close()
    assert found == []
