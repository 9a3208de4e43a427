"""Real servers: workers behind one port with one store, killed and stopped; clients that take their time."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from speechtutor.errors import SpeechTutorError
from speechtutor.learner.store import SqlStore
from speechtutor.service.prompt import PromptProtocol
from speechtutor.service.running import Plan, check
from speechtutor.service.settings import Settings
from tests.commands.test_serve import send, server


@pytest.mark.slow
def test_workers_share_a_port_a_store_and_their_figures(tmp_path: Path, url: str) -> None:
    """Forty attempts from eight clients while a worker is killed: what was acknowledged is kept, once."""
    with server(tmp_path, "--workers", "2", "--store", url) as (process, client):
        answered: list[str] = []

        def practise(number: int) -> None:
            for i in range(5):
                name = f"attempt-{number}-{i}"
                for _ in range(30):
                    try:
                        answer = send(client, name)
                    except httpx.TransportError:  # its worker was killed: sent again, as one may
                        continue
                    if answer.status_code == 200:
                        answered.append(name)
                        break
                    assert answer.status_code == 429
                    time.sleep(0.1)

        with ThreadPoolExecutor(8) as people:
            waiting = [people.submit(practise, n) for n in range(8)]
            time.sleep(0.3)
            os.kill(workers_of(process.pid)[0], signal.SIGKILL)
            for one in waiting:
                one.result()
        assert sorted(answered) == sorted(f"attempt-{n}-{i}" for n in range(8) for i in range(5))
        figures = client.get("/metrics").text
        assert 'speechtutor_requests_total{route="/v1/attempts",status="200"}' in figures
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    store = SqlStore(url, create=False)
    kept = Counter(one.id for one in store.attempts("ana"))
    assert set(kept) == set(answered) and set(kept.values()) == {1} and store.verify("ana")
    store.close()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_who_waits_when_it_is_stopped_is_answered(tmp_path: Path, workers: str) -> None:
    """What was taken is finished: nothing is kept that was not acknowledged, and the other way round."""
    url = f"sqlite:///{tmp_path / 'learners.db'}"
    with server(tmp_path, "--workers", workers, "--store", url) as (process, client):
        answered, statuses, stopped = [], Counter[int](), threading.Event()

        def practise(number: int) -> None:
            for i in itertools.count():
                try:
                    answer = send(client, f"attempt-{number}-{i}")
                except httpx.TransportError:  # nobody listens there any more
                    assert stopped.is_set()
                    return
                statuses[answer.status_code] += 1
                if answer.status_code == 200:
                    answered.append(f"attempt-{number}-{i}")

        with ThreadPoolExecutor(12) as people:
            waiting = [people.submit(practise, n) for n in range(12)]
            while len(answered) < 12:
                time.sleep(0.01)
                assert process.poll() is None
            stopped.set()
            process.send_signal(signal.SIGTERM)
            for one in waiting:
                one.result()
        assert process.wait(60) == 0
    store = SqlStore(url, create=False)
    assert sorted(one.id for one in store.attempts("ana")) == sorted(answered)
    assert set(statuses) <= {200, 429, 503}
    store.close()


def workers_of(pid: int) -> list[int]:
    """The worker processes of a server: those of its children that run its target (not resource trackers)."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        words = Path(f"/proc/{child}/cmdline").read_bytes()
        if b"spawn_main" in words:
            found.append(int(child))
    return found


def test_a_head_that_does_not_end_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that says nothing and one that says a letter at a time are closed; a quick one is answered."""
    monkeypatch.setattr(PromptProtocol, "seconds", 0.3)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        await asyncio.sleep(0.5)  # an answer may take longer than a head
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def story(place: socket.socket) -> None:
        config = uvicorn.Config(app, http=PromptProtocol, lifespan="off", log_level="critical")
        running = asyncio.create_task(uvicorn.Server(config).serve([place]))
        port = place.getsockname()[1]
        silent, _ = await asyncio.open_connection("127.0.0.1", port)
        slow_in, slow_out = await asyncio.open_connection("127.0.0.1", port)
        quick_in, quick_out = await asyncio.open_connection("127.0.0.1", port)
        quick_out.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        for letter in b"GET / HT":
            try:
                slow_out.write(bytes([letter]))
                await slow_out.drain()
            except ConnectionError:
                break
            await asyncio.sleep(0.1)
        for closed in (silent, slow_in):
            with suppress(ConnectionError):
                assert await asyncio.wait_for(closed.read(), 10) == b""
        assert (await asyncio.wait_for(quick_in.read(200), 10)).startswith(b"HTTP/1.1 200")
        running.cancel()

    with socket.create_server(("127.0.0.1", 0)) as place:
        asyncio.run(story(place))


def test_who_comes_while_a_server_stops_is_not_served() -> None:
    """Who was accepted just after the others were told to end held the server, and lost an answer with it."""
    asked: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def answer(server: uvicorn.Server) -> bytes:
        """What a connection that is accepted now is answered."""
        here, there = socket.socketpair()
        made = lambda: PromptProtocol(server.config, server.server_state, {})  # noqa: E731
        await asyncio.get_running_loop().create_connection(made, sock=here)
        told, tell = await asyncio.open_connection(sock=there)
        with suppress(ConnectionError):
            tell.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            await tell.drain()
            return await asyncio.wait_for(told.read(200), 10)
        return b""

    async def story() -> None:
        server = uvicorn.Server(
            uvicorn.Config(app, http=PromptProtocol, lifespan="off", log_level="critical")
        )
        server.config.load()
        server.servers, server.lifespan = [], server.config.lifespan_class(server.config)
        assert (await answer(server)).startswith(b"HTTP/1.1 200") and len(asked) == 1
        await server.shutdown()
        assert await answer(server) == b"" and len(asked) == 1
        await asyncio.sleep(0.1)
        assert not server.server_state.connections

    asyncio.run(asyncio.wait_for(story(), 30))


def test_a_plan_is_looked_at_before_anything_is_loaded(tmp_path: Path) -> None:
    names = {"transcriber": "fake", "scorer": "fake", "tutor": "fake"}
    check(Plan(names, store="none"))
    for bad, told in (
        (Plan(names | {"scorer": "nonsense"}, store="none"), "nonsense"),
        (Plan(names, Settings(rate="often"), "none"), "60/minute"),
        (Plan(names, store="none", audit=tmp_path), "directory"),
        (Plan(names, store="mysql://x/y"), "not a database URL"),
    ):
        with pytest.raises(SpeechTutorError, match=told):
            check(bad)
