"""How often a key may be used: a moving window (the library `limits`), counted here or in a place for all."""

from __future__ import annotations

import math
import time
from typing import Any

from speechtutor.errors import InputError, ServiceError, cause, require
from speechtutor.service.keys import Key, parsed

HERE = "memory://"
"""Counted in this process; with several each counts alone."""


class Rates:
    """The windows of all keys; `usual` is the rate of a key that has none of its own, None no limit."""

    def __init__(self, usual: str | None = None, place: str = HERE) -> None:
        """`place` is a storage of `limits` by its URL; redis://… lets several servers count as one.

        Raises:
            InputError: for a rate or a place that is none.
            ServiceError: when the place cannot be reached.
        """
        storages: Any = require("limits.storage", extra="serve")
        strategies: Any = require("limits.strategies", extra="serve")
        self._usual = None if usual is None else parsed(usual, "--rate")
        try:
            storage = storages.storage_from_string(place)
        except Exception as error:  # of the library or of a driver that is missing
            raise InputError(f"--rate-store: {cause(error)}") from None
        if not storage.check():
            raise ServiceError("the place of --rate-store cannot be reached")
        self._window = strategies.MovingWindowRateLimiter(storage)

    def wait(self, key: Key) -> int:
        """Count a use of a key; 0, or in how many seconds it may be used again."""
        rate = self._usual if key.rate is None else parsed(key.rate, key.name)
        if rate is None or self._window.hit(rate, key.name):
            return 0
        again: float = self._window.get_window_stats(rate, key.name).reset_time
        return max(1, math.ceil(again - time.time()))
