"""What the headers of an audio file say, without decoding it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from speechtutor.audio import decoding, io
from speechtutor.core import Seconds
from speechtutor.errors import AudioError
from speechtutor.files import reading

LAST = 512
"""Samples that are decoded at the end of a file: a file that was cut off does not have them."""


@dataclass(frozen=True, slots=True)
class Header:
    """Rate in hertz, channels, and the length where the container says it (else None)."""

    sample_rate: int
    n_channels: int
    duration: Seconds | None


def probe(path: Path) -> Header:
    """Open a file, read its headers and its end, or its pages and packets; nothing but the end is decoded.

    Raises:
        AudioError: when it is missing, empty, no audio, cut off, or has no samples or an odd rate.
    """
    try:
        with reading.opened(path) as stream:
            found = _header(stream)
    except OSError as error:
        raise AudioError(f"{path}: {error.strerror or error}") from error
    except AudioError as error:
        raise AudioError(f"{path}: {error}") from error
    if found.sample_rate not in io.RATES:
        least, most = io.RATES.start, io.RATES.stop - 1
        raise AudioError(f"{path}: has a sample rate of {found.sample_rate} Hz, expected {least} to {most}")
    if found.n_channels > decoding.MAX_CHANNELS:
        most = decoding.MAX_CHANNELS
        raise AudioError(f"{path}: has {found.n_channels} channels, more than the limit of {most}")
    if found.duration is not None and found.duration <= 0:
        raise AudioError(f"{path}: holds no samples")
    return found


def _header(stream: BinaryIO) -> Header:
    try:
        with decoding.opened(stream) as file:
            return _of_soundfile(file)
    except decoding.Unopened as error:
        refused = error
    with decoding.explained(stream, refused):
        return _of_pyav(stream)


def _of_soundfile(file: Any) -> Header:
    n_last = min(LAST, file.frames)
    file.seek(file.frames - n_last)
    if len(file.read(n_last)) < n_last:
        raise AudioError("is damaged or cut off: its last samples are missing")
    return Header(file.samplerate, file.channels, file.frames / file.samplerate)


def _of_pyav(stream: BinaryIO) -> Header:
    found = None
    for packet in decoding.packets(stream):
        if packet.size and found is None:
            length, codec = packet.stream.duration, packet.stream.codec_context
            seconds = None if length is None else float(length * packet.stream.time_base)
            found = Header(codec.sample_rate, codec.channels, seconds)
    if found is None:
        raise AudioError("holds no samples")
    return found
