"""`/v1/stream`: a websocket that takes a recording as it is spoken and tells what is heard of it.

    client   {"text": "I think so", "format": "pcm16", "rate": 16000, "advise": true}
    server   {"type": "ready", "stream": ID, "received": 0}
    client   pieces of sound (binary) …
    server   {"type": "words", …}, {"type": "scores", …} …
    client   {"end": true}
    server   {"type": "final", "score": …}, and closes

A client whose connection broke goes on within `KEPT` seconds: {"resume": ID} is answered by ready with the
number of bytes that had come. What cannot be used is {"type": "error", "error": one line}, and the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Annotated, Any, Literal

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from msgspec import Meta

from speechtutor.audio.live import FILE, PCM, Live
from speechtutor.errors import InputError, SpeechTutorError
from speechtutor.files import jsonio
from speechtutor.schema import Json
from speechtutor.service.desk import Desk, said
from speechtutor.service.figures import Figures
from speechtutor.service.follow import Follower
from speechtutor.service.queue import BusyError, Queue
from speechtutor.service.settings import Settings

PACE = 0.15
"""Seconds between two looks at what was said, at least."""
KEPT = 30.0
"""Seconds that a stream whose connection broke is kept."""
AGAIN = 0.1
"""Seconds between two attempts to be judged at the end, while the line is full."""
PROTOCOL = "speechtutor.v1"
BAD, POLICY, LATER = 1007, 1008, 1013
"""Codes of closing (RFC 6455): no use, against the rules, come again later."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The first message of a stream."""

    text: str | None = None
    format: Literal["pcm16", "file"] = "pcm16"
    rate: Annotated[int, Meta(ge=8_000, le=48_000)] = 16_000
    advise: bool = False
    resume: str | None = None


@dataclass(frozen=True, slots=True)
class _Ending:
    end: bool


@dataclass
class _Stream:
    """One stream with whoever may go on with it; `left` is when its connection broke."""

    id: str
    key: str
    follower: Follower
    left: float | None = None


@dataclass
class Streams:
    """The streams of one process."""

    desk: Desk
    queue: Queue
    settings: Settings
    figures: Figures
    told: Callable[[Exception], str]
    _all: dict[str, _Stream] = field(default_factory=dict)

    def open(self, opening: Opening, key: str) -> _Stream:
        """A new stream, or the one that is gone on with.

        Raises:
            InputError: for a text that cannot be used, or a stream that is not there.
            BusyError: when there are too many.
        """
        now = monotonic()
        self._all = {k: s for k, s in self._all.items() if s.left is None or now - s.left < KEPT}
        if opening.resume is not None:
            found = self._all.get(opening.resume)
            if found is None or found.key != key or found.left is None:
                raise InputError("resume: there is no such stream; begin again")
            found.left = None
            return found
        if len(self._all) >= self.settings.n_streams:
            raise BusyError(f"{len(self._all)} streams are open: come again later", 5)
        text = None if opening.text is None else said(opening.text)
        live = Live(PCM if opening.format == "pcm16" else FILE, opening.rate)
        follower = Follower(
            self.desk.coach, live, text, opening.advise, self.settings.max_seconds, self.desk.judged
        )
        made = _Stream(secrets.token_urlsafe(12), key, follower)
        self._all[made.id] = made
        return made

    def drop(self, stream: _Stream) -> None:
        """Forget a stream and its sound."""
        self._all.pop(stream.id, None)


def streams(service: Streams) -> APIRouter:
    """The route."""
    routes = APIRouter(tags=["streaming"])

    @routes.websocket("/v1/stream")
    async def stream(socket: WebSocket) -> None:
        offered = socket.scope.get("subprotocols", ())
        await socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
        service.figures.streaming(1)
        try:
            await _Talk(service, socket).run()
        except (WebSocketDisconnect, RuntimeError):  # RuntimeError: sent to a socket that is closed
            pass
        finally:
            service.figures.streaming(-1)

    return routes


