"""What the headers of an audio file say, without decoding it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from speechtutor.audio import io
from speechtutor.core import Seconds
from speechtutor.errors import AudioError

LAST = 512
"""Samples that are decoded at the end of a file: a file that was cut off does not have them."""


@dataclass(frozen=True, slots=True)
class Header:
    """Rate in hertz, channels, and the length where the container says it (else None)."""

    sample_rate: int
    n_channels: int
    duration: Seconds | None


def probe(path: Path) -> Header:
    """Open a file, read its headers and its end; a few milliseconds whatever its length.

    Raises:
        AudioError: when it is missing, empty, no audio, cut off, or has no samples or an odd rate.
    """
    try:
        with path.open("rb") as stream:
            found = _header(stream)
    except OSError as error:
        raise AudioError(f"{path}: {error.strerror or error}") from error
    except AudioError as error:
        raise AudioError(f"{path}: {error}") from error
    if found.sample_rate not in io.RATES:
        least, most = io.RATES.start, io.RATES.stop - 1
        raise AudioError(f"{path}: has a sample rate of {found.sample_rate} Hz, expected {least} to {most}")
    if found.duration is not None and found.duration <= 0:
        raise AudioError(f"{path}: holds no samples")
    return found


def _header(stream: BinaryIO) -> Header:
    import soundfile

    if not io.is_mpeg(stream):
        try:
            return _from_soundfile(stream)
        except soundfile.LibsndfileError as error:
            io.pass_on(error)
        stream.seek(0)
    return _from_pyav(stream)


def _from_soundfile(stream: BinaryIO) -> Header:
    with io.opened(stream) as file:
        n_last = min(LAST, file.frames)
        file.seek(file.frames - n_last)
        if len(file.read(n_last)) < n_last:
            raise AudioError("is damaged or cut off: its last samples are missing")
        return Header(file.samplerate, file.channels, file.frames / file.samplerate)


def _from_pyav(stream: BinaryIO) -> Header:
    found = None
    for packet in io.packets(stream):
        if packet.size and found is None:
            length, codec = packet.stream.duration, packet.stream.codec_context
            seconds = None if length is None else float(length * packet.stream.time_base)
            found = Header(codec.sample_rate, codec.channels, seconds)
    if found is None:
        raise AudioError("holds no samples")
    return found
