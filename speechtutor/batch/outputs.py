"""The rows of a batch in other forms: CSV, Parquet, a TextGrid each; written from the journal, row by row."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

from speechtutor import tables
from speechtutor.errors import InputError, StorageError, require
from speechtutor.files.disk import plain_file, write_text
from speechtutor.views import praat

Values = Iterable[Mapping[str, Any]]
AT_ONCE = 10_000
"""Rows of a table that are held in memory."""


def csv_table(path: Path, values: Values, per: str) -> None:
    """CSV in UTF-8 with a byte order mark, without which spreadsheets misread phonetic symbols.

    Raises:
        StorageError: when the disk refuses.
    """
    names = list(tables.columns(per))
    with _whole(path) as target, target.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for value in values:
            for row in tables.rows(value, per):
                writer.writerow([tables.cell(row.get(name)) for name in names])


def parquet_table(path: Path, values: Values, per: str) -> None:
    """Parquet with the same columns; what was not measured is null.

    Raises:
        MissingExtraError: without pyarrow.
        StorageError: when the disk refuses.
    """
    pyarrow = require("pyarrow", extra="tables")
    parquet = require("pyarrow.parquet", extra="tables")
    kinds = {"text": pyarrow.string(), "real": pyarrow.float64(), "count": pyarrow.int64()}
    columns = tables.columns(per)
    schema = pyarrow.schema([(name, kinds[kind]) for name, kind in columns.items()])
    found = (row for value in values for row in tables.rows(value, per))
    with _whole(path) as target, parquet.ParquetWriter(target, schema) as writer:
        while part := list(islice(found, AT_ONCE)):
            picked = [{name: row.get(name) for name in columns} for row in part]
            writer.write_table(pyarrow.Table.from_pylist(picked, schema))


def textgrids(folder: Path, values: Values) -> int:
    """A TextGrid for every row that was judged, named by its id; how many there are.

    Raises:
        StorageError: when the disk refuses.
    """
    n = 0
    for value in values:
        if "error" not in value:
            write_text(folder / f"{file_name(str(value['id']))}.TextGrid", praat.of_score(value))
            n += 1
    return n


def file_name(name: str) -> str:
    """An id as a path below a folder: its slashes stay, nothing else leads anywhere."""
    parts = [quote(part, safe=" ,;=+@()[]'!~") for part in name.split("/")]
    return "/".join(part.replace(".", "%2E") if part in ("", ".", "..") else part for part in parts if part)


TABLES: Mapping[str, Callable[[Path, Values, str], None]] = {".csv": csv_table, ".parquet": parquet_table}
JSONL = ".jsonl"


def check(out: Path, per: str) -> None:
    """Refuse a form of result before anything is judged for it.

    Raises:
        InputError: for a suffix or a level that there is not.
        MissingExtraError: when what writes it is not installed.
    """
    if out.suffix not in (JSONL, *TABLES):
        raise InputError(f"--out {out} must end in {', '.join((JSONL, *TABLES))}")
    if out.suffix in TABLES:
        tables.columns(per)
    if out.suffix == ".parquet":
        require("pyarrow", extra="tables")
    plain_file(out)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A file beside its place, renamed into it when it is whole."""
    path = plain_file(path)
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        yield Path(temporary)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror or error}") from None
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
