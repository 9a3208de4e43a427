"""Any value in any place: what JSON from outside may hold."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

Place = tuple[Any, ...]
VALUES: tuple[Any, ...] = (
    None, True, 3, -1, 1e308, 10**30, "x", "", "\u2028", [], [1], {}, {"a": 1}, float("nan"), [[{"a": None}]],
)  # fmt: skip
GONE = object()
BYTES = {
    "empty": lambda whole: b"",
    "a byte order mark": lambda whole: b"\xff\xfe" + whole,
    "half": lambda whole: whole[: len(whole) // 2],
    "not UTF-8": lambda whole: whole.replace(b'"', b"\xff", 3),
    "deep lists": lambda whole: b"[" * 100_000,
    "deep objects": lambda whole: b'{"a":' * 500 + b"1" + b"}" * 500 + b"\n",
    "null": lambda whole: b"null\n",
    "a null byte": lambda whole: whole + b"\0",
}


def places(value: Any, above: Place = ()) -> Iterator[Place]:
    """Every place in a value; of a list its first item stands for all."""
    yield above
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*above, key))
    elif isinstance(value, list) and value:
        yield from places(value[0], (*above, 0))


def changed(value: Any, place: Place, other: Any) -> Any:
    if not place:
        return None if other is GONE else other
    found = copy.deepcopy(value)
    inside = found
    for key in place[:-1]:
        inside = inside[key]
    if other is GONE:
        del inside[place[-1]]
    else:
        inside[place[-1]] = other
    return found
