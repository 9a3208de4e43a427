"""Workers of a batch in this very process: as many results as one asks for, in any order, no spawning."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from speechtutor.batch.pools import Pool


class Inline(Executor):
    """Runs a call when it is submitted; `before` may end it, by raising, as the death of a worker does."""

    def __init__(self, before: Callable[[Any], None]) -> None:
        self.before = before

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            for task in args[-1]:
                self.before(task)
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def inline(
    before: Callable[[Any], None] = lambda task: None, n_workers: int = 1
) -> Callable[[], AbstractContextManager[Pool]]:
    @contextmanager
    def opened() -> Iterator[Pool]:
        yield Pool(Inline(before), n_workers)

    return opened
