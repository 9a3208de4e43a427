"""Which files are read, what is said of those that are not, and how much is read before that is said."""

from __future__ import annotations

import io
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechtutor import audio
from speechtutor.audio import containers, decoding, headers
from speechtutor.errors import AudioError
from tests.support import sounds

SAID = sounds.with_noise(sounds.music(2.0), 30)


def ogg_pages(data: bytes) -> list[bytearray]:
    """Pages of an Ogg file: 27 bytes, a table of lengths, and what it counts."""
    pages = []
    while data:
        table = data[27 : 27 + data[26]]
        size = 27 + len(table) + sum(table)
        pages.append(bytearray(data[:size]))
        data = data[size:]
    return pages


def slow_checksum(page: bytes) -> int:
    """Bit by bit, as RFC 3533 has it."""
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc >> 31 else 0)) & 0xFFFFFFFF
    return crc


@pytest.mark.parametrize("kind", ["ogg", "opus", "oga"])
def test_checksums_of_pages_are_those_of_the_standard(kind: str) -> None:
    for page in ogg_pages(sounds.encode(SAID, kind))[:4]:
        written = int.from_bytes(page[22:26], "little")
        page[22:26] = bytes(4)
        assert containers.ogg_checksum(bytes(page)) == slow_checksum(bytes(page)) == written


def killed(data: bytes, n_lost: int = 0) -> bytes:
    """An Ogg file without its last pages and without the mark of the end."""
    pages = ogg_pages(data)
    pages = pages[: len(pages) - n_lost]
    pages[-1][5] &= ~4
    pages[-1][22:26] = bytes(4)
    pages[-1][22:26] = slow_checksum(bytes(pages[-1])).to_bytes(4, "little")
    return b"".join(pages)


def sized(whole: bytes, data: int, riff: int | None = None) -> bytes:
    """A wav of 44 bytes of header with other sizes in it."""
    changed = bytearray(whole)
    changed[40:44] = struct.pack("<I", data)
    changed[4:8] = struct.pack("<I", len(whole) - 8 if riff is None else riff)
    return bytes(changed)


WAV = sounds.encode(SAID, "wav")
READ: dict[str, bytes] = {
    "Ogg FLAC": sounds.encode(SAID, "oga"),
    "G.722 in wav": sounds.encode(SAID, "wav", codec="g722"),
    "mp3 in wav": sounds.encode(SAID, "wav", codec="libmp3lame"),
    "True Audio": sounds.encode(SAID, "tta", codec="tta"),
    "WavPack": sounds.encode(SAID, "wv", codec="wavpack"),
    "a killed recorder's Vorbis": killed(sounds.encode(SAID, "ogg")),
    "a killed recorder's Opus": killed(sounds.encode(SAID, "opus")),
    "a killed recorder's Ogg FLAC": killed(sounds.encode(SAID, "oga")),
    "a killed recorder's wav": sized(WAV, data=0),
    "a killed recorder's wav, both sizes": sized(WAV, riff=0, data=0),
    "a wav that counts its header": sized(WAV, data=len(WAV)),
    "a wav that counts most of its header": sized(WAV, data=len(WAV) - 8),
    "tags behind the end of an Ogg file": sounds.encode(SAID, "ogg") + b"TAG" + bytes(125),
}


@pytest.mark.parametrize("name", READ)
def test_a_right_file_is_read_whole(name: str, tmp_path: Path) -> None:
    assert audio.decode(READ[name]).duration == pytest.approx(2.0, abs=0.12)
    (tmp_path / "a").write_bytes(READ[name])
    assert headers.probe(tmp_path / "a").n_channels == 1


def without_page(data: bytes, index: int) -> bytes:
    pages = ogg_pages(data)
    return b"".join(pages[:index] + pages[index + 1 :])


def nist(old: bytes, new: bytes) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, SAID, 16_000, format="NIST")
    return stream.getvalue().replace(old, new, 1)


def without_index(data: bytes) -> bytes:
    """What a phone leaves that was switched off: the data, and no box `moov` behind them."""
    at = data.index(b"moov") - 4
    return data[:at] + data[at + int.from_bytes(data[at : at + 4]) :]


