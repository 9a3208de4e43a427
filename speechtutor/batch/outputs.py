"""The rows of a batch in other forms: tables, and what annotation programs read; written row by row."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from speechtutor import tables
from speechtutor.errors import InputError, StorageError, require
from speechtutor.files.disk import file_name, plain_file, write_text
from speechtutor.views import captions, elan, praat, tiers

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


def _grid(value: Mapping[str, Any]) -> str:
    return praat.textgrid(tiers.of_score(value), value["duration"])


def _eaf(value: Mapping[str, Any]) -> str:
    return elan.eaf(tiers.of_score(value))


ANNOTATIONS: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "textgrid": (".TextGrid", _grid),
    "eaf": (".eaf", _eaf),
    "vtt": (".vtt", captions.webvtt),
}
"""Forms with a file a recording: the suffix, and what makes it."""
CTM = "ctm"
"""One file for all of them: times of words, or of phones."""
FORMS = (*ANNOTATIONS, CTM)


def write_form(form: str, place: Path, values: Values, per: str = "word") -> int:
    """The recordings that were judged in one of `FORMS`; how many there are.

    `place` is a folder in which each has a file named by its id, or the file of a CTM.

    Raises:
        StorageError: when the disk refuses.
    """
    n = 0
    whole = []
    for value in values:
        if "error" in value:
            continue
        n += 1
        if form == CTM:
            whole.append(captions.ctm(value, per))
        else:
            suffix, made = ANNOTATIONS[form]
            write_text(place / f"{file_name(str(value['id']))}{suffix}", made(value))
    if form == CTM:
        write_text(place, "".join(whole))
    return n


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
