"""What stands between a tutor and a writing model: a memory of its replies and a limit on its time."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Generator, Hashable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from time import monotonic
from typing import Any

from speechtutor.core import Seconds
from speechtutor.errors import InputError, ServiceError, cause
from speechtutor.stages import Message

CACHE_SIZE = 256


class ReplyCache:
    """The newest replies by what they answer; the one unused longest goes first. Safe between threads."""

    def __init__(self, size: int = CACHE_SIZE) -> None:
        """Keep at most `size` replies; 0 keeps none.

        Raises:
            InputError: when the size is negative.
        """
        if size < 0:
            raise InputError(f"a cache cannot hold {size} replies")
        self.size = size
        self._kept: OrderedDict[Hashable, str] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> str | None:
        """The reply kept under a key, None when there is none."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: Hashable, reply: str) -> None:
        """Keep a reply."""
        with self._lock:
            self._kept[key] = reply
            self._kept.move_to_end(key)
            while len(self._kept) > self.size:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)


def timed(
    pieces: Iterator[str], seconds: Seconds, first: Seconds | None = None
) -> Generator[str, None, None]:
    """The pieces as they come, none of them written ahead, for at most `seconds` of waiting and reading.

    `first` is how long the first piece may take, where that is less.

    A writer that hangs is left alone in its thread and closed as soon as it answers.

    Raises:
        ServiceError: when the time is over before the first or the last piece.
    """
    start = monotonic()
    limit = seconds if first is None else min(first, seconds)
    asked: SimpleQueue[bool] = SimpleQueue()
    written: SimpleQueue[Written] = SimpleQueue()
    # A daemon: a writer that hangs must not keep the program from ending.
    writer = Thread(target=_write, args=(pieces, asked, written), name="reply", daemon=True)
    writer.start()
    waiting = False
    try:
        while True:
            asked.put(True)
            waiting = True
            try:
                piece, error = written.get(timeout=max(start + limit - monotonic(), 0.0))
            except Empty:
                what = "reply" if limit == seconds else "first word"
                raise ServiceError(f"the {what} took longer than {limit:g} s") from None
            waiting, limit = False, seconds
            if error is not None:
                raise error
            if piece is None:
                return
            yield piece
    finally:
        asked.put(False)
        if not waiting:
            writer.join()


Written = tuple[str | None, BaseException | None]
"""A piece, None at the end; or what went wrong."""


def _write(pieces: Iterator[str], asked: SimpleQueue[bool], written: SimpleQueue[Written]) -> None:
    """One piece for each question, until the answer is no longer wanted."""
    while asked.get():
        try:
            written.put((next(pieces, None), None))
        except BaseException as error:
            written.put((None, error))
    _close(pieces)


def _close(pieces: Iterator[str]) -> None:
    # A generator stops writing when it is closed; a plain iterator has nothing to stop.
    if isinstance(pieces, Generator):
        pieces.close()


SETTINGS = "tutor.json"
"""Beside an adapter of ours: what it was trained for and the threshold that was tuned for it."""


GRAMMAR_SYSTEM = "Correct the grammar."
"""What a model is told whose reply is the corrected sentence alone."""


def grammar_prompt(text: str) -> tuple[Message, ...]:
    """The chat that asks a trained model to correct a sentence; the sentence is data, not a request."""
    return (Message("system", GRAMMAR_SYSTEM), Message("user", text))


def adapter_settings(adapter: str | Path | None) -> dict[str, Any]:
    """What lies beside an adapter in `tutor.json`; empty where there is none.

    `shots`: whether it wants examples; `starts`: whether it is told how to begin; `threshold`: nats that a
    grammar edit must gain.

    Raises:
        InputError: when the file is damaged.
    """
    path = Path(adapter) / SETTINGS if adapter is not None else None
    if path is None or not path.is_file():
        return {}
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({cause(error)})") from None
    return found
