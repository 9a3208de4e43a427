"""What a server is told when it starts; secrets come by the environment or as digests."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from secrets import token_bytes

from speechtutor.errors import InputError
from speechtutor.service.keys import VARIABLE, Keys
from speechtutor.service.rates import HERE as RATES_HERE

HERE = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True)
class Settings:
    """Limits and who is let in.

    Without `keys` everyone on this machine is let in. `hosts` are the names under which the server may be
    asked for. `max_bytes` is of a whole request, `max_seconds` of a recording, `n_waiting` how many requests
    may wait for the models, `patience` how many seconds one may take with waiting, `upload` how many its body
    may take. `rate` is how often a key may be used that has no rate of its own, counted at `rate_store`.
    `secret` signs tokens. `n_streams` is how many may be spoken at once, `idle` how many seconds one may be
    silent. `together` is how many recordings of those that wait are heard at once.
    """

    keys: Keys = field(default=Keys(), repr=False)
    hosts: tuple[str, ...] = HERE
    max_bytes: int = 20_000_000
    max_seconds: float = 120.0
    n_waiting: int = 16
    patience: float = 60.0
    upload: float = 90.0
    rate: str | None = None
    rate_store: str = field(default=RATES_HERE, repr=False)
    secret: bytes = field(default_factory=lambda: token_bytes(32), repr=False)
    n_streams: int = 8
    idle: float = 15.0
    together: int = 1

    def __post_init__(self) -> None:
        """Refuse limits under which nothing could be served.

        Raises:
            InputError: naming the limit.
        """
        for name in (
            "max_bytes",
            "max_seconds",
            "n_waiting",
            "patience",
            "upload",
            "n_streams",
            "idle",
            "together",
        ):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be more than 0, not {getattr(self, name)}")


def require_keys(host: str, keys: Keys) -> None:
    """Refuse to listen to other machines without keys.

    Raises:
        InputError: saying how to give them.
    """
    if not keys and not is_here(host):
        told = f"set {VARIABLE} to one or more keys, or give --keys FILE, first"
        raise InputError(f"--host {host} lets other machines in: {told}")


def is_here(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
