"""What operators watch, in Prometheus's form; nothing of it is personal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from speechtutor.errors import require

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)
"""Seconds."""


class Figures:
    """The figures of one server."""

    def __init__(self, inside: Callable[[], int]) -> None:
        prometheus = require("prometheus_client", extra="serve")
        self._latest = prometheus.generate_latest
        self.kind = str(prometheus.CONTENT_TYPE_LATEST)
        self._registry: Any = prometheus.CollectorRegistry()
        own: dict[str, Any] = {"registry": self._registry}
        self._requests = prometheus.Counter(
            "speechtutor_requests", "Requests by route and status.", ["route", "status"], **own
        )
        self._seconds = prometheus.Histogram(
            "speechtutor_request_seconds",
            "From the first byte to the answer.",
            ["route"],
            buckets=BUCKETS,
            **own,
        )
        self._declined = prometheus.Counter(
            "speechtutor_declined", "Recordings that could not be judged, by warning.", ["code"], **own
        )
        waiting = prometheus.Gauge("speechtutor_inside", "Requests running or waiting for the models.", **own)
        waiting.set_function(inside)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def declined(self, code: str) -> None:
        """Count a recording without a score."""
        self._declined.labels(code).inc()

    def text(self) -> bytes:
        """All figures."""
        found: bytes = self._latest(self._registry)
        return found
