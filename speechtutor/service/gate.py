"""What every request passes before its route: limits, keys, an id; and every answer on its way out.

An ASGI application around the real one. A body is counted while it is read, so a large one costs no more
than the limit, and a slow one no longer than its time.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from speechtutor.service.figures import Figures
from speechtutor.service.settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

log = logging.getLogger("speechtutor.service")

OPEN = ("/healthz", "/readyz")
"""Paths that need no key."""
MOST_HEADERS, MOST_HEADER_BYTES = 100, 16_384
_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
_SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)


class Refused(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, why: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(why)
        self.status, self.why, self.headers = status, why, headers


@dataclass
class _Passage:
    """One request on its way: what was read of it and what was answered."""

    id: str
    began: float = field(default_factory=monotonic)
    n_bytes: int = 0
    status: int = 0
    refused: Refused | None = None


class Gate:
    """Around an application."""

    def __init__(self, app: App, settings: Settings, figures: Figures) -> None:
        self.app, self.settings, self.figures = app, settings, figures

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Let a request through, or answer in its place."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = _headers(scope)
        given = headers.get("x-request-id", "")
        passage = _Passage(given if _ID.fullmatch(given) else uuid.uuid4().hex)
        try:
            self._check(scope, headers)
            await self.app(scope, self._counted(receive, passage), self._marked(send, passage))
        except Refused as refused:
            passage.refused = refused
        except Exception:
            if passage.refused is None:
                log.exception("request %s failed", passage.id)
                passage.refused = Refused(500, f"internal error; the log says more under {passage.id}")
        if passage.refused is not None and not passage.status:
            await _answer(self._marked(send, passage, last=True), passage.refused)
        self._tell(scope, passage)

    def _check(self, scope: MutableMapping[str, Any], headers: dict[str, str]) -> None:
        """Raise `Refused` for what can be seen before the body is read."""
        fields = scope["headers"]
        if len(fields) > MOST_HEADERS or sum(len(k) + len(v) for k, v in fields) > MOST_HEADER_BYTES:
            raise Refused(431, "the headers are too many or too large")
        if "*" not in self.settings.hosts and _host(headers) not in self.settings.hosts:
            raise Refused(400, "this server is not asked for under that name; --allow-host names it")
        origin = headers.get("origin")
        if origin and origin.partition("://")[2].lower() != headers.get("host", "").lower():
            raise Refused(403, "requests from pages of another site are not answered")
        if scope["path"] not in OPEN and not self.settings.lets_in(_key(headers)):
            raise Refused(401, "a key is needed: Authorization: Bearer KEY", (b"www-authenticate", b"Bearer"))
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdecimal()):
            raise Refused(400, "content-length is no number")
        if len(length) > 15 or int(length) > self.settings.max_bytes:
            raise self._too_large()

    def _too_large(self) -> Refused:
        told = f"the request is larger than {self.settings.max_bytes} bytes"
        return Refused(413, told, (b"connection", b"close"))

    def _counted(self, receive: Receive, passage: _Passage) -> Receive:
        """The body as it comes, up to the limits."""
        ended = False

        async def counted() -> Message:
            nonlocal ended
            if ended:
                return await receive()  # only whether the client has gone
            left = self.settings.upload - (monotonic() - passage.began)
            try:
                message = await asyncio.wait_for(receive(), max(left, 0.01))
            except TimeoutError:
                passage.refused = Refused(408, "the request took too long to come", (b"connection", b"close"))
                raise passage.refused from None
            if message["type"] == "http.disconnect":
                passage.refused = Refused(400, "the client has gone before its request had come")
                raise passage.refused
            passage.n_bytes += len(message.get("body", b""))
            if passage.n_bytes > self.settings.max_bytes:
                passage.refused = self._too_large()
                raise passage.refused
            ended = not message.get("more_body", False)
            return message

        return counted

    def _marked(self, send: Send, passage: _Passage, *, last: bool = False) -> Send:
        """Answers with an id and safe headers; none to a request that was refused meanwhile."""

        async def marked(message: Message) -> None:
            if passage.refused is not None and not last and not passage.status:
                return
            if message["type"] == "http.response.start":
                passage.status = message["status"]
                extra = [*_SAFE, (b"x-request-id", passage.id.encode())]
                message = {**message, "headers": [*message.get("headers", ()), *extra]}
            await send(message)

        return marked

    def _tell(self, scope: MutableMapping[str, Any], passage: _Passage) -> None:
        """Count the request and write a line of it, with its route: the path may name a learner."""
        route = getattr(scope.get("route"), "path", "none")
        seconds = monotonic() - passage.began
        self.figures.answered(route, passage.status, seconds)
        method = (
            scope["method"] if scope["method"] in ("GET", "POST", "DELETE", "HEAD", "OPTIONS") else "other"
        )
        line = {"id": passage.id, "method": method, "route": route, "status": passage.status}
        log.info(json.dumps({**line, "ms": round(1000 * seconds), "bytes": passage.n_bytes}))


def _headers(scope: MutableMapping[str, Any]) -> dict[str, str]:
    return {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}


def _host(headers: dict[str, str]) -> str:
    """The name that was asked for, without the port."""
    return re.sub(r":\d*$", "", headers.get("host", "").lower())


def _key(headers: dict[str, str]) -> str | None:
    """The key of a request, where any of the shapes puts it."""
    kind, _, bearer = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return bearer.strip()
    return headers.get("x-api-key") or headers.get("ocp-apim-subscription-key")


async def _answer(send: Send, refused: Refused) -> None:
    body = json.dumps({"error": refused.why}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send(
        {"type": "http.response.start", "status": refused.status, "headers": [*headers, *refused.headers]}
    )
    await send({"type": "http.response.body", "body": body})
