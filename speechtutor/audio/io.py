"""Recordings in and out: any file that phones and browsers record, to mono float32 at 16 kHz.

soundfile reads wav (8 to 64 bit, float, A-law, ...), flac, ogg and opus, aiff, au, caf, NIST sphere;
PyAV reads mp3, m4a, mp4, aac, webm and what else soundfile does not know. mp3 goes to PyAV because
libsndfile guesses the length of an mp3 without a Xing header and drops what lies behind its guess.

Nothing is repaired: damaged data, and a file that ends before its own headers say so, are errors. Two
kinds of file carry no length, so a cut exactly between two of their packets cannot be seen: an mp3
without a Xing header and a live WebM. Everything is decoded in blocks of half a minute.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from speechtutor.audio import containers
from speechtutor.core import SAMPLE_RATE, Floats, Recording, Seconds
from speechtutor.errors import AudioError, StorageError

Chunk = tuple[int, Floats]
"""Sample rate in hertz and samples of shape (n_samples, n_channels)."""

RATES = range(4_000, 768_001)
"""Sample rates that can hold speech; a header that says otherwise is damaged."""
MAX_CHANNELS = 32
OVERLOAD = 10.0
"""Peak above which floats are on another scale; lossy codecs turn clipped speech into peaks of up to 2.4."""
CANCELLED = 0.1
"""Share of the louder channel's power below which the mean of the channels has cancelled itself."""
BLOCK, CONTEXT = 30, 1
"""Whole seconds resampled at once, and of neighbouring signal on each side (the filter is far shorter)."""

_SOUNDFILE = {"WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC", "OGG", "NIST"}
_PYAV = (  # also keeps playlists (hls, concat) out, which would open other files
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mp3,aac,amr,asf,avi,caf,ogg,wav"
)
_UNRECOGNISED, _UNSUPPORTED = 1, 4  # libsndfile's SF_ERR_*
_SHORT = re.compile(r"^ *(?:data|SSND|Data Size|riff|Riff size) *: (\d+) \(should be (\d+)\)", re.MULTILINE)
_STREAMED = 0x7FFF0000  # sizes from here on stand for "unknown", written by programs that pipe
_CUT = "is damaged or cut off: its data end before its headers say so"


def load(path: str | PathLike[str], *, max_duration: Seconds | None = 3600) -> Recording:
    """The recording in a file, as mono 16 kHz float32.

    Raises:
        AudioError: when the file is missing, empty, damaged, cut off, not audio or too long.
    """
    try:
        if Path(path).is_dir():
            raise AudioError(f"{path}: is a directory, expected an audio file")
        with Path(path).open("rb") as stream:
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
    if not stream.seekable():
        stream = io.BytesIO(stream.read())
    try:
        return _recording(_checked(_chunks(stream), max_duration))
    except AudioError as error:
        raise AudioError(f"{name}: {error}") from error


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
        return _recording(_checked([(sample_rate, channels)], None))
    except AudioError as error:
        raise AudioError(f"{name}: {error}") from error


