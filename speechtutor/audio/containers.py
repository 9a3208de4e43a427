"""Whether an audio file is whole, by the sizes that its container declares.

Decoders stop quietly where a file was cut off; these walkers read only the headers and notice. Pure
standard library; every function leaves the stream where it found it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

_SEGMENT, _CLUSTER = bytes.fromhex("18538067"), bytes.fromhex("1F43B675")


def is_whole(stream: BinaryIO, kind: str) -> bool:
    """Whether the file ends where its headers say; True for formats without such headers.

    `kind` is the name that FFmpeg or libsndfile gives the format, such as "matroska,webm" or "NIST".
    """
    walkers: dict[str, Callable[[BinaryIO], bool]] = {
        "matroska": matroska_is_whole,
        "mp4": mp4_is_whole,
        "nist": nist_is_whole,
        "ogg": ogg_is_whole,
    }
    return all(walk(stream) for name, walk in walkers.items() if name in kind.lower().split(","))


def ogg_is_whole(stream: BinaryIO) -> bool:
    """One Ogg stream of whole pages, the last one marked as the end (RFC 3533).

    A second stream behind the first counts as damage too, for decoders stop at the first one's end.
    """
    start = n_streams = flags = 0
    with _rewound(stream) as end:
        while start < end and len(head := stream.read(27)) == 27 and head[:4] == b"OggS":
            lengths = stream.read(head[26])
            start += len(head) + len(lengths) + sum(lengths)
            flags, n_streams = head[5], n_streams + (head[5] >> 1 & 1)
            stream.seek(start)
        return start <= end and bool(flags & 4) and n_streams == 1


def matroska_is_whole(stream: BinaryIO) -> bool:
    """Every element of a Matroska or WebM file ends inside the file (RFC 8794).

    Segments and clusters of a live recording have no size, so they are walked through.
    """
    start = 0
    with _rewound(stream) as end:
        while start < end:
            stream.seek(start)
            head = stream.read(12)
            n_id = _vint_length(head, 0)
            n_size = _vint_length(head, n_id)
            if n_id > 4 or n_id + n_size > len(head):
                return False
            largest = (1 << 7 * n_size) - 1
            size = int.from_bytes(head[n_id : n_id + n_size]) & largest
            start += n_id + n_size
            if size != largest and start + size > end:
                return False
            if size != largest and head[:n_id] not in (_SEGMENT, _CLUSTER):
                start += size
        return True


def mp4_is_whole(stream: BinaryIO) -> bool:
    """Every top-level box of an mp4, m4a or 3gp file ends inside the file (ISO 14496-12)."""
    start = 0
    with _rewound(stream) as end:
        while start < end:
            stream.seek(start)
            head = stream.read(16)
            size = int.from_bytes(head[:4])
            if size == 1:
                size = int.from_bytes(head[8:])
            start = end if size == 0 else start + max(size, 8)
        return start == end


def nist_is_whole(stream: BinaryIO) -> bool:
    """A NIST SPHERE file holds as many samples as its header counts."""
    with _rewound(stream) as end:
        stream.seek(8)
        size = int(stream.read(8).strip() or b"0")
        stream.seek(0)
        fields = dict(re.findall(rb"^(\w+) -i (\d+)", stream.read(size), re.MULTILINE))
        wanted = [int(fields.get(f"sample_{name}".encode(), b"1")) for name in ("count", "n_bytes")]
        return end - size >= wanted[0] * wanted[1] * int(fields.get(b"channel_count", b"1"))


def mp3_frames(stream: BinaryIO) -> int:
    """How many frames the Xing or Info header of an mp3 declares; 0 without one."""
    with _rewound(stream):
        head = stream.read(10)
        tag = 0
        if head[:3] == b"ID3":  # a size of four bytes with seven bits each
            for byte in head[6:]:
                tag = tag << 7 | byte & 0x7F
            tag += len(head)
        stream.seek(tag)
        frame = stream.read(256)
        at = max(frame.find(b"Xing"), frame.find(b"Info"))
        has_count = at >= 0 and int.from_bytes(frame[at + 4 : at + 8]) & 1
        return int.from_bytes(frame[at + 8 : at + 12]) if has_count else 0


@contextmanager
def _rewound(stream: BinaryIO) -> Iterator[int]:
    """The stream at its start, and its size; afterwards back where it was."""
    position = stream.tell()
    end = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    try:
        yield end
    finally:
        stream.seek(position)


def _vint_length(data: bytes, at: int) -> int:
    """Bytes of an EBML number, told by its leading zero bits; 9 (none has that) where there is none."""
    return 9 - data[at].bit_length() if at < len(data) else 9
