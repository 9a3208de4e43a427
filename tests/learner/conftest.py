"""A store of its own for each test, and attempts to put into it."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from speechtutor.core import Attempt, Exercise, UtteranceScore
from speechtutor.learner.store import SqlStore
from tests.support.judged import SINK
from tests.support.postgres import postgres_server, url  # noqa: F401  # fixtures

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def attempt(learner: str = "ana", minute: int = 0, score: UtteranceScore = SINK) -> Attempt:
    return Attempt(learner, Exercise(score.text, ("TH",)), score, NOON + timedelta(minutes=minute))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "learners.db"


@pytest.fixture
def store(path: Path) -> SqlStore:
    return SqlStore(f"sqlite:///{path}", timeout=0.1)


def change(path: Path, column: str, value: object, row: int = 1) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE attempts SET {column} = ? WHERE id = ?", (value, row))
    connection.close()


def bytes_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
