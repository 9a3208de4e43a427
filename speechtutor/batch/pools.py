"""Where a batch computes: processes of this machine, or a dask cluster; both by concurrent.futures."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.metadata import version

from speechtutor.batch.judge import Plan, Verdict, failed, judge_all
from speechtutor.batch.tasks import Task
from speechtutor.errors import InputError, ServiceError, require

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
AHEAD = 3
"""Tasks that are handed out for every worker, so that none waits."""
PATIENCE = 30
"""Seconds to wait for a cluster and its first worker."""
DIED = "the process that judged it died, also when it was alone with it"


@dataclass(frozen=True, slots=True)
class Pool:
    """Workers that are there; `lost` are the errors that say that a task's worker died again and again."""

    executor: Executor
    n_workers: int
    lost: tuple[type[Exception], ...] = ()


Group = tuple[Task, ...]
"""What is handed out at once."""

OpenPool = Callable[[], AbstractContextManager[Pool]]


@contextmanager
def processes(n: int) -> Iterator[Pool]:
    """Fresh processes with one thread each; they end with this one, however it ends.

    Results do not depend on their number: one process computes in a worker as well.

    Raises:
        InputError: for a number that is none.
    """
    if n < 1:
        raise InputError(f"processes must be 1 or more, not {n}")
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))  # read by libraries as they are loaded, so before
    executor = ProcessPoolExecutor(n, multiprocessing.get_context("spawn"), _start)
    try:
        yield Pool(executor, n)
    finally:
        executor.shutdown(cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _start() -> None:
    """Ctrl-C is for the process that hands out; a worker that it left behind ends by itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def cluster(address: str) -> Iterator[Pool]:
    """The workers of a dask cluster; recordings and models must lie under the same paths there.

    Raises:
        ServiceError: when it cannot be reached, has no workers, or another version of this package.
    """
    distributed = require("distributed", extra="cluster")
    # It logs a traceback for every line that breaks; what that means for the batch is told below.
    logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)
    try:
        client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise ServiceError(f"no cluster at {address}: {error}") from None
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
        found = client.run(version, "speechtutor", on_error="return")
        for worker, there in found.items():
            if there != version("speechtutor"):
                raise ServiceError(f"worker {worker} has speechtutor {there}, not {version('speechtutor')}")
        n_workers = sum(client.nthreads().values())
        yield Pool(client.get_executor(pure=False), n_workers, (distributed.KilledWorker,))
    except (OSError, CancelledError) as error:
        cause = str(error) or type(error).__name__
        raise ServiceError(f"the cluster at {address} is gone or has no workers ({cause})") from None
    finally:
        client.close()


def verdicts(open_pool: OpenPool, plan: Plan, tasks: Sequence[Task]) -> Iterator[tuple[Task, Verdict]]:
    """Every task with its verdict, as they come.

    When a process dies, what it and its neighbours were at is judged again, one at a time: a task that is
    alone when it happens again is the cause and gets a row that says so, and the others go on.

    Raises:
        ServiceError: when the workers of all tasks die.
    """
    groups = (tuple(tasks[i : i + plan.together]) for i in range(0, len(tasks), plan.together))
    waiting, suspects, deaths = deque(groups), deque[Group](), Counter[str]()
    proven = False
    while waiting or suspects:
        alone = bool(suspects)
        queue = suspects if alone else waiting
        flying: dict[Future[list[Verdict]], Group] = {}
        try:
            with open_pool() as pool:
                for task, verdict in _pass(pool, plan, queue, flying, alone=alone):
                    proven = True
                    yield task, verdict
        except BrokenExecutor:
            lost = [task for group in flying.values() for task in group]
            deaths.update(task.id for task in lost if alone)
            for task in lost:
                if deaths[task.id] < 2:
                    suspects.appendleft((task,)) if alone else suspects.append((task,))
                elif proven or len(tasks) == 1:
                    yield task, failed(task, f"{task.id}: {DIED}")
                else:
                    raise ServiceError("the processes that judge die as soon as they begin") from None


def _pass(
    pool: Pool, plan: Plan, queue: deque[Group], flying: dict[Future[list[Verdict]], Group], *, alone: bool
) -> Iterator[tuple[Task, Verdict]]:
    """Hand out a queue until it is empty; `flying` holds what is out, also when the pool breaks."""
    most = 1 if alone else AHEAD * pool.n_workers
    while queue or flying:
        while queue and len(flying) < most:
            flying[pool.executor.submit(judge_all, plan, queue[0])] = queue[0]
            queue.popleft()
        for future in wait(flying, return_when=FIRST_COMPLETED).done:
            group = flying[future]
            try:
                found = future.result()
            except pool.lost:
                found = [failed(task, f"{task.id}: {DIED}") for task in group]
                if len(group) > 1:  # any of them may be the cause
                    queue.extend((task,) for task in group)
                    found = []
            del flying[future]
            yield from zip(group, found, strict=bool(found))
