"""Two graders at work on one run, in a real browser."""

from __future__ import annotations

import base64
import importlib.util
import io
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from demo import grading, private
from demo.guard import Guard
from speechtutor.content.tables import message
from speechtutor.errors import require
from speechtutor.report import grades, sources
from tests.conftest import need
from tests.support import evaluated
from tests.support.browser import PHONE, WAIT, nameless, serious

MACHINE = ("43.17", "57.39")
"""Scores of the machine in the run below, which stand nowhere else."""


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, sources.Source]]:
    monkeypatch.setattr(private, "home", lambda: tmp_path / "home")
    rows = [evaluated.scored_row(i, text) for i, text in enumerate(("think rice", "rice think"))]
    for row in rows:
        row.detail["model"]["accuracy"] = 57.39
        row.detail["words"][0]["model"]["accuracy"] = 43.17
        evaluated.tone(tmp_path / "audio" / row.audio)
    folder = evaluated.scoring_run(tmp_path / "run", root=tmp_path / "audio", rows=rows)
    source = sources.load(folder)
    with private.private_folder():
        page = grading.build(source)
        _, address, _ = grading.launch(page, prevent_thread_lock=True)
        yield address, source
        page.close()


def event(**data: Any) -> Any:
    return SimpleNamespace(_data=data)


def booth(tmp_path: Path) -> grading.Booth:
    source = sources.load(evaluated.scoring_run(tmp_path / "run", 3, root=tmp_path))
    return grading.Booth(source, Guard(tmp_path / "logs"))


SAID = {"sentence": 8, "words": [5, None], "sounds": [[None] * 4, [None] * 3], "note": ""}


def test_what_a_page_cannot_mean_is_one_line_and_saves_nothing(tmp_path: Path) -> None:
    here = booth(tmp_path)
    for who, data, says in (
        ("Ann", {"id": "u99", "save": SAID}, "no utterance"),
        ("Ann", {"id": "u1", "save": {**SAID, "sentence": 11}}, "sentence"),
        ("Ann", {"id": "u1", "save": {**SAID, "sentence": None, "words": [None, None]}}, "nothing is graded"),
        ("Ann", {"id": "u1", "skip": "tired"}, "a reason to skip"),
        ("", {"id": "u1", "save": SAID}, "needs a name"),
        ("the machine", {"id": "u1", "save": SAID}, "cannot be a grader"),
    ):
        assert says in here.acted(who, "en", event(**data))[-1], says
    assert not here.source.record.exists()
    assert "needs a name" in here.begin(" ", "en")[-1]


def test_a_sheet_is_shown_with_other_scores_only_to_who_has_saved(tmp_path: Path) -> None:
    here = booth(tmp_path)
    (tmp_path / "run" / "overrides.jsonl").write_text("damaged\n")  # it keeps nobody from grading
    saved = here.acted("Ann", "en", event(id="u1", save=SAID))
    assert "gr-machine" in saved[4] and "Saved" in saved[5]
    assert "gr-machine" not in "".join(map(str, here.acted("Bo", "en", event(id="u0", go="on"))))
    for _ in range(3):
        at = here.begin("Bo", "en")[1]
        assert "gr-machine" not in here.acted("Bo", "zh", event(id=at, skip="noise"))[4]
    assert "You have been through everything" in here.begin("Bo", "en")[-1]


def test_a_file_holds_what_its_reader_has_graded(tmp_path: Path) -> None:
    here = booth(tmp_path)
    for who, name in (("Ann", "u0"), ("Ann", "u1"), ("Bo", "u1")):
        here.acted(who, "en", event(id=name, save=SAID))
    text, problem = here.handed("csv", "Bo", "en", None)
    name, kind, data = text.split(";")
    assert (name, kind, problem) == ("grades.csv", "text/csv", "")
    rows = base64.b64decode(data).decode("utf-8-sig").splitlines()
    assert {row.split(",")[0] for row in rows[1:]} == {"u1"} and ",Ann," in rows[1]
    assert "needs a name" in here.handed("xlsx", "", "en", None)[1]