class _Closed(Exception):
    """The stream ends here, with an error that is told and a code."""

    def __init__(self, why: str, code: int) -> None:
        super().__init__(why)
        self.code = code


class _Talk:
    """One connection."""

    def __init__(self, service: Streams, socket: WebSocket) -> None:
        self.service, self.socket = service, socket
        self.key = str(socket.scope.get("state", {}).get("key", "-"))
        self.stream: _Stream | None = None
        self.step: asyncio.Task[None] | None = None
        self.looked = 0.0

    async def run(self) -> None:
        """From the first message to the last."""
        try:
            await self._opened()
            while await self._heard():
                pass
            await self._end()
        except _Closed as closed:
            self._drop()
            await self._close({"type": "error", "error": str(closed)}, closed.code)
        except SpeechTutorError as error:
            self._drop()
            code = LATER if isinstance(error, BusyError) else BAD
            await self._close({"type": "error", "error": self.service.told(error)}, code)
        except WebSocketDisconnect:
            if self.stream is not None:
                self.stream.left = monotonic()
            raise
        finally:
            await self._still()

    async def _opened(self) -> None:
        message = await self._next()
        text = message.get("text")
        if text is None:
            raise _Closed("the first message must be JSON that says what will come", BAD)
        opening = jsonio.decode(text, Opening, "the first message")
        self.stream = await asyncio.to_thread(self.service.open, opening, self.key)
        received = len(self.stream.follower.live.data)
        await self.socket.send_json({"type": "ready", "stream": self.stream.id, "received": received})

    async def _next(self) -> MutableMapping[str, Any]:
        try:
            message = await asyncio.wait_for(self.socket.receive(), self.service.settings.idle)
        except TimeoutError:
            raise _Closed(f"nothing came for {self.service.settings.idle:g} s", POLICY) from None
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        return message

    async def _heard(self) -> bool:
        """One message; False at the end."""
        assert self.stream is not None
        message, live = await self._next(), self.stream.follower.live
        if message.get("text") is not None:
            jsonio.decode(message["text"], _Ending, "a message")
            return False
        live.add(message.get("bytes") or b"")
        most = self.service.settings.max_bytes
        if live.form == PCM:
            most = min(most, round(self.service.settings.max_seconds * 2 * live.rate) + 2)
        if len(live.data) > most:
            raise _Closed("the recording is longer than is taken", POLICY)
        if (self.step is None or self.step.done()) and monotonic() - self.looked >= PACE:
            self.step = asyncio.create_task(self._look(self.stream.follower))
        return True

    async def _look(self, follower: Follower) -> None:
        """Tell what is to be told by now; a line that is full is left to those who wait in it."""
        with contextlib.suppress(SpeechTutorError, WebSocketDisconnect, RuntimeError):
            for event in await self.service.queue.run(follower.step):
                await self.socket.send_json(event)
        self.looked = monotonic()

    async def _still(self) -> None:
        """Wait for the look that is being taken."""
        if self.step is not None:
            await asyncio.wait([self.step])

    async def _end(self) -> None:
        assert self.stream is not None
        self.stream.follower.ending = True
        await self._still()
        found = await self._judged(self.stream.follower)
        self._drop()
        await self._close(found, 1000)

    async def _judged(self, follower: Follower) -> Json:
        """The end, for which the line is waited for: what was taken is judged."""
        last = monotonic() + self.service.settings.patience
        while True:
            try:
                return await self.service.queue.run(follower.end)
            except BusyError:
                if not self.service.queue.open or monotonic() > last:
                    raise
                await asyncio.sleep(AGAIN)

    def _drop(self) -> None:
        if self.stream is not None:
            self.service.drop(self.stream)

    async def _close(self, event: Json, code: int) -> None:
        await self.socket.send_json(event)
        await self.socket.close(code)
