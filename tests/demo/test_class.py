"""The app with sign-in in a real browser: homework from a teacher to a learner, and an admin."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo import app, private, serving
from speechtutor import audio
from speechtutor.learner.store import SqlStore
from tests.conftest import EXAMPLES, need
from tests.demo.test_practice import coach
from tests.support.browser import PHONE, WAIT, nameless, press, serious, tab_to

GOOD = EXAMPLES / "weather-good.flac"
ROLES = {"ruth": "teacher", "root": "admin", "ana": "learner", "bo": "learner"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(private, "home", lambda: tmp_path_factory.mktemp("home"))
        store = SqlStore(f"sqlite:///{tmp_path_factory.mktemp('store') / 'learners.db'}")
        judge = coach(store=store)
        for name in ("ana", "bo"):  # both have been here before, so that a teacher can choose them
            judge.coach(audio.load(GOOD), "Good morning.", name)
        with private.private_folder():
            page = app.build(judge, roles=ROLES)
            how = serving.options("127.0.0.1", (), [(name, "pw") for name in ROLES])
            _, address, _ = app.launch(page, prevent_thread_lock=True, **how)
            yield address
            page.close()
        store.close()


@pytest.fixture
def browser(browsers: dict[str, Any]) -> Any:
    return browsers["speaking"]


def signed_in(browser: Any, url: str, name: str, **how: Any) -> Any:
    page = browser.new_context(**how).new_page()
    page.goto(url)
    page.locator("input[type=password]").wait_for(timeout=WAIT)
    page.locator("input, textarea").first.fill(name)
    page.locator("input[type=password]").fill("pw")
    page.keyboard.press("Enter")
    page.locator("#card [data-id]:not([data-id=for_you])").wait_for(timeout=WAIT)
    return page


def opened(page: Any, fold: str, inside: str) -> None:
    """Open what is folded up, and wait for what is in it."""
    page.locator(f"{fold} > button").click()
    page.locator(inside).wait_for(timeout=WAIT)


def chosen(page: Any, menu: str, name: str) -> None:
    """Pick a name of a list by its option."""
    from playwright.sync_api import expect

    page.locator(f"{menu} input").first.click()
    page.get_by_role("option", name=name, exact=True).click(timeout=WAIT)
    expect(page.locator(f"{menu} .token")).to_contain_text([name], timeout=WAIT)
    page.keyboard.press("Escape")


@pytest.mark.browser
def test_homework_from_the_teacher_to_the_grade(browser: Any, url: str) -> None:
    from playwright.sync_api import expect

    ruth = signed_in(browser, url, "ruth")
    expect(ruth.locator("#learner textarea, #learner input")).to_be_disabled(timeout=WAIT)
    ruth.get_by_role("tab", name="Class").click()
    expect(ruth.locator("#class")).to_contain_text("ana", timeout=WAIT)
    opened(ruth, "#give", "#assign")
    expect(ruth.get_by_text("Records of learners")).to_have_count(0)
    chosen(ruth, "#for", "ana")
    ruth.locator("#assign").click()
    expect(ruth.locator("#assigned [role=alert]")).to_contain_text("Give it a name first", timeout=WAIT)
    ruth.locator("#work-title textarea, #work-title input").fill("Week 1")
    ruth.locator("#lines textarea").fill("I think so.\nWe like rice.")
    ruth.locator("#assign").click()
    expect(ruth.locator("#assigned")).to_contain_text("2 exercises for 1 learner,", timeout=WAIT)

    ana = signed_in(browser, url, "ana", viewport={"width": 390, "height": 844})
    ana.get_by_role("tab", name="Homework").click()
    expect(ana.get_by_role("tab", name="Class")).to_have_count(0)
    expect(ana.locator("#homework [data-task]")).to_have_count(2, timeout=WAIT)
    ana.locator("#homework [data-task]").first.click()
    expect(ana.locator("#card .say")).to_have_text("I think so.", timeout=WAIT)
    ana.locator("#mic-upload").locator("xpath=preceding-sibling::input[1]").set_input_files(GOOD)
    expect(ana.locator("#card")).to_contain_text("best of 1", timeout=WAIT)
    assert ana.evaluate("document.documentElement.scrollWidth") <= 390
    ana.locator("#next").click()
    expect(ana.locator("#card .say")).to_have_text("We like rice.", timeout=WAIT)

    bo = signed_in(browser, url, "bo")
    expect(bo.locator("#back")).to_be_attached(timeout=WAIT)
    expect(bo.get_by_role("tab", name="Homework")).to_have_count(0, timeout=WAIT)
    opened(ruth, "#answers", "#show-work")
    ruth.locator("#show-work").click()
    expect(ruth.locator("#results")).to_contain_text("to work on: /θ/", timeout=WAIT)
    with ruth.expect_download(timeout=WAIT) as waiting:
        ruth.locator("#download").click()
    assert Path(waiting.value.path()).read_bytes()[:2] == b"PK"

    root = signed_in(browser, url, "root")
    root.get_by_role("tab", name="Class").click()
    opened(root, "#admin", "#show-log")
    root.locator("#show-log").click()
    expect(root.locator("#log")).to_contain_text("homework Week 1", timeout=WAIT)
    for page in (ruth, ana, bo, root):
        page.context.close()


@pytest.mark.browser
def test_homework_given_and_said_with_the_keyboard_alone(browser: Any, url: str) -> None:
    from playwright.sync_api import expect

    ruth = signed_in(browser, url, "ruth")
    press(ruth, "[role=tab][data-tab-id=class]")
    expect(ruth.locator("#class")).to_contain_text("ana", timeout=WAIT)
    press(ruth, "#give > button")
    ruth.locator("#assign").wait_for(timeout=WAIT)
    tab_to(ruth, "#for input")
    ruth.keyboard.type("ana")
    ruth.keyboard.press("Enter")
    expect(ruth.locator("#for .token")).to_contain_text(["ana"], timeout=WAIT)
    tab_to(ruth, "#work-title")
    ruth.keyboard.type("By keys")
    tab_to(ruth, "#lines")
    ruth.keyboard.type("We like rice.")
    press(ruth, "#assign")
    expect(ruth.locator("#assigned")).to_contain_text("1 exercise for 1 learner,", timeout=WAIT)
    press(ruth, "#answers > button")
    press(ruth, "#show-work")
    expect(ruth.locator("#results [role=region]")).to_have_attribute(
        "aria-label", "Answers and grades", timeout=WAIT
    )
    assert nameless(ruth) == []

    ana = signed_in(browser, url, "ana")
    press(ana, "[role=tab][data-tab-id=homework]")
    expect(ana.locator("#homework [data-task]").last).to_be_visible(timeout=WAIT)
    assert nameless(ana) == []
    press(ana, "#homework li:last-child [data-task]")
    expect(ana.locator("#card .say")).to_have_text("We like rice.", timeout=WAIT)
    for page in (ruth, ana):
        page.context.close()


@pytest.mark.browser
def test_what_a_learner_wants_is_kept_over_a_visit(browser: Any, url: str) -> None:
    from playwright.sync_api import expect

    page = signed_in(browser, url, "bo")
    page.get_by_role("tab", name="Settings").click()
    expect(page.locator("#save-you")).to_be_enabled(timeout=WAIT)  # the tab is filled
    page.locator("#goals").get_by_text("speaking freely").click()
    page.locator("#save-you").click()
    expect(page.locator("#saved-you")).to_contain_text("Saved", timeout=WAIT)
    page.context.close()
    page = signed_in(browser, url, "bo")
    page.get_by_role("tab", name="Settings").click()
    expect(page.locator("#goals input").nth(2)).to_be_checked(timeout=WAIT)
    page.context.close()


@pytest.mark.browser
@pytest.mark.parametrize(("locale", "scheme"), [("en-US", "light"), ("zh-CN", "dark")])
def test_axe_finds_nothing_serious_where_one_signs_in(
    browser: Any, url: str, locale: str, scheme: str
) -> None:
    """Class with everything unfolded and Homework, on a phone (axe-core 4, all its rules)."""
    from playwright.sync_api import expect

    need(importlib.util.find_spec("axe_playwright_python"), "axe-playwright-python is not installed")
    how = {"viewport": PHONE, "locale": locale, "color_scheme": scheme}
    root = signed_in(browser, url, "root", **how)
    root.locator("[role=tab][data-tab-id=class]").click()
    expect(root.locator("#class")).to_contain_text("ana", timeout=WAIT)
    opened(root, "#give", "#assign")
    chosen(root, "#for", "bo")
    root.locator("#work-title textarea, #work-title input").fill(f"{scheme} week")
    root.locator("#lines textarea").fill("I think so.")
    root.locator("#assign").click()
    expect(root.locator("#assigned")).not_to_be_empty(timeout=WAIT)
    opened(root, "#answers", "#show-work")
    root.locator("#show-work").click()
    expect(root.locator("#results")).not_to_be_empty(timeout=WAIT)
    opened(root, "#admin", "#show-log")
    root.locator("#show-log").click()
    expect(root.locator("#log")).not_to_be_empty(timeout=WAIT)
    bo = signed_in(browser, url, "bo", **how)
    bo.locator("[role=tab][data-tab-id=homework]").click()
    expect(bo.locator("#homework [data-task]").first).to_be_visible(timeout=WAIT)
    for page in (root, bo):
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        page.context.close()
