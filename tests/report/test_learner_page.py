"""A learner's page: the figures of its parts, nothing fetched, names escaped."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import openpyxl
import pytest

from speechtutor.core import Attempt, SentenceScore
from speechtutor.core.profile import Profile
from speechtutor.learner import mastery, progress
from speechtutor.report import learner_page, trends
from tests.learner.test_progress import MONDAY, rising, sounded, tried


def built(attempts: list[Attempt], tmp_path: Path, name: str = "ana") -> tuple[str, dict[str, object]]:
    out = tmp_path / "page.html"
    made = learner_page.build(
        Profile(name), mastery.replay(attempts), attempts, out, MONDAY + timedelta(days=30)
    )
    assert all(path.is_file() and path.stat().st_mode & 0o077 == 0 for path in [made.page, *made.beside])
    return out.read_text("utf-8"), json.loads((tmp_path / "page.json").read_text("utf-8"))


def test_the_page_holds_what_the_parts_say(tmp_path: Path) -> None:
    attempts = [*rising(40, 0.012), *(tried(day, 0.5) for day in (0, 5))]
    page, value = built(attempts, tmp_path)
    assert page.count("<svg") == 5 and "no real change yet" in page
    assert "comes out right" in page and "You then, you now" in page and "about " in page
    cells = progress.heat(attempts)
    rows = list(csv.DictReader((tmp_path / "page-sounds.csv").read_text("utf-8-sig").splitlines()))
    assert len(rows) == len(cells) == len(value["sounds"])  # type: ignore[arg-type]
    sheet = openpyxl.load_workbook(tmp_path / "page-sounds.xlsx")["sounds"]
    assert sheet.max_row == len(cells) + 1
    assert {one["text"] for one in value["then_and_now"]} == {"think", "we go"}  # type: ignore[attr-defined]
    assert {one["skill"] for one in value["forecasts"]} >= {"sound:TH:onset"}  # type: ignore[attr-defined]


def test_readings_of_several_sentences_are_shown_sentence_by_sentence(tmp_path: Path) -> None:
    plain = tried(0, 0.5)
    places = ((0, 3, 0.31), (4, 9, 0.92))
    said = tuple(SentenceScore(a, b, 0.0, 1.0, value, value, value, value) for a, b, value in places)
    several = replace(plain, score=replace(plain.score, text="Go. A <b>", sentences=said))
    page, value = built([plain, several], tmp_path)
    assert "a reading of 2 sentences" in page and ">31<" in page and "A &lt;b&gt;" in page
    (one,) = value["readings"]  # type: ignore[misc]
    assert [row["text"] for row in one["sentences"]] == ["Go.", "A <b>"]
    page, value = built([plain], tmp_path)
    assert "No text of several sentences" in page and value["readings"] == []


def test_who_has_done_nothing_has_a_page(tmp_path: Path) -> None:
    page, value = built([], tmp_path)
    assert "There is no attempt yet" in page and value["n_attempts"] == 0 and "<svg" not in page


def test_names_are_escaped_and_nothing_is_fetched(tmp_path: Path) -> None:
    attempts = [replace(one, learner="<i>eve</i>") for one in (sounded(0, 0.4), sounded(3, 0.5))]
    page, _ = built(attempts, tmp_path, "<i>eve</i>")
    assert "<i>eve" not in page and "&lt;i&gt;eve" in page
    assert "http" not in page.replace("http-equiv", "")


def test_tints_by_hand() -> None:
    """White in the middle, 0.7 of the way from it at the ends: 255 - 0.7 * (255 - 114) = 156 is its green."""
    assert trends.tint(0.5) == "rgb(255,255,255)"
    assert trends.tint(1.0) == "rgb(76,156,201)" and trends.tint(0.0) == "rgb(205,132,76)"
    assert trends.tint(0.75) == "rgb(166,206,228)"


def test_pictures_are_well_formed_and_say_their_figures() -> None:
    drawn = trends.heat_map(["θ", "s"], ["01 Mar", "02 Mar"], {(0, 0): (0.25, 3), (1, 1): (1.0, 9)}, "A & B")
    root = ET.fromstring(drawn)
    told = [node.text for node in root.iter("text")]
    assert {"θ", "s", "25", "100"} <= set(told) and len(list(root.iter("rect"))) == 4
    line = trends.trend([(date(2026, 3, 2), 0.5, 0.1), (date(2026, 3, 9), 0.7, float("nan"))], "T", "x")
    ET.fromstring(line)
    assert "nan" not in line and line.count("<circle") == 2
    assert trends.heat_map([], [], {}, "T") == trends.trend([], "T", "x") == ""


@pytest.mark.parametrize("n", [1, 2, 300])
def test_any_number_of_days(n: int) -> None:
    points = [(date(2026, 1, 1) + timedelta(days=i), 0.5, 0.1) for i in range(n)]
    ET.fromstring(trends.trend(points, "T", "x"))
    ET.fromstring(trends.heat_map(["θ"], [str(i) for i in range(n)], {(0, n - 1): (0.5, 1)}, "T"))
