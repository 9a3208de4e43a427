from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from recipes.shared import synthetic
from speechtutor import audio
from speechtutor.audio import headers
from speechtutor.core import Utterance
from speechtutor.corpora import manifest
from speechtutor.errors import AudioError, InputError

KINDS = [("wav", None), ("flac", None), ("ogg", None), ("mp3", None), ("WAV", "NIST"), ("aiff", None)]


def noise(path: Path, kind: str | None = None) -> Path:
    wave = 0.1 * np.random.default_rng(0).standard_normal(32_000).astype(np.float32)
    soundfile.write(path, wave, 16_000, format=kind)
    return path


@pytest.mark.parametrize(("suffix", "kind"), KINDS)
def test_headers_say_what_decoding_says(tmp_path: Path, suffix: str, kind: str | None) -> None:
    path = noise(tmp_path / f"a.{suffix}", kind)
    found = headers.probe(path)
    assert (found.sample_rate, found.n_channels) == (16_000, 1)
    assert found.duration == pytest.approx(audio.load(path).duration, abs=0.2)


@pytest.mark.parametrize("share", [0.3, 0.9, 0.99])
@pytest.mark.parametrize(("suffix", "kind"), KINDS)
def test_a_file_that_was_cut_off_is_noticed(
    tmp_path: Path, suffix: str, kind: str | None, share: float
) -> None:
    path = noise(tmp_path / f"a.{suffix}", kind)
    data = path.read_bytes()
    if (suffix, share) == ("mp3", 0.99):
        return  # without decoding, the last of its frames is not missed
    path.write_bytes(data[: round(len(data) * share)])
    with pytest.raises(AudioError, match=rf"a.{suffix}: "):
        headers.probe(path)
    with pytest.raises(AudioError):
        audio.load(path)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "the file is empty"),
        (b"hello, this is text", "not an audio file"),
        (b"ID3", "not an audio file"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, data: bytes, says: str) -> None:
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.raises(AudioError, match=says):
        headers.probe(tmp_path / "a.wav")


def test_no_samples_odd_rates_no_file(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="holds no samples"):
        headers.probe(synthetic.tone(tmp_path / "a.wav", 0.0))
    with pytest.raises(AudioError, match="a sample rate of 1000 Hz, expected 4000 to"):
        headers.probe(synthetic.tone(tmp_path / "b.wav", rate=1000))
    with pytest.raises(AudioError, match="No such file"):
        headers.probe(tmp_path / "c.wav")


def test_bad_rows_of_a_long_manifest_are_named_by_their_place_in_it(tmp_path: Path) -> None:
    # One file serves 1,000 rows; the bad ones stand in rows 700 and 902.
    synthetic.tone(tmp_path / "good.wav", 0.1)
    synthetic.text(tmp_path / "bad.wav")
    names = ["bad.wav" if i in (699, 901) else "good.wav" for i in range(1000)]
    rows = [Utterance(f"u{i}", name, "hi", f"s{i % 7}", "dev") for i, name in enumerate(names)]
    path = manifest.write(tmp_path / "rows.jsonl", rows).path
    later = manifest.read(path)[500:]
    says = r"rows.jsonl, row 700 \(u699\): .*bad.wav: the file is empty; also bad \(1\): row 902 \(u901\)$"
    with pytest.raises(InputError, match=says):
        manifest.check_audio(later, tmp_path, str(path))
    with pytest.raises(InputError, match=r"the rows, row 200 \(u699\)"):
        manifest.check_audio(later, tmp_path)
    manifest.check_audio(rows[:600], tmp_path, str(path), rates=(16_000,))
    with pytest.raises(InputError, match="16000 Hz, expected 8000 or 44100"):
        manifest.check_audio(rows[:1], tmp_path, rates=(44_100, 8000))
