"""The line before the models: in order, bounded, timed, finished when the server stops."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from speechtutor.errors import InputError
from speechtutor.service.queue import BusyError, Queue, SlowError, StoppingError
from speechtutor.service.settings import Settings, is_here


def test_calls_come_back_in_order_and_alone() -> None:
    queue, running, most = Queue(8, 30), [0], [0]

    def call(i: int) -> int:
        running[0] += 1
        most[0] = max(most[0], running[0])
        running[0] -= 1
        return i

    async def all_of_them() -> list[int]:
        return await asyncio.gather(*(queue.run(call, i) for i in range(8)))

    assert asyncio.run(all_of_them()) == list(range(8))
    assert (most, queue.inside) == ([1], 0)


def test_a_full_line_is_told_when_to_come_again() -> None:
    queue, go = Queue(2, 30), threading.Event()

    async def story() -> None:
        taken = [asyncio.create_task(queue.run(go.wait)) for _ in range(3)]
        await asyncio.sleep(0)
        assert queue.inside == 3
        with pytest.raises(BusyError) as full:
            await queue.run(go.wait)
        assert full.value.wait >= 1 and "3 requests are waiting" in str(full.value)
        go.set()
        assert await asyncio.gather(*taken) == [True] * 3
        assert await queue.run(lambda: "again") == "again"

    asyncio.run(story())


def test_what_waits_too_long_is_taken_out_and_never_begun() -> None:
    queue, go, begun = Queue(4, 0.05), threading.Event(), []

    async def story() -> None:
        first = asyncio.create_task(queue.run(go.wait))
        second = asyncio.create_task(queue.run(begun.append, 2))
        for task in (first, second):
            with pytest.raises(SlowError, match=r"more than 0.05 s"):
                await task
        go.set()

    asyncio.run(story())
    queue.close()
    assert begun == [] and queue.inside == 0


def test_errors_of_a_call_are_its_own() -> None:
    def late() -> None:
        raise TimeoutError("of the call")

    queue = Queue(1, 30)
    with pytest.raises(TimeoutError, match="of the call"):
        asyncio.run(queue.run(late))
    with pytest.raises(InputError, match="bad"):
        asyncio.run(queue.run(_bad))
    assert queue.inside == 0


def _bad() -> None:
    raise InputError("bad")


def test_it_finishes_what_it_took() -> None:
    queue, go, done = Queue(4, 30), threading.Event(), []

    def slow(i: int) -> None:
        go.wait()
        done.append(i)

    async def story() -> None:
        tasks = [asyncio.create_task(queue.run(slow, i)) for i in range(3)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(asyncio.to_thread(queue.close))
        while queue.open:
            await asyncio.sleep(0.001)
        with pytest.raises(StoppingError):
            await queue.run(slow, 9)
        go.set()
        await asyncio.gather(closing, *tasks)

    asyncio.run(story())
    assert done == [0, 1, 2]


# Settings


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("a.example", False),
    ],
)
def test_which_addresses_are_of_this_machine(host: str, here: bool) -> None:
    assert is_here(host) is here


@pytest.mark.parametrize("name", ["max_bytes", "max_seconds", "n_waiting", "patience", "upload"])
def test_limits_that_let_nothing_through(name: str) -> None:
    with pytest.raises(InputError, match=name):
        Settings(**{name: 0})  # type: ignore[arg-type]


def test_a_full_server_answers_429(tmp_path: Path) -> None:
    import time
    from concurrent.futures import ThreadPoolExecutor

    from speechtutor.models.fake import FakeScorer
    from tests.service.conftest import client, recording

    go, begun = threading.Event(), threading.Event()

    class Slow:
        def align(self, *a: Any) -> Any:
            raise NotImplementedError

        def score(self, sound: Any, text: str, words: Any = None) -> Any:
            begun.set()
            go.wait(30)
            return FakeScorer().score(sound, text)

    settings = Settings(hosts=("testserver",), n_waiting=1)
    with client(tmp_path, settings, scorer=Slow()) as api, ThreadPoolExecutor(3) as people:

        def ask() -> Any:
            return api.post("/v1/score", files=recording(), data={"text": "hi"})

        first = people.submit(ask)
        begun.wait(30)
        second = people.submit(ask)
        end = time.monotonic() + 30
        while "speechtutor_inside 2.0" not in api.get("/metrics").text:
            assert time.monotonic() < end
        refused = ask()
        assert refused.status_code == 429 and int(refused.headers["retry-after"]) >= 1
        go.set()
        assert first.result().status_code == second.result().status_code == 200  # what was taken is answered
