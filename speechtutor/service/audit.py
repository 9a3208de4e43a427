"""Who did what to whose record, and who was turned away: lines of JSON that are only ever added to.

A learner stands there as a keyed digest (HMAC-SHA256; the key lies beside the log, 0600), so that the log
itself names nobody, and whoever holds the key can find all that happened to one learner's record.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from speechtutor.errors import StorageError

MARK = 16
"""Hexadecimal digits of a learner's digest: 64 bits tell all learners of a country apart."""


def _now() -> datetime:
    return datetime.now(UTC)


class Audit:
    """A log at a path; safe to share between threads, and between processes that append to the same file."""

    def __init__(self, path: Path, now: Callable[[], datetime] = _now) -> None:
        """Open the log, making file and key where they are missing.

        Raises:
            StorageError: when the disk refuses.
        """
        self._now, self._lock = now, threading.Lock()
        try:
            self._key = _key(path.with_name(f"{path.name}.key"))
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror or error}") from None

    def learner(self, name: str) -> str:
        """What stands for a learner."""
        return hmac.new(self._key, name.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:MARK]

    def tell(self, learner: str | None = None, **fields: Any) -> None:
        """Add a line; it is on the disk when this returns, or StorageError says why not."""
        line: dict[str, Any] = {"at": self._now().isoformat(timespec="milliseconds"), **fields}
        if learner is not None:
            line["learner"] = self.learner(learner)
        data = (json.dumps(line) + "\n").encode()
        with self._lock:
            try:
                os.write(self._file, data)  # one write of a line to O_APPEND is never torn by another's
                os.fsync(self._file)
            except OSError as error:
                raise StorageError(f"the audit log: {error.strerror or error}") from None

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def _key(path: Path) -> bytes:
    """The key of a log, made by whoever comes first."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        found = path.read_bytes()
        if len(found) != 32:
            raise StorageError(f"{path}: expected a key of 32 bytes, found {len(found)}") from None
        return found
    with os.fdopen(handle, "wb") as file:
        made = secrets.token_bytes(32)
        file.write(made)
    return made
