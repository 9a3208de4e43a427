"""Spreadsheets: rows under headings, a sheet each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from speechtutor.files.disk import write_bytes
from speechtutor.tables import workbook


def write(path: Path, sheets: Mapping[str, tuple[Sequence[str], Iterable[Mapping[str, Any]]]]) -> None:
    """An xlsx file with the sheets by their names (`tables.workbook`).

    Raises:
        MissingExtraError: without openpyxl.
        StorageError: when the disk refuses.
    """
    write_bytes(path, workbook(sheets), mode=0o600)
