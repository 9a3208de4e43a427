"""JSON from outside as typed values: one reader, whose errors name the file, the row and the field.

A type is a frozen dataclass, a TypedDict, or anything else that msgspec knows; bounds of numbers are
written as `Annotated[float, Meta(ge=0)]`. What has another kind, is missing, is not UTF-8 or is nested
without end is an `InputError` of one line, so no reader of ours needs to look at kinds itself. A key that
the type does not have is passed over: files of a later version can be read.

Lines end at a line feed and nowhere else. `str.splitlines` also cuts at U+2028, U+2029 and U+0085, which
stand in texts that were copied from a web page and are not escaped by JSON.

Values are written by `encode` and `dumps`, and come back equal: an array stands as its dtype and its
values, where null is nan and "inf" and "-inf" are what they say; one of another shape than (n,) has `shape`.
`encode` writes every field, for people and other programs; `dumps`, for our own store, those that say more
than their default, which is half as long.
"""

from __future__ import annotations

import json
import math
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar, cast, get_args, get_origin

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from speechtutor.errors import InputError
from speechtutor.files import reading

T = TypeVar("T")
Number = Annotated[float, Meta(ge=-1e12, le=1e12)]
"""Any figure; what is larger is damage, and overflows where it is drawn."""
Count = Annotated[int, Meta(ge=0, le=10**12)]
Score = Annotated[float, Meta(ge=-1e-3, le=100 + 1e-3)]
"""0-100; a float32 mean of ones is a little more than 1."""
Probability = Annotated[float, Meta(ge=-1e-6, le=1 + 1e-6)]
_PLAIN = frozenset({str, int, float, bool})
"""Types that JSON has itself: an equal value of the same type is the same one when it is read back."""
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
    except UnicodeError:
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
        return msgspec.convert(value, kind, dec_hook=_decoded)
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
    for number, line in file_lines(path):
        yield decode(line, kind, f"{path}, row {number}")


def file_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file as `lines` gives them, in UTF-8 and without a byte order mark.

    Raises:
        InputError: when the file cannot be read.
    """
    return lines(_bytes(path))


def encode(value: object) -> Any:
    """A value as dicts, lists, strings and numbers, which `decode` reads back as it was."""
    return msgspec.to_builtins(value, enc_hook=_encoded, str_keys=True)


def dumps(value: object) -> str:
    """A value as one line of JSON, without spaces and without the fields that stand at their default.

    Raises:
        ValueError: for a number that is not finite; only arrays may hold such.
    """
    return json.dumps(encode(_without_defaults(value)), allow_nan=False, separators=(",", ":"))


def _without_defaults(value: object) -> object:
    """Dataclasses as dicts of what their defaults do not say; everything else as it is."""
    if isinstance(value, list | tuple):
        return [_without_defaults(one) for one in value]
    if not is_dataclass(value) or isinstance(value, type):
        if isinstance(value, Mapping):
            return {key: _without_defaults(one) for key, one in value.items()}
        return value
    found: dict[str, object] = {}
    for name, default in _defaults(type(value)):
        own = getattr(value, name)
        if own is default:
            continue
        if type(own) not in _PLAIN:
            found[name] = _without_defaults(own)
        elif type(own) is not type(default) or own != default:
            found[name] = own
    return found


@cache
def _defaults(kind: Any) -> tuple[tuple[str, object], ...]:
    """The fields of a dataclass with their defaults; a required one has a default that no value is."""
    return tuple((one.name, one.default) for one in fields(kind))


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
    return msgspec.json.Decoder(kind, dec_hook=_decoded)


Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class _Array(Generic[Item]):
    """An array as it is written."""

    dtype: str
    values: list[Item]
    shape: list[Count] | None = None


_BOOLS: Any = _Array[bool]
_NUMBERS: Any = _Array[float | Literal["inf", "-inf"] | None]


def _encoded(value: object) -> Any:
    """What msgspec does not know by itself."""
    if isinstance(value, np.ndarray):
        items = value.ravel().tolist()
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            items = [x if math.isfinite(x) else None if math.isnan(x) else str(x) for x in items]
        shape = {} if value.ndim == 1 else {"shape": list(value.shape)}
        return {"dtype": str(value.dtype), "values": items, **shape}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} has no form in JSON")


def _decoded(kind: Any, value: object) -> NDArray[Any]:
    """An array of the dtype that its type states.

    Raises:
        ValueError: when it is of another dtype, or its values are not of it.
    """
    if get_origin(kind) is not np.ndarray:
        raise TypeError(f"{kind} has no form in JSON")
    dtype = np.dtype(get_args(get_args(kind)[1])[0])
    try:
        found: _Array[Any] = msgspec.convert(value, _BOOLS if dtype.kind == "b" else _NUMBERS)
    except msgspec.ValidationError as error:
        raise ValueError(_told(str(error))) from None  # msgspec says in which field the array is
    if found.dtype != str(dtype):
        raise ValueError(f"expected an array of {dtype}, got {found.dtype!r:.40}")
    array = np.array([math.nan if x is None else float(x) for x in found.values]).astype(dtype)
    return array if found.shape is None else array.reshape(found.shape)


def _bytes(path: Path) -> bytes:
    """A file in UTF-8, whatever of the encodings with a byte order mark an editor saved it in."""
    try:
        data = reading.read_bytes(path)
        if len(data) > 2 and data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):  # a mark alone marks nothing
            return data.decode("utf-16").encode()
        return data.removeprefix(BOM_UTF8)
    except UnicodeError:
        raise InputError(f"{path}: not UTF-8 text") from None
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
