"""What stands between a tutor and a writing model: a memory of its replies and a limit on its time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Hashable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from time import monotonic

from speechtutor.core import Seconds
from speechtutor.errors import InputError, ServiceError

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


def timed(pieces: Iterator[str], seconds: Seconds) -> Generator[str, None, None]:
    """The pieces as they come, none of them written ahead, for at most `seconds` of waiting and reading.

    A writer that hangs is left alone in its thread and closed as soon as it answers.

    Raises:
        ServiceError: when the time is over before the last piece.
    """
    end = monotonic() + seconds
    pool = ThreadPoolExecutor(1, thread_name_prefix="reply")
    pending: Future[str | None] | None = None
    try:
        while True:
            pending = pool.submit(next, pieces, None)
            piece = _in_time(pending, end, seconds)
            if piece is None:
                return
            yield piece
    finally:
        if pending is None or pending.done():
            _close(pieces)
        else:
            pending.add_done_callback(lambda _: _close(pieces))
        pool.shutdown(wait=False)


def _in_time(pending: Future[str | None], end: float, seconds: Seconds) -> str | None:
    try:
        return pending.result(timeout=max(end - monotonic(), 0.0))
    except TimeoutError:
        if pending.done():  # the writer's own
            raise
        raise ServiceError(f"the reply took longer than {seconds:g} s") from None


def _close(pieces: Iterator[str]) -> None:
    # A generator stops writing when it is closed; a plain iterator has nothing to stop.
    if isinstance(pieces, Generator):
        pieces.close()
