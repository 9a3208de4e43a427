"""The gate as the network meets it: bodies that come slowly, break off, or never end."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from speechtutor.service.figures import Figures
from speechtutor.service.gate import Gate
from speechtutor.service.settings import Settings
from tests.service import conftest  # noqa: F401  # skips where the extra is missing


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Reads the whole body, hides what goes wrong as frameworks do, and answers with its size."""
    size, status = 0, 200
    try:
        while True:
            message = await receive()
            size += len(message.get("body", b""))
            if not message.get("more_body", False):
                break
    except Exception:
        status = 400
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


def meet(messages: Sequence[Any], app: Any = echo, **limits: Any) -> tuple[int, bytes, dict[bytes, bytes]]:
    """What a client is answered that sends these; after the last it is silent, and its line stays open."""
    sent: list[Any] = []
    waiting = list(messages)

    async def receive() -> Any:
        if not waiting:
            await asyncio.sleep(60)
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/score", "headers": [(b"host", b"localhost")]}
    gate = Gate(app, Settings(**limits), Figures())
    asyncio.run(gate(scope, receive, send))
    start, body = sent
    return start["status"], body["body"], dict(start["headers"])


def piece(data: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": data, "more_body": more}


def test_a_whole_body_goes_through() -> None:
    status, body, headers = meet([piece(b"ab", more=True), piece(b"c", more=False)])
    assert (status, body) == (200, b"3") and headers[b"x-content-type-options"] == b"nosniff"


def test_a_slow_body_is_ended() -> None:
    status, body, headers = meet([piece(b"ab", more=True)], upload=0.05)
    assert (status, headers[b"connection"]) == (408, b"close") and "too long" in json.loads(body)["error"]


def test_a_body_without_end_costs_no_more_than_the_limit() -> None:
    endless = [piece(b"x" * 10, more=True) for _ in range(100)]
    status, body, _ = meet(endless, max_bytes=35)
    assert status == 413 and json.loads(body) == {"error": "the request is larger than 35 bytes"}


def test_a_client_that_has_gone_is_no_bug(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "speechtutor.service"):
        status, _, _ = meet([piece(b"ab", more=True), {"type": "http.disconnect"}])
    assert status == 400
    (record,) = caplog.records
    line = json.loads(record.message)
    assert (line["status"], line["bytes"], line["route"]) == (400, 2, "none") and not record.exc_info


def test_an_answer_that_has_begun_is_not_begun_again(caplog: pytest.LogCaptureFixture) -> None:
    async def breaks(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half"})
        raise RuntimeError("late")

    status, body, _ = meet([], breaks)
    assert (status, body) == (200, b"half") and "late" in caplog.text


def test_other_protocols_pass_untouched() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(Gate(app, Settings(), Figures())({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]
