"""Whether an audio file is whole, by the sizes, checksums and numbers that its container declares.

Decoders stop quietly where a file was cut off, and step quietly over a page or block that is damaged;
these walkers read only the container and say what is wrong. Pure standard library; every function
leaves the stream where it found it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

from speechtutor.audio import matroska
from speechtutor.audio.walking import CUT, Least, rewound
from speechtutor.errors import AudioError

STREAMED = 0x7FFF0000
"""Sizes of 32 bits from here on stand for "unknown", written by programs that pipe."""

_FRAGMENTED = set(
    b"ftyp moov moof mdat free skip wide uuid sidx ssix styp mfra pdin meta emsg prft udta".split()
)
"""Boxes of a fragmented mp4 file (ISO 14496-12, DASH); decoders step over a fragment of another name."""
_MIRROR = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def check(stream: BinaryIO, kind: str = "") -> Least:
    """Refuse a file that is not whole; formats without sizes and checksums pass.

    `kind` is the name that FFmpeg or libsndfile gives the format, such as "matroska,webm" or "NIST";
    without one the first bytes tell.

    Raises:
        AudioError: saying what is wrong with it.
    """
    walkers: dict[str, Callable[[BinaryIO], object]] = {
        "matroska": matroska.check,
        "mp3": lambda stream: (mp3_frames(stream) - 1, 0),  # some writers count the header's own frame
        "mp4": check_mp4,
        "nist": check_nist,
        "ogg": check_ogg,
        "wav": check_wav,
    }
    names = kind.lower().split(",") if kind else [_sniffed(stream)]
    found = [walk(stream) for name, walk in walkers.items() if name in names]
    return found[0] if found and isinstance(found[0], tuple) else (0, 0)


def _sniffed(stream: BinaryIO) -> str:
    with rewound(stream):
        head = stream.read(12)
    magics = {
        b"OggS": "ogg",
        b"RIFF": "wav",
        b"RIFX": "wav",
        b"NIST": "nist",
        b"\x1a\x45\xdf\xa3": "matroska",
    }
    return "mp4" if head[4:8] in (b"ftyp", b"moov", b"mdat") else magics.get(head[:4], "")


def ogg_checksum(page: bytes) -> int:
    """The checksum of a page whose own field is zero (RFC 3533: polynomial 0x04C11DB7, no inversions).

    That is zlib's CRC-32 with the bits of every byte and of the result mirrored, and without its inversions.
    """
    crc = zlib.crc32(page.translate(_MIRROR), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(crc.to_bytes(4, "little").translate(_MIRROR))


@dataclass(frozen=True, slots=True)
class Ogg:
    """How many streams an Ogg file holds side by side, and whether all are marked as ended."""

    n_streams: int
    ended: bool


def is_ogg(stream: BinaryIO) -> bool:
    """Whether the file starts as an Ogg file does."""
    return _sniffed(stream) == "ogg"


def check_ogg(stream: BinaryIO) -> Ogg:
    """Whole Ogg pages with right checksums and no number missing (RFC 3533).

    A recorder that was killed leaves whole pages without a mark of the end: they are all that it heard,
    so they pass, as a file that was cut exactly between two pages does. What comes after the end of all
    streams (tags of other programs) is nobody's sound.

    Raises:
        AudioError: for a cut, damaged or missing page, or a stream that starts behind another one, for
            decoders stop at the first one's end.
    """
    start = number = 0
    following: dict[bytes, int] = {}
    ended: set[bytes] = set()
    with rewound(stream) as end:
        while start < end:
            head = stream.read(27)
            if head[:4] != b"OggS"[: len(head)]:
                if following and following.keys() == ended:
                    break
                raise AudioError(f"is damaged: what follows its page {number} is no Ogg page")
            lengths = stream.read(head[26]) if len(head) == 27 else b""
            start += len(head) + len(lengths) + sum(lengths)
            number += 1
            page = head + lengths + stream.read(sum(lengths))
            if len(head) < 27 or len(lengths) < head[26] or start > end:
                raise AudioError(CUT)
            if int.from_bytes(head[22:26], "little") != ogg_checksum(head[:22] + bytes(4) + page[26:]):
                raise AudioError(f"is damaged: its page {number} does not match its checksum")
            serial, sequence = head[14:18], int.from_bytes(head[18:22], "little")
            if head[5] & 2 and (ended or set(following.values()) - {1}):
                raise AudioError(
                    "holds several recordings one behind the other (chained Ogg): split it first"
                )
            if serial in following and sequence != following[serial]:
                raise AudioError(f"is damaged: a page is missing before its page {number}")
            following[serial] = (sequence + 1) % 2**32
            ended |= {serial} if head[5] & 4 else set()
    return Ogg(len(following), following.keys() == ended)


def check_mp4(stream: BinaryIO) -> Least:
    """Every top-level box of an mp4, m4a or 3gp file ends inside it, and one is the index (ISO 14496-12).

    Raises:
        AudioError: when one does not, or a recorder was killed before it wrote the index.
    """
    start, n_bytes, found = 0, 0, set()
    with rewound(stream) as end:
        while start < end:
            stream.seek(start)
            head = stream.read(16)
            size, name = int.from_bytes(head[:4]), head[4:8]
            if size == 1:
                size = int.from_bytes(head[8:])
            if size < 8 and not (size == 0 and name == b"mdat"):  # only the data may go on to the end
                raise AudioError(f"is damaged at byte {start}: no box has a size of {size}")
            found.add(name)
            size = size or end - start
            n_bytes += (size - 8) * (name == b"mdat")
            start += size
        if start != end:
            raise AudioError(CUT)
        if b"moov" not in found:
            raise AudioError("is unfinished: its index (the moov box) was never written")
        if b"moof" in found and (unknown := sorted(found - _FRAGMENTED)):
            raise AudioError(f"is damaged: no fragment of an mp4 file is named {unknown[0]!r}")
    return (0, n_bytes if b"moof" in found else 0)


def check_nist(stream: BinaryIO) -> None:
    """A NIST SPHERE file holds as many samples as its header counts.

    Raises:
        AudioError: when it does not, or has no readable header.
    """
    with rewound(stream) as end:
        stream.seek(8)
        size = stream.read(8).strip()
        if not size.isdigit():
            raise AudioError("is damaged: its NIST header does not say how long it is")
        stream.seek(0)
        fields = dict(re.findall(rb"^(\w+) -i (\d+)", stream.read(int(size)), re.MULTILINE))
        wanted = [int(fields.get(f"sample_{name}".encode(), b"1")) for name in ("count", "n_bytes")]
        if end - int(size) < wanted[0] * wanted[1] * int(fields.get(b"channel_count", b"1")):
            raise AudioError(CUT)


@dataclass(frozen=True, slots=True)
class Riff:
    """The data of a RIFF file: bytes declared and present, and whether the recorder wrote no true size.

    That is a size of 0 with something behind it that is not chunks (it was killed), or the size of the
    whole file, or what stands in the RIFF header (it counted its headers, too).
    """

    declared: int
    present: int
    unfinished: bool


def riff(stream: BinaryIO) -> Riff | None:
    """What a wav file says of its data; None when it is none or has no data."""
    with rewound(stream) as end:
        head = stream.read(12)
        if head[:4] not in (b"RIFF", b"RIFX") or head[8:] != b"WAVE":
            return None
        order: Literal["little", "big"] = "little" if head[:4] == b"RIFF" else "big"
        for name, start, size in _riff_chunks(stream, 12, order, end):
            if name == b"data":
                rest = list(_riff_chunks(stream, start, order, end))
                blank = size == 0 < end - start and not (rest and sum(rest[-1][1:]) in (end, end - 1))
                return Riff(size, end - start, blank or (size > end - start and size in (end, end - 8)))
    return None


def _riff_chunks(
    stream: BinaryIO, start: int, order: Literal["little", "big"], end: int
) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and size of the chunks from `start` on, until something that has no name."""
    while start + 8 <= end:
        stream.seek(start)
        head = stream.read(8)
        size = int.from_bytes(head[4:], order)
        if not re.fullmatch(rb"[ -~]{4}", head[:4]):
            return
        yield head[:4], start + 8, size
        start += 8 + size + size % 2


def check_wav(stream: BinaryIO) -> None:
    """A wav file holds the data that it declares, unless it declares no true size.

    Raises:
        AudioError: when it does not.
    """
    found = riff(stream)
    if found is None:
        raise AudioError("is cut off or damaged: it is a wav file without data")
    if found.present < found.declared < STREAMED and not found.unfinished:
        raise AudioError(CUT)


def mp3_frames(stream: BinaryIO) -> int:
    """How many frames the Xing or Info header of an mp3 declares; 0 without one."""
    with rewound(stream):
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
