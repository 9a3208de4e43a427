"""Data sets as the library `datasets` keeps them: Parquet with an audio feature, a file a split.

Read and written with pyarrow: an audio feature is a struct of the bytes of a file and its name, and the
schema's metadata says so under `huggingface` (documentation of `datasets`, "Audio feature", version 4).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from speechtutor.core import Utterance
from speechtutor.corpora.rows import row_of, utterance
from speechtutor.corpora.sources import Source, row_of_columns
from speechtutor.errors import InputError, StorageError, cause, require

EXTRA = "tables"
AT_ONCE = 64
"""Rows whose sound is in memory at once."""
PER_FILE = 2_000
ROW = "speechtutor"
"""The column with the whole row, from which it comes back as it was."""
SPLITS = {"train": "train", "validation": "dev", "valid": "dev", "dev": "dev", "test": "test"}
_OURS = {"train": "train", "dev": "validation", "test": "test"}
"""What a split is called there and here."""
AUDIO = ("audio", "speech", "file")
TEXTS = ("id", "text", "speaker", "lang", "l1", "gender", "accent", ROW)


def tables(folder: Path) -> list[Path]:
    """The Parquet files of a data set: those of a folder and of its `data`."""
    return [path for place in (folder, folder / "data") for path in sorted(place.glob("*.parquet"))]


def read(paths: Sequence[Path], split: str = "") -> Iterator[Source]:
    """The rows of the files of a data set; the split is that of a file's name, or the one given.

    Raises:
        InputError: when a file is no Parquet, or has no column of sound.
        MissingExtraError: without pyarrow.
    """
    parquet: Any = require("pyarrow.parquet", extra=EXTRA)
    for path in paths:
        named = SPLITS.get(path.name.partition("-")[0].partition(".")[0], split)
        try:
            with parquet.ParquetFile(path) as file:
                column = next((n for n in AUDIO if n in file.schema_arrow.names), None)
                if column is None:
                    raise InputError(f"{path}: no column {' or '.join(AUDIO)}")
                for number, cells in enumerate(_rows(file)):
                    yield _source(path, number, cells, column, named)
        except (OSError, ValueError) as error:  # pyarrow's own are ValueErrors
            raise InputError(f"{path}: {cause(error)}") from None


def _rows(file: Any) -> Iterator[dict[str, Any]]:
    for batch in file.iter_batches(AT_ONCE):
        yield from batch.to_pylist()


def _source(path: Path, number: int, cells: dict[str, Any], column: str, split: str) -> Source:
    where = f"{path}, row {number + 1}"
    sound = cells.pop(column)
    data = sound.get("bytes") if isinstance(sound, dict) else None
    if not isinstance(data, bytes):
        raise InputError(f"{where}: {column}: expected the bytes of a recording")
    kept = cells.get(ROW)
    if isinstance(kept, str):
        return Source(utterance(kept, where), data=data)
    plain = {key: value for key, value in cells.items() if isinstance(value, str | int | float)}
    stem = Path(str(sound.get("path") or "")).stem
    return Source(row_of_columns(plain, stem or f"{path.stem}-{number:06d}", where, split), data=data)


def write(folder: Path, sources: Iterable[Source]) -> list[Utterance]:
    """A data set that `datasets.load_dataset(folder)` reads: `data/SPLIT-….parquet` with the sound in it.

    Returns its rows.

    Raises:
        AudioError: for a recording that cannot be read.
        MissingExtraError: without pyarrow.
        StorageError: when the disk refuses.
    """
    require("pyarrow", extra=EXTRA)
    rows: list[Utterance] = []
    with ExitStack() as stack:
        files: dict[str, _Shards] = {}
        for source in sources:
            split = source.row.split
            if split not in files:
                files[split] = stack.enter_context(_Shards(folder / "data", _OURS[split]))
            files[split].add(source)
            rows.append(source.row)
    return rows


class _Shards:
    """The files of one split, filled one after another."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._pyarrow: Any = require("pyarrow", extra=EXTRA)
        self._parquet: Any = require("pyarrow.parquet", extra=EXTRA)
        self._schema = _schema(self._pyarrow)
        self._held: list[dict[str, Any]] = []
        self._writer: Any = None
        self._n = 0

    def __enter__(self) -> _Shards:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._flush()
        if self._writer is not None:
            self._writer.close()

    def add(self, source: Source) -> None:
        """One more row."""
        self._held.append(_cells(source))
        self._n += 1
        if len(self._held) == AT_ONCE or self._n % PER_FILE == 0:
            self._flush()

    def _flush(self) -> None:
        if not self._held:
            return
        number = (self._n - 1) // PER_FILE
        path = self._folder / f"{self._name}-{number:05d}.parquet"
        try:
            if self._writer is None:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._writer = self._parquet.ParquetWriter(path, self._schema)
            self._writer.write_table(self._pyarrow.Table.from_pylist(self._held, self._schema))
            if self._n % PER_FILE == 0:
                self._writer.close()
                self._writer = None
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror or error}") from None
        self._held = []


def _cells(source: Source) -> dict[str, Any]:
    name, data = source.content()
    row = replace(source.row, audio=source.row.audio or name)
    told = {column: getattr(row, column) for column in TEXTS if column != ROW}
    kept = json.dumps(row_of(row), ensure_ascii=False)
    return told | {"audio": {"bytes": data, "path": name}, ROW: kept}


def _schema(pyarrow: Any) -> Any:
    audio = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    features: dict[str, Any] = {"audio": {"_type": "Audio"}}
    features |= {name: {"dtype": "string", "_type": "Value"} for name in TEXTS}
    fields = [("audio", audio), *((name, pyarrow.string()) for name in TEXTS)]
    told = json.dumps({"info": {"features": features}})
    return pyarrow.schema(fields, metadata={"huggingface": told})