ALAC = sounds.encode(SAID, "m4a", codec="alac")
OPUS = sounds.encode(np.tile(SAID, 4), "opus")
REFUSED: dict[str, tuple[bytes, str]] = {
    "ac3": (sounds.encode(SAID, "ac3", 48_000, codec="ac3"), "is a raw AC-3 file, expected wav"),
    "flv": (sounds.encode(SAID, "flv", codec="aac"), "is a FLV .* file, expected wav"),
    "unknown codec": (ALAC.replace(b"alac", b"qqqq"), "codec that FFmpeg"),
    "NIST length": (nist(b"   1024", b"   1x24"), "its NIST header does not say how long it is"),
    "no index": (without_index(sounds.encode(SAID, "m4a")), "its index .* was never written"),
    "chained": (sounds.encode(SAID, "ogg") * 2, "holds several recordings one behind the other"),
    "lost page": (without_page(OPUS, 3), "a page is missing before its page 4"),
    "cut wav": (WAV[:-500], "its data end before its headers say so"),
    "cut G.722": (READ["G.722 in wav"][:-500], "its data end before its headers say so"),
    "cut True Audio": (READ["True Audio"][:-5000], "."),
    "empty wav": (sized(WAV[:44], data=0), "holds no samples"),
    "empty wav with a title": (sized(WAV[:44], data=0) + b"LIST\4\0\0\0INFO", "holds no samples"),
    "many channels": (sounds.encode(np.zeros((4000, 33), np.float32), "wav"), "33 channels, .* limit of 32"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_refused_gets_its_true_cause(name: str, tmp_path: Path) -> None:
    data, says = REFUSED[name]
    (tmp_path / "a").write_bytes(data)
    for read in (audio.load, headers.probe):
        with pytest.raises(AudioError, match=says) as caught:
            read(tmp_path / "a")
        assert "\n" not in str(caught.value)
        assert "cut" in name or "cut off" not in str(caught.value)


def test_an_hour_of_many_channels_takes_the_memory_of_one(tmp_path: Path) -> None:
    # 3 minutes of 8 channels at 48 kHz are 276 MB as float32, and 92 MB once resampled; mixed down
    # block by block they are 12 MB of result, joined once, and blocks of at most 17 MB.
    path = tmp_path / "long.flac"
    second = np.tile(sounds.tone(1.0, rate=48_000)[:, None], (1, 8))
    with soundfile.SoundFile(path, "w", 48_000, 8, format="FLAC") as file:
        for _ in range(180):
            file.write(second)
    tracemalloc.start()
    heard = audio.load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert heard.duration == 180 and peak < 90e6


@pytest.mark.parametrize("kind", ["flac", "webm"])
def test_the_loudest_channel_is_kept_from_files_too(kind: str) -> None:
    voice = sounds.tone(1.0, 440, peak=0.8)
    heard = audio.decode(sounds.encode(np.stack([voice, -voice], axis=1), kind))
    assert np.abs(heard.samples).max() > 0.7


def test_an_endless_pipe_is_left_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(io.RawIOBase):
        n_read = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            Endless.n_read += len(buffer)
            return len(buffer)

    monkeypatch.setattr("speechtutor.audio.io.MAX_PIPED", 2**22)
    with pytest.raises(AudioError, match=r"stdin: is larger than the limit of 0\.00391 GiB for a pipe"):
        audio.decode(io.BufferedReader(Endless()), name="stdin")
    assert Endless.n_read < 2**22 + 2**21


def test_sound_that_the_decoder_does_not_know_is_named() -> None:
    # AMR that leaves out its silences (DTX); its headers say nothing of it.
    said = np.append(SAID, sounds.silence(3))
    assert audio.decode(sounds.encode(said, "amr", 8_000, codec="libopencore_amrnb")).duration > 4.9
    data = sounds.encode(said, "amr", 8_000, codec="libopencore_amrnb", dtx="1")
    with pytest.raises(AudioError, match="holds amrnb sound of a kind that FFmpeg cannot decode"):
        audio.decode(data)


@pytest.mark.parametrize("n_channels", [2, 8, 9, 32, 33])
def test_as_many_channels_by_pyav_as_are_allowed(n_channels: int) -> None:
    # PyAV 18 reads the planes of a frame behind the eighth out of bounds, which ended the process.
    import av

    pcm = np.zeros((16_000, n_channels), np.int16)
    pcm[:, -1] = np.round(16_000 * np.sin(np.arange(16_000) / 10))
    stream = io.BytesIO()
    with av.open(stream, "w", format="matroska") as container:
        layout = {2: "stereo", 8: "7.1"}.get(n_channels, f"{n_channels} channels")
        track = container.add_stream("pcm_s16le", rate=16_000, layout=layout)
        frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = 16_000
        frame.pts = 0
        container.mux(track.encode(frame))
        container.mux(track.encode(None))
    if n_channels > decoding.MAX_CHANNELS:
        with pytest.raises(AudioError, match="33 channels, more than the limit of 32"):
            audio.decode(stream.getvalue())
        return
    heard = audio.decode(stream.getvalue())
    assert heard.duration == 1.0 and np.abs(heard.samples).max() > 0.2
