"""Small things that are said to people in English."""

from __future__ import annotations


def noun(n: int, one: str) -> str:
    """The noun that goes with a number; it is one that only takes an s."""
    return one if n == 1 else f"{one}s"


def counted(n: int, one: str) -> str:
    """So many of something: "1 attempt", "2 attempts"."""
    return f"{n} {noun(n, one)}"
