from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speechtutor.audio import io as audio
from speechtutor.core import Recording
from speechtutor.errors import require
from speechtutor.learner.store import open_store
from speechtutor.models.fake import FakeCorrector, FakeScorer, FakeSynthesizer, FakeTranscriber, FakeTutor
from speechtutor.pipeline import Coach
from speechtutor.service.audit import Audit
from speechtutor.service.keys import Key, Keys, digest
from speechtutor.service.settings import Settings
from tests.conftest import need
from tests.support.postgres import postgres_server, url  # noqa: F401  # fixtures

try:
    require("fastapi", extra="serve")
    require("prometheus_client", extra="serve")
except Exception as error:  # the reason is shown
    need(False, str(error))

KEY = "a key of sixteen letters"


def hum(seconds: float = 1.0) -> bytes:
    times = np.arange(round(seconds * 16_000)) / 16_000
    return audio.encode(Recording((0.3 * np.sin(2 * np.pi * 120 * times)).astype(np.float32)))


def silence(seconds: float = 1.0) -> bytes:
    return audio.encode(Recording(np.zeros(round(seconds * 16_000), np.float32)))


def coach(**stages: Any) -> Coach:
    fakes: dict[str, Any] = {
        "transcriber": FakeTranscriber(), "scorer": FakeScorer(), "tutor": FakeTutor(),
        "synthesizer": FakeSynthesizer(), "grammar": FakeCorrector(),
    }  # fmt: skip
    return Coach(**fakes | stages)


def keys(*words: str) -> Keys:
    """Keys that open everything."""
    return Keys(tuple(Key(f"key-{i}", digest(word)) for i, word in enumerate(words)))


def client(folder: Path, settings: Settings | None = None, audit: Audit | None = None, **stages: Any) -> Any:
    from fastapi.testclient import TestClient

    from speechtutor.service.app import build

    store = open_store(f"sqlite:///{folder / 'learners.db'}")
    app = build(coach(**stages), settings or Settings(hosts=("testserver",)), store, audit)
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Any]:
    with client(tmp_path) as found:
        yield found


def recording(data: bytes | None = None, name: str = "me.wav") -> dict[str, Any]:
    return {"audio": (name, io.BytesIO(hum() if data is None else data), "audio/wav")}