def test_whoever_signed_in_is_the_grader(tmp_path: Path) -> None:
    here = booth(tmp_path)
    signed: Any = SimpleNamespace(username="ruth")
    assert here.begin("Ann", "en", signed)[0] == "ruth"
    here.acted("Ann", "en", event(id="u1", save=SAID), signed)
    assert [one.who for one in grades.read(here.source.record).grades] == ["ruth"]


def begin(browser: Any, url: str, name: str, **how: Any) -> Any:
    page = browser.new_context(**how).new_page()
    page.goto(url)
    field = page.locator("#grader textarea, #grader input")
    field.wait_for(timeout=WAIT)
    field.fill(name)
    page.locator("#begin").click()
    page.locator(".gr[data-begun]").wait_for(timeout=WAIT)
    return page


def blind(page: Any) -> None:
    """Nothing of the machine is in the page, neither to be seen nor in its source."""
    source = page.evaluate("document.documentElement.outerHTML")
    assert not any(told in source for told in MACHINE)
    sheet = page.locator("#sheet").evaluate("one => one.outerHTML")
    assert not any(told in sheet for told in ("machine", "raters", "4.3", "5.7"))


def grade(page: Any) -> None:
    """Everything by clicking: the sentence, both words, and the first two sounds of the first."""
    from playwright.sync_api import expect

    blind(page)
    page.locator('.gr-target[data-at="s"]').click()
    page.locator('.gr-scale[data-unit=sentence] [data-digit="8"]').click()
    page.locator('.gr-target[data-at="w1"]').click()
    page.locator('.gr-scale[data-unit=word] [data-digit="5"]').click()
    expect(page.locator(".gr-scale[data-unit=word] li.gr-on")).to_contain_text("4–6", timeout=WAIT)
    page.locator('.gr-target[data-at="p1.1"]').click()
    page.locator('.gr-scale[data-unit=sound] [data-digit="0"]').click()
    page.locator('.gr-target[data-at="p1.2"]').click()
    page.locator('.gr-scale[data-unit=sound] [data-digit="2"]').click()
    page.locator('.gr-target[data-at="w2"]').click()
    page.locator('.gr-scale[data-unit=word] [data-digit="10"]').click()
    blind(page)
    page.locator("[data-save]").click()
    expect(page.locator("#told")).to_contain_text("Saved", timeout=WAIT)
    expect(page.locator('.gr-target[data-at="w1"] .gr-machine')).to_have_text("machine 4.3", timeout=WAIT)
    expect(page.locator('.gr-target[data-at="s"] .gr-machine')).to_have_text("machine 5.7", timeout=WAIT)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_the_graders_page(
    browsers: dict[str, Any], served: tuple[str, sources.Source], scheme: str
) -> None:
    """Before a name, with a sheet, once it is saved, and the agreement (axe-core 4, all its rules)."""
    from playwright.sync_api import expect

    need(importlib.util.find_spec("axe_playwright_python"), "axe-playwright-python is not installed")
    how = {"viewport": PHONE, "color_scheme": scheme}
    page = browsers["speaking"].new_context(**how).new_page()
    page.goto(served[0])
    page.locator("#begin").wait_for(timeout=WAIT)
    assert serious(page) == [] and nameless(page) == []
    page.context.close()
    page = begin(browsers["speaking"], served[0], "Ann", **how)
    assert serious(page) == [] and nameless(page) == []
    grade(page)
    page.locator('.gr-target[data-at="w1"]').click()
    assert serious(page) == [] and nameless(page) == []
    page.get_by_role("tab", name="Agreement").click()
    expect(page.locator("#agreed")).not_to_be_empty(timeout=WAIT)
    assert serious(page) == [] and nameless(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.context.close()


@pytest.mark.browser
@pytest.mark.parametrize(("locale", "told"), [("zh-CN", "zh"), ("es-MX", "es"), ("fr-FR", "en")])
def test_the_page_speaks_the_browsers_language(
    browsers: dict[str, Any], served: tuple[str, sources.Source], locale: str, told: str
) -> None:
    from playwright.sync_api import expect

    page = browsers["speaking"].new_context(locale=locale).new_page()
    page.goto(served[0])
    expect(page.locator("#begin")).to_have_text(message("grading", "begin", told), timeout=WAIT)
    expect(page.locator("html")).to_have_attribute("lang", told)
    page.context.close()


@pytest.mark.browser
def test_two_graders_by_clicking(browsers: dict[str, Any], served: tuple[str, sources.Source]) -> None:
    from playwright.sync_api import expect

    url, source = served
    ann = begin(browsers["speaking"], url, "Ann")
    bo = begin(browsers["speaking"], url, "Bo", viewport=PHONE)
    assert ann.locator("audio").evaluate("one => one.src").startswith("data:audio/flac")
    expect(ann.locator("#progress")).to_contain_text("1 of 2: 0 graded", timeout=WAIT)
    grade(ann)
    grade(bo)
    assert bo.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    expect(ann.locator("#progress")).to_contain_text("1 graded", timeout=WAIT)
    ann.locator('[data-go="open"]').click()
    expect(ann.locator("#progress")).to_contain_text("2 of 2", timeout=WAIT)
    blind(ann)
    expect(ann.locator('.gr-target[data-at="s"]')).to_be_focused(timeout=WAIT)
    ann.keyboard.press("1")  # by keys: ten for the sentence, then its words
    for key in ("0", "Enter", "7", "ArrowDown", "1", "ArrowUp", "Enter", "9", "Enter"):
        ann.keyboard.press(key)
    expect(ann.locator("[data-save]")).to_be_focused(timeout=WAIT)
    ann.keyboard.press("Enter")
    expect(ann.locator("[data-go=open]")).to_be_focused(timeout=WAIT)
    expect(ann.locator("#told")).to_contain_text("Saved", timeout=WAIT)
    ann.locator('.gr-scale[data-unit=sentence] [data-digit="6"]').click()
    ann.locator("[data-save]").click()
    expect(ann.locator("#told")).to_contain_text("blind grade, which is kept", timeout=WAIT)
    bo.locator('[data-go="open"]').click()
    expect(bo.locator("#progress")).to_contain_text("2 of 2", timeout=WAIT)
    bo.locator("[data-skip]").click()
    expect(bo.locator("#progress")).to_contain_text("1 graded, 1 skipped", timeout=WAIT)

    saved = grades.read(source.record).grades
    assert [(one.who, one.blind, one.skipped) for one in saved] == [
        ("Ann", True, ""), ("Bo", True, ""), ("Ann", True, ""), ("Ann", False, ""), ("Bo", True, "silent"),
    ]  # fmt: skip
    assert (saved[2].score, saved[3].score) == (100, 60)
    assert [(word.score, word.sounds[0].score) for word in saved[2].words] == [(70, 50), (90, None)]
    ann.get_by_role("tab", name="Agreement").click()
    expect(ann.locator("#agreed")).to_contain_text("Ann and Bo", timeout=WAIT)
    expect(ann.locator("#agreed")).to_contain_text("too few yet", timeout=WAIT)
    with ann.expect_download() as waiting:
        ann.locator("#save-xlsx").click()
    book = require("openpyxl", extra="tables").load_workbook(
        io.BytesIO(Path(waiting.value.path()).read_bytes())
    )
    rows = list(book["grades"].values)
    assert book.sheetnames == ["grades", "agreement"] and rows[0][0] == "id"
    assert {row[rows[0].index("who")] for row in rows[1:]} == {"Ann", "Bo"}
    for page in (ann, bo):
        page.context.close()
