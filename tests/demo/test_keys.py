"""Every room of the app with the keyboard alone, and a name for everything that can be reached."""

from __future__ import annotations

from typing import Any

import pytest

from demo.practice import KINDS
from tests.conftest import EXAMPLES
from tests.support.browser import WAIT, nameless, own_text, press, tab_to, upload, visit

pytestmark = pytest.mark.browser

GOOD = EXAMPLES / "weather-good.flac"


def speak(page: Any, where: str) -> None:
    press(page, f"{where} .st-record")
    page.locator(f"{where} .st-on").wait_for(timeout=WAIT)
    page.wait_for_timeout(1_500)
    page.keyboard.press("Space")


def test_a_talk(page: Any) -> None:
    from playwright.sync_api import expect

    press(page, "[role=tab][data-tab-id=talk]")
    press(page, "#start-talk")
    lines = page.locator("#talk .st-line")
    expect(lines).to_have_count(1, timeout=WAIT)
    press(page, "#hint")
    expect(page.locator("#talk-message")).to_contain_text("A table for …", timeout=WAIT)
    speak(page, "#talk-mic")
    expect(lines).to_have_count(3, timeout=WAIT)
    press(page, "#talk-words button")
    expect(page.locator("#talk-detail")).not_to_be_empty(timeout=WAIT)
    assert nameless(page) == []
    press(page, "#finish")
    expect(page.locator("#talk-summary")).to_contain_text("Turns you spoke: 1", timeout=WAIT)


def test_a_pair_from_the_menu(page: Any) -> None:
    from playwright.sync_api import expect

    tab_to(page, "#kind")
    for _ in range(list(KINDS).index("pair")):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#card")).to_contain_text("which word do you hear", timeout=WAIT)
    press(page, "#hear")
    expect(page.locator("#voice audio")).to_have_count(1, timeout=WAIT)
    press(page, "#card .st-choice", "Space")
    expect(page.locator("#card [role=status]")).to_be_visible(timeout=WAIT)
    assert nameless(page) == []
    speak(page, "#mic")
    expect(page.locator("#words button")).to_have_count(2, timeout=WAIT)


def test_a_passage_its_sentences_and_the_details(page: Any) -> None:
    from playwright.sync_api import expect

    own_text(page, "I think so. We like rice.")
    upload(page, GOOD)
    expect(page.locator("#next")).to_be_visible(timeout=WAIT)
    press(page, "#words [data-word='3']")
    expect(page.locator("#detail")).not_to_be_empty(timeout=WAIT)
    press(page, "#details > button")
    expect(page.locator("#result .st-seen").first).to_be_visible(timeout=WAIT)
    assert nameless(page) == []
    press(page, "#again")
    expect(page.locator("#words button")).to_have_count(0, timeout=WAIT)


def test_progress_settings_and_being_forgotten(browsers: dict[str, Any], url: str) -> None:
    from playwright.sync_api import expect

    page = visit(browsers["speaking"], url, "by keys")
    own_text(page, "I think so.")
    upload(page, GOOD)
    expect(page.locator("#advice h2")).to_be_visible(timeout=WAIT)
    press(page, "[role=tab][data-tab-id=settings]")
    expect(page.locator("#save-you")).to_be_enabled(timeout=WAIT)
    press(page, "#goals input", "Space")
    press(page, "#save-you")
    expect(page.locator("#saved-you")).to_contain_text("Saved", timeout=WAIT)
    assert nameless(page) == []
    press(page, "[role=tab][data-tab-id=progress]")
    expect(page.locator("[data-phone=R]")).to_be_visible(timeout=WAIT)
    assert nameless(page) == []
    press(page, "[data-phone=R]")
    expect(page.locator("#sound input")).to_have_value('"r" as in "red"', timeout=WAIT)
    press(page, "[role=tab][data-tab-id=settings]")
    tab_to(page, "#confirm")
    page.keyboard.type("by keys")
    press(page, "#delete")
    expect(page.locator("#told")).to_contain_text("1 take of by keys deleted", timeout=WAIT)
    page.context.close()
