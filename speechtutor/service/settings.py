"""What a server is told when it starts; secrets come by the environment alone."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from speechtutor.errors import InputError

KEYS = "SPEECHTUTOR_API_KEYS"
"""The variable with the keys that are let in, with commas between them."""
LEAST_KEY = 16
"""Characters of a key; fewer can be guessed."""
HERE = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True)
class Settings:
    """Limits and who is let in.

    `keys` are SHA-256 digests, so that no error or log can show a key; without any, everyone on this
    machine is let in. `hosts` are the names under which the server may be asked for. `max_bytes` is of a
    whole request, `max_seconds` of a recording, `n_waiting` how many requests may wait for the models,
    `patience` how many seconds one may take with waiting, `upload` how many its body may take.
    """

    keys: frozenset[bytes] = field(default=frozenset(), repr=False)
    hosts: tuple[str, ...] = HERE
    max_bytes: int = 20_000_000
    max_seconds: float = 120.0
    n_waiting: int = 16
    patience: float = 60.0
    upload: float = 90.0

    def __post_init__(self) -> None:
        """Refuse limits under which nothing could be served.

        Raises:
            InputError: naming the limit.
        """
        for name in ("max_bytes", "max_seconds", "n_waiting", "patience", "upload"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be more than 0, not {getattr(self, name)}")

    def lets_in(self, key: str | None) -> bool:
        """Whether a request with this key may come in; a wrong one takes as long as a right one."""
        if not self.keys:
            return True
        asked = digest(key or "")
        return any([hmac.compare_digest(asked, known) for known in self.keys])


def digest(key: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def keys_from(environ: Mapping[str, str] = os.environ) -> frozenset[bytes]:
    """The digests of the keys in the environment.

    Raises:
        InputError: for one that is too short; it is not shown.
    """
    words = [word.strip() for word in environ.get(KEYS, "").split(",") if word.strip()]
    for number, word in enumerate(words, start=1):
        if len(word) < LEAST_KEY:
            raise InputError(f"{KEYS}: key {number} has {len(word)} characters, expected {LEAST_KEY} or more")
    return frozenset(map(digest, words))


def require_keys(host: str, keys: frozenset[bytes]) -> None:
    """Refuse to listen to other machines without keys.

    Raises:
        InputError: saying how to give them.
    """
    if not keys and not is_here(host):
        raise InputError(f"--host {host} lets other machines in: set {KEYS} to one or more keys first")


def is_here(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
