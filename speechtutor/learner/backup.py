"""A learner store as one file that can be put away, and back in place.

Only SQLite: a PostgreSQL server has `pg_dump`. A backup holds everything but the key of the recordings, which
is a file of its own: without it the recordings in a backup do not open.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import sqlalchemy as sa

from speechtutor.errors import InputError, StorageError
from speechtutor.learner.database import Database
from speechtutor.learner.store import BUSY_TIMEOUT, SqlStore


def backup(store: SqlStore, out: Path) -> int:
    """Write the store as it is now to a new file that only its owner reads; returns its size in bytes.

    Writers go on meanwhile. What was written is read back and checked before it gets its name.

    Raises:
        InputError: when the file is there already, or the store is no SQLite file.
        StorageError: when the disk refuses, or what was written is not whole.
    """
    if store.path is None:
        raise InputError(f"{store.where} is not an SQLite file: use pg_dump")
    if out.exists():
        raise InputError(f"{out} is there already: choose another name")
    part = out.with_name(f".{out.name}.part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        _copied(store.path, part, "DELETE")  # one plain file, with nothing beside it when it is read
        _whole(part)
        part.replace(out)
        return out.stat().st_size
    except OSError as error:
        raise StorageError(f"{out}: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)


def restore(source: Path, place: Path, *, replace: bool = False) -> int:
    """Put a backup in the place of a store; returns how many attempts are in it.

    The backup is checked, and brought to today's layout, before anything is replaced.

    Raises:
        InputError: when there is a store already and `replace` does not say that it may go.
        StorageError: when the backup is damaged or no store, or the disk refuses.
    """
    if not source.is_file():
        raise InputError(f"{source}: there is no such file")
    if place.exists() and not replace:
        raise InputError(
            f"there is a learner store at {place}: say --replace to lose it, or back it up first"
        )
    _whole(source)
    part = place.with_name(f".{place.name}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        _copied(source, part, "WAL")
        opened = Database(sa.URL.create("sqlite", database=str(part)), timeout=BUSY_TIMEOUT, create=False)
        with opened.errors("read"), opened.reading() as connection:
            n_attempts = int(connection.execute(sa.text("SELECT count(*) FROM attempts")).scalar() or 0)
        opened.scrub()
        opened.close()
        for end in ("-wal", "-shm"):
            place.with_name(place.name + end).unlink(missing_ok=True)
        part.replace(place)
        return n_attempts
    except OSError as error:
        raise StorageError(f"{place}: {error.strerror}") from None
    finally:
        for end in ("", "-wal", "-shm"):
            part.with_name(part.name + end).unlink(missing_ok=True)


def _copied(source: Path, target: Path, journal: str) -> None:
    """One state of a database as a file of its own, by SQLite's online backup; with a kind of journal."""
    try:
        with sqlite3.connect(f"file:{source}?mode=ro", uri=True) as one, sqlite3.connect(target) as other:
            one.backup(other)
        other.execute(f"PRAGMA journal_mode = {journal}")
        one.close()
        other.close()
    except sqlite3.Error as error:
        raise StorageError(f"{source}: cannot be copied: {error}") from None


def _whole(path: Path) -> None:
    """Refuse a file that is no database, or a damaged one."""
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StorageError(f"{path}: not a whole SQLite database: {error}") from None
    if found != "ok":
        raise StorageError(f"{path}: damaged: {found}")
