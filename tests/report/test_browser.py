"""Reports in a real browser: on a phone, on paper, by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from speechtutor.report import attempts, class_page, run_page
from speechtutor.report.run_page import Options
from tests.conftest import chromium
from tests.report.test_class_page import CLASS
from tests.support import evaluated

PHONE = {"width": 390, "height": 844}
FEW = Options(draws=30, n_worst=4)
NAMES = ("asr", "scoring", "two", "unfinished", "class")

UNNAMED = """() => [...document.querySelectorAll('audio,svg,img,[role=region],nav,table,a,summary')]
    .filter(e => !(e.getAttribute('aria-label') || e.caption || e.textContent.trim() || e.alt))
    .map(e => e.outerHTML.slice(0, 120))"""
PALE = """() => {
  const linear = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = c => { const [r, g, b] = c.map(linear); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const rgb = s => s.match(/[\\d.]+/g).map(Number);
  const ground = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
                        if (c.length < 4 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
  const bad = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!e.innerText || e.closest('svg') || !own) continue;
    const ink = rgb(getComputedStyle(e).color).slice(0, 3);
    const [a, b] = [light(ink), light(ground(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) bad.push(e.outerHTML.slice(0, 120));
  }
  return bad; }"""
SMALL = """() => [...document.querySelectorAll('nav a,summary,audio')].filter(e => e.checkVisibility())
    .filter(e => e.getBoundingClientRect().height < 44).map(e => e.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    for i in range(40):
        evaluated.tone(folder / f"audio/clips/u{i:04d}.flac", 0.2, i)
    asr = evaluated.asr_run(folder / "asr", 40, root=folder / "audio", text="ünïcode " + "x" * 120)
    other = evaluated.asr_run(folder / "other", 40, error=0.1, seed=1, text="ünïcode " + "x" * 120)
    scoring = evaluated.scoring_run(folder / "scoring", 6)
    cut = evaluated.asr_run(folder / "cut", 4)
    (cut / "summary.json").unlink()
    made = {
        "asr": run_page.build(asr, options=FEW),
        "scoring": run_page.build(scoring, options=FEW),
        "two": run_page.build(asr, folder / "two.html", other, FEW),
        "unfinished": run_page.build(cut, options=FEW),
        "class": class_page.build(attempts.AttemptLog(CLASS), folder / "class.html"),
    }
    return {name: built.page for name, built in made.items()}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.browser
@pytest.mark.parametrize("name", NAMES)
def test_on_a_phone_and_on_paper(browser: Any, pages: dict[str, Path], name: str) -> None:
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda m: complaints.append(m.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith(("data:", "file:")) else asked.append(r.url))
    page.goto(pages[name].as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for closed in page.locator("details").all():
        closed.evaluate("e => e.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate(UNNAMED) == []
    assert page.evaluate(PALE) == []
    assert page.evaluate(SMALL) == []
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('nav') !== null")
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF") and len(pdf) > 10_000
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    context.close()
    assert complaints == [] and asked == []


@pytest.mark.browser
def test_a_recording_in_the_page_plays(browser: Any, pages: dict[str, Path]) -> None:
    page = browser.new_page()
    page.goto(pages["asr"].as_uri())
    player = page.locator("audio").first
    player.evaluate("e => { e.preload = 'auto'; e.load(); }")
    for _ in range(100):  # the page's own policy forbids playwright's wait_for_function
        if player.evaluate("e => e.readyState") >= 2:
            break
        page.wait_for_timeout(100)
    assert player.evaluate("e => e.duration") == pytest.approx(0.2, abs=0.02)
    page.close()
