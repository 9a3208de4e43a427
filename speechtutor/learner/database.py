"""The database behind the learner store: opened safely, brought to today's layout, its errors one line.

SQLite runs with a write-ahead log and `synchronous = FULL`: what was acknowledged is on the disk, readers
do not wait, and a process that dies half-way leaves nothing half there. Deleted bytes are overwritten.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from speechtutor.errors import StorageError
from speechtutor.learner.tables import HEAD

KNOWN = ("sqlite", "postgresql")
"""Databases that the store is made for."""

LAYOUTS = ("0001", "0002", HEAD)
_MIGRATING = 0x5354  # names our lock among those of a PostgreSQL server


class Database:
    """An engine whose layout is today's. `where` names it in messages."""

    def __init__(self, url: str | sa.URL, *, timeout: float, create: bool) -> None:
        """Open it; `create` makes one where there is none, else that is an error.

        Raises:
            StorageError: when it cannot be opened, is damaged, is no store or not one of ours.
        """
        parsed = _parsed(url)
        self.where = parsed.database or parsed.render_as_string()
        with self.errors("open"):
            self.local = parsed.get_backend_name() == "sqlite"
            self.path = _path(parsed) if self.local else None
            if self.path is not None:
                parsed = _placed(parsed, self.path, create)
            self.engine = sa.create_engine(parsed, connect_args={"timeout": timeout} if self.local else {})
            if self.local:
                sa.event.listen(self.engine, "connect", _settle)
                sa.event.listen(self.engine, "begin", _begin)
            self._prepare(timeout, create)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that sees one state of the database."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that holds the right to write from its beginning, so that it never fails half-way."""
        with self.engine.execution_options(writes=True).begin() as connection:
            yield connection

    def scrub(self) -> None:
        """Leave no byte of what was deleted: the log is emptied and the file rewritten.

        Raises:
            StorageError: while another process still reads an older state, naming the log that has it.
        """
        if not self.local:
            return
        with self.errors("clean"):
            connection = self.engine.raw_connection()
            try:
                driver: Any = connection.driver_connection
                driver.execute("VACUUM")
                busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.close()
        if busy:
            raise StorageError(
                f"deleted, but another process reads {self.where}, and {self.where}-wal holds"
                " the old bytes until it ends: end it and delete once more"
            )

    def close(self) -> None:
        """Let go of the file."""
        self.engine.dispose()

    @contextmanager
    def errors(self, verb: str) -> Iterator[None]:
        """Turn a database's error into one line that names the store and the cause."""
        try:
            yield
        except ModuleNotFoundError as error:
            cause = f"needs the package {error.name}: pip install it"
            raise StorageError(f"the learner store {self.where} {cause}") from None
        except DBAPIError as error:
            told = " ".join(str(error.orig).split())
            raise StorageError(f"cannot {verb} the learner store {self.where}: {told}") from error
        except OSError as error:
            cause = f"{self.where}: {error.strerror or error}"
            raise StorageError(f"cannot {verb} the learner store {cause}") from error
        except SQLAlchemyError as error:
            raise StorageError(f"cannot {verb} the learner store {self.where}: {error}") from error

    def _prepare(self, timeout: float, create: bool) -> None:
        """Bring the layout to today's; processes that start at once wait for the first."""
        with self.reading() as connection:
            found = self._layout(connection)
        if found == HEAD:
            return
        if found is None and not create:
            raise StorageError(f"{self.where} holds no learners")
        if self.local:
            self._write_ahead(timeout)
        with self.writing() as connection:
            if not self.local:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATING)))
            if (found := self._layout(connection)) != HEAD:
                _upgrade(connection, found)

    def _layout(self, connection: sa.Connection) -> str | None:
        """The number of the layout; None for a database that holds nothing of ours.

        Raises:
            StorageError: for a layout of a later version.
        """
        there = sa.inspect(connection)
        if not there.has_table("alembic_version"):
            return "0001" if there.has_table("attempts") else None
        found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        if found is not None and found not in LAYOUTS:
            raise StorageError(f"{self.where} has layout {found} of a later version; this one reads {HEAD}")
        return found

    def _write_ahead(self, timeout: float) -> None:
        """Keep a write-ahead log from now on; another process may be at it, and SQLite does not wait here."""
        end = time.monotonic() + timeout
        while True:
            connection = self.engine.raw_connection()
            try:
                driver: Any = connection.driver_connection
                driver.execute("PRAGMA journal_mode = WAL").fetchone()
                return
            except self.engine.dialect.loaded_dbapi.OperationalError as error:
                if time.monotonic() > end or "locked" not in str(error):
                    raise StorageError(f"cannot open the learner store {self.where}: {error}") from error
                time.sleep(0.01)
            finally:
                connection.close()


def _parsed(url: str | sa.URL) -> sa.URL:
    try:
        parsed = sa.make_url(url)
        name = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise StorageError(f"{str(url)!r} is not a database URL: {error}") from error
    if name not in KNOWN:
        raise StorageError(f"{str(url)!r} is not a database URL of {' or '.join(KNOWN)}")
    return parsed


def _path(url: sa.URL) -> Path | None:
    """The file of an SQLite URL; None in memory, or for a URI whose options say how it is opened."""
    if url.database in (None, "", ":memory:") or str(url.database).startswith("file:"):
        return None
    return Path(str(url.database))


def _placed(url: sa.URL, path: Path, create: bool) -> sa.URL:
    """The URL of a file that is there; a new one is readable by its owner only: it holds a person's record.

    Raises:
        StorageError: when it is not there and is not to be made.
    """
    if create and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if not path.exists():
        raise StorageError(f"there is no learner store at {path}")
    log = path.with_name(f"{path.name}-wal")
    if not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size):
        # SQLite keeps an index of the log beside the file, which it may not write here; there is no log.
        name = f"file:{quote(str(path.absolute()))}"
        return url.set(database=name, query={"mode": "ro", "immutable": "1", "uri": "true"})
    return url


def _settle(connection: Any, record: Any) -> None:
    """What every connection to SQLite needs; SQLAlchemy alone begins transactions."""
    del record
    connection.isolation_level = None
    # A text whose bytes are damaged is then one row that cannot be read, and no end to reading.
    connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA synchronous = FULL")


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _upgrade(connection: sa.Connection, found: str | None) -> None:
    """From a layout to today's, in the connection's transaction: all of it or nothing."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "speechtutor.learner:migrations")
    config.attributes["connection"] = connection
    if found == "0001":
        command.stamp(config, found)
    command.upgrade(config, "head")
