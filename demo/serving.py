"""How the app is served: to whom, under which names, with which bounds, and how it ends.

By default only this machine can reach it. Listening on another address needs a sign-in, or somebody's word
that none is wanted. Whoever asks under a name that is not ours is turned away: else any web page could give
its own name the address of this machine and drive the app in its reader's browser.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from demo.private import TAKES, Takes
from demo.rates import UPLOADS, Rates
from speechtutor.errors import InputError, StorageError, cause
from speechtutor.files import reading

AUTH_VARIABLE = "SPEECHTUTOR_APP_AUTH"
ROLES = ("learner", "teacher", "admin")
"""What an account may be; teachers and admins also see how the class is doing."""
HEADING = re.compile(r"\[(learner|teacher|admin)\]")
"""A line of an account file from which on accounts are of a role."""
LOCAL = ("localhost", "127.0.0.1", "::1")
UPLOAD_BYTES, FOLDER_BYTES, BODY_BYTES = 50_000_000, 500_000_000, 256_000
"""Of one upload, of all files of the app at once, and of any other request."""
TEXT_LENGTH = 8_000
"""Characters of a text to say: ten minutes of speech."""
LEARNERS = 16
"""Calls of one kind at once; what they ask of the models waits its turn in `voices.Lane`."""
PAGES = 128
"""Open pages whose last take is remembered, a few hundred kB each; the one used longest ago goes first."""
CLOSED = re.compile(r"/gradio_api/(?:api|call)/")
"""What programs would call by name; the page itself goes through the queue."""
POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'self'"
"""A page of ours asks nobody else for anything, whatever gradio's scripts would like to fetch."""
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", POLICY.encode()),
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def check_address(host: str, port: int) -> None:
    """Refuse an address that cannot be listened on, before any model is loaded.

    Raises:
        InputError: for a port out of range or in use, or a host that is not this machine's.
    """
    if not 1 <= port <= 65_535:
        raise InputError(f"--port must be from 1 to 65535, not {port!r:.20}")
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, ValueError):
        raise InputError(f"--host {host!r:.80}: there is no such address on this machine") from None
    family, kind, protocol, _, address = found[0]
    try:
        with socket.socket(family, kind, protocol) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except OSError as error:
        raise InputError(f"--host {host:.80} --port {port}: {cause(error)}") from None


def is_local(host: str) -> bool:
    """Whether only this machine can reach a host that is listened on."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a request may ask for this app under; with `any_address` also every IP address.

    An address cannot be rebound by a web page: its pages ask under their own name.
    """

    known: frozenset[str]
    any_address: bool = False

    @classmethod
    def of(cls, host: str, more: tuple[str, ...] = ()) -> Names:
        """Those of an app that listens on `host`; `more` are names that a proxy or a network gives it."""
        own = () if is_local(host) else (socket.gethostname(), socket.getfqdn())
        names = {name.strip("[]").lower() for name in (*LOCAL, host, *own, *more)}
        return cls(frozenset(names), any_address=not is_local(host))

    def hold(self, header: str) -> bool:
        """Whether a Host header, or the host of an Origin, names us."""
        try:
            name = (urlsplit(f"//{header}").hostname or "").lower()
        except ValueError:
            return False
        if name in self.known:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return self.any_address


def accounts(file: Path | None, environ: MutableMapping[str, str] | None = None) -> list[tuple[str, str]]:
    """Who may sign in: lines `name:password` of a file, and of the environment.

    Raises:
        InputError: for a file that cannot be read or a line of another form.
    """
    given = (os.environ if environ is None else environ).get(AUTH_VARIABLE, "")
    found = [(AUTH_VARIABLE, line) for line in given.splitlines() if line.strip()]
    if file is not None:
        lines = enumerate(_lines(file), 1)
        found += [(f"--auth-file {file}, line {i}", line) for i, line in lines if line.strip()]
        found = [row for row in found if not HEADING.fullmatch(row[1].strip())]
        if not found:
            raise InputError(f"--auth-file {file}: holds no line of the form name:password")
    pairs = []
    for where, line in found:
        name, colon, password = line.strip().partition(":")
        if not (name and colon and password):
            raise InputError(f"{where}: expected name:password")  # never shows what may be a password
        pairs.append((name, password))
    return pairs


def roles(file: Path | None) -> dict[str, str]:
    """The role of each account of a file, by the heading above it; a learner's where there is none.

    Raises:
        InputError: for a file that cannot be read.
    """
    found, role = {}, ROLES[0]
    for line in () if file is None else _lines(file):
        heading = HEADING.fullmatch(line.strip())
        if heading:
            role = heading[1]
        elif line.strip():
            found[line.strip().partition(":")[0]] = role
    return found


def _lines(file: Path) -> list[str]:
    try:
        return reading.read_bytes(file).decode("utf-8").splitlines()
    except (OSError, UnicodeError, ValueError) as error:
        raise InputError(f"--auth-file {file}: {cause(error)}") from None


def check_open(host: str, signed: bool, consent: bool) -> None:
    """Refuse to open the app to other machines without a sign-in, unless somebody said so.

    Raises:
        InputError: when nobody did.
    """
    if is_local(host) or signed or consent:
        return
    raise InputError(
        f"--host {host} lets other machines use the app: give --auth-file FILE (lines of name:password) or "
        f"{AUTH_VARIABLE}=name:password, or say --without-sign-in if everybody who reaches it may"
    )


