"""Recordings in and out: any file that phones and browsers record, to mono float32 at 16 kHz.

`decoding` says which library reads what. Nothing is repaired: damaged data, and a file that ends before
its own headers say so, are errors. Three kinds of file carry no length, so a cut exactly between two of
their packets or pages cannot be seen: an mp3 without a Xing header, a live WebM, and an Ogg file whose
recorder was killed before it marked the end. A wav whose recorder never wrote its size is read to its end.

Everything is decoded and mixed down in blocks, so memory grows with the length alone: an hour takes
the process to 0.8 GB whatever its rate and channels.
"""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from speechtutor.audio.decoding import MAX_CHANNELS, Chunk, chunks
from speechtutor.core import SAMPLE_RATE, Floats, Recording, Seconds
from speechtutor.errors import AudioError, StorageError
from speechtutor.files import disk, reading

RATES = range(4_000, 768_001)
"""Sample rates that can hold speech; a header that says otherwise is damaged."""
MAX_PIPED = 2**30
"""Bytes that are read from a pipe, which has no size to look at first."""
OVERLOAD = 10.0
"""Peak above which floats are on another scale; lossy codecs turn clipped speech into peaks of up to 2.4."""
CANCELLED = 0.1
"""Share of the louder channel's power below which the mean of the channels has cancelled itself."""
BLOCK, CONTEXT = 30, 1
"""Whole seconds resampled at once, and of neighbouring signal on each side (the filter is far shorter)."""


def load(path: str | PathLike[str], *, max_duration: Seconds | None = 3600) -> Recording:
    """The recording in a file, as mono 16 kHz float32.

    Raises:
        AudioError: when the file is missing, empty, damaged, cut off, not audio or too long.
    """
    try:
        if Path(path).is_dir():
            raise AudioError(f"{path}: is a directory, expected an audio file")
        with reading.opened(Path(path)) as stream:
            return decode(stream, name=str(path), max_duration=max_duration)
    except OSError as error:
        raise AudioError(f"{path}: {error.strerror or error}") from error


def decode(
    data: bytes | BinaryIO, *, name: str = "recording", max_duration: Seconds | None = 3600
) -> Recording:
    """The recording in the bytes of a file; `name` is what errors call it.

    Raises:
        AudioError: as `load`.
    """
    stream = io.BytesIO(data) if isinstance(data, bytes) else data
    try:
        if not stream.seekable():
            stream = _piped(stream)
        return _recording(lambda: _checked(chunks(stream), max_duration))
    except AudioError as error:
        raise AudioError(f"{name}: {error}") from error


def of_chunks(parts: Iterable[Chunk]) -> Recording:
    """The recording in chunks of (rate, samples of shape (n, n_channels)) as `decoding` gives them.

    Raises:
        AudioError: when there are none, or their numbers are no sound.
    """
    held = list(parts)
    return _recording(lambda: _checked(held, None))


def from_array(samples: NDArray[Any], sample_rate: int, *, name: str = "recording") -> Recording:
    """The recording in an array of shape (n_samples,) or (n_samples, n_channels).

    Integers are scaled by their type's range (unsigned ones lose their midpoint first), floats
    are in [-1, 1].

    Raises:
        AudioError: for another shape or type, no samples, NaN or infinity, floats far beyond 1.
    """
    array = np.asarray(samples)
    try:
        if array.ndim not in (1, 2) or (array.ndim == 2 and not 1 <= array.shape[1] <= MAX_CHANNELS):
            raise AudioError(f"has shape {array.shape}, expected (n_samples,) or (n_samples, n_channels)")
        if array.dtype.kind in "iu":
            half = 2.0 ** (8 * array.dtype.itemsize - 1)
            array = (array.astype(np.float64) - (half if array.dtype.kind == "u" else 0.0)) / half
        elif array.dtype.kind != "f":
            raise AudioError(f"holds {array.dtype}, expected integers or floats")
        channels = array.astype(np.float32)[:, None] if array.ndim == 1 else array.astype(np.float32)
        return _recording(lambda: _checked([(sample_rate, channels)], None))
    except AudioError as error:
        raise AudioError(f"{name}: {error}") from error


def save(recording: Recording, path: str | PathLike[str]) -> None:
    """Write a recording as 16-bit wav or flac, by the suffix; the file appears whole or not at all.

    Raises:
        AudioError: for another suffix or a recording without samples.
        StorageError: when the disk refuses.
    """
    target = Path(path)
    kind = target.suffix.lower().removeprefix(".")
    if kind not in ("wav", "flac"):
        raise AudioError(f"{path}: the suffix must be .wav or .flac to save")
    if not len(recording.samples):
        raise AudioError(f"{path}: the recording to save holds no samples")
    if not target.parent.is_dir():  # a mistyped folder is not made
        raise StorageError(f"{path}: cannot be written: the folder is not there")
    disk.write_bytes(target, encode(recording, kind))


def encode(recording: Recording, kind: str = "wav") -> bytes:
    """The bytes of a file of 16-bit wav or flac."""
    import soundfile

    encoded = io.BytesIO()
    soundfile.write(encoded, recording.samples, recording.sample_rate, format=kind, subtype="PCM_16")
    return encoded.getvalue()


