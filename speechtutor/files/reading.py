"""Files that a user names, read with bounds: what is no file on a disk may never begin, or never end.

A pipe that nobody writes to, a terminal where nobody types and a device without end look like files. They
are waited for and read up to a limit; then one line says so.
"""

from __future__ import annotations

import errno
import io
import os
import select
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE = 60.0
"""Seconds that a pipe may be silent."""
MOST = 2**28
"""Bytes of a text that comes from something else than a file on a disk: a corpus of a million rows."""
BLOCK = 2**20
_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
"""Flags to open without waiting for who writes; none on Windows, which has no such files."""


@contextmanager
def opened(path: Path) -> Iterator[io.BufferedReader[Any]]:
    """A file to read its bytes; one that is not on a disk raises when it stays silent for `PATIENCE` seconds.

    Raises:
        OSError: as `open` does, and `TimeoutError` for silence.
    """
    if not _AT_ONCE or not _may_wait(path):
        with path.open("rb") as stream:
            yield stream
        return
    raw = _Patient(os.open(path, os.O_RDONLY | _AT_ONCE))
    with io.BufferedReader(raw, BLOCK) as stream:
        yield stream


def read_bytes(path: Path) -> bytes:
    """All bytes of a file.

    Raises:
        OSError: as `opened`, and for more than `MOST` bytes of what is no file on a disk.
    """
    with opened(path) as stream:
        if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            return stream.read()
        data = bytearray()
        while block := stream.read(BLOCK):
            data += block
            if len(data) > MOST:
                raise OSError(errno.EFBIG, f"has no end within {MOST // 2**20} MiB, and is no file on a disk")
        return bytes(data)


def _may_wait(path: Path) -> bool:
    """Whether it is a pipe or a terminal; a socket and a folder are refused by `open` itself."""
    mode = path.stat().st_mode
    if not stat.S_ISCHR(mode):
        return stat.S_ISFIFO(mode)
    device = os.open(path, os.O_RDONLY | _AT_ONCE)
    try:
        return os.isatty(device)
    finally:
        os.close(device)


class _Patient(io.RawIOBase):
    """A descriptor that is read as soon as there is something, and not waited for without end."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def fileno(self) -> int:
        return self.descriptor

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        poll, end = select.poll(), time.monotonic() + PATIENCE
        poll.register(self.descriptor, select.POLLIN)
        while time.monotonic() < end:
            if not poll.poll(1000 * max(0.0, end - time.monotonic())):
                break
            try:
                return os.readv(self.descriptor, [buffer])
            except BlockingIOError:  # somebody else read it first
                time.sleep(0.01)
        raise TimeoutError(errno.ETIMEDOUT, f"nothing came for {PATIENCE:g} s")

    def close(self) -> None:
        if not self.closed:
            os.close(self.descriptor)
        super().close()
