"""What other processes take, for recipes that put a whole program under load."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from speechtutor.errors import require


@contextmanager
def peak_memory(pid: int | None = None, every: float = 0.5) -> Iterator[list[float]]:
    """One number: the most memory that a process and its descendants had together in the block, in MB.

    Without a process it is what this one has started, and not itself.
    """
    peak, stop = [0.0], threading.Event()
    watch = threading.Thread(target=_watch, args=(pid, peak, stop, every))
    watch.start()
    try:
        yield peak
    finally:
        stop.set()
        watch.join()


def descendants(pid: int) -> list[Any]:
    """The children of a process and theirs, as psutil knows them."""
    return list(require("psutil", extra="load").Process(pid).children(recursive=True))


def _watch(pid: int | None, peak: list[float], stop: threading.Event, every: float) -> None:
    psutil = require("psutil", extra="load")
    own = [] if pid is None else [psutil.Process(pid)]
    while not stop.wait(every):
        try:
            found = [*own, *descendants(os.getpid() if pid is None else pid)]
            peak[0] = max(peak[0], sum(one.memory_info().rss for one in found) / 1e6)
        except psutil.Error:  # one of them ended while it was looked at
            continue
