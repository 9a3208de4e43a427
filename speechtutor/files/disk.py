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
from urllib.parse import quote

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


def plain_file(path: Path) -> Path:
    """The plain file, there or not yet, that a path stands for; a link is followed to its end.

    Results are written beside their place and renamed into it, which would put a file where a device,
    a pipe or a link was (/dev/null among them).

    Raises:
        StorageError: when the path is none of a plain file, a link to one, or free.
    """
    try:
        if path.is_symlink() and not path.exists():
            raise StorageError(f"{path}: is a link to nothing, expected the place of a plain file")
        if path.exists() and not path.is_file():
            kind = "a directory" if path.is_dir() else "a device, a pipe or a socket"
            raise StorageError(f"{path}: is {kind}, expected the place of a plain file")
        return path.resolve() if path.is_symlink() else path
    except (OSError, RuntimeError) as error:  # a loop of links
        raise StorageError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def write_bytes(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Put a whole file in place, or none of it; the one way in which a result is written.

    `mode` says who may read it.

    Raises:
        StorageError: when the disk refuses, or the path is a device, a pipe or a folder.
    """
    temporary: str | None = None
    path = plain_file(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes the file private; a result is as readable as any other file, a person's record is not.
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except (OSError, ValueError) as error:  # a null byte in the name is a ValueError
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise StorageError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def write_text(path: Path, text: str, *, mode: int = 0o644) -> None:
    """`write_bytes` of a text in UTF-8.

    Raises:
        StorageError: when the disk refuses, or the path is a device, a pipe or a folder.
    """
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        raise StorageError(f"{path}: the text holds half a character (a lone surrogate)") from None
    write_bytes(path, data, mode=mode)


def file_name(name: str) -> str:
    """An id as a path below a folder: its slashes stay, nothing else leads anywhere."""
    parts = [quote(part, safe=" ,;=+@()[]'!~") for part in name.split("/")]
    return "/".join(part.replace(".", "%2E") if part in ("", ".", "..") else part for part in parts if part)


def home() -> Path:
    """Where everything is kept: `SPEECHTUTOR_HOME`, or the user's cache directory."""
    if given := os.environ.get("SPEECHTUTOR_HOME"):
        return Path(given).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("speechtutor", appauthor=False)
