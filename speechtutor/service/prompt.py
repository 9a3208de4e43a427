"""HTTP for clients that take their time: the head of a request has a limit, too.

uvicorn bounds the time between requests, and `gate` that of a body; a head that comes a letter a second would
hold its connection for ever. When a server stops, uvicorn ends the connections that it has at that moment:
one that was accepted in the next would be served until the server's patience ends, and lose its last answer.
"""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakSet

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS = 10.0
"""For the head of a request, from the first moment of the connection or of its first letter."""


_STOPPING: WeakSet[Any] = WeakSet()
"""The servers that have begun to stop, by their state."""


class _Told:
    """Stands among the connections of a server, and so is told when it stops."""

    def __init__(self, server: Any) -> None:
        self.server = server

    def shutdown(self) -> None:
        """Note it, and be no connection that is waited for."""
        _STOPPING.add(self.server)
        self.server.connections.discard(self)


class PromptProtocol(H11Protocol):
    """Closes a connection whose request does not begin, whose head does not end, or that comes at the end."""

    seconds = SECONDS
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        stopping = self.server_state in _STOPPING
        if not self.connections and not stopping:
            self.connections.add(_Told(self.server_state))  # type: ignore[arg-type]
        super().connection_made(transport)
        if stopping:
            transport.abort()
        else:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Wait on while the head is not whole."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._wait()
        else:
            self._stop()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; where an answer had begun already, close."""
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:
            self.transport.close()

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.seconds, self._late)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()
