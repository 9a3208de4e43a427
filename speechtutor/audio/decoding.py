"""Samples and packets of an audio file, by the library that knows its format.

soundfile reads wav (8 to 64 bit, float, A-law, ...), flac, ogg and opus, aiff, au, caf, NIST sphere;
PyAV reads mp3, m4a, mp4, aac, webm and what else soundfile does not know or cannot open. mp3 goes to PyAV
because libsndfile guesses the length of an mp3 without a Xing header and drops what lies behind its guess.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

import numpy as np

from speechtutor.audio import containers
from speechtutor.audio.containers import STREAMED
from speechtutor.audio.walking import CUT
from speechtutor.core import Floats, Seconds
from speechtutor.errors import AudioError

Chunk = tuple[int, Floats]
"""Sample rate in hertz and samples of shape (n_samples, n_channels)."""

MAX_CHANNELS = 32
BLOCK: Seconds = 30
"""Decoded at once by soundfile, if that is not more than `MOST_VALUES` of all channels."""
MOST_VALUES = 2**22
SLACK: Seconds = 0.1
"""How much may be missing of the length that a container declares: the delay of its codec."""
DELAYED = 4
"""Packets of fragmented mp4 files that may give no frame: what a codec holds back or lets precede."""
WHOLE = 0.99
"""Share of the bytes of a fragmented mp4 file that must be found; some writers pad."""
EXPECTED = "expected wav, flac, mp3, ogg, m4a or webm"

_SOUNDFILE = {"WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC", "OGG", "NIST"}
_PYAV = (  # also keeps playlists (hls, concat) out, which would open other files
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mp3,aac,amr,asf,avi,caf,ogg,wav,tta,wv"
)
_NAMED = (
    "ac3,eac3,mpegts,mpeg,flv,dts,nut,ape,tak,rm,sox,mlp,truehd,dsf,mpc,mpc8,oma,shn,qcp,swf,mxf,midi,voc"
)
"""Formats that are told apart only to name them."""
_DECLARING = {"wav", "tta", "wv"}
"""Formats of PyAV that declare their samples and have no walker in `containers`."""
_UNRECOGNISED = 1  # libsndfile's SF_ERR_UNRECOGNISED_FORMAT
_SHORT = re.compile(r"^ *(?:data|SSND|Data Size|riff|Riff size) *: (\d+) \(should be (\d+)\)", re.MULTILINE)


class Unopened(AudioError):
    """The library does not know the format, so that another one may try; the message says what it found."""


def chunks(stream: BinaryIO) -> Iterator[Chunk]:
    """Decoded pieces of a file.

    Raises:
        AudioError: when it is empty, damaged, cut off, or no library reads it.
    """
    try:
        with opened(stream) as file:
            yield from _blocks(file)
            return
    except Unopened as error:
        refused = error
    with explained(stream, refused):
        yield from _from_pyav(stream)


@contextmanager
def explained(stream: BinaryIO, refused: Unopened) -> Iterator[None]:
    """Where PyAV does not know the format either: what is wrong by its container, its name, or `refused`."""
    try:
        yield
    except Unopened as error:
        containers.check(stream)
        name = named(stream)
        raise AudioError(f"is a {name} file, {EXPECTED}" if name else str(refused) or str(error)) from error


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


class _Sought(_Plain):
    """A stream as PyAV wants it: a seek to nowhere, which it would print a traceback of, is answered -1."""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._seek(offset, whence)
        except (ValueError, OSError):
            return -1


@contextmanager
def opened(stream: BinaryIO) -> Iterator[Any]:
    """A file of a format that soundfile reads, whole by its headers.

    Raises:
        Unopened: when soundfile cannot read it, or not to its end.
        AudioError: when it is empty, cut off or damaged.
    """
    import soundfile

    if is_mpeg(stream) or _for_pyav(stream):
        raise Unopened("")
    try:
        file = soundfile.SoundFile(_Plain(stream))
    except soundfile.LibsndfileError as error:
        known = error.code != _UNRECOGNISED
        raise Unopened(
            f"cannot be read: {error.error_string.removeprefix('Error : ').rstrip('.')}" if known else ""
        ) from error
    with file:
        if file.format not in _SOUNDFILE:
            raise AudioError(f"is a {file.format_info} file, {EXPECTED}")
        if file.subtype.startswith("MPEG"):  # in a wav; its length would be a guess
            raise Unopened("")
        if file.format == "NIST":
            containers.check_nist(stream)
        for declared, present in _SHORT.findall(file.extra_info):
            if int(present) + 1 < int(declared) < STREAMED:
                raise AudioError(CUT)
        try:
            yield file
        except soundfile.LibsndfileError as error:
            raise AudioError(
                f"is damaged: {error.error_string.removeprefix('Error : ').rstrip('.')}"
            ) from error


def _for_pyav(stream: BinaryIO) -> bool:
    """Whether soundfile opens the format, but reads this file badly.

    It stops at the size of 0 that a killed recorder left in a wav, reports an Ogg file without a marked
    end as malformed, and knows one stream of several.
    """
    wav = containers.riff(stream)
    if wav is not None:
        return wav.unfinished
    if not containers.is_ogg(stream):
        return False
    found = containers.check_ogg(stream)
    return found.n_streams > 1 or not found.ended


def _blocks(file: Any) -> Iterator[Chunk]:
    n_read, n_frames = 0, max(1, min(int(BLOCK * file.samplerate), MOST_VALUES // file.channels))
    while len(block := file.read(n_frames, dtype="float32", always_2d=True)):
        n_read += len(block)
        yield file.samplerate, block
    if n_read < file.frames:
        raise AudioError(CUT)


@contextmanager
def _container(stream: BinaryIO, formats: str) -> Iterator[Any]:
    """A file that PyAV opens as one of these formats.

    Raises:
        Unopened: when it is none of them.
    """
    import av

    stream.seek(0)
    try:
        container = av.open(
            _Sought(stream), mode="r", options={"format_whitelist": formats}, metadata_errors="replace"
        )
    except av.FFmpegError as error:
        raise Unopened("is not an audio file, or a damaged one") from error
    with container:
        yield container


def named(stream: BinaryIO) -> str:
    """What a file is that nothing here reads, or ""."""
    try:
        with _container(stream, _NAMED) as container:
            name: str = container.format.long_name
            return name
    except Unopened:
        return ""


def _undecoded(track: Any, error: Any) -> AudioError:
    import av

    codec = track.codec_context.name
    if isinstance(error, av.error.PatchWelcomeError):  # AMR that leaves out its silences, for one
        return AudioError(f"holds {codec} sound of a kind that FFmpeg cannot decode")
    return AudioError(f"holds {codec} sound that is damaged: {error.strerror}")


def packets(stream: BinaryIO) -> Iterator[Any]:
    """The packets of the first audio stream of a container that PyAV reads, none missing by its headers.

    Raises:
        Unopened: when PyAV does not know the format.
        AudioError: when the file is cut off or damaged, holds no sound or sound of an unknown codec.
    """
    import av

    n_packets = n_bytes = 0
    with _container(stream, _PYAV) as container:
        if not container.streams.audio:
            raise AudioError("holds no audio stream")
        track = container.streams.audio[0]
        least_packets, least_bytes = containers.check(stream, container.format.name)
        if len(container.streams) > 1:
            least_bytes = 0
        if track.codec_context is None:
            raise AudioError("is damaged, or holds sound of a codec that FFmpeg does not know")
        open_ended = (wav := containers.riff(stream)) is not None and wav.unfinished
        try:
            for packet in container.demux(track):
                if packet.is_corrupt and not open_ended:  # its last packet is shorter than the others
                    raise AudioError(CUT)
                n_packets += packet.size > 0
                n_bytes += packet.size
                yield packet
        except av.FFmpegError as error:
            raise _undecoded(track, error) from error
    if n_packets < least_packets or n_bytes < WHOLE * least_bytes:
        raise AudioError("is damaged or cut off: not all of the sound that its headers count is there")


def begun(stream: BinaryIO) -> Iterator[Chunk]:
    """What can be heard of a file that is still being written, up to where nothing more can be read.

    Raises:
        Unopened: when it cannot be told yet what it is.
    """
    import av

    with _container(stream, f"{_PYAV},flac,mp3,wav") as container, suppress(av.FFmpegError):
        to_float = av.AudioResampler(format="flt")
        for frame in container.decode(audio=0) if container.streams.audio else ():
            for part in to_float.resample(frame):
                samples = part.to_ndarray().reshape(-1, frame.layout.nb_channels)
                yield part.sample_rate, samples.astype(np.float32, copy=False)


def _from_pyav(stream: BinaryIO) -> Iterator[Chunk]:
    import av

    # Interleaved, for PyAV 18 reads planes behind the eighth out of bounds.
    to_float = av.AudioResampler(format="flt")
    heard = declared = 0.0
    n_silent = 0
    for packet in packets(stream):
        track = packet.stream
        n_silent += packet.size > 0 and "mp4" in track.container.format.name
        if track.container.format.name in _DECLARING and track.duration is not None:
            declared = float(track.duration * track.time_base)
        try:
            for frame in packet.decode():
                heard += frame.samples / frame.sample_rate
                n_silent -= 1
                n_channels = frame.layout.nb_channels
                if n_channels > MAX_CHANNELS:
                    raise AudioError(f"has {n_channels} channels, more than the limit of {MAX_CHANNELS}")
                for part in to_float.resample(frame):
                    samples = part.to_ndarray().reshape(-1, n_channels)
                    yield part.sample_rate, samples.astype(np.float32, copy=False)
        except av.FFmpegError as error:
            raise _undecoded(track, error) from error
    if heard < declared - SLACK:
        raise AudioError(CUT)
    # Wrong times in fragments make FFmpeg drop what it decoded; elsewhere an editor may have cut it out.
    if n_silent > DELAYED and containers.check_mp4(stream)[1]:
        raise AudioError("is damaged: some of the sound in it is outside its own time line")
