"""One flipped bit in a recording: refused, or read with all its time; never shorter without a word."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechtutor import audio
from speechtutor.audio import headers
from speechtutor.errors import AudioError
from tests.support import sounds

KINDS = ["opus", "ogg", "oga", "flac", "m4a", "mp3", "webm", "mka", "live", "fragments"]
"""`oga` is Ogg FLAC; `live` (WebM without a length) and `fragments` (of mp4) are what browsers record."""
N_FLIPS = 60
TOLERANCE = 0.1
"""Seconds that may be missing: a frame of any of these codecs is shorter."""


@cache
def whole(kind: str) -> bytes:
    """Three seconds that no codec finds trivial: chords with some noise."""
    said = sounds.with_noise(sounds.music(3.0), 30)
    if kind == "nist":
        stream = io.BytesIO()
        soundfile.write(stream, said, 16_000, format="NIST")
        return stream.getvalue()
    if kind == "live":
        return sounds.encode(said, "webm", live="1")
    if kind == "fragments":
        return sounds.encode(said, "mp4", movflags="frag_keyframe+empty_moov", frag_duration="500000")
    return sounds.encode(said, kind)


def outcome(kind: str, place: int) -> str:
    """What became of the file with the bit at `place` flipped: refused, same, longer, or shorter."""
    broken = bytearray(whole(kind))
    broken[place // 8] ^= 1 << place % 8
    try:
        missing = audio.decode(whole(kind)).duration - audio.decode(bytes(broken)).duration
    except AudioError as error:
        assert "\n" not in str(error)
        return "refused"
    return "same" if abs(missing) <= TOLERANCE else "shorter" if missing > 0 else "longer"


@pytest.mark.parametrize("kind", KINDS)
def test_one_flipped_bit_loses_no_time_in_silence(kind: str) -> None:
    places = np.random.default_rng(1).integers(0, 8 * len(whole(kind)), N_FLIPS)
    found = {int(place): outcome(kind, int(place)) for place in places}
    assert set(found.values()) <= {"refused", "same"}, {k: v for k, v in found.items() if v[-2:] == "er"}


def damaged(data: bytes, how: str, rng: np.random.Generator) -> bytes:
    broken = bytearray(data)
    at = int(rng.integers(1, len(data)))
    if how == "cut":
        return bytes(broken[:at])
    if how == "zeros":
        n = min(int(rng.integers(1, 400)), len(data) - at)
        broken[at : at + n] = bytes(n)
    else:
        for place in rng.integers(0, min(200, len(data)), 4):
            broken[place] = rng.integers(256)
    return bytes(broken)


@pytest.mark.parametrize("how", ["cut", "zeros", "header"])
@pytest.mark.parametrize("kind", [*KINDS, "wav", "aiff", "caf", "mp4", "nist"])
def test_damage_of_any_kind_is_one_line_or_harmless(kind: str, how: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(762)
    for _ in range(6):
        path = tmp_path / "a"
        path.write_bytes(damaged(whole(kind), how, rng))
        for read in (audio.load, headers.probe):
            try:
                heard = read(path)
            except AudioError as error:
                assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
                continue
            if how == "cut" and heard.duration is not None:
                assert heard.duration == pytest.approx(3.0, abs=TOLERANCE)
