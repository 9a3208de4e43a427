"""The pictures of the README, taken of the running app: `python -m tests.support.pictures`.

Needs the models, chromium and playwright; a learner made up for the pictures lives in a store of its own.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from demo import app, private, voices
from demo.practice import KINDS, OWN
from speechtutor import registry
from speechtutor.learner.store import SqlStore
from speechtutor.pipeline import Coach
from tests.conftest import EXAMPLES, PROJECT, chromium

OUT = PROJECT / "docs" / "pictures"
PHONE = {"width": 390, "height": 844}
WAIT = 120_000
SAID = (("weather-good.flac", "I think the weather is very nice today."),
        ("dinner-errors.flac", "We like rice and chips for dinner."))  # fmt: skip


def coach(store: SqlStore) -> Coach:
    """The app's stages as `serve` loads them."""
    lane = voices.Lane()
    return Coach(
        voices.FirstTranscriber(registry.load("transcriber"), lane),
        voices.FirstScorer(registry.load_scorer(strictness="strict"), lane),
        registry.load("tutor"),
        store=store,
        synthesizer=voices.Remembered(registry.load("synthesizer"), lane),
        grammar=registry.load("grammar", "rules"),
    )


def take(page: Any, file: Path, words: str) -> None:
    """Judge a recording of some words on the Practise tab."""
    page.locator("#kind input").click()
    page.get_by_role("option").nth(list(KINDS).index(OWN)).click()
    page.locator("#text textarea").fill(words)
    page.locator("#use").click()
    page.locator("#card .say").filter(has_text=words).wait_for(timeout=WAIT)
    page.locator("#mic-upload").locator("xpath=preceding-sibling::input[1]").set_input_files(file)
    page.locator("#advice h2").wait_for(timeout=WAIT)


def pictures(browser: Any, url: str) -> None:
    """A result on a desktop, on a phone in the dark in Chinese, and the progress of a learner."""
    for name, how in (
        ("practise", {"viewport": {"width": 900, "height": 1000}}),
        ("phone", {"viewport": PHONE, "locale": "zh-CN", "color_scheme": "dark"}),
    ):
        page = browser.new_context(**how).new_page()
        page.goto(url)
        page.locator("#card [data-id]:not([data-id=for_you])").wait_for(timeout=WAIT)
        for file, words in SAID:
            take(page, EXAMPLES / file, words)
        page.locator("#words .st-wrong").first.click()
        page.locator("#detail [data-sound]").nth(1).wait_for(timeout=WAIT)
        page.evaluate("document.activeElement.blur()")
        page.evaluate("document.querySelector('#card').scrollIntoView()")
        page.screenshot(path=OUT / f"{name}.png", full_page=name == "practise")
        if name == "practise":
            page.get_by_role("tab").nth(2).click()
            page.locator("#progress .st-tile").first.wait_for(timeout=WAIT)
            page.screenshot(path=OUT / "progress.png", full_page=True)
        page.context.close()


def main() -> int:
    """Take them and say how large they are."""
    from playwright.sync_api import sync_playwright

    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, private.private_folder():
        store = SqlStore(f"sqlite:///{folder}/learners.db")
        blocks = app.build(coach(store))
        _, url, _ = app.launch(blocks, prevent_thread_lock=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
            pictures(browser, url)
            browser.close()
        blocks.close(verbose=False)
        store.close()
    for path in sorted(OUT.glob("*.png")):
        shrunk(path)
        print(f"{path.relative_to(PROJECT)}: {path.stat().st_size // 1000} kB")
    return 0


def shrunk(path: Path) -> None:
    """The picture with a palette of 64 colours: a third of its bytes, and no difference that one sees."""
    from PIL import Image

    with Image.open(path) as picture:
        picture.convert("RGB").quantize(64).save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
