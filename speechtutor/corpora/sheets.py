"""Spreadsheets as rows of text."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from speechtutor.errors import InputError, require
from speechtutor.files import reading


def rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows of an xlsx file's first sheet with their numbers, every cell as text.

    A cell that is formatted text or a formula gives what it shows; 31.0 gives "31", an empty cell "". Cells
    that stand right of all headings are left out when they are empty.

    Raises:
        InputError: when it is no xlsx file.
        MissingExtraError: without openpyxl.
    """
    openpyxl = require("openpyxl", extra="tables")
    try:
        book = openpyxl.load_workbook(io.BytesIO(reading.read_bytes(path)), read_only=True, data_only=True)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except (BadZipFile, KeyError, ValueError, openpyxl.utils.exceptions.InvalidFileException):
        raise InputError(f"{path}: not a spreadsheet, expected xlsx") from None
    width = 0
    try:
        for number, cells in enumerate(book.worksheets[0].iter_rows(values_only=True), start=1):
            row = [_text(cell) for cell in cells]
            width = width or len(row)
            while len(row) > width and not row[-1]:
                row.pop()
            yield number, row + [""] * (width - len(row))
    finally:
        book.close()


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
