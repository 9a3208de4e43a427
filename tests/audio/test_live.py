"""A recording in pieces: what can be heard of it grows, and the whole is that of all bytes at once."""

from __future__ import annotations

import io

import numpy as np
import pytest

from speechtutor.audio import io as audio
from speechtutor.audio.live import FILE, PCM, Live
from speechtutor.errors import AudioError
from tests.conftest import EXAMPLES

SOUND = audio.load(EXAMPLES / "dinner-good.flac")


def opus(container: str) -> bytes:
    """The sound as a browser's recorder writes it."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream("libopus", rate=48_000)
        frame = av.AudioFrame.from_ndarray(SOUND.samples[None], format="flt", layout="mono")
        frame.sample_rate = SOUND.sample_rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "webm"])
def test_what_is_heard_grows_to_the_whole(kind: str) -> None:
    data = opus(kind) if kind in ("ogg", "webm") else audio.encode(SOUND, kind)
    live, lengths = Live(FILE), []
    for i in range(0, len(data), 1 + len(data) // 10):
        live.add(data[i : i + 1 + len(data) // 10])
        found = live.so_far()
        lengths.append(0.0 if found is None else found.duration)
    assert lengths == sorted(lengths) and 0 < lengths[4] < 0.8 * SOUND.duration
    assert lengths[-1] == pytest.approx(SOUND.duration, abs=0.05)
    assert (live.whole().samples == audio.decode(data).samples).all()


def test_bare_samples() -> None:
    """Pieces of odd lengths; at 8 kHz half as many samples are as long."""
    samples = (SOUND.samples * 32_767).astype("<i2")
    live = Live(PCM)
    assert live.so_far() is None
    data = samples.tobytes()
    for i in range(0, len(data), 777):
        live.add(data[i : i + 777])
        assert live.so_far() is not None
    assert live.whole().samples == pytest.approx(SOUND.samples, abs=2**-14)
    live.add(b"\0")
    with pytest.raises(AudioError, match="middle of a sample"):
        live.whole()
    slow = Live(PCM, 8_000, bytearray(np.zeros(8_000, "<i2").tobytes()))
    assert slow.whole().duration == 1.0
    with pytest.raises(AudioError, match=r"1\.0 s long, at most 0\.5 s"):
        slow.whole(0.5)


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 100, b"RIFF", b"OggS" + b"\xff" * 200, b"#EXTM3U\nfile:///etc/passwd\n"]
)
def test_garbage_is_nothing_yet_and_no_recording_at_the_end(data: bytes) -> None:
    live = Live(FILE, data=bytearray(data))
    assert live.so_far() is None
    with pytest.raises(AudioError):
        live.whole()
