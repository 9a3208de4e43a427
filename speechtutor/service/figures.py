"""What operators watch, in Prometheus's form; nothing of it is personal.

With several workers each writes its figures to a folder (`PROMETHEUS_MULTIPROC_DIR`), and whichever is asked
gives the sum of all.
"""

from __future__ import annotations

import os
from typing import Any

from speechtutor.core import UtteranceScore
from speechtutor.core.score import ASPECTS
from speechtutor.errors import require

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)
"""Seconds."""
STAGE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)
TENTHS = tuple(n / 10 for n in range(1, 11))
POINTS = tuple(range(10, 101, 10))
DECIBELS = (-5, 0, 5, 10, 15, 20, 25, 30, 40)
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where several workers keep their figures; prometheus_client reads it when it is imported."""


class Figures:
    """The figures of one server."""

    def __init__(self) -> None:
        self._prometheus: Any = require("prometheus_client", extra="serve")
        self.kind = str(self._prometheus.CONTENT_TYPE_LATEST)
        self._registry: Any = self._prometheus.CollectorRegistry()
        self._requests = self._counter("requests", "Requests by route and status.", "route", "status")
        self._seconds = self._histogram(
            "request_seconds", "From the first byte to the answer.", BUCKETS, "route"
        )
        self._declined = self._counter("declined", "Recordings that could not be judged, by warning.", "code")
        self._stages = self._histogram(
            "stage_seconds", "What each stage took, and what was spent waiting.", STAGE_BUCKETS, "stage"
        )
        self._turned_away = self._counter("turned_away", "Requests refused at the gate, by reason.", "why")
        self._confidence = self._histogram("confidence", "How sure the scorer was, 0 to 1.", TENTHS)
        self._scores = self._histogram("score", "Scores that were given, 0 to 100.", POINTS, "aspect")
        self._snr = self._histogram("snr_db", "Signal to noise of what was judged, in dB.", DECIBELS)
        self._audio = self._counter("audio_seconds", "Seconds of sound that were judged.")
        self._streams = self._gauge("streams", "Open streams.")
        self._inside = self._gauge("inside", "Requests running or waiting for the models.")

    def _counter(self, name: str, about: str, *labels: str) -> Any:
        return self._prometheus.Counter(f"speechtutor_{name}", about, labels, registry=self._registry)

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Any:
        made = self._prometheus.Histogram
        return made(f"speechtutor_{name}", about, labels, buckets=buckets, registry=self._registry)

    def _gauge(self, name: str, about: str) -> Any:
        made = self._prometheus.Gauge
        return made(f"speechtutor_{name}", about, registry=self._registry, multiprocess_mode="livesum")

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def turned_away(self, why: str) -> None:
        """Count a request that went no further than the gate."""
        self._turned_away.labels(why).inc()

    def stage(self, name: str, seconds: float) -> None:
        """What a stage took."""
        self._stages.labels(name).observe(seconds)

    def inside(self, n: int) -> None:
        """How many requests are running or waiting for the models."""
        self._inside.set(n)

    def streaming(self, change: int) -> None:
        """A stream more or fewer."""
        self._streams.inc(change)

    def judged(self, score: UtteranceScore) -> None:
        """Count a judgement, or why there is none; the distributions show when speech or models drift."""
        self._audio.inc(score.duration)
        if score.overall is None:
            for caution in score.cautions:
                self._declined.labels(caution.code.value).inc()
            return
        for aspect in ASPECTS:
            if (value := getattr(score, aspect)) is not None:
                self._scores.labels(aspect).observe(100 * value)
        if score.confidence is not None:
            self._confidence.observe(score.confidence)
        if score.snr_db is not None:
            self._snr.observe(score.snr_db)

    def text(self) -> bytes:
        """All figures, of all workers."""
        registry = self._registry
        if os.environ.get(FOLDER):
            multiprocess: Any = require("prometheus_client.multiprocess", extra="serve")
            registry = self._prometheus.CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)
        found: bytes = self._prometheus.generate_latest(registry)
        return found
