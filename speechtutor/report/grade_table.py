"""All grades as a spreadsheet or CSV, one row an item, and how far graders agree as tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from speechtutor.errors import InputError
from speechtutor.evaluation.result import Row
from speechtutor.files import disk
from speechtutor.metrics import Interval
from speechtutor.report import export, grades, grading, overrides
from speechtutor.report.grades import Recorded
from speechtutor.report.grading import Grading
from speechtutor.report.heat import ipa
from speechtutor.report.overrides import Override
from speechtutor.report.rubric import SCALES
from speechtutor.report.sources import Source
from speechtutor.tables import workbook

GRADES = (
    "id", "speaker", "unit", "word", "phone", "text", "expected", "ipa", "grade", "of", "score", "machine",
    "rated", "blind", "stands", "who", "at", "note", "skipped",
)  # fmt: skip
"""`grade` is on the rubric's scale, `of` its highest step, and `score`, `machine` and `rated` are 0-100."""
AGREEMENT = (
    "blind", "unit", "first", "second", "items", "same_level", "pcc", "pcc_low", "pcc_high", "weighted_kappa",
    "icc_single", "icc_low", "icc_high", "icc_average", "bias", "alpha",
)  # fmt: skip
Record = Mapping[str, Any]


def records(
    rows: Sequence[Row], given: Sequence[Override], recorded: Recorded, only: Collection[str] | None = None
) -> Iterator[Record]:
    """Every score that a grader gave, in the order of time, then what was skipped; `only` of some utterances.

    `stands` says that it is the grader's last word on the item.
    """
    speakers = {row.id: row.speaker for row in rows}
    standing = {id(one) for judged in overrides.standing(given).values() for one in judged}
    for one in given:
        if only is None or one.id in only:
            yield _record(one, speakers.get(one.id, ""), id(one) in standing)
    for grade in recorded.grades:
        if grade.skipped and (only is None or grade.id in only):
            yield {
                "id": grade.id, "speaker": speakers.get(grade.id, ""), "unit": overrides.UNITS[0],
                "text": grade.text, "who": grade.who, "at": grade.at, "skipped": grade.skipped,
            }  # fmt: skip


def _record(one: Override, speaker: str, stands: bool) -> Record:
    kind = overrides.unit(one.item)
    grade = SCALES[kind].grade(one.score)
    return {
        "id": one.id, "speaker": speaker, "unit": kind, "word": one.word or None, "phone": one.phone,
        "text": one.text, "expected": one.expected, "ipa": ipa(one.expected) if one.expected else None,
        "grade": None if grade is None else round(grade, 2), "of": SCALES[kind].most, "score": one.score,
        "machine": one.machine, "rated": one.rated, "blind": one.blind, "stands": stands, "who": one.who,
        "at": one.at, "note": one.note,
    }  # fmt: skip


def agreement(found: Grading) -> Iterator[Record]:
    """How far graders agree, a pair a row, then all graders together; empty where they share too few."""
    for pair in found.pairs:
        row: dict[str, Any] = {
            "blind": pair.blind, "unit": pair.unit, "first": pair.first, "second": pair.second,
            "items": pair.n_items,
        }  # fmt: skip
        if pair.found is not None:
            one = pair.found
            row |= {"same_level": round(one.same_level, 4), "weighted_kappa": _number(one.weighted.value)}
            row |= _bounded("pcc", "pcc", one.pcc) | _bounded("icc_single", "icc", one.icc_single)
            row |= {"icc_average": _number(one.icc_average.value), "bias": _number(100 * one.bias.value)}
        yield row
    for together in found.together:
        yield {
            "blind": True, "unit": together.unit, "first": f"all {together.n_graders} graders",
            "items": together.n_items,
            "alpha": None if together.alpha is None else _number(together.alpha.value),
        }  # fmt: skip


def _number(value: float) -> float | None:
    return None if value != value else round(value, 4)  # nan is not itself


def _bounded(name: str, short: str, found: Interval) -> dict[str, float | None]:
    return {
        name: _number(found.value), f"{short}_low": _number(found.low), f"{short}_high": _number(found.high)
    }  # fmt: skip


def book(source: Source, only: Collection[str] | None = None, found: Grading | None = None) -> bytes:
    """An xlsx file of the grades and of the agreement, which is counted anew unless it comes as `found`.

    Raises:
        InputError: when the grades cannot be read.
        MissingExtraError: without openpyxl.
    """
    given, _ = grades.of_source(source)
    rows = records(source.run.rows, given, grades.read(source.record), only)
    found = found or grading.grading(source.run.rows, given)
    return workbook({"grades": (GRADES, rows), "agreement": (AGREEMENT, agreement(found))})


def csv_text(source: Source, only: Collection[str] | None = None) -> str:
    """The grades as CSV.

    Raises:
        InputError: when the grades cannot be read.
    """
    given, _ = grades.of_source(source)
    return export.csv_text(records(source.run.rows, given, grades.read(source.record), only), GRADES)


def write(source: Source, out: Path) -> int:
    """The grades of a source in the form of the suffix, .xlsx or .csv; how many saves there are.

    Raises:
        InputError: for another suffix, or when nobody graded anything.
        StorageError: when the disk refuses.
    """
    suffix = out.suffix.lower()
    if suffix not in (".xlsx", ".csv"):
        raise InputError(f"{out}: grades are written as .xlsx or .csv, not {suffix!r}")
    given, _ = grades.of_source(source)
    n_saved = len(grades.read(source.record).grades)
    if not given and not n_saved:
        raise InputError(f"{out}: not written, for nobody has graded anything of {source.run.folder}")
    if suffix == ".xlsx":
        disk.write_bytes(out, book(source), mode=0o600)
    else:
        disk.write_text(out, csv_text(source), mode=0o600)
    return n_saved
