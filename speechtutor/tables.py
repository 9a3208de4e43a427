"""Scores as tables: one row an utterance, a word or a phone, with the columns of that level; spreadsheets.

The values are those of `schema.score_json`: scores 0-100, probabilities in [0, 1], seconds.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from speechtutor.core import UtteranceScore
from speechtutor.core.score import ASPECTS
from speechtutor.errors import InputError, require
from speechtutor.schema import score_json

if TYPE_CHECKING:
    import pandas

Per = Literal["utterance", "word", "phone"]
Kind = Literal["text", "real", "count"]

COLUMNS: Mapping[str, Mapping[str, Kind]] = {
    "utterance": {
        "id": "text", "speaker": "text", "text": "text", "heard": "text", "duration": "real",
        "snr_db": "real", **dict.fromkeys(ASPECTS, "real"), "confidence": "real", "speech_rate": "real",
        "articulation_rate": "real", "pause_count": "count", "pause_time": "real", "mean_run": "real",
        "warnings": "text", "feedback": "text", "model": "text", "model_version": "text", "error": "text",
    },
    "word": {
        "id": "text", "speaker": "text", "word": "count", "text": "text", "start": "real", "end": "real",
        "score": "real", "stress": "real", "confidence": "real", "error_type": "text",
    },
    "phone": {
        "id": "text", "speaker": "text", "word": "count", "text": "text", "phone": "count",
        "expected": "text", "ipa": "text", "start": "real", "end": "real", "score": "real",
        "confidence": "real", "error_probability": "real", "edit": "text", "heard": "text",
    },
}  # fmt: skip
"""The columns of each level with their kinds. `word` and `phone` count from 1; `edit` is match,
substitution or deletion; `heard` of a phone is empty unless another was heard, that of an utterance is what
was recognised."""

WIDEST = 60
"""Letters that a column of a spreadsheet is wide at most."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_DTYPES: Mapping[Kind, str] = {"text": "object", "real": "float64", "count": "Int64"}


def cell(value: Any) -> Any:
    """A value as it may stand in a spreadsheet: text that would be a formula gets an apostrophe in front."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value


def columns(per: str) -> Mapping[str, Kind]:
    """The columns of a level.

    Raises:
        InputError: when there is no such level.
    """
    if per not in COLUMNS:
        raise InputError(f"a table has a row per {', '.join(COLUMNS)}, not per {per!r}")
    return COLUMNS[per]


def rows(value: Mapping[str, Any], per: str) -> Iterator[dict[str, Any]]:
    """The rows of one `score --json` value; one that failed has a row per utterance only."""
    who = {"id": value.get("id"), "speaker": value.get("speaker")}
    if per == "utterance":
        yield who | _utterance(value)
        return
    for number, word in enumerate(value.get("words", ()), start=1):
        if per == "word":
            yield who | word | {"word": number}
            continue
        for place, phone in enumerate(word["phones"], start=1):
            heard = phone["heard"]
            edit = "match" if heard is None else "substitution" if heard else "deletion"
            yield who | phone | {"word": number, "text": word["text"], "phone": place, "edit": edit}


def _utterance(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **value,
        **(value.get("scores") or {}),
        **(value.get("fluency") or {}),
        "fluency": (value.get("scores") or {}).get("fluency"),  # the aspect; its timing has the same name
        "heard": (value.get("transcript") or {}).get("text"),
        "feedback": (value.get("feedback") or {}).get("summary"),
        "warnings": " ".join(caution["code"] for caution in value.get("warnings", ())),
    }


def frame(results: Iterable[UtteranceScore | Mapping[str, Any]], per: Per = "word") -> pandas.DataFrame:
    """Scores as a pandas frame: one row per "utterance", "word" or "phone".

    `results` are scores, or values of `score --json` and of `batch`. A score has no id: it gets its place
    among the results, from 0. What was not measured is missing (NaN).

    Raises:
        InputError: when there is no such level.
        MissingExtraError: without pandas.
    """
    kinds = columns(per)
    library = require("pandas", extra="tables")
    found: dict[str, list[Any]] = {name: [] for name in kinds}
    for number, result in enumerate(results):
        value = score_json(result) if isinstance(result, UtteranceScore) else result
        for row in rows({"id": str(number)} | dict(value), per):
            for name, cells in found.items():
                cells.append(row.get(name))
    made = {name: library.Series(cells, dtype=_DTYPES[kinds[name]]) for name, cells in found.items()}
    table: pandas.DataFrame = library.DataFrame(made)
    return table


def workbook(sheets: Mapping[str, tuple[Sequence[str], Iterable[Mapping[str, Any]]]]) -> bytes:
    """An xlsx file with the sheets by their names; text that would be a formula is text.

    Raises:
        MissingExtraError: without openpyxl.
    """
    openpyxl = require("openpyxl", extra="tables")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, (headings, rows) in sheets.items():
        sheet = book.create_sheet(name)
        sheet.append(list(headings))
        widths = [len(heading) for heading in headings]
        for row in rows:
            values = [cell(row.get(heading)) for heading in headings]
            sheet.append([None if value == "" else value for value in values])
            widths = [max(known, len(str(value))) for known, value in zip(widths, values, strict=True)]
        sheet.freeze_panes = "A2"
        for number, width in enumerate(widths, start=1):
            letter = openpyxl.utils.get_column_letter(number)
            sheet.column_dimensions[letter].width = min(width, WIDEST) + 2
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
