"""Long work that somebody watches: a stage says how far it is, and whoever asked for it may break it off.

    watched(told) ──▶ stage: each(pieces) ──▶ told(share) … told(1.0)      `told` raises `Stopped` to end it

Without a watcher nothing is told and nothing can stop; a watcher holds in its own thread only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")
Told = Callable[[float], None]
"""Takes how much of the work is done, in [0, 1]."""

_WATCHER: ContextVar[Told | None] = ContextVar("watcher", default=None)


class Stopped(Exception):
    """Nobody waits for this work any more."""


@contextmanager
def watched(told: Told) -> Iterator[None]:
    """Work under the eyes of `told`, which may raise `Stopped`."""
    before = _WATCHER.set(told)
    try:
        yield
    finally:
        _WATCHER.reset(before)


@contextmanager
def part(first: float, last: float) -> Iterator[None]:
    """Work that is the stretch from `first` to `last` of the whole, both in [0, 1]."""
    told = _WATCHER.get()
    if told is None:
        yield
        return
    outer = told
    with watched(lambda share: outer(first + (last - first) * share)):
        yield


def each(items: Sequence[T]) -> Iterator[T]:
    """The items one after another; how many are done is told before each and after the last."""
    told = _WATCHER.get()
    for k, item in enumerate(items):
        if told is not None:
            told(k / len(items))
        yield item
    if told is not None:
        told(1.0)
