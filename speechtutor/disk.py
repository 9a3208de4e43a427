"""What the store asks of a disk: locks, room, durable writes, refusals in one line."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from speechtutor.errors import StorageError


@contextmanager
def locked(path: Path, *, tell: bool = True) -> Iterator[None]:
    """Hold a lock file, waiting for it if need be; a process that dies loses it."""
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        if tell:
            print(f"waiting for another process that is making {path.stem}", file=sys.stderr)
        lock.acquire()
    except OSError:
        if path.is_dir():
            raise StorageError(f"{path}: is a folder where a lock file belongs; remove it") from None
        raise
    try:
        yield
    finally:
        lock.release()


def check_room(what: str, folder: Path, need: int) -> None:
    """Raise `StorageError` unless about `need` bytes are free on the disk of an existing folder."""
    have = shutil.disk_usage(folder).free
    if need > have:
        raise StorageError(_no_room(what, folder, need, have))


@contextmanager
def refusals_told(what: str, folder: Path, need: int) -> Iterator[None]:
    """Turn what the disk refuses into a `StorageError` of one line."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            there = next(parent for parent in (folder, *folder.parents) if parent.exists())
            raise StorageError(_no_room(what, folder, need, shutil.disk_usage(there).free)) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EIO):
            raise StorageError(f"cannot write to {folder}: {error.strerror}") from error
        if error.errno in (errno.EEXIST, errno.EISDIR, errno.ENOTEMPTY):
            where = error.filename2 or error.filename or folder
            raise StorageError(f"cannot write to {where}: {error.strerror}; remove it") from error
        raise


@contextmanager
def reads_told(folder: Path) -> Iterator[None]:
    """Turn what may not be read into a `StorageError` of one line."""
    try:
        yield
    except OSError as error:
        where = error.filename or folder
        raise StorageError(f"cannot read {where}: {error.strerror or error}") from error


def _no_room(what: str, folder: Path, need: int, have: int) -> str:
    amounts = f"needs about {need / 1e6:.0f} MB, {have / 1e6:.0f} MB are free"
    return f"no room for {what} in {folder}: {amounts}; SPEECHTUTOR_HOME may name a larger disk"


def write(path: Path, text: str) -> None:
    """Write a text file that is seen whole or not at all."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def sync(path: Path) -> None:
    """Ask the disk to have a file or a directory; Windows has no such call for what is not open to write."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def clear(folder: Path) -> None:
    """Remove a directory, or whatever lies in its place, if it is there."""
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    else:
        folder.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Put a whole file in place, or none of it.

    Raises:
        StorageError: when the disk refuses.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes the file private; a result is as readable as any other file.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise StorageError(f"{path}: {error.strerror}") from None


def home() -> Path:
    """Where everything is kept: `SPEECHTUTOR_HOME`, or the user's cache directory."""
    if given := os.environ.get("SPEECHTUTOR_HOME"):
        return Path(given).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("speechtutor", appauthor=False)
