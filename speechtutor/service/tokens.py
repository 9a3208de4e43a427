"""Tokens in place of a key for ten minutes, as Azure's samples ask for one before they stream.

A token is the key's name and when it ends, signed with the secret of this server's start: workers share it,
and whoever reads the file of keys cannot make one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable

SECONDS = 600
"""As long as Azure's are valid."""


class Tokens:
    """Made and read with a secret."""

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        self._secret, self._clock = secret, clock

    def issue(self, name: str) -> str:
        """A token of the key of this name."""
        told = f"{int(self._clock()) + SECONDS} {name}".encode()
        return f"{_text(told)}.{_text(self._mark(told))}"

    def name(self, token: str) -> str | None:
        """The name of the key that a token stands for; None for one that is none, or has ended."""
        told, _, mark = token.partition(".")
        try:
            data, given = _bytes(told), _bytes(mark)
        except ValueError:
            return None
        if not hmac.compare_digest(given, self._mark(data)):
            return None
        end, _, name = data.decode().partition(" ")
        return name if self._clock() < int(end) else None

    def _mark(self, data: bytes) -> bytes:
        return hmac.new(self._secret, data, hashlib.sha256).digest()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    if not text.isascii():
        raise ValueError("not base64")
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
