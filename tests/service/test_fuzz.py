"""Three hundred requests from a seed, over a real socket: no 500, no traceback, nothing of ours in an answer.

python -m tests.service.test_fuzz 3000 --seed 5 prints the counts.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import random
import socket
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from speechtutor.learner.store import open_store
from speechtutor.service.settings import Settings
from tests.service.conftest import KEY, coach, hum, keys, silence

LEAKS = (
    "Traceback",
    "site-packages",
    "speechtutor/",
    '.py"',
    "sqlite",
    "passwd:",
    "root:x",
    tempfile.gettempdir(),
)
PATHS = (
    "/v1/transcribe",
    "/v1/score",
    "/v1/coach",
    "/v1/speak",
    "/v1/attempts",
    "/v1/practice",
    "/v1/learners/ana",
    "/speech/recognition/conversation/cognitiveservices/v1",
    "/v1/audio/transcriptions",
    "/metrics",
    "/healthz",
    "/sts/v1.0/issueToken",
    "/openapi.json",
    "/v1/stream",
)
TRICKS = (
    "/../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "//etc/passwd",
    "/..%2f..%2fetc/passwd",
    "/%00",
    "/%ff%fe",
    "/v1/learners/" + "a" * 3_000,
    "/v1/learners/%0d%0aset-cookie:x",
    "/v1/practice?seed=NaN",
    "/?" + "a=b&" * 900,
    "/v1/learners/'; DROP TABLE attempts;--",
    "/v1/practice?kind=" + "x," * 900,
    "*",
    "http://evil.example/",
    "/v1/practice?learner=%ed%a0%80",
    "/v1/score#frag",
    "/v1/score;a=b",
    "\\v1\\score",
)
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT", "BREW", "get")
TEXTS = (
    "I think so",
    "",
    " ",
    "a" * 3_000,
    "\0",
    "\u202e<b>",
    "../../x",
    "{{7*7}}",
    "%s%n",
    "'\"><script>",
    "😀" * 99,
)
SOUNDS = (
    hum(),
    silence(),
    hum()[:500],
    b"",
    b"\0" * 999,
    b"RIFF\xff\xff\xff\xffWAVE",
    b"OggS" + b"\xff" * 400,
    b"\x1aE\xdf\xa3" + b"\0" * 300,
    b"fLaC" + b"\xff" * 300,
    b"ID3" + b"\xff" * 300,
    b"#EXTM3U\nfile:///etc/passwd\n",
    b"<svg/>",
    b"PK\3\4",
    b"\x1f\x8b\x08" + b"\0" * 99,
)
JSONS = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"NaN",
    b'{"text": 5}',
    b'{"text": "\\ud800"}',
    b'{"text":' + b"[" * 9_000,
    b"\xff\xfe",
    b'{"text": "a", "rate": 1e999}',
    b'{"text": "a", "phones": "' + b"x" * 5_000 + b'"}',
    b'{"text": "I think so"}',
    b'{"__proto__": {}}',
    b'"' + b"\\u0000" * 500 + b'"',
)


def form(rng: random.Random) -> tuple[bytes, str]:
    """A form with a recording, most of it damaged in one place or another."""
    mark = rng.choice(["x", "----a", "a b", ""])
    parts = []
    fields = rng.sample(
        ["text", "id", "learner", "explain", "lang", "model", "language", "response_format"], 3
    )
    for name in fields:
        value = rng.choice(TEXTS).encode("utf-8", "surrogatepass")
        parts.append(b'Content-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value))
    name = rng.choice(["me.wav", "../../etc/passwd", "a\0b", "a\r\nset-cookie: x", "x" * 900, ""])
    part = rng.choice(["audio", "file", ""])
    head = f'Content-Disposition: form-data; name="{part}"; filename="{name}"\r\n\r\n'
    parts.append(head.encode() + rng.choice(SOUNDS) + b"\r\n")
    rng.shuffle(parts)
    data = b"".join(f"--{mark}\r\n".encode() + part for part in parts) + f"--{mark}--\r\n".encode()
    if rng.random() < 0.2:
        data = data[: rng.randrange(len(data))]
    return data, f"multipart/form-data; boundary={mark}"


def right(rng: random.Random) -> bytes:
    """The bytes of a request as it should be sent."""
    ways = [
        ("GET", "/v1/practice?level=A2", b"", ""),
        ("POST", "/v1/speak", b'{"text": "I think so"}', "application/json"),
    ]
    azure = "/speech/recognition/conversation/cognitiveservices/v1?language=en-US"
    method, path, body, kind = rng.choice([*ways, ("POST", azure, hum(), "audio/wav")])
    head = f"{method} {path} HTTP/1.1\r\nhost: testserver\r\nx-api-key: {KEY}\r\ncontent-type: {kind}\r\n"
    return f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body


def request(rng: random.Random) -> bytes:
    """The bytes of a request, one in ten as it should be, the others as no client should send it."""
    if rng.random() < 0.1:
        return right(rng)
    path = rng.choice(PATHS) if rng.random() < 0.75 else rng.choice(TRICKS)
    method = "POST" if rng.random() < 0.6 else rng.choice(METHODS)
    roll = rng.random()
    if roll < 0.5:
        body, kind = form(rng)
    elif roll < 0.75:
        body, kind = (
            rng.choice(JSONS),
            rng.choice(["application/json", "application/json; charset=x", "text/xml"]),
        )
    else:
        body, kind = (
            rng.choice(SOUNDS),
            rng.choice(["audio/wav", "application/octet-stream", "multipart/form-data"]),
        )
    headers = {"host": "testserver", "x-api-key": KEY, "content-type": kind, "content-length": str(len(body))}
    headers |= _damage(rng)
    if rng.random() < 0.15:
        value = rng.choice(
            [b"{}", b"[1]", b'{"ReferenceText": 5}', b'{"ReferenceText": "I think so"}', b"\xff"]
        )
        headers["pronunciation-assessment"] = base64.b64encode(value).decode()
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogatepass") + body


def _damage(rng: random.Random) -> dict[str, str]:
    """Headers that replace or join the right ones, in one request of three."""
    choices: list[dict[str, str]] = [
        {"content-length": rng.choice(["-1", "many", "9" * 40, "5, 6", "0x10", ""])},
        {"transfer-encoding": "chunked"}, {"transfer-encoding": "gzip, chunked"}, {"host": "evil.example"},
        {"host": "a, b"}, {"x-api-key": "wrong"}, {"authorization": "Bearer " + "é" * 50}, {"origin": "null"},
        {f"x-{i}": "a" for i in range(150)}, {"x-a": "b" * 30_000}, {"expect": "100-continue"},
        {"upgrade": "websocket", "connection": "upgrade"}, {"x-request-id": "a\tb<script>"},
        {"cookie": "a=b; " * 400}, {"range": "bytes=0-,5-1"}, {"x-forwarded-for": "127.0.0.1"},
    ]  # fmt: skip
    return rng.choice(choices) if rng.random() < 0.35 else {}


async def answered(port: int, data: bytes, rng: random.Random) -> bytes:
    """Send the bytes, some of them slowly or not to the end; what comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        cut = len(data) if rng.random() < 0.85 else rng.randrange(len(data))
        step = rng.choice([cut + 1, cut + 1, 7_000])
        for i in range(0, cut, step):
            writer.write(data[i : min(i + step, cut)])
            await writer.drain()
        if cut < len(data):
            writer.write_eof()
        return await asyncio.wait_for(reader.read(65_536), 5)
    except (ConnectionError, TimeoutError):
        return b""
    finally:
        writer.close()


