"""Recordings of those who allow it, sealed: what lies in the database is noise without the key.

AES-256-GCM (NIST SP 800-38D; the `cryptography` library) with a fresh nonce each time; attempt and
learner are authenticated with it, so that a row moved to another attempt or learner does not open.
The key lies in a file of its own that only its owner reads, never in the database or a backup of it:
whoever loses or deletes the key has deleted all recordings. Nothing is kept longer than the learner
allows: what has expired is never handed out, and goes with the next recording, or when `sweep` is called.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from speechtutor.core import Recording
from speechtutor.errors import InputError, StorageError, require
from speechtutor.files import disk
from speechtutor.learner.database import Database
from speechtutor.learner.profiles import Profiles
from speechtutor.learner.tables import RECORDINGS

KEY_FILE = "recordings.key"
KEY_BYTES, NONCE_BYTES = 32, 12


@dataclass(frozen=True, slots=True)
class Kept:
    """A recording that is there: the attempt's id and the times (UTC, ISO) it was made and goes."""

    attempt: str
    at: str
    expires: str


class Vault:
    """The recordings of a database."""

    def __init__(self, database: Database, profiles: Profiles) -> None:
        """Bind a database; the key is looked for when it is needed."""
        self._database, self._profiles = database, profiles

    def keep(self, learner: str, attempt: str, recording: Recording, at: datetime) -> bool:
        """Seal and keep the recording of an attempt where the learner allows it; returns whether it was.

        Raises:
            StorageError: when key or store refuse.
            MissingExtraError: without the library.
        """
        profile = self._profiles.get(learner)
        if not profile.keep_audio:
            return False
        from speechtutor.audio.io import encode

        stamp = at.astimezone(UTC)
        row = {
            "key": attempt,
            "learner": learner,
            "at": stamp.isoformat(timespec="seconds"),
            "expires": (stamp + timedelta(days=profile.keep_days)).isoformat(timespec="seconds"),
            "sealed": _seal(self._key(create=True), encode(recording, "flac"), learner, attempt),
        }
        with self._database.errors("write to"), self._database.writing() as connection:
            connection.execute(sa.delete(RECORDINGS).where(RECORDINGS.c.key == attempt))
            connection.execute(sa.insert(RECORDINGS).values(row))
        self.sweep(at)
        return True

    def open(self, learner: str, attempt: str, now: datetime) -> bytes:
        """The recording of an attempt as FLAC.

        Raises:
            InputError: when there is none, or its time is over.
            StorageError: when it does not open with this key.
        """
        query = sa.select(RECORDINGS).where(RECORDINGS.c.key == attempt, RECORDINGS.c.learner == learner)
        with self._database.errors("read"), self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None or row.expires <= _stamp(now):
            raise InputError(f"there is no recording of the attempt {attempt!r:.80} of {learner}")
        return _opened(self._key(), row.sealed, learner, attempt, self._database.where)

    def kept(self, learner: str, now: datetime) -> list[Kept]:
        """What is there of a learner, oldest first."""
        columns = RECORDINGS.c
        query = sa.select(columns.key, columns.at, columns.expires).order_by(columns.at)
        query = query.where(columns.learner == learner, columns.expires > _stamp(now))
        with self._database.errors("read"), self._database.reading() as connection:
            return [Kept(*row) for row in connection.execute(query)]

    def sweep(self, now: datetime) -> int:
        """Delete what has expired, down to the bytes; returns how many recordings went."""
        over = RECORDINGS.c.expires <= _stamp(now)
        with self._database.errors("read"), self._database.reading() as connection:
            if connection.execute(sa.select(RECORDINGS.c.key).where(over).limit(1)).scalar() is None:
                return 0
        with self._database.errors("delete from"), self._database.writing() as connection:
            gone = connection.execute(sa.delete(RECORDINGS).where(over)).rowcount
        self._database.scrub()
        return gone

    def export(self, learner: str) -> list[dict[str, Any]]:
        """All recordings of a learner, opened, as base64 of FLAC beside their times."""
        now = datetime.now(UTC)
        return [
            {"attempt": one.attempt, "at": one.at, "expires": one.expires,
             "flac": base64.b64encode(self.open(learner, one.attempt, now)).decode("ascii")}
            for one in self.kept(learner, now)
        ]  # fmt: skip

    def _key(self, *, create: bool = False) -> bytes:
        path = self.key_path
        if create and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            try:  # another process may make it at once: the first one wins, and both read it
                with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(os.urandom(KEY_BYTES))
            except FileExistsError:
                pass
            except OSError as error:
                raise StorageError(f"{path}: {error.strerror}") from None
        try:
            key = path.read_bytes()
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}; without it no recording opens") from None
        if len(key) != KEY_BYTES:
            raise StorageError(f"{path}: a key has {KEY_BYTES} bytes, not {len(key)}")
        return key

    @property
    def key_path(self) -> Path:
        """Where the key is: beside an SQLite file, else in the home."""
        folder = disk.home() if self._database.path is None else self._database.path.parent
        return folder / KEY_FILE


def _stamp(now: datetime) -> str:
    return now.astimezone(UTC).isoformat(timespec="seconds")


def _bound(learner: str, attempt: str) -> bytes:
    return f"{len(learner)} {learner} {attempt}".encode()


def _seal(key: bytes, data: bytes, learner: str, attempt: str) -> bytes:
    cipher = require("cryptography.hazmat.primitives.ciphers.aead", extra="privacy").AESGCM(key)
    nonce = os.urandom(NONCE_BYTES)
    return nonce + bytes(cipher.encrypt(nonce, data, _bound(learner, attempt)))


def _opened(key: bytes, sealed: bytes, learner: str, attempt: str, where: str) -> bytes:
    cipher = require("cryptography.hazmat.primitives.ciphers.aead", extra="privacy").AESGCM(key)
    wrong = require("cryptography.exceptions", extra="privacy").InvalidTag
    try:
        return bytes(cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound(learner, attempt)))
    except (wrong, ValueError):
        raise StorageError(f"{where}: the recording of {attempt} does not open with this key") from None
