"""Manifests: JSON lines, one utterance each (`corpora.rows`), validated before they are written."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from speechtutor.audio import headers
from speechtutor.core import Utterance
from speechtutor.core.wording import counted
from speechtutor.corpora.rows import UNTOLD, annotated, row_of, said, utterance
from speechtutor.errors import AudioError, InputError
from speechtutor.files import jsonio
from speechtutor.files.disk import write_text

__all__ = [
    "SPLITS",
    "UNTOLD",
    "Written",
    "annotated",
    "bad_audio",
    "check",
    "check_audio",
    "parse",
    "read",
    "row_numbers",
    "row_of",
    "said",
    "write",
]

SPLITS = ("train", "dev", "test")


def parse(lines: Iterable[str | bytes], name: str) -> Iterator[Utterance]:
    """Utterances of JSON lines; a bad line is named by `name` and its number.

    Raises:
        InputError: at the first line that is not a manifest row, naming the field.
    """
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield utterance(line, f"{name}, row {number}")


def read(path: Path, splits: Sequence[str] | None = None) -> list[Utterance]:
    """The utterances of a manifest, checked; `splits` keeps only those splits.

    Raises:
        InputError: when the file is missing or a row is wrong.
    """
    rows = [utterance(line, f"{path}, row {number}") for number, line in jsonio.file_lines(path)]
    check(rows, str(path))
    return [row for row in rows if splits is None or row.split in splits]


def check(rows: Sequence[Utterance], name: str, root: Path | None = None) -> None:
    """Unique ids, known splits, no speaker in two splits, and audio present when `root` is given.

    Raises:
        InputError: naming the first offending row and what it clashes with.
    """
    seen: dict[str, int] = {}
    split_of: dict[str, tuple[str, str]] = {}
    for number, row in enumerate(rows, start=1):
        where = f"{name}, row {number} ({row.id})"
        if row.id in seen:
            raise InputError(f"{where}: the id already stands in row {seen[row.id]}")
        seen[row.id] = number
        if row.split not in SPLITS:
            raise InputError(f"{where}: split {row.split!r} is none of {', '.join(SPLITS)}")
        split, first = split_of.setdefault(row.speaker, (row.split, row.id))
        if split != row.split:
            raise InputError(
                f"{where}: speaker {row.speaker} is in {row.split} here and in {split} at {first}"
            )
        if root is not None and not (root / row.audio).is_file():
            raise InputError(f"{where}: no audio at {root / row.audio}")


def bad_audio(
    rows: Sequence[Utterance], root: Path, rates: Collection[int] | None = None
) -> list[tuple[str, str]]:
    """Id and fault of every row whose recording is missing, empty, no audio or cut off by its headers.

    Reads headers and the last samples, a few milliseconds a row; damage in the middle of a file is
    found by decoding alone. `rates` are the sample rates that the corpus has.
    """
    from tqdm import tqdm

    bad: list[tuple[str, str]] = []
    for row in tqdm(rows, desc="checking audio", disable=len(rows) < 200, leave=False):
        try:
            found = headers.probe(root / row.audio)
            if rates is not None and found.sample_rate not in rates:
                expected = " or ".join(map(str, sorted(rates)))
                raise AudioError(f"{root / row.audio}: {found.sample_rate} Hz, expected {expected}")
        except AudioError as error:
            bad.append((row.id, str(error)))
    return bad


def check_audio(
    rows: Sequence[Utterance], root: Path, name: str = "", rates: Collection[int] | None = None
) -> None:
    """Look at every recording before hours are spent; `bad_audio` says for what.

    `name` is the manifest, so that a row is named by its place there even when `rows` are a part of it.

    Raises:
        InputError: naming the first bad row, and the others after it.
    """
    bad = bad_audio(rows, root, rates)
    if not bad:
        return
    number = row_numbers(rows, name)
    places = [f"row {number[id_]} ({id_})" for id_, _ in bad]
    more = "" if len(bad) == 1 else f"; also bad ({len(bad) - 1}): {', '.join(places[1:6])}"
    more += ", ..." if len(bad) > 6 else ""
    raise InputError(f"{name or 'the rows'}, {places[0]}: {bad[0][1]}{more}")


def row_numbers(rows: Sequence[Utterance], name: str) -> dict[str, int]:
    """By id: where the rows stand in their manifest, or among each other when it is not written yet."""
    if name and Path(name).is_file():
        found = jsonio.file_lines(Path(name))
        numbers = {utterance(line, f"{name}, row {number}").id: number for number, line in found}
        if all(row.id in numbers for row in rows):
            return numbers
    return {row.id: number for number, row in enumerate(rows, start=1)}


@dataclass(frozen=True, slots=True)
class Written:
    """A manifest on disk."""

    path: Path
    n_rows: int

    def __str__(self) -> str:
        return f"{counted(self.n_rows, 'row')} in {self.path}"


def write(
    path: Path, rows: Sequence[Utterance], root: Path | None = None, rates: Collection[int] | None = None
) -> Written:
    """Check the rows, then write them, renamed into place last; the same rows give the same bytes.

    Where `root` is given, `check_audio` looks at every recording.
    """
    check(rows, str(path), root)
    if root is not None:
        check_audio(rows, root, str(path), rates)
    write_text(path, "".join(json.dumps(row_of(row), ensure_ascii=False) + "\n" for row in rows))
    return Written(path, len(rows))