async def streamed(port: int, rng: random.Random) -> list[str]:
    """A stream that is opened and filled with anything; the messages that came back."""
    import websockets

    offered: Any = rng.choice([None, ["speechtutor.v1"], [f"speechtutor.key.{KEY.replace(' ', '-')}", "x"]])
    headers = {"x-api-key": rng.choice([KEY, KEY, "wrong"]), "host": "testserver"}
    found: list[str] = []
    try:
        async with websockets.connect(
            f"ws://127.0.0.1:{port}/v1/stream", additional_headers=headers, subprotocols=offered
        ) as client:
            opening = rng.choice(
                ['{"text": "I think so"}', '{"format": "file"}', "{}", *map(str, JSONS), "[" * 5_000]
            )
            await client.send(opening)
            for _ in range(rng.randrange(5)):
                await client.send(rng.choice([*SOUNDS, '{"end": 1}', "x", '{"end": true}']))
            await client.send('{"end": true}')
            while True:
                found.append(str(await asyncio.wait_for(client.recv(), 5)))
    except (websockets.WebSocketException, ConnectionError, TimeoutError, OSError) as error:
        return [*found, f"{error}"]


@contextmanager
def running(folder: Path) -> Iterator[int]:
    """The API with the fakes on a real port, as `serve` starts it."""
    import uvicorn

    from speechtutor.service.app import build
    from speechtutor.service.prompt import PromptProtocol

    store = open_store(f"sqlite:///{folder / 'learners.db'}")
    settings = Settings(keys(KEY), ("testserver",), max_bytes=200_000, max_seconds=5, upload=1.0, idle=1.0)
    config = uvicorn.Config(
        build(coach(), settings, store), http=PromptProtocol, ws="websockets-sansio", log_level="critical",
        server_header=False, h11_max_incomplete_event_size=32_768, ws_max_size=2**20,
    )  # fmt: skip
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as place:
        thread = threading.Thread(target=server.run, args=([place],), daemon=True)
        thread.start()
        try:
            yield place.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(30)


