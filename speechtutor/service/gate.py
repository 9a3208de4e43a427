"""What every request passes before its route: limits, keys, rates, an id; and every answer on its way out.

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
from urllib.parse import parse_qsl

from h11 import LocalProtocolError

from speechtutor.errors import StorageError
from speechtutor.service.audit import Audit
from speechtutor.service.figures import Figures
from speechtutor.service.keys import EVERYONE, Key, Role
from speechtutor.service.rates import Rates
from speechtutor.service.settings import Settings
from speechtutor.service.tokens import Tokens

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger("speechtutor.service")

OPEN = ("/healthz", "/readyz")
"""Paths that need no key."""
KEY_PROTOCOL = "speechtutor.key."
MOST_HEADERS, MOST_HEADER_BYTES = 100, 16_384
_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
_METHODS = ("GET", "POST", "DELETE", "HEAD", "OPTIONS")
_LEARNERS = ("/v1/attempts", "/v1/learners")
_SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_TLS = (b"strict-transport-security", b"max-age=31536000")
_CLOSE = (b"connection", b"close")


class Refused(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, why: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(why)
        self.status, self.why, self.headers = status, why, headers


@dataclass
class _Passage:
    """One request on its way: whose it is, what was read of it and what was answered."""

    id: str
    began: float = field(default_factory=monotonic)
    n_bytes: int = 0
    status: int = 0
    refused: Refused | None = None
    key: str = "-"


class Gate:
    """Around an application."""

    def __init__(
        self,
        app: App,
        settings: Settings,
        figures: Figures,
        audit: Audit | None = None,
        rates: Rates | None = None,
        aside: str | None = None,
    ) -> None:
        """What lies below the path `aside` is let through as it is: it has a door of its own."""
        self.aside = aside
        self.app, self.settings, self.figures, self.audit = app, settings, figures, audit
        self.tokens = Tokens(settings.secret)
        self.rates = rates or Rates(settings.rate, settings.rate_store)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer in its place."""
        if scope["type"] in ("http", "websocket") and _below(scope["path"], self.aside):
            await self.app(scope, receive, send)  # it has a door of its own
        elif scope["type"] == "websocket":
            await self._stream(scope, receive, send)
        elif scope["type"] == "http":
            await self._request(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        passage = _passage(headers)
        try:
            self._check(scope, headers, passage)
            await self.app(scope, self._counted(receive, passage), self._marked(scope, send, passage))
        except Refused as refused:
            passage.refused = refused
        except LocalProtocolError:  # what the client sent meanwhile was no HTTP: nobody can be answered
            passage.refused, passage.status = Refused(400, "the connection is broken"), passage.status or 400
        except Exception:
            if passage.refused is None:
                log.exception("request %s failed", passage.id)
                passage.refused = Refused(500, f"internal error; the log says more under {passage.id}")
        if passage.refused is not None and not passage.status:
            await _answer(self._marked(scope, send, passage, last=True), passage.refused)
        self._tell(scope, passage)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A websocket: refused before it is accepted (HTTP 403 to the client), or let through."""
        headers = _headers(scope)
        passage = _passage(headers)
        try:
            self._check(scope, headers, passage)
            passage.status = 101
            await self.app(scope, receive, send)
        except Refused as refused:
            passage.refused, passage.status = refused, refused.status
            await send({"type": "websocket.close", "code": 1008, "reason": refused.why[:120]})
        except Exception:
            passage.status = 500
            log.exception("stream %s failed", passage.id)
            await send({"type": "websocket.close", "code": 1011, "reason": f"internal error {passage.id}"})
        self._tell(scope, passage)

    def _check(self, scope: Scope, headers: dict[str, str], passage: _Passage) -> None:
        """Raise `Refused` for what can be seen before the body is read."""
        fields = scope["headers"]
        if len(fields) > MOST_HEADERS or sum(len(k) + len(v) for k, v in fields) > MOST_HEADER_BYTES:
            raise Refused(431, "the headers are too many or too large")
        if "*" not in self.settings.hosts and _host(headers) not in self.settings.hosts:
            raise Refused(400, "this server is not asked for under that name; --allow-host names it")
        origin = headers.get("origin")
        if origin and origin.partition("://")[2].lower() != headers.get("host", "").lower():
            raise Refused(403, "requests from pages of another site are not answered")
        if scope["path"] not in OPEN:
            self._let_in(scope, headers, passage)
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdecimal()):
            raise Refused(400, "content-length is no number")
        if len(length) > 15 or int(length) > self.settings.max_bytes:
            raise self._too_large()

    def _let_in(self, scope: Scope, headers: dict[str, str], passage: _Passage) -> None:
        """Raise `Refused` without a key, with one that does not open this, or that was used too often."""
        key = self._key(_word(headers, scope)) if self.settings.keys else EVERYONE
        if key is None:
            told = "a key is needed: Authorization: Bearer KEY"
            raise Refused(401, told, (b"www-authenticate", b"Bearer"))
        passage.key = key.name
        scope["state"] = {**(scope.get("state") or {}), "key": key.name}
        role = role_of(scope["path"], scope.get("query_string", b""))
        if role not in key.roles:
            raise Refused(403, f"this key does not open what needs the role {role.value}")
        if wait := self.rates.wait(key):
            told = f"this key was used too often: come again in {wait} s"
            raise Refused(429, told, (b"retry-after", str(wait).encode()))

    def _key(self, word: str | None) -> Key | None:
        """The key of a word, which may be a token in its place."""
        known = self.settings.keys
        return known.of(word) or known.named(self.tokens.name(word or ""))

    def _too_large(self) -> Refused:
        return Refused(413, f"the request is larger than {self.settings.max_bytes} bytes", _CLOSE)

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
                passage.refused = Refused(408, "the request took too long to come", _CLOSE)
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

    def _marked(self, scope: Scope, send: Send, passage: _Passage, *, last: bool = False) -> Send:
        """Answers with an id and safe headers; none to a request that was refused meanwhile."""
        safe = (*_SAFE, _TLS) if scope.get("scheme") == "https" else _SAFE

        async def marked(message: Message) -> None:
            if passage.refused is not None and not last and not passage.status:
                return
            if message["type"] == "http.response.start":
                passage.status = message["status"]
                extra = [*safe, (b"x-request-id", passage.id.encode())]
                message = {**message, "headers": [*message.get("headers", ()), *extra]}
            await send(message)

        return marked

    def _tell(self, scope: Scope, passage: _Passage) -> None:
        """Count the request and write a line of it, with its route: the path may name a learner."""
        route = getattr(scope.get("route"), "path", "none")
        seconds = monotonic() - passage.began
        self.figures.answered(route, passage.status, seconds)
        method = scope.get("method", "WEBSOCKET")
        line = {
            "id": passage.id, "key": passage.key, "method": method if method in _METHODS else "other",
            "route": route, "status": passage.status,
        }  # fmt: skip
        if passage.refused is not None:
            self.figures.turned_away(str(passage.refused.status))
        self._audited(scope, passage, dict(line))
        log.info(json.dumps({**line, "ms": round(1000 * seconds), "bytes": passage.n_bytes}))

    def _audited(self, scope: Scope, passage: _Passage, line: dict[str, Any]) -> None:
        """A line in the audit log, of what touches a learner's record and of whom the keys turned away."""
        learner = (scope.get("path_params") or {}).get("learner") or (scope.get("state") or {}).get("learner")
        refused = passage.refused is not None and passage.refused.status in (401, 403, 429)
        if self.audit is None or not (learner or refused):
            return
        try:
            self.audit.tell(learner, **line)
        except StorageError as error:
            log.error("%s", error)


def _below(path: str, aside: str | None) -> bool:
    return aside is not None and (path == aside or path.startswith(f"{aside}/"))


def role_of(path: str, query: bytes) -> Role:
    """What a key must open for a path; an exercise for a learner is of the learner's record."""
    if path == "/metrics":
        return Role.WATCH
    asked = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    whose = path == "/v1/practice" and any(name == "learner" for name, _ in asked)
    return Role.LEARNERS if whose or path.startswith(_LEARNERS) else Role.JUDGE


def _passage(headers: dict[str, str]) -> _Passage:
    given = headers.get("x-request-id", "")
    return _Passage(given if _ID.fullmatch(given) else uuid.uuid4().hex)


def _headers(scope: Scope) -> dict[str, str]:
    return {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}


def _host(headers: dict[str, str]) -> str:
    """The name that was asked for, without the port."""
    return re.sub(r":\d*$", "", headers.get("host", "").lower())


def _word(headers: dict[str, str], scope: Scope) -> str | None:
    """The key of a request, where any of the shapes puts it; a page's websocket has but protocols."""
    kind, _, bearer = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return bearer.strip()
    for name in scope.get("subprotocols", ()):
        if name.startswith(KEY_PROTOCOL):
            return str(name).removeprefix(KEY_PROTOCOL)
    return headers.get("x-api-key") or headers.get("ocp-apim-subscription-key")


async def _answer(send: Send, refused: Refused) -> None:
    body = json.dumps({"error": refused.why}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send(
        {"type": "http.response.start", "status": refused.status, "headers": [*headers, *refused.headers]}
    )
    await send({"type": "http.response.body", "body": body})
