"""The rows of a batch on disk: appended as they come, found by id, put in order last.

`FILE.jsonl` is the journal and the result in one. Beside it lie `FILE.jsonl.run.json`, what was asked, and
`errors.log` where something happened that nobody expected.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

from speechtutor.errors import StorageError
from speechtutor.files import journal, jsonio
from speechtutor.files.disk import plain_file

ERRORS = "errors.log"


@dataclass(frozen=True, slots=True)
class _Head:
    """What is looked at of a row that was written before."""

    id: str
    error: str | None = None


class Place(NamedTuple):
    """Where a row lies in the file, in bytes, and whether it says why there is none."""

    start: int
    size: int
    bad: bool


@dataclass
class Rows:
    """The rows of a file by id; a later one takes the place of an earlier."""

    path: Path
    places: dict[str, Place] = field(default_factory=dict)
    end: int = 0

    @classmethod
    def open(cls, path: Path, say: Callable[[str], None]) -> Rows:
        """Those that are there; one that was cut short is taken off, and said.

        Raises:
            InputError: when a whole line is no row.
            StorageError: when the disk refuses.
        """
        rows = cls(path)
        if not path.exists():
            return rows
        rows.end = journal.whole(path, say)
        start = 0
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                head = jsonio.decode(line, _Head, f"{path}, row {number}")
                rows.places[head.id] = Place(start, len(line), head.error is not None)
                start += len(line)
        return rows

    def good(self, name: str) -> bool:
        """Whether a row was judged."""
        return name in self.places and not self.places[name].bad

    def add(self, file: BinaryIO, name: str, line: str, *, bad: bool) -> None:
        """Append a row to the open file."""
        data = f"{line}\n".encode("utf-8", "backslashreplace")  # half a character of a text is told as such
        file.write(data)
        file.flush()
        self.places[name] = Place(self.end, len(data), bad)
        self.end += len(data)

    def lines(self, names: Sequence[str]) -> Iterator[bytes]:
        """The rows with these ids, as they lie in the file."""
        with self.path.open("rb") as file:
            for name in names:
                file.seek(self.places[name].start)
                yield file.read(self.places[name].size)

    def order(self, names: Sequence[str]) -> None:
        """Put the rows in this order, each once; the file is replaced whole, or left.

        Raises:
            StorageError: when the disk refuses.
        """
        at, placed = 0, {}
        for name in names:
            placed[name] = self.places[name]._replace(start=at)
            at += placed[name].size
        if placed == self.places and at == self.end:
            return
        path = plain_file(self.path)
        temporary: str | None = None
        try:
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            with os.fdopen(handle, "wb") as file:
                file.writelines(self.lines(names))
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except OSError as error:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)
            raise StorageError(f"{path}: {error.strerror}") from None
        self.places, self.end = placed, at
