"""What the corpora's own file formats have in common: tables, TextGrids, speakers, splits."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from speechtutor.core import Seconds
from speechtutor.errors import InputError

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

    Raises:
        InputError: when it cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    if encoding is None and data[:2] in (b"\xff\xfe", b"\xfe\xff"):
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


def table(path: Path, needed: Collection[str], delimiter: str = "\t") -> Iterator[dict[str, str]]:
    """The rows of a table with a header line; quotes are letters in a tsv, as corpora write them.

    Raises:
        InputError: when a column is missing, or a row has too few or too many cells.
    """
    quoting: Literal[0, 3] = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    lines = text_of(path, "utf-8-sig").splitlines()
    reader = csv.reader(lines, delimiter=delimiter, quoting=quoting)
    header = next(reader, [])
    if missing := sorted(set(needed) - set(header)):
        raise InputError(f"{path}: no column {', '.join(missing)}; it has {', '.join(header) or 'none'}")
    for number, cells in enumerate(reader, start=2):
        if not cells:
            continue
        if len(cells) != len(header):
            raise InputError(f"{path}, line {number}: {len(cells)} cells under {len(header)} columns")
        yield dict(zip(header, cells, strict=True))


def keyed(path: Path) -> dict[str, str]:
    """A Kaldi table: the first word of each line is the key, the rest the value.

    Raises:
        InputError: when a key comes twice.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text_of(path).splitlines(), start=1):
        key, *rest = line.split(None, 1)[:2] or ("",)
        if not key:
            continue
        if key in found:
            raise InputError(f"{path}, line {number}: {key} stands there twice")
        found[key] = rest[0].strip() if rest else ""
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