def save(recording: Recording, path: str | PathLike[str]) -> None:
    """Write a recording as 16-bit wav or flac, by the suffix; the file appears whole or not at all.

    Raises:
        AudioError: for another suffix or a recording without samples.
        StorageError: when the disk refuses.
    """
    import soundfile

    target = Path(path)
    kind = target.suffix.lower().removeprefix(".")
    if kind not in ("wav", "flac"):
        raise AudioError(f"{path}: the suffix must be .wav or .flac to save")
    if not len(recording.samples):
        raise AudioError(f"{path}: the recording to save holds no samples")
    temporary = target.with_name(f".{target.name}.{uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            soundfile.write(file, recording.samples, recording.sample_rate, format=kind, subtype="PCM_16")
        temporary.replace(target)
    except (OSError, soundfile.LibsndfileError) as error:
        cause = getattr(error, "strerror", None) or error
        raise StorageError(f"{path}: cannot be written: {cause}") from error
    finally:
        with suppress(OSError):  # gone already, or never made
            temporary.unlink()


def _checked(chunks: Iterable[Chunk], limit: Seconds | None) -> Iterator[Chunk]:
    n_samples = 0
    for rate, chunk in chunks:
        n_samples += len(chunk)
        if limit is not None and n_samples > limit * rate:
            raise AudioError(f"is longer than the limit of {limit / 3600:.3g} hours")
        if not np.isfinite(chunk).all():
            raise AudioError("holds samples that are not numbers (NaN or infinity)")
        yield rate, chunk


def _recording(chunks: Iterable[Chunk]) -> Recording:
    """Resample, downmix, and limit to full scale as every fixed-point decoder does."""
    samples = _downmix(_resampled(chunks))
    if not len(samples):
        raise AudioError("holds no samples")
    peak = float(np.abs(samples).max())
    if peak > OVERLOAD:
        raise AudioError(f"has samples up to {peak:.4g}, expected floats in [-1, 1]")
    return Recording(np.clip(samples, -1.0, 1.0))


def _downmix(channels: Floats) -> Floats:
    """The mean of the channels, shape (n,), or the loudest channel where the mean has cancelled.

    A microphone wired in anti-phase, or one live channel of many, would else become silence.
    """
    n_channels = channels.shape[1]
    if n_channels == 1:
        return channels[:, 0]
    mean: Floats = channels.mean(axis=1, dtype=np.float32)
    power = np.einsum("nc,nc->c", channels, channels)
    loudest = int(power.argmax())
    return channels[:, loudest] if mean @ mean < CANCELLED * power[loudest] else mean


def _resampled(chunks: Iterable[Chunk]) -> Floats:
    """Shape (n_samples, n_channels) at `SAMPLE_RATE`.

    Blocks start at whole seconds, where the samples of both rates coincide, and see their
    neighbours, so the result is that of one long filter.
    """
    chunks = iter(chunks)
    first = next(chunks, (SAMPLE_RATE, np.zeros((0, 1), np.float32)))
    rate, n_channels = first[0], first[1].shape[1]
    if rate not in RATES:
        raise AudioError(f"has a sample rate of {rate} Hz, expected {RATES.start} to {RATES.stop - 1}")
    parts: list[Floats] = []
    waiting: list[Floats] = []
    n_waiting = before = 0
    for chunk_rate, chunk in itertools.chain([first], chunks):
        if (chunk_rate, chunk.shape[1]) != (rate, n_channels):
            raise AudioError("changes its sample rate or channels halfway")
        waiting.append(chunk)
        n_waiting += len(chunk)
        if n_waiting < (before + BLOCK + CONTEXT) * rate:
            continue
        buffer = np.concatenate(waiting)
        while len(buffer) >= (before + BLOCK + CONTEXT) * rate:
            block = _resample(buffer[: (before + BLOCK + CONTEXT) * rate], rate)
            parts.append(block[before * SAMPLE_RATE : (before + BLOCK) * SAMPLE_RATE])
            buffer = buffer[(before + BLOCK - CONTEXT) * rate :]
            before = CONTEXT
        waiting, n_waiting = [buffer], len(buffer)
    rest = _resample(np.concatenate(waiting), rate)
    return np.concatenate([*parts, rest[before * SAMPLE_RATE :]])


def _resample(samples: Floats, rate: int) -> Floats:
    if rate == SAMPLE_RATE or not len(samples):
        return samples
    import librosa

    return librosa.resample(samples, orig_sr=rate, target_sr=SAMPLE_RATE, res_type="soxr_hq", axis=0)


def _chunks(stream: BinaryIO) -> Iterator[Chunk]:
    """Decoded pieces of a file, by the library that knows its format."""
    import soundfile

    if not is_mpeg(stream):
        try:
            yield from _from_soundfile(stream)
            return
        except soundfile.LibsndfileError as error:
            pass_on(error)
        stream.seek(0)
    yield from _from_pyav(stream)


def is_mpeg(stream: BinaryIO) -> bool:
    """Whether the file starts with an ID3 tag or a frame of mp3 or aac; leaves the stream at its start.

    Raises:
        AudioError: when there is nothing in it.
    """
    stream.seek(0)
    head = stream.read(2)
    if not head:
        raise AudioError("the file is empty")
    stream.seek(0)
    return head == b"ID" or (head[0] == 0xFF and head[1:] >= b"\xe0")


def pass_on(error: Any) -> None:
    """Return when libsndfile does not know the format, so that PyAV may try.

    Raises:
        AudioError: for any other of its errors.
    """
    if error.code not in (_UNRECOGNISED, _UNSUPPORTED):
        raise AudioError(f"is damaged or cut off: {error.error_string}") from error


class _Plain:
    """A stream as libsndfile wants it.

    Without a name, for one that ends in .raw would stop it from reading the header; and a seek to
    nowhere, as damaged headers ask for, stays where it is (libsndfile compares with `tell`)
    where Python would print a traceback from inside the callback.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.read, self.tell, self._seek = stream.read, stream.tell, stream.seek

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with suppress(ValueError, OSError):
            self._seek(offset, whence)
        return self.tell()


@contextmanager
def opened(stream: BinaryIO) -> Iterator[Any]:
    """A file of a format that soundfile reads, whole by its headers."""
    import soundfile

    with soundfile.SoundFile(_Plain(stream)) as file:
        if file.format not in _SOUNDFILE:
            raise AudioError(f"is a {file.format_info} file, expected wav, flac, mp3, ogg, m4a or webm")
        if not containers.is_whole(stream, file.format):
            raise AudioError(_CUT)
        for declared, present in _SHORT.findall(file.extra_info):
            if int(present) + 1 < int(declared) < _STREAMED:
                raise AudioError(_CUT)
        yield file


def _from_soundfile(stream: BinaryIO) -> Iterator[Chunk]:
    n_read = 0
    with opened(stream) as file:
        while len(block := file.read(BLOCK * file.samplerate, dtype="float32", always_2d=True)):
            n_read += len(block)
            yield file.samplerate, block
        if n_read < file.frames:
            raise AudioError(_CUT)


def packets(stream: BinaryIO) -> Iterator[Any]:
    """The packets of the first audio stream of a container that PyAV reads, none missing by its headers."""
    import av

    n_packets = n_expected = 0
    try:
        options = {"format_whitelist": _PYAV}
        with av.open(stream, mode="r", options=options, metadata_errors="replace") as container:
            if not container.streams.audio:
                raise AudioError("holds no audio stream")
            if not containers.is_whole(stream, container.format.name):
                raise AudioError(_CUT)
            if container.format.name == "mp3":
                n_expected = containers.mp3_frames(stream) - 1  # some writers count the header's own frame
            for packet in container.demux(container.streams.audio[0]):
                if packet.is_corrupt:
                    raise AudioError(_CUT)
                n_packets += packet.size > 0
                yield packet
    except av.FFmpegError as error:
        raise AudioError(f"is not an audio file, or a damaged one: {error.strerror}") from error
    if n_packets < n_expected:
        raise AudioError(_CUT)


def _from_pyav(stream: BinaryIO) -> Iterator[Chunk]:
    import av

    to_float = av.AudioResampler(format="fltp")
    try:
        for packet in packets(stream):
            for frame in packet.decode():
                for part in to_float.resample(frame):
                    yield part.sample_rate, part.to_ndarray().T.astype(np.float32, copy=False)
    except av.FFmpegError as error:
        raise AudioError(f"is not an audio file, or a damaged one: {error.strerror}") from error
