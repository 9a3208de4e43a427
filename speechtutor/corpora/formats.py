"""What the corpora's own file formats have in common: tables, TextGrids, speakers, splits."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from speechtutor.core import Seconds
from speechtutor.corpora import sheets
from speechtutor.errors import InputError
from speechtutor.files import reading

AUDIO = (".flac", ".wav", ".mp3", ".ogg", ".opus", ".m4a", ".webm", ".aiff", ".sph")
"""Suffixes of recordings, in lower case."""

_PRAAT = re.compile(r'"((?:[^"]|"")*)"|(?<!\S)(<exists>|<absent>|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?!\S)')
"""The values of a TextGrid: strings, and flags and numbers that stand free; all else is comment."""


@dataclass(frozen=True, slots=True)
class Span:
    """A labelled stretch of a recording."""

    start: Seconds
    end: Seconds
    label: str


def text_of(path: Path, encoding: str | None = None) -> str:
    """A text file; without an encoding by its byte order mark, else UTF-8, else Latin-1 (old corpora).

    With `utf-8-sig` a mark of UTF-16 is believed, too: spreadsheets write such tables.

    Raises:
        InputError: when it cannot be read.
    """
    try:
        data = reading.read_bytes(path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    if encoding in (None, "utf-8-sig") and data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    for name in (encoding,) if encoding else ("utf-8-sig", "latin-1"):
        try:
            return data.decode(name)
        except UnicodeDecodeError:
            continue
    raise InputError(f"{path}: not {encoding} text")


def require(corpus: Path, names: Iterable[str], what: str) -> None:
    """Refuse a folder that lacks a file or folder of the corpus.

    Raises:
        InputError: naming the first that is missing.
    """
    for name in names:
        if not (corpus / name).exists():
            raise InputError(f"{corpus / name} is missing: is {corpus} the {what} folder?")


def hidden(path: Path) -> bool:
    """Whether a file or folder is nobody's data: a name with a leading dot, or what macOS zips beside files.

    `._one.wav` is not sound but what macOS keeps of one.wav on a foreign disk.
    """
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def files(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """The files below a folder with these suffixes, in capitals or not; hidden ones are left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in suffixes and not hidden(path.relative_to(folder)) and path.is_file()
    )


def table(
    path: Path, needed: Collection[str], delimiter: str | None = None
) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a table with a header line, each with the number of the line that it starts on.

    Header names may be in capitals and come back in lower case; cells come back as they are, line breaks
    in quotes included. Quotes are letters where the delimiter is a tab, as corpora write them. Without a
    delimiter a .tsv has tabs, a spreadsheet (.xlsx) its cells, and any other file that one of `,`, `;` and
    tab under which the needed columns are there.

    Raises:
        InputError: when a column is missing or named twice, or a row has too few or too many cells.
    """
    if path.suffix.lower() == ".xlsx":
        rows = sheets.rows(path)
    else:
        text = text_of(path, "utf-8-sig")
        rows = _cells(path, text, delimiter or _delimiter(path, text, needed))
    header = _names(next(rows, (1, []))[1])
    if missing := sorted(set(needed) - set(header)):
        raise InputError(f"{path}: no column {', '.join(missing)}; it has {', '.join(header) or 'none'}")
    if twice := {name for name in header if name and header.count(name) > 1}:
        raise InputError(f"{path}: there are two columns {sorted(twice)[0]}")
    for line, cells in rows:
        if not any(cells):
            continue
        if len(cells) != len(header):
            raise InputError(f"{path}, line {line}: {len(cells)} cells under {len(header)} columns")
        yield line, dict(zip(header, cells, strict=True))


def table_of_any(path: Path, names: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a table (`table`) that has one at least of some columns.

    Raises:
        InputError: as `table`; where all are missing for the first.
    """
    first: InputError | None = None
    for needed in names:
        try:
            yield from table(path, [needed])
            return
        except InputError as error:
            if "no column" not in str(error):
                raise
            first = first or error
    raise first or InputError(f"{path}: no rows")


