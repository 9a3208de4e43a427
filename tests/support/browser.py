"""What a person does with the app in a browser: come, record, choose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PHONE = {"width": 390, "height": 844}
WAIT = 120_000


def visit(browser: Any, url: str, name: str = "", **how: Any) -> Any:
    """A page that has come up; the learner `name` was here before."""
    context = browser.new_context(**{"permissions": ["microphone"], "viewport": PHONE, **how})
    opened = context.new_page()
    opened.goto(url)
    opened.locator("#card [data-id]:not([data-id=for_you])").wait_for(timeout=WAIT)
    if name:
        field = opened.locator("#learner textarea, #learner input")
        kept = "localStorage['speechtutor-learner']"
        before = opened.evaluate(kept)
        field.fill(name)
        field.press("Enter")
        opened.wait_for_function(f"before => {kept} !== before", arg=before, timeout=WAIT)
    return opened


def record(page: Any, where: str = "#mic", milliseconds: int = 2_000) -> None:
    button = page.locator(f"{where} .st-record")
    button.click()
    page.locator(f"{where} .st-on").wait_for(timeout=WAIT)
    page.wait_for_timeout(milliseconds)
    button.click()


def upload(page: Any, path: Path, where: str = "mic") -> None:
    """A recording chosen by hand: the button, then the browser's own window."""
    with page.expect_file_chooser(timeout=WAIT) as chooser:
        page.locator(f"#{where}-upload").click()
    chooser.value.set_files(path)


def pick(page: Any, menu: str, name: str) -> None:
    before = page.evaluate("window.speechtutor.shown()")
    page.locator(f"#{menu} input").click()
    page.get_by_role("option", name=name).first.click()
    if menu in ("kind", "sound"):  # what is said before the new exercise is there would be refused
        page.wait_for_function("before => window.speechtutor.shown() !== before", arg=before, timeout=WAIT)


def own_text(page: Any, words: str) -> None:
    from playwright.sync_api import expect

    pick(page, "kind", "Your own text")
    page.locator("#text textarea").fill(words)
    page.locator("#use").click()
    expect(page.locator("#card .say")).to_have_text(words, timeout=WAIT)


def tab_to(page: Any, selector: str) -> None:
    """Go on with the tabulator until the focus is in what is asked for."""
    for _ in range(90):
        page.keyboard.press("Tab")
        if page.evaluate("what => Boolean(document.activeElement?.closest(what))", selector):
            return
    raise AssertionError(f"no way to {selector} with the keyboard")


def press(page: Any, selector: str, key: str = "Enter") -> None:
    """Tab to what is asked for, and press a key there."""
    tab_to(page, selector)
    page.keyboard.press(key)


NAMELESS = """() => [...document.querySelectorAll('button, a[href], input, select, textarea, audio, ' +
  '[tabindex="0"], [role=tab], svg[role=img]')].filter((one) => {
  if (!one.checkVisibility({visibilityProperty: true}) || one.closest('[aria-hidden=true]')) return false;
  const ids = (one.getAttribute('aria-labelledby') || '').split(' ');
  const others = [...ids.map((id) => document.getElementById(id)), ...one.labels || []];
  const texts = ['aria-label', 'title', 'alt'].map((name) => one.getAttribute(name));
  texts.push(...others.map((other) => other && other.textContent));
  if (!['INPUT', 'TEXTAREA', 'SELECT'].includes(one.tagName)) texts.push(one.textContent);
  return !texts.some((text) => text && text.trim());
}).map((one) => one.outerHTML.slice(0, 200))"""


def nameless(page: Any) -> list[str]:
    """What can be reached on a page, or is a picture, and says nothing to who only hears it."""
    found: list[str] = page.evaluate(NAMELESS)
    return found


def serious(page: Any) -> list[tuple[str, Any]]:
    """What axe-core 4, with all its rules, finds serious or worse: the rule, and a few of its places."""
    from axe_playwright_python.sync_playwright import Axe

    return [
        (one["id"], [node["target"] for node in one["nodes"]][:3])
        for one in Axe().run(page).response["violations"]
        if one["impact"] in ("serious", "critical")
    ]