def _piped(stream: BinaryIO) -> BinaryIO:
    """What comes through a pipe, held in memory.

    Raises:
        AudioError: as soon as it is more than `MAX_PIPED`.
    """
    held = io.BytesIO()
    while block := stream.read(2**20):
        held.write(block)
        if held.tell() > MAX_PIPED:
            raise AudioError(f"is larger than the limit of {MAX_PIPED / 2**30:.3g} GiB for a pipe")
    return held


def _checked(parts: Iterable[Chunk], limit: Seconds | None) -> Iterator[Chunk]:
    n_samples = 0
    kind = None
    for rate, chunk in parts:
        kind = kind or (rate, chunk.shape[1])
        if rate not in RATES:
            raise AudioError(f"has a sample rate of {rate} Hz, expected {RATES.start} to {RATES.stop - 1}")
        if chunk.shape[1] > MAX_CHANNELS:
            raise AudioError(f"has {chunk.shape[1]} channels, more than the limit of {MAX_CHANNELS}")
        if (rate, chunk.shape[1]) != kind:
            raise AudioError("changes its sample rate or channels halfway")
        n_samples += len(chunk)
        if limit is not None and n_samples > limit * rate:
            raise AudioError(f"is longer than the limit of {limit / 3600:.3g} hours")
        if not np.isfinite(chunk).all():
            raise AudioError("holds samples that are not numbers (NaN or infinity)")
        yield rate, chunk


def _recording(parts: Callable[[], Iterable[Chunk]]) -> Recording:
    """Downmix, resample, and limit to full scale as every fixed-point decoder does.

    `parts` decodes the sound anew at each call: the second time where the mean of the channels is no use.
    """
    power = _Power()
    samples = _resampled(_mean(parts(), power))
    if power.cancelled:
        loudest = int(power.channels.argmax())
        samples = _resampled((rate, chunk[:, loudest]) for rate, chunk in parts())
    if not len(samples):
        raise AudioError("holds no samples")
    peak = float(max(samples.max(), -samples.min()))
    if peak > OVERLOAD:
        raise AudioError(f"has samples up to {peak:.4g}, expected floats in [-1, 1]")
    return Recording(np.clip(samples, -1.0, 1.0, out=samples))


class _Power:
    """The power of each channel and of their mean, summed over a recording.

    A microphone wired in anti-phase, or one live channel of many, would become silence in the mean; then
    it has cancelled itself, and the loudest channel is taken.
    """

    def __init__(self) -> None:
        self.channels, self.mean = np.zeros(1), 0.0

    def add(self, chunk: Floats, mean: Floats) -> None:
        self.channels = self.channels + np.einsum("nc,nc->c", chunk, chunk)
        self.mean += float(mean @ mean)

    @property
    def cancelled(self) -> bool:
        return len(self.channels) > 1 and self.mean < CANCELLED * self.channels.max()


def _mean(parts: Iterable[Chunk], power: _Power) -> Iterator[tuple[int, Floats]]:
    """Rate and the mean of the channels, shape (n,), of every chunk, while their power is summed."""
    for rate, chunk in parts:
        mean: Floats = chunk[:, 0] if chunk.shape[1] == 1 else chunk.mean(axis=1, dtype=np.float32)
        power.add(chunk, mean)
        yield rate, mean


def _resampled(parts: Iterable[tuple[int, Floats]]) -> Floats:
    """Shape (n_samples,) at `SAMPLE_RATE`.

    Blocks start at whole seconds, where the samples of both rates coincide, and see their
    neighbours, so the result is that of one long filter.
    """
    parts = iter(parts)
    first = next(parts, (SAMPLE_RATE, np.zeros(0, np.float32)))
    rate = first[0]
    done: list[Floats] = []
    waiting: list[Floats] = []
    n_waiting = before = 0
    for _, chunk in itertools.chain([first], parts):
        waiting.append(chunk)
        n_waiting += len(chunk)
        if n_waiting < (before + BLOCK + CONTEXT) * rate:
            continue
        buffer = np.concatenate(waiting)
        while len(buffer) >= (before + BLOCK + CONTEXT) * rate:
            block = _resample(buffer[: (before + BLOCK + CONTEXT) * rate], rate)
            done.append(block[before * SAMPLE_RATE : (before + BLOCK) * SAMPLE_RATE])
            buffer = buffer[(before + BLOCK - CONTEXT) * rate :]
            before = CONTEXT
        waiting, n_waiting = [buffer], len(buffer)
    rest = _resample(np.concatenate(waiting), rate)
    return np.concatenate([*done, rest[before * SAMPLE_RATE :]])


def _resample(samples: Floats, rate: int) -> Floats:
    if rate == SAMPLE_RATE or not len(samples):
        return samples
    import soxr  # what librosa resamples with, without the seconds that its first import compiles

    wanted = math.ceil(len(samples) * SAMPLE_RATE / rate)
    found = soxr.resample(samples, rate, SAMPLE_RATE, quality="HQ")[:wanted]
    return np.pad(found, (0, wanted - len(found)))
