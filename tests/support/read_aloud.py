"""Texts and the right ways to read them aloud, held against what `pronounce` accepts.

A reading is plain words, or `{ARPAbet}` where spelling will not do; readings are separated by ` | `.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from speechtutor.errors import TextError
from speechtutor.text.phones import parse_phones, pronounce

Phones = tuple[str, ...]
Case = tuple[str, str, str]


def read_cases(path: Path) -> list[Case]:
    """Rows `category, text, readings` of a table with tabs; lines with `#` in front are comments."""
    lines = path.read_text(encoding="utf-8").split("\n")
    rows = [line.split("\t") for line in lines if line.strip() and not line.startswith("# ")]
    return [(category, text, readings) for category, text, readings in rows]


@cache
def _ways(item: str) -> tuple[Phones, ...]:
    if item.startswith("{"):
        return (parse_phones(item.strip("{}")),)
    (word,) = pronounce(item)
    return word.pronunciations


def fits(said: Sequence[Sequence[Phones]], reading: str) -> bool:
    """Whether some choice of pronunciations, one per word said, is the reading sound by sound."""
    items = re.findall(r"\{[^}]*\}|[^\s{}]+", reading)
    wanted = [_ways(item) for item in items]
    # A state is (next item, sounds of the item before that are still to come).
    states: set[tuple[int, Phones]] = {(0, ())}
    for ways in said:
        after: set[tuple[int, Phones]] = set()
        for way in ways:
            after |= _along(states, way, wanted)
        states = after
    return (len(wanted), ()) in states


def _along(
    states: set[tuple[int, Phones]], way: Phones, wanted: Sequence[Sequence[Phones]]
) -> set[tuple[int, Phones]]:
    for phone in way:
        opened = {s for s in states if s[1]}
        for at, owed in states:
            if not owed and at < len(wanted):
                opened |= {(at + 1, other) for other in wanted[at]}
        states = {(at, owed[1:]) for at, owed in opened if owed[0] == phone}
    return states


def judged(text: str, readings: str) -> tuple[bool, bool]:
    """Whether a right reading is accepted, and whether what comes first is one."""
    try:
        words = pronounce(text)
    except TextError:
        return False, False
    every = [word.pronunciations for word in words]
    first = [word.pronunciations[:1] for word in words]
    ways = readings.split(" | ")
    return any(fits(every, way) for way in ways), any(fits(first, way) for way in ways)


def shares(cases: Sequence[Case]) -> tuple[float, float]:
    """Shares of texts with a right reading accepted, and with a right one first."""
    found = [judged(text, readings) for _, text, readings in cases]
    return sum(accepted for accepted, _ in found) / len(found), sum(first for _, first in found) / len(found)
