"""Homework from tables, and its report in every form."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest

from speechtutor.core import Attempt
from speechtutor.errors import InputError
from speechtutor.learner.store import SqlStore
from speechtutor.practice.assigned import REPORT, results
from speechtutor.practice.exercises import in_language
from speechtutor.report.homework import items, write
from tests.learner.conftest import NOON
from tests.support.judged import SINK

TABLE = """\
text;word;ask;answers;level
I think the weather is nice today.;;;;
Bring an umbrella.;umbrella;;;A2
It is raining.;;Do you like rain?;;
She left early.;;;She went home early.|She did not stay long.;
"""


def table(tmp_path: Path, text: str = TABLE, name: str = "items.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8-sig")
    return path


def test_rows_become_exercises(tmp_path: Path) -> None:
    read, word, ask, other = items(table(tmp_path))
    assert (read.kind, read.text, read.is_read) == ("sound", "I think the weather is nice today.", True)
    assert "IH" in read.focus and read.prompt == "Read this aloud."
    assert (word.kind, word.points, word.level) == (
        "vocabulary",
        (("umbrella",),),
        "A2",
    ) and "umbrella" in word.prompt
    assert (ask.kind, ask.given) == ("question", "Do you like rain?") and "Do you like rain?" in ask.prompt
    assert (other.kind, other.given, len(other.answers)) == ("paraphrase", "She left early.", 2)
    assert len({one.id for one in (read, word, ask, other)}) == 4
    assert in_language(word, "es").id == word.id


def test_a_spreadsheet_and_a_bare_list_of_words(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Word"], ["bread"], ["journey"]):
        book.active.append(row)
    path = tmp_path / "words.xlsx"
    book.save(path)
    assert [one.points for one in items(path)] == [(("bread",),), (("journey",),)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("text\n", "no rows under the headings"),
        ("sentence\nHello there.\n", "no column text"),
        ("text;kind\nHello there.;song\n", "row 2: kind 'song' is none of sound"),
        ("text;kind\nHello there.;paraphrase\n", "row 2: a row of kind paraphrase lacks"),
        ("text\nI hid the bomb.\n", "row 2: unsafe: bomb"),
        ("text\n????\n", "row 2: there is nothing to say"),
        ("text\n" + "la " * 200 + "\n", "characters, more than 300"),
        ("text\nfine words\n你好\n", "row 3: "),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        items(table(tmp_path, text))


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    store = SqlStore(f"sqlite:///{tmp_path / 'learners.db'}")
    given = items(table(tmp_path))
    store.homework.assign(["ana", "ben"], given, "=Week 1", "Ruth", NOON, NOON + timedelta(days=7))
    store.append(Attempt("ana", given[0], SINK, NOON + timedelta(days=1)))
    store.append(Attempt("ana", given[0], SINK, NOON + timedelta(days=2)))
    return store


def test_a_retry_is_held_against_the_same_exercise(store: SqlStore) -> None:
    ana = results(store, learner="ana")
    assert [(one.tries, one.done) for one in ana] == [(2, True), (0, False), (0, False), (0, False)]
    assert len(results(store)) == 8 and results(store, "another") == []


def test_the_report_in_every_form_says_the_same(store: SqlStore, tmp_path: Path) -> None:
    found = results(store)
    paths = [tmp_path / f"r.{suffix}" for suffix in ("csv", "xlsx", "json", "html")]
    for path in paths:
        write(found, path)
    rows = list(csv.DictReader(paths[0].read_text("utf-8-sig").splitlines()))
    assert list(rows[0]) == list(REPORT) and len(rows) == 8
    assert (rows[0]["grade"], rows[0]["why"]) == ("80.0", 'to work on: /θ/ in "think" (heard /s/)')
    assert rows[0]["title"] == "'=Week 1", "no formula"
    sheet = openpyxl.load_workbook(paths[1])["homework"]
    cells = list(sheet.iter_rows(values_only=True))
    assert (
        list(cells[0]) == list(REPORT) and cells[1][REPORT.index("grade")] == 80 and cells[1][1] == "'=Week 1"
    )
    assert [row["id"] for row in json.loads(paths[2].read_text("utf-8"))] == [row["id"] for row in rows]
    page = paths[3].read_text("utf-8")
    assert "1 of 4 done" in page and "0 of 4 done" in page and "/θ/ in" in page
    with pytest.raises(InputError, match=r"is .html, .csv, .xlsx or .json, not '.pdf'"):
        write(found, tmp_path / "r.pdf")


def test_names_are_escaped(store: SqlStore, tmp_path: Path) -> None:
    given = items(table(tmp_path))[:1]
    store.homework.assign(["<b>eve</b>"], given, "<script>", "Ruth", NOON, NOON + timedelta(days=7))
    write(results(store), tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "<script>" not in page and "<b>eve" not in page and "&lt;b&gt;eve" in page
