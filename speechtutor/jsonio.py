"""JSON from outside as typed values: one reader, whose errors name the file, the row and the field.

A type is a frozen dataclass, a TypedDict, or anything else that msgspec knows; bounds of numbers are
written as `Annotated[float, Meta(ge=0)]`. What has another kind, is missing, is not UTF-8 or is nested
without end is an `InputError` of one line, so no reader of ours needs to look at kinds itself. A key that
the type does not have is passed over: files of a later version can be read.

Lines end at a line feed and nowhere else. `str.splitlines` also cuts at U+2028, U+2029 and U+0085, which
stand in texts that were copied from a web page and are not escaped by JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import msgspec
from msgspec import Meta

from speechtutor.errors import InputError

T = TypeVar("T")
Number = Annotated[float, Meta(ge=-1e12, le=1e12)]
"""Any figure; what is larger is damage, and overflows where it is drawn."""
Count = Annotated[int, Meta(ge=0, le=10**12)]
Score = Annotated[float, Meta(ge=-1e-3, le=100 + 1e-3)]
"""0-100; a float32 mean of ones is a little more than 1."""
Probability = Annotated[float, Meta(ge=-1e-6, le=1 + 1e-6)]
DEEPEST = 40
"""Levels of lists and objects in a value whose type is left open; more is damage, or meant badly."""
_PLACE = re.compile(r"(?P<what>.*) - at `(?P<key>key in )?\$\.?(?P<path>.*)`", re.DOTALL)


def decode(data: bytes | str, kind: type[T], where: str) -> T:
    """A value of `kind` from one JSON text; `where` begins the line of an error ("rows.jsonl, row 3").

    Raises:
        InputError: when it is not JSON, or not of that kind, naming the field.
    """
    try:
        found: T = _decoder(cast(Any, kind)).decode(data)
    except RecursionError:
        raise InputError(f"{where}: nested too deeply") from None
    except UnicodeDecodeError:
        raise InputError(f"{where}: not UTF-8 text") from None
    except msgspec.ValidationError as error:
        raise InputError(f"{where}: {_told(str(error))}") from None
    except msgspec.DecodeError as error:
        told = _lower(str(error).removeprefix("JSON is malformed: "))
        raise InputError(f"{where}: not JSON ({told})") from None
    return found


def convert(value: object, kind: type[T], where: str) -> T:
    """A value of `kind` from what plain JSON gave: for a part whose type is known only later.

    Raises:
        InputError: as `decode`.
    """
    try:
        return msgspec.convert(value, kind)
    except RecursionError:
        raise InputError(f"{where}: nested too deeply") from None
    except msgspec.ValidationError as error:
        raise InputError(f"{where}: {_told(str(error))}") from None


def read(path: Path, kind: type[T]) -> T:
    """The value in a file that holds one.

    Raises:
        InputError: when the file cannot be read, or as `decode`.
    """
    return decode(_bytes(path), kind, str(path))


def read_object(path: Path) -> dict[str, Any]:
    """The object in a file, of plain values that are not nested beyond `DEEPEST`.

    Raises:
        InputError: as `read`.
    """
    found = read(path, dict[str, Any])
    if depth(found) > DEEPEST:
        raise InputError(f"{path}: nested too deeply")
    return found


def lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines of JSON lines that hold anything, with their numbers from 1."""
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.strip():
            yield number, line


def json_lines(path: Path, kind: type[T]) -> Iterator[T]:
    """The values of a file of JSON lines.

    Raises:
        InputError: when the file cannot be read, or at the first line that is no such value, by its number.
    """
    for number, line in lines(_bytes(path)):
        yield decode(line, kind, f"{path}, row {number}")


def depth(value: object) -> int:
    """How many lists and objects lie inside one another."""
    level: list[object] = [value]
    found = 0
    while level := [
        item
        for one in level
        if isinstance(one, dict | list)
        for item in (one.values() if isinstance(one, dict) else one)
    ]:
        found += 1
    return found


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except ValueError as error:  # a name with a null byte
        raise InputError(f"{str(path)!r}: {error}") from None


def _told(message: str) -> str:
    """A library's message with the field in front: "words[0].score: expected `int`, got `str`"."""
    found = _PLACE.fullmatch(message)
    if found is None:
        return _lower(message)
    place = (found["path"] or "the value").replace("[...]", "[]")
    return f"{place}{' (a key)' if found['key'] else ''}: {_lower(found['what'])}"


def _lower(message: str) -> str:
    return " ".join((message[:1].lower() + message[1:]).split())
