from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2CTCTokenizer

from speechtutor.core import Floats, Recording, Transcript
from speechtutor.errors import InputError, ModelError
from speechtutor.models import wav2vec2, windows
from speechtutor.models.wav2vec2 import Wav2Vec2, read
from tests.support import sounds, tiny


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Wav2Vec2CTCTokenizer:
    return tiny.letters_tokenizer(tmp_path_factory.mktemp("letters"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.wav2vec2(tmp_path_factory.mktemp("models") / "wav2vec2")


@pytest.fixture(scope="module")
def model(checkpoint: Path) -> Wav2Vec2:
    return wav2vec2.load(checkpoint, "cpu")


@pytest.fixture
def all_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every recording for speech from its first to its last sample."""
    monkeypatch.setattr(windows, "activity", lambda recording: ((0.0, recording.duration),))


def frames(best: str, probability: list[float]) -> Floats:
    """Log-probabilities whose best letter per frame is given; `-` is the blank."""
    letters = ["-", "?", "?", "?", *tiny.LETTERS[4:]]
    rows = np.full((len(best), len(letters)), 0.0)
    for t, letter in enumerate(best):
        rows[t] = (1 - probability[t]) / (len(letters) - 1)
        rows[t, letters.index(letter)] = probability[t]
    return np.log(rows).astype(np.float32)


def hum(seconds: float) -> Recording:
    return sounds.recording(sounds.glide(seconds, 100, 300)[0])


def test_times_and_confidence_by_hand(tokenizer: Wav2Vec2CTCTokenizer) -> None:
    # frame        0    1    2    3    4    5    6    7    8    9   10   11   12
    best = "-" + "A" + "A" + "-" + "T" + "-" + "|" + "|" + "-" + "T" + "O" + "-" + "O"
    chance = [0.9, 0.8, 0.6, 0.9, 0.7, 0.9, 0.9, 0.9, 0.9, 0.5, 0.9, 0.9, 0.7]
    words = read(frames(best, chance), tokenizer, 0.02)
    # AT: frames 1 to 4 inclusive, letters at 0.8, 0.6, 0.7. TOO: frames 9 to 12, at 0.5, 0.9, 0.7; the
    # blank at 11 keeps the two O apart.
    assert [word.text for word in words] == ["at", "too"]
    assert [(word.start, word.end) for word in words] == [
        (pytest.approx(0.02), pytest.approx(0.10)),
        (pytest.approx(0.18), pytest.approx(0.26)),
    ]
    assert [word.confidence for word in words] == [pytest.approx(0.7), pytest.approx(0.7)]


@pytest.mark.parametrize("best", ["-", "-----", "|", "-|-|"])
def test_blanks_have_no_words(tokenizer: Wav2Vec2CTCTokenizer, best: str) -> None:
    assert read(frames(best, [0.9] * len(best)), tokenizer, 0.02) == ()


def test_a_word_may_be_one_frame(tokenizer: Wav2Vec2CTCTokenizer) -> None:
    (word,) = read(frames("I", [0.9]), tokenizer, 0.02)
    assert (word.text, word.start, word.end) == ("i", 0.0, pytest.approx(0.02))


@pytest.mark.usefixtures("all_speech")
def test_a_recording_becomes_words(model: Wav2Vec2) -> None:
    found = model.transcribe(hum(1.5))
    assert found.words and found.lang == "en"
    assert found.confidence is not None and 0 < found.confidence <= 1
    assert all(0 <= word.start < word.end <= 1.5 for word in found.words)
    assert model.transcribe(hum(1.5), lang="en") == found


@pytest.mark.usefixtures("all_speech")
def test_the_words_are_those_of_the_networks_frames(model: Wav2Vec2) -> None:
    clip = hum(0.8)
    # A tenth of a second of silence is put on either side, for the first and the last letter to peak in.
    padded = np.pad(clip.samples, 1600)
    inputs = model.extractor(padded, sampling_rate=16_000, return_tensors="pt").input_values
    with torch.inference_mode():
        log_probs = model.model(inputs).logits[0].log_softmax(-1).numpy()
    assert len(log_probs) == pytest.approx(1.0 / model.frame_shift, abs=1)
    assert model.frame_shift == pytest.approx(0.02)
    # A frame hears 400 samples; its middle is 12.5 ms behind their beginning, 2.5 ms later than that of
    # a frame of 20 ms.
    assert model.origin == pytest.approx(0.0025 - 0.1)
    found, read_off = model._hear(clip).words, read(log_probs, model.tokenizer, 0.02, model.origin)
    assert [word.text for word in found] == [word.text for word in read_off]
    inside = [(max(word.start, 0.0), min(word.end, 0.8)) for word in read_off]
    assert [(word.start, word.end) for word in found] == [pytest.approx(times) for times in inside]


@pytest.mark.usefixtures("all_speech")
def test_a_long_recording_is_heard_in_windows(model: Wav2Vec2, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wav2vec2, "LONGEST", 1.0)
    found = model.transcribe(hum(3.5))
    assert found.words[-1].end > 2.5 and found.words[-1].end <= 3.5
    assert [word.start for word in found.words] == sorted(word.start for word in found.words)


@pytest.mark.usefixtures("all_speech")
def test_a_clip_shorter_than_the_network_sees_has_no_words(model: Wav2Vec2) -> None:
    assert model.transcribe(sounds.recording(sounds.tone(0.01))) == Transcript((), "en", None)


@pytest.mark.parametrize("samples", [sounds.silence(1), sounds.noise(1), sounds.silence(0)])
def test_silence_and_noise_are_nothing(model: Wav2Vec2, samples: np.ndarray) -> None:
    assert model.transcribe(sounds.recording(samples)) == Transcript((), "en", None)


def test_the_language_is_the_checkpoints(checkpoint: Path, model: Wav2Vec2) -> None:
    with pytest.raises(InputError, match="writes 'en', not 'de'"):
        model.transcribe(hum(1), lang="de")
    german = wav2vec2.load(checkpoint, "cpu", lang="de")
    assert german.transcribe(sounds.recording(sounds.silence(1)), lang="de").lang == "de"


def test_what_cannot_be_loaded_is_said(tmp_path: Path) -> None:
    for wrong in (tmp_path / "nothing", tiny.whisper(tmp_path / "whisper")):
        with pytest.raises(ModelError, match=wrong.name) as error:
            wav2vec2.load(wrong, "cpu")
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="name a CTC checkpoint"):
        wav2vec2.load(None, "cpu")
    with pytest.raises(InputError, match="unknown device"):
        wav2vec2.load(tmp_path, "warp")
