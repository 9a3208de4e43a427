"""Homework from a teacher's table, and back to the teacher as a page, CSV or a spreadsheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from speechtutor.core import Exercise
from speechtutor.corpora import formats
from speechtutor.errors import InputError
from speechtutor.files import disk
from speechtutor.practice import assigned
from speechtutor.practice.assigned import REPORT, record
from speechtutor.practice.grading import PASS, Grade
from speechtutor.report import books, export, html
from speechtutor.schema import dumps, percent


def items(path: Path) -> list[Exercise]:
    """The exercises of a table (CSV, TSV or xlsx), one a row (`practice.assigned.items`).

    Raises:
        InputError: naming file, row and what is wrong with it.
    """
    return assigned.items(formats.table_of_any(path, assigned.ONE_OF), str(path))


def write(found: Sequence[Grade], out: Path) -> None:
    """The report in the form of its suffix: .csv, .xlsx, .json or a page (.html).

    Raises:
        InputError: for another suffix.
        StorageError: when the disk refuses.
    """
    rows = [record(one) for one in found]
    suffix = out.suffix.lower()
    if suffix == ".csv":
        disk.write_text(out, export.csv_text(rows, REPORT), mode=0o600)
    elif suffix == ".xlsx":
        books.write(out, {"homework": (REPORT, rows)})
    elif suffix == ".json":
        disk.write_text(out, dumps(rows, indent=1) + "\n", mode=0o600)
    elif suffix in (".html", ".htm"):
        disk.write_text(out, page(found), mode=0o600)
    else:
        raise InputError(f"{out}: a report of homework is .html, .csv, .xlsx or .json, not {suffix!r}")


def page(found: Sequence[Grade]) -> str:
    """A page that a teacher can keep or send: a learner a section, an exercise a row."""
    titles = list(dict.fromkeys(one.task.title for one in found))
    groups = {
        (title, name): [one for one in found if (one.task.title, one.task.learner) == (title, name)]
        for title in titles
        for name in dict.fromkeys(one.task.learner for one in found if one.task.title == title)
    }
    return html.render(
        "homework.html", title="Homework", linked=False, contents=[], groups=groups, record=record,
        passed=percent(PASS),
    )  # fmt: skip
