"""Judging in a thread of its own, so that the page can say how far it is and the learner can call it off."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

from speechtutor.core import Seconds
from speechtutor.core.watching import Stopped, watched

T = TypeVar("T")

LONG: Seconds = 10.0
"""Of a take: a shorter one is judged before a number could be read."""

STEP = 0.05
"""Share of the work that is worth a change of the page."""


@dataclass(frozen=True, slots=True)
class Share:
    """How much of the work is done, in [0, 1]."""

    done: float


@dataclass(frozen=True, slots=True)
class _Result(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class _Ended:
    error: BaseException | None = None


class Work:
    """Work that can be called off from another thread by its `id`; `is_off` once it was."""

    def __init__(self) -> None:
        self.id = uuid.uuid4().hex
        self._stop = threading.Event()
        self.is_off = False
        _ALIVE[self.id] = self

    @staticmethod
    def call_off(id: str) -> None:
        """Stop work where it is, or before it begins; what it had not finished is not kept."""
        found = _ALIVE.get(id)
        if found is not None:
            found.is_off = True
            found._stop.set()

    def steps(self, make: Callable[[], Iterator[T]], *, tells: bool = True) -> Iterator[T | Share]:
        """What `make` gives, each as soon as it is there, with the shares between (where `tells`).

        It ends early, and `make` at its next tell, once the work is called off or nobody takes more.

        Raises:
            Exception: as `make` does.
        """
        queue: SimpleQueue[_Result[T] | Share | _Ended] = SimpleQueue()
        last = 0.0

        def told(share: float) -> None:
            nonlocal last
            if self._stop.is_set():
                raise Stopped
            if tells and share >= last + STEP:
                last = share
                queue.put(Share(share))

        def run() -> None:
            try:
                with watched(told):
                    told(0.0)
                    for one in make():
                        queue.put(_Result(one))
                        if self._stop.is_set():
                            raise Stopped
            except BaseException as error:
                queue.put(_Ended(error))
            else:
                queue.put(_Ended())

        threading.Thread(target=run, daemon=True).start()
        try:
            yield from self._taken(queue)
        finally:
            self._stop.set()

    def _taken(self, queue: SimpleQueue[_Result[T] | Share | _Ended]) -> Iterator[T | Share]:
        while True:
            got = queue.get()
            if self.is_off:
                return
            match got:
                case _Result(value):
                    yield value
                case Share() as share:
                    yield share
                case _Ended(error):
                    if error is not None and not isinstance(error, Stopped):
                        raise error
                    return


_ALIVE: WeakValueDictionary[str, Work] = WeakValueDictionary()
