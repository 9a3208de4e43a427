"""What the walkers of audio containers share."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

CUT = "is damaged or cut off: its data end before its headers say so"
Least = tuple[int, int]
"""Packets and bytes of sound that must be found: bytes where there is one track; 0 where nothing says."""


@contextmanager
def rewound(stream: BinaryIO) -> Iterator[int]:
    """The stream at its start, and its size; afterwards back where it was."""
    position = stream.tell()
    end = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    try:
        yield end
    finally:
        stream.seek(position)