def check(data: bytes, sent: bytes) -> str:
    """The status of an answer that holds nothing it must not; "" of a connection that was just closed."""
    if not data:
        return ""
    text = data.decode("latin-1")
    status = text.split(" ")[1]
    assert text.startswith("HTTP/1.1 ") and not status.startswith("5"), (sent[:300], text[:500])
    assert not any(leak in text for leak in LEAKS), (sent[:300], text[:800])
    assert "set-cookie: x" not in text.lower() and "access-control-allow" not in text.lower()
    head, _, body = text.partition("\r\n\r\n")
    if "application/json" in head and not status.startswith("2"):
        if not body:  # the answer to a HEAD
            return status
        told, _ = json.JSONDecoder().raw_decode(body)  # a client may have sent more than one request
        assert list(told) == ["error"] and "\n" not in told["error"] and len(told["error"]) <= 600
    return status


async def storm(port: int, n: int, seed: int) -> Counter[str]:
    """So many requests and streams, eight at a time; how often each status came."""
    counts = Counter[str]()
    lanes = asyncio.Semaphore(8)

    async def one(number: int) -> None:
        own = random.Random(f"{seed} {number}")
        async with lanes:
            if number % 5 == 0:
                for message in await streamed(port, own):
                    assert not any(leak in message for leak in LEAKS), message
                counts["stream"] += 1
                return
            data = request(own)
            counts[check(await answered(port, data, own), data) or "closed"] += 1

    await asyncio.gather(*(one(number) for number in range(n)))
    data = b"GET /healthz HTTP/1.1\r\nhost: testserver\r\nconnection: close\r\n\r\n"
    assert check(await answered(port, data, random.Random(1)), data) == "200"  # it is still there
    return counts


@pytest.mark.parametrize("seed", [1])
def test_hostile_requests(seed: int, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "speechtutor.service"), running(tmp_path) as port:
        counts = asyncio.run(storm(port, 300, seed))
    assert sum(counts.values()) == 300 and len(counts) >= 6, counts
    assert counts["200"] >= 10, counts  # some are let through, so the others were refused for a reason
    assert not [record for record in caplog.records if record.exc_info]
    assert "Traceback" not in caplog.text and KEY not in caplog.text


def main() -> None:
    n, seed = int(sys.argv[1]), int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as port:
        print(asyncio.run(storm(port, n, seed)))
    os._exit(0)


if __name__ == "__main__":
    main()