class Refusal(Exception):
    """A request that is turned away, with its HTTP status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Door:
    """The first thing that a request meets (ASGI): its name, its origin and its size, before it is read.

    It also hands out takes that were heard already, whose file is gone.
    """

    def __init__(self, app: Any, names: Names, takes: Takes = TAKES, uploads: Rates | None = None) -> None:
        self.app, self.names, self.takes = app, names, takes
        self.uploads = uploads or Rates(UPLOADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the app answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        sending = _with_headers(send)
        try:
            self._check(scope, headers)
        except Refusal as refusal:
            await _plain(sending, refusal.status, str(refusal))
            return
        take = self._take(scope, headers)
        if take is not None:
            await _answer(sending, 200, take, b"application/octet-stream")
            return
        await self.app(scope, receive, sending)

    def _check(self, scope: Scope, headers: dict[bytes, str]) -> None:
        """Look at what a request says of itself; the server holds it to the length that it gives.

        Raises:
            Refusal: for a request that is not for us, or too large.
        """
        if not self.names.hold(headers.get(b"host", "")):
            raise Refusal(400, "This app is not known under that name.")
        origin = headers.get(b"origin")
        if origin is not None and not self.names.hold(urlsplit(origin).netloc):
            raise Refusal(403, "Other pages may not use this app.")
        if CLOSED.match(scope["path"]):
            raise Refusal(404, "This app has no endpoints for programs.")
        is_upload = scope["path"].rstrip("/").endswith("/upload")
        limit = UPLOAD_BYTES if is_upload else BODY_BYTES
        if b"transfer-encoding" in headers:
            raise Refusal(411, "Say how long it is.")
        length = headers.get(b"content-length", "0")
        if not length.isdecimal() or int(length[:20]) > limit:
            raise Refusal(413, f"At most {limit // 1000} kB.")
        address = (scope.get("client") or ("",))[0]
        if is_upload and (seconds := self.uploads.wait(str(address))):
            raise Refusal(429, f"That was quick: try again in {seconds} seconds.")
        if is_upload and _size(self.takes.folder) > FOLDER_BYTES:
            raise Refusal(503, "Too many recordings at once: try again in a minute.")

    def _take(self, scope: Scope, headers: dict[bytes, str]) -> bytes | None:
        _, found, path = scope["path"].partition("/file=")
        if not found or not _signed_in(scope.get("app"), headers.get(b"cookie", "")):
            return None
        return self.takes.known(path) or self.takes.known(unquote(path))


def _signed_in(app: Any, cookies: str) -> bool:
    """Whether a request carries the token of gradio's own sign-in, where there is one."""
    if getattr(app, "auth", None) is None:
        return True
    given = dict(part.strip().partition("=")[::2] for part in cookies.split(";"))
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    return any(given.get(name) in app.tokens for name in names)


def _size(folder: Path | None) -> int:
    """Bytes of all files under a folder."""
    if folder is None:
        return 0
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # deleted in the meantime
            total += path.lstat().st_size
    return total


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            ours = {name for name, _ in HEADERS}
            kept = [pair for pair in message.get("headers", ()) if pair[0].lower() not in ours]
            message = {**message, "headers": [*kept, *HEADERS]}
        await send(message)

    return sending


async def _plain(send: Send, status: int, text: str) -> None:
    await _answer(send, status, text.encode(), b"text/plain; charset=utf-8")


async def _answer(send: Send, status: int, body: bytes, kind: bytes) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def close(page: Any) -> None:
    """Offer no named endpoints: the page's own calls go by number through its queue."""
    for call in page.fns.values():
        call.api_visibility = "private"
    page.queue(default_concurrency_limit=LEARNERS, api_open=False)


def options(
    host: str, more: tuple[str, ...] = (), auth: list[tuple[str, str]] | None = None
) -> dict[str, Any]:
    """What `Blocks.launch` is told."""
    from starlette.middleware import Middleware

    door = Middleware(Door, names=Names.of(host, more))
    name = f"[{host}]" if ":" in host and not host.startswith("[") else host
    signed = {} if not auth else {"auth": auth}
    return {
        "server_name": name,
        "app_kwargs": {"middleware": [door], "docs_url": None, "redoc_url": None, "openapi_url": None},
        "max_file_size": UPLOAD_BYTES,
        "state_session_capacity": PAGES,
    } | signed


def start(launch: Callable[..., Any], page: Any, host: str, port: int, **more: Any) -> None:
    """Start serving in the background.

    Raises:
        StorageError: when the address was taken meanwhile, or the server does not come up.
    """
    import httpx
    from gradio.exceptions import Error, ServerFailedToStartError

    try:
        launch(page, server_port=port, prevent_thread_lock=True, **more)
    except (OSError, OverflowError, httpx.HTTPError, ServerFailedToStartError, Error) as error:
        raise StorageError(f"the app cannot listen on {host}, port {port}: {cause(error)}") from None


@contextlib.contextmanager
def until_stopped() -> Iterator[threading.Event]:
    """An event that SIGTERM, a closed terminal and Ctrl-C set; the signals are as before afterwards."""
    stop = threading.Event()
    names = ("SIGTERM", "SIGHUP", "SIGINT")
    known = [signal.Signals[name] for name in names if name in signal.Signals.__members__]
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in known}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
