"""What fails between the page and the server: told in the learner's words, and nothing said is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from demo import app
from speechtutor.content.tables import catalogue, languages
from tests.conftest import EXAMPLES
from tests.demo.test_practice import coach
from tests.support.browser import WAIT, record, serious, upload, visit

GOOD = EXAMPLES / "weather-good.flac"
LOCALES = {"en": "en-US", "es": "es-ES", "zh": "zh-CN"}
OURS = "#message [role=alert], #words .st-word, #st-trouble"
GRADIO = ".toast-body, .wrap .error"
"""Where gradio tells of errors in words of its own."""


def broken(page: Any, what: str, how: Any) -> None:
    """The next request of a kind fails, and only that one."""
    page.route(what, how, times=1)


def left_alone(browser: Any) -> tuple[Any, int]:
    """A page whose server has gone, and the port that it was at."""
    first = app.build(coach())
    _, address, _ = app.launch(first, prevent_thread_lock=True)
    page = visit(browser, address)
    first.close(verbose=False)
    return page, int(address.rstrip("/").rsplit(":", 1)[1])


@contextmanager
def served_again(page: Any, port: int) -> Iterator[None]:
    """Another server at the same port; the page is closed with it."""
    second = app.build(coach())
    app.launch(second, prevent_thread_lock=True, server_port=port)
    try:
        yield
    finally:
        page.context.close()
        second.close(verbose=False)


@pytest.mark.browser
@pytest.mark.parametrize("lang", languages())
def test_a_take_that_did_not_arrive_is_kept_and_sent_again(
    browsers: dict[str, Any], url: str, lang: str
) -> None:
    from playwright.sync_api import expect

    page = visit(browsers["speaking"], url, locale=LOCALES[lang])
    expect(page.locator("html")).to_have_attribute("lang", lang, timeout=WAIT)
    words = catalogue(lang)["trouble"]
    shown = page.evaluate("window.speechtutor.shown()")
    broken(page, "**/upload*", lambda route: route.abort())
    record(page)
    told = page.locator("#st-trouble")
    expect(told).to_have_attribute("role", "alert", timeout=WAIT)
    expect(told.locator("p")).to_have_text(words["undelivered"])
    expect(page.locator(GRADIO).filter(visible=True)).to_have_count(0)
    assert serious(page) == []
    told.get_by_role("button", name=words["again"]).click()
    expect(page.locator("#words .st-word").first).to_be_visible(timeout=WAIT)
    expect(told).to_have_count(0)
    assert page.evaluate("window.speechtutor.shown()") == shown
    page.context.close()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("status", "key"), [(413, "large"), (429, "quick"), (503, "full"), (500, "undelivered")]
)
def test_a_refusal_says_what_to_do(browsers: dict[str, Any], url: str, status: int, key: str) -> None:
    from playwright.sync_api import expect

    page = visit(browsers["speaking"], url)
    broken(page, "**/upload*", lambda route: route.fulfill(status=status, body="no"))
    record(page)
    words = catalogue()["trouble"]
    told = page.locator("#st-trouble")
    expect(told.locator("p")).to_have_text(words[key], timeout=WAIT)
    # What is too large is so the second time as well.
    expect(told.get_by_role("button", name=words["again"])).to_have_count(int(key != "large"))
    told.get_by_role("button", name=words["close"]).click()
    expect(told).to_have_count(0)
    page.context.close()


@pytest.mark.browser
def test_what_was_answered_is_not_offered_again(browsers: dict[str, Any], url: str) -> None:
    """Another press that fails after the take was judged: nothing of the take is missing."""
    from playwright.sync_api import expect

    page = visit(browsers["speaking"], url)
    record(page)
    expect(page.locator("#next")).to_be_visible(timeout=WAIT)
    card = page.evaluate("window.speechtutor.shown()")
    broken(page, "**/queue/join*", lambda route: route.fulfill(status=500, body="{}"))
    page.locator("#skip").click()
    words = catalogue()["trouble"]
    told = page.locator("#st-trouble")
    expect(told.locator("p")).to_have_text(words["failed"], timeout=WAIT)
    expect(told.get_by_role("button")).to_have_text([words["close"]])
    expect(page.locator(GRADIO).filter(visible=True)).to_have_count(0)
    page.locator("#skip").click()
    page.wait_for_function("before => window.speechtutor.shown() !== before", arg=card, timeout=WAIT)
    page.context.close()


@pytest.mark.browser
def test_a_server_that_is_gone_and_comes_back(browsers: dict[str, Any]) -> None:
    """The page says that the connection is lost; when the server is there again, it goes on."""
    from playwright.sync_api import expect

    page, port = left_alone(browsers["speaking"])
    record(page)
    expect(page.locator("#st-trouble p")).to_have_text(catalogue()["trouble"]["lost"], timeout=WAIT)
    expect(page.locator(GRADIO).filter(visible=True)).to_have_count(0)
    with served_again(page, port):
        again = page.get_by_role("button", name=catalogue()["trouble"]["again"])
        here = page.locator("#card [data-id]:not([data-id=for_you])")
        expect(again.or_(here).filter(visible=True).first).to_be_visible(timeout=WAIT)
        if again.is_visible():
            again.click()
        else:  # the page came up anew
            record(page)
        expect(page.locator(OURS).filter(visible=True).first).to_be_visible(timeout=WAIT)
        record(page)
        expect(page.locator("#words .st-word").first).to_be_visible(timeout=WAIT)


@pytest.mark.browser
def test_a_server_that_was_started_again_says_so(browsers: dict[str, Any]) -> None:
    from playwright.sync_api import expect

    page, port = left_alone(browsers["speaking"])
    with served_again(page, port):
        expect(page.locator("#card [data-id]")).to_be_visible()
        upload(page, GOOD)
        expect(page.locator(OURS).filter(visible=True).first).to_be_visible(timeout=WAIT)
        record(page)
        expect(page.locator("#words .st-word").first).to_be_visible(timeout=WAIT)
