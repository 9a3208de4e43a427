"""Spreadsheets: rows under headings, a sheet each."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from speechtutor.errors import require
from speechtutor.files.disk import write_bytes
from speechtutor.tables import cell

WIDEST = 60
"""Letters that a column is wide at most."""


def write(path: Path, sheets: Mapping[str, tuple[Sequence[str], Iterable[Mapping[str, Any]]]]) -> None:
    """An xlsx file with the sheets by their names; text that would be a formula is text.

    Raises:
        MissingExtraError: without openpyxl.
        StorageError: when the disk refuses.
    """
    openpyxl = require("openpyxl", extra="tables")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, (columns, rows) in sheets.items():
        sheet = book.create_sheet(name)
        sheet.append(list(columns))
        widths = [len(column) for column in columns]
        for row in rows:
            values = [cell(row.get(column)) for column in columns]
            sheet.append([None if value == "" else value for value in values])
            widths = [max(known, len(str(value))) for known, value in zip(widths, values, strict=True)]
        sheet.freeze_panes = "A2"
        for number, width in enumerate(widths, start=1):
            letter = openpyxl.utils.get_column_letter(number)
            sheet.column_dimensions[letter].width = min(width, WIDEST) + 2
    out = io.BytesIO()
    book.save(out)
    write_bytes(path, out.getvalue(), mode=0o600)
