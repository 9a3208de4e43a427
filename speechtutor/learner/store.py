"""What learners did, kept on their own machine: append-only, exportable, deletable.

One table behind SQLAlchemy: a SQLite file in the home directory by default, any other database by
URL. Audio is not kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from speechtutor.core import Attempt, Exercise, UtteranceScore
from speechtutor.disk import home
from speechtutor.errors import StorageError
from speechtutor.learner.codec import decode, encode

FORMAT = 1
"""Version of the stored values; a row of a later version is refused, not guessed at."""

BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process that is writing."""

_metadata = sa.MetaData()
_attempts = sa.Table(
    "attempts",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("format", sa.Integer, nullable=False),
    sa.Column("learner", sa.String(200), nullable=False, index=True),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("exercise", sa.Text, nullable=False),
    sa.Column("score", sa.Text, nullable=False),
)


class SqlStore:
    """Attempts in a database. Safe to share between threads; close it when done."""

    def __init__(self, url: str, *, timeout: float = BUSY_TIMEOUT) -> None:
        """Open the database at an SQLAlchemy URL, creating file and table where they are missing.

        Raises:
            StorageError: when it cannot be opened, is damaged or is not writable.
        """
        self.where = url
        with self._errors("open"):
            parsed = sa.make_url(url)
            self.where = parsed.database or parsed.render_as_string()
            local = parsed.get_backend_name() == "sqlite"
            if local:
                _make_file(parsed.database)
            self._engine = sa.create_engine(parsed, connect_args={"timeout": timeout} if local else {})
            if local:
                sa.event.listen(self._engine, "connect", _forget_deleted)
            _metadata.create_all(self._engine)

    def append(self, attempt: Attempt) -> None:
        """Remember an attempt.

        Raises:
            StorageError: when the disk is full, or the store is locked, read-only or damaged.
        """
        row = {
            "format": FORMAT,
            "learner": attempt.learner,
            # UTC in ISO form sorts as text in the order of time.
            "at": attempt.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "exercise": json.dumps(encode(attempt.exercise)),
            "score": json.dumps(encode(attempt.score), allow_nan=False),
        }
        with self._errors("write to"), self._engine.begin() as connection:
            connection.execute(_attempts.insert().values(row))

    def attempts(self, learner: str) -> Iterator[Attempt]:
        """All attempts of a learner, oldest first.

        Raises:
            StorageError: when the store cannot be read or holds what this version cannot.
        """
        query = sa.select(_attempts).where(_attempts.c.learner == learner)
        with self._errors("read"), self._engine.connect() as connection:
            rows = connection.execute(query.order_by(_attempts.c.at, _attempts.c.id)).all()
        for row in rows:
            yield self._attempt(row)

    def learners(self) -> tuple[str, ...]:
        """Everyone the store knows, in alphabetical order."""
        query = sa.select(_attempts.c.learner).distinct().order_by(_attempts.c.learner)
        with self._errors("read"), self._engine.connect() as connection:
            return tuple(connection.execute(query).scalars())

    def export(self, learner: str) -> dict[str, Any]:
        """All that is known of a learner, as plain JSON values in the library's own scales."""
        attempts = [encode(attempt) for attempt in self.attempts(learner)]
        return {"format": FORMAT, "learner": learner, "attempts": attempts}

    def delete(self, learner: str) -> int:
        """Forget a learner; returns how many attempts went. SQLite overwrites the bytes as well."""
        query = _attempts.delete().where(_attempts.c.learner == learner)
        with self._errors("delete from"), self._engine.begin() as connection:
            return connection.execute(query).rowcount

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def _attempt(self, row: sa.Row[Any]) -> Attempt:
        if row.format != FORMAT:
            raise StorageError(
                f"{self.where}: attempt {row.id} has format {row.format}, this version reads {FORMAT}"
            )
        try:
            exercise = decode(Exercise, json.loads(row.exercise))
            score = decode(UtteranceScore, json.loads(row.score))
            return Attempt(row.learner, exercise, score, datetime.fromisoformat(row.at))
        except (KeyError, TypeError, ValueError) as error:
            raise StorageError(f"{self.where}: attempt {row.id} is damaged: {error}") from error

    @contextmanager
    def _errors(self, verb: str) -> Iterator[None]:
        """Turn a database's error into one line that names the store and the cause."""
        try:
            yield
        except (ArgumentError, NoSuchModuleError) as error:
            raise StorageError(f"{self.where!r} is not a database URL: {error}") from error
        except ModuleNotFoundError as error:
            raise StorageError(f"{self.where!r} needs the package {error.name}: pip install it") from None
        except DBAPIError as error:
            raise StorageError(f"cannot {verb} the learner store {self.where}: {error.orig}") from error
        except (SQLAlchemyError, OSError) as error:
            raise StorageError(f"cannot {verb} the learner store {self.where}: {error}") from error


def open_store(url: str | None = None) -> SqlStore:
    """The learner store at a URL, or the SQLite file in the home directory."""
    return SqlStore(url or f"sqlite:///{home() / 'learners.db'}")


def _make_file(database: str | None) -> None:
    """Create a missing database file readable by its owner only: it holds a person's record."""
    if database in (None, "", ":memory:") or str(database).startswith("file:"):
        return  # nothing on disk, or a URI whose options say whether the file may be made
    path = Path(str(database))
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)


def _forget_deleted(connection: Any, record: Any) -> None:
    del record
    connection.execute("PRAGMA secure_delete = ON")