def _delimiter(path: Path, text: str, needed: Collection[str]) -> str:
    kinds = "\t" if path.suffix.lower() == ".tsv" else ",;\t"
    for kind in kinds:
        _, header = next(_cells(path, text, kind), (1, []))
        if set(needed) <= set(_names(header)):
            return kind
    return kinds[0]


def _names(header: Sequence[str]) -> list[str]:
    return [name.strip().lower() for name in header]


def _cells(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows of cells with the line that each starts on; lines end at CR and LF alone, not at U+2028."""
    quoting: Literal[0, 3] = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(f"{path}, line {line}: not a row of a table ({error})") from None
        yield line, cells


def keyed(path: Path) -> dict[str, str]:
    """A Kaldi table: the first word of each line is the key, the rest, as it is, the value.

    Only blanks and tabs stand between them, and only line feeds end a line: a text may hold any other space.

    Raises:
        InputError: when a key comes twice.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text_of(path).split("\n"), start=1):
        key, *rest = re.split(r"[ \t]+", line.strip(" \t\r"), maxsplit=1)
        if not key:
            continue
        if key in found:
            raise InputError(f"{path}, line {number}: {key} stands there twice")
        found[key] = rest[0] if rest else ""
    return found


def textgrid(path: Path) -> dict[str, list[Span]]:
    """The interval tiers of a Praat TextGrid, long or short; point tiers are left out.

    Both layouts hold the same values in the same order (Praat's manual, "TextGrid file formats").

    Raises:
        InputError: when the file is no TextGrid or ends too early.
    """
    values = iter([(m[1], m[2]) for m in _PRAAT.finditer(text_of(path))])

    def string() -> str:
        while (found := next(values))[0] is None:
            continue
        return found[0].replace('""', '"')

    def number() -> float:
        while (found := next(values))[1] is None or found[1].startswith("<"):
            continue
        return float(found[1])

    tiers: dict[str, list[Span]] = {}
    try:
        if (string(), string()) != ("ooTextFile", "TextGrid"):
            raise InputError(f"{path}: not a Praat TextGrid")
        number(), number()
        for _ in range(int(number())):
            kind, name = string(), string()
            number(), number()
            n_spans = int(number())
            if kind == "IntervalTier":
                # The values of an interval stand in this order; Python evaluates from left to right.
                tiers[name] = [Span(number(), number(), string()) for _ in range(n_spans)]
            else:
                for _ in range(n_spans):
                    number(), string()
    except StopIteration:
        raise InputError(f"{path}: the TextGrid ends before its own counts say so") from None
    return tiers


def assign(parts: Sequence[Span], wholes: Sequence[Span]) -> list[int]:
    """Which whole each part belongs to: the one it shares most time with, else the nearest."""

    def distance(part: Span, whole: Span) -> float:
        return max(part.start, whole.start) - min(part.end, whole.end)

    return [min(range(len(wholes)), key=lambda i: distance(part, wholes[i])) for part in parts]


def gender(label: str) -> str | None:
    """`f`, `m`, `x` for any other answer, None where there is none."""
    answer = label.strip().lower()
    if answer in ("", "do_not_wish_to_say", "unknown", "na", "n/a", "none"):
        return None
    return answer[0] if answer.split("_")[0] in ("f", "m", "female", "male") else "x"


def split_by_speaker(speakers: Iterable[str], dev: float, test: float) -> dict[str, str]:
    """Shares of the speakers for dev and test, chosen by the hash of their names.

    The order of the files does not matter, and a speaker who is added moves hardly any other.
    """
    ranked = sorted(set(speakers), key=lambda s: (hashlib.sha256(s.encode()).hexdigest(), s))
    n_dev, n_test = round(dev * len(ranked)), round(test * len(ranked))
    names = ["dev"] * n_dev + ["test"] * n_test
    names += ["train"] * (len(ranked) - len(names))
    return dict(zip(ranked, names, strict=False))
