"""Work that may be stopped at any moment and goes on where it was: what every such work needs.

Rows are appended to a file as soon as they are known. Beside it a record holds the fingerprint of what was
asked; work never goes on with rows that another model or other data gave. A lock keeps a second process out.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from speechtutor.errors import InputError, StorageError
from speechtutor.files import jsonio
from speechtutor.files.disk import write_text
from speechtutor.files.fingerprint import require_same


@contextmanager
def alone(lock: Path, told: str) -> Iterator[None]:
    """Keep a second process out while a lock file is held; `told` is what a second one is told.

    Raises:
        InputError: when another process holds it.
        StorageError: when the disk refuses.
    """
    from filelock import FileLock, Timeout

    held = FileLock(lock)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        held.acquire(timeout=0)
    except Timeout:
        raise InputError(told) from None
    except OSError as error:
        raise StorageError(f"{error.filename or lock}: {error.strerror}") from None
    try:
        yield
    finally:
        held.release()


def begin(rows: Path, config: Path, record: Mapping[str, Any], place: Path, what: str) -> None:
    """Start the work that `record` tells of, or go on with the same one; its "fingerprint" decides.

    `place` and `what` name the work in an error ("runs/asr", "another evaluation").

    Raises:
        InputError: when there are rows of something else, naming what differs.
        StorageError: when the disk refuses.
    """
    if not rows.exists():
        write_text(config, json.dumps(record, indent=2, ensure_ascii=False, default=str) + "\n")
        return
    try:
        earlier = jsonio.read_object(config)
    except InputError:
        raise InputError(f"{place} holds rows but no {config.name}: choose another --out") from None
    require_same(earlier.get("fingerprint"), record["fingerprint"], place, what)


def whole(path: Path, say: Callable[[str], None]) -> int:
    """Take a line that was cut short by the end of a process off a file, and say so; the bytes that stay.

    Raises:
        StorageError: when the disk refuses.
    """
    try:
        with path.open("r+b") as file:
            size = file.seek(0, 2)
            end = _after_last_line(file, size)
            if end < size:
                say(f"{path}: the last row was cut short and is made again")
                file.truncate(end)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from None
    return end


def _after_last_line(file: Any, size: int, step: int = 1 << 16) -> int:
    """Where the last line feed ends, read from the back; 0 where there is none."""
    at = size
    while at > 0:
        start = max(0, at - step)
        file.seek(start)
        found = int(file.read(at - start).rfind(b"\n"))
        if found >= 0:
            return start + found + 1
        at = start
    return 0


def unexpected(name: str, error: Exception, log: str) -> str:
    """The cause of a row that an error ended which nobody expected; its traceback lies in `log`."""
    reason = " ".join(str(error).split())[:200]
    return f"{name}: unexpected {type(error).__name__}: {reason} (see {log})"


def keep(path: Path, name: str, trace: str | None = None) -> None:
    """Append a traceback, by default that of the error being handled, under the name of its row.

    Raises:
        StorageError: when the disk refuses.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{name}\n{traceback.format_exc() if trace is None else trace}\n")
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from None
