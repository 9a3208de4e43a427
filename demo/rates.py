"""How often somebody may ask: a moving window each (the library `limits`), counted in this process."""

from __future__ import annotations

import math
import time
from typing import Any

import limits
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from demo.learners import GUEST

CHECKS = "60/minute"
"""Takes of one learner: nobody speaks faster, a program does."""
UPLOADS = "600/minute"
"""Files from one address: a class behind one door sends one in a few seconds each."""


class Rates:
    """The windows of everybody under one rate such as "60/minute"."""

    def __init__(self, rate: str) -> None:
        self._rate = limits.parse(rate)
        self._window = MovingWindowRateLimiter(MemoryStorage())

    def wait(self, who: str) -> int:
        """Count a use; 0, or in how many seconds there may be another."""
        if self._window.hit(self._rate, who):
            return 0
        again = self._window.get_window_stats(self._rate, who).reset_time
        return max(1, math.ceil(again - time.time()))


def user_of(name: str, request: Any) -> str:
    """Whose use it is: the account's, else that of a name at an address, since anybody may give any name.

    Those without a name are told apart by their pages: a class behind one door is not one learner. Who makes
    up pages is held by what an address may send (`UPLOADS`).
    """
    if getattr(request, "username", None):
        return f"account {name}"
    address = getattr(getattr(request, "client", None), "host", "") or ""
    page = getattr(request, "session_hash", None) or ""
    return f"{address} page {page}" if name in ("", GUEST) else f"{address} named {name}"
