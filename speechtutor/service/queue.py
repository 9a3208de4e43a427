"""The one line before the models: bounded, in order, and empty when the server stops.

The models are loaded once and compute one request at a time; what does not fit in the line is told at once
to come again later, so that nobody who was let in waits without end. What waits may be heard together before
its turn (`service.ahead`).
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

from speechtutor.errors import SpeechTutorError

T = TypeVar("T")
Foresee = Callable[[Sequence[bytes]], None]
"""Is given the sound of several requests before the turn of the first of them."""


@dataclass(eq=False, slots=True)
class _Entry:
    """A call in the line; `foreseen` once its sound was given away."""

    call: Callable[..., Any]
    args: tuple[Any, ...]
    came: float
    foreseen: bool = False

    @property
    def sound(self) -> bytes | None:
        """The recording among its arguments."""
        return next((one for one in self.args if isinstance(one, bytes)), None)


class BusyError(SpeechTutorError):
    """The line is full; `wait` is when to come again, in seconds."""

    def __init__(self, message: str, wait: int) -> None:
        super().__init__(message)
        self.wait = wait


class StoppingError(BusyError):
    """Nothing more is taken: another server may be there soon."""


class SlowError(SpeechTutorError):
    """It took longer than one may wait."""


class Queue:
    """Calls in order on one thread; `n_waiting` may wait beside the one that is running."""

    def __init__(
        self,
        n_waiting: int,
        patience: float,
        inside: Callable[[int], None] = lambda _: None,
        waited: Callable[[float], None] = lambda _: None,
        turn: Callable[[], AbstractContextManager[None]] = nullcontext,
        together: int = 1,
    ) -> None:
        """`inside` is told how many are in the line as that changes, `waited` how long each waited.

        `turn` is held during a call, where others than this line use the models, too. The sound of at most
        `together` requests goes to `foresee`, where that is set, before the turn of the first of them.
        """
        self._tell, self._waited, self._turn = inside, waited, turn
        self.foresee: Foresee | None = None
        self._together, self._line = together, dict[_Entry, None]()
        self._thread = ThreadPoolExecutor(1, "models")
        self._most, self._patience = n_waiting + 1, patience
        self._lock = threading.Lock()
        self._inside = 0
        self._usual = 1.0
        self._open = True

    @property
    def inside(self) -> int:
        """How many calls are running or waiting."""
        return self._inside

    @property
    def open(self) -> bool:
        """Whether calls are still taken."""
        return self._open

    async def run(self, call: Callable[..., T], *args: Any) -> T:
        """The result of a call, once it was its turn.

        Raises:
            BusyError: when the line is full or closed; nothing was begun.
            SlowError: when it takes too long; a call that waits is taken out of the line.
        """
        future = self._enter(call, *args)
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), self._patience)
        except TimeoutError:
            if future.done() and not future.cancelled():
                return future.result()  # the call itself raised it, or was done in the last moment
            future.cancel()
            raise SlowError(f"it took more than {self._patience:g} s") from None
        except asyncio.CancelledError:  # the client has gone
            future.cancel()
            raise

    def _enter(self, call: Callable[..., T], *args: Any) -> Future[T]:
        with self._lock:
            if not self._open:
                raise StoppingError("the server is stopping", 5)
            if self._inside >= self._most:
                wait = math.ceil(self._inside * self._usual)
                raise BusyError(f"{self._inside} requests are waiting: come again in {wait} s", wait)
            self._inside += 1
            self._tell(self._inside)
            entry = _Entry(call, args, monotonic())
            self._line[entry] = None
        future: Future[T] = self._thread.submit(self._timed, entry)
        future.add_done_callback(lambda _: self._leave(entry))
        return future

    def _timed(self, entry: _Entry) -> Any:
        began = monotonic()
        try:
            with self._turn():
                began = monotonic()
                self._waited(began - entry.came)
                self._look_ahead(entry)
                return entry.call(*entry.args)
        finally:
            self._usual += 0.2 * (monotonic() - began - self._usual)

    def _look_ahead(self, entry: _Entry) -> None:
        """Give away the sound of this call and of those behind it, unless an earlier one did."""
        if self.foresee is None or entry.foreseen or entry.sound is None:
            return
        with self._lock:
            next_ones = [one for one in self._line if one.sound is not None and not one.foreseen]
            next_ones = next_ones[: self._together]
            for one in next_ones:
                one.foreseen = True
        if len(next_ones) > 1:
            self.foresee([one.sound for one in next_ones if one.sound is not None])

    def _leave(self, entry: _Entry) -> None:
        with self._lock:
            self._line.pop(entry, None)
            self._inside -= 1
            self._tell(self._inside)

    def close(self) -> None:
        """Take no more, and finish what was taken."""
        with self._lock:
            self._open = False
        self._thread.shutdown(wait=True)
