"""Whether a Matroska or WebM file is whole: its elements, one behind the other (RFC 8794, RFC 9559)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from speechtutor.audio.walking import CUT, Least, rewound
from speechtutor.errors import AudioError

_SEGMENT, _CLUSTER = bytes.fromhex("18538067"), bytes.fromhex("1F43B675")
_ANYWHERE = {bytes.fromhex(name) for name in ("EC", "BF")}
_UPPER = _ANYWHERE | {
    bytes.fromhex(name)
    for name in "1A45DFA3 114D9B74 1549A966 1654AE6B 1C53BB6B 1254C367 1043A770 1941A469".split()
}
_TRACKS, _BLOCKS = bytes.fromhex("1654AE6B"), (b"\xa3", b"\xa0")
_IN_CLUSTER = _ANYWHERE | {bytes.fromhex(name) for name in "E7 A3 A0 A7 AB AF 5854".split()}
"""Elements of Matroska above the clusters and in them (RFC 9559); an unknown one is a damaged one."""


def check(stream: BinaryIO) -> Least:
    """Every element of Matroska or WebM is a known one, ends inside its cluster and file, and has a track.

    Segments and clusters of a live recording have no size, so they are walked through (RFC 8794).

    Raises:
        AudioError: where one does not; decoders skip to the next cluster there, or to the end.
    """
    start, closes, n_blocks = 0, None, 0
    tracks: set[int] = set()
    with rewound(stream) as end:
        while start < end:
            stream.seek(start)
            name, size, n_head = _element(stream.read(12), start)
            if name not in _UPPER | _IN_CLUSTER | {_SEGMENT, _CLUSTER}:
                raise AudioError(f"is damaged at byte {start}: no Matroska element is named {name.hex()}")
            start += n_head
            if size is not None and start + size > end:
                raise AudioError(CUT)
            if closes is not None and name not in _IN_CLUSTER:
                raise AudioError(f"is damaged at byte {start}: a cluster is longer than what is in it")
            if name == _CLUSTER:
                closes = None if size is None else start + size
            elif name != _SEGMENT:
                stream.seek(start)
                tracks |= _tracks(stream.read(size or 0)) if name == _TRACKS else set()
                if name in _BLOCKS and not _block_track(name, stream.read(min(size or 0, 64))) & tracks:
                    raise AudioError(f"is damaged at byte {start}: a block belongs to no track")
                n_blocks += name in _BLOCKS
                start += size or 0
            if closes is not None and start > closes:
                raise AudioError(f"is damaged at byte {start}: a cluster is shorter than what is in it")
            closes = None if start == closes else closes
    return (n_blocks, 0) if len(tracks) == 1 else (0, 0)


def _element(head: bytes, start: int) -> tuple[bytes, int | None, int]:
    """Name, size (None where it is not told) and bytes of the head of the element that begins with `head`.

    Raises:
        AudioError: when none begins so.
    """
    n_id = _vint_length(head, 0)
    n_size = _vint_length(head, n_id)
    if n_id > 4 or n_id + n_size > len(head):
        raise AudioError(CUT if len(head) < 12 else f"is damaged at byte {start}: no Matroska element")
    largest = (1 << 7 * n_size) - 1
    size = int.from_bytes(head[n_id : n_id + n_size]) & largest
    return head[:n_id], None if size == largest else size, n_id + n_size


def _children(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of the elements inside one."""
    start = 0
    while start + 2 <= len(data):
        name, size, n_head = _element(data[start : start + 12].ljust(12, b"\0"), start)
        start += n_head + (size or 0)
        yield name, data[start - (size or 0) : start]


def _tracks(data: bytes) -> set[int]:
    entries = (entry for name, entry in _children(data) if name == b"\xae")
    return {int.from_bytes(value) for entry in entries for name, value in _children(entry) if name == b"\xd7"}


def _block_track(name: bytes, data: bytes) -> set[int]:
    """The number of the track that a block, or the block in a group of elements, belongs to."""
    if name == b"\xa0":
        data = next((value for inner, value in _children(data) if inner == b"\xa1"), b"")
    n_number = _vint_length(data, 0)
    return {int.from_bytes(data[:n_number]) & (1 << 7 * n_number) - 1} if n_number <= len(data) else set()


def _vint_length(data: bytes, at: int) -> int:
    """Bytes of an EBML number, told by its leading zero bits; 9 (none has that) where there is none."""
    return 9 - data[at].bit_length() if at < len(data) else 9
