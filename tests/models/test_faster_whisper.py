from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from speechtutor import hub, text
from speechtutor.core import Recording, Transcript
from speechtutor.errors import InputError, MissingExtraError, ModelError
from speechtutor.models import faster_whisper, windows
from speechtutor.models.faster_whisper import FasterWhisper
from tests.conftest import learner_clip, need
from tests.support import sounds

pytest.importorskip("faster_whisper")

SURPRISE = "051950018"
"""An utterance that every Whisper understands: There was a great surprise in her face also."""


@pytest.fixture(scope="module")
def tiny(models_home: Path) -> FasterWhisper:
    need(hub.located("whisper-tiny.en"), f"whisper-tiny.en is not in {models_home}")
    return faster_whisper.load("whisper-tiny.en", "cpu", beams=1)


def test_a_learner_is_understood(tiny: FasterWhisper) -> None:
    clip = learner_clip(SURPRISE)
    found = tiny.transcribe(clip)
    assert " ".join(text.words_for_wer(found.text)) == "there was a great surprise in her face also"
    assert found.lang == "en" and found.confidence is not None and 0.8 < found.confidence <= 1
    (first, *_), (speech_start, _) = found.words, windows.activity(clip)[0]
    assert first.start == pytest.approx(speech_start, abs=0.05)
    for before, word in zip(found.words, found.words[1:], strict=False):
        assert before.start < before.end <= word.start + 1e-6
    assert found.words[-1].end <= clip.duration
    assert all(word.confidence is not None and 0 < word.confidence <= 1 for word in found.words)
    assert tiny.transcribe(clip) == found


def test_a_draft_of_clear_speech_is_what_one_beam_writes(tiny: FasterWhisper) -> None:
    clip = learner_clip(SURPRISE)
    assert tiny.draft(clip, lang="en") == tiny.transcribe(clip, lang="en")
    with pytest.raises(InputError, match="does not know the language"):
        tiny.draft(clip, lang="xx")


def test_behind_a_cropped_clip_stands_the_silence_after_a_voice(tiny: FasterWhisper) -> None:
    # 2 s and the margin of 1 s are 300 frames: 150 states; the other 1,350 follow the artificial voice.
    mel = tiny._mel(sounds.glide(2.0, 100, 300)[0])
    states = np.array(tiny._encode(mel, crop=True))
    silence = np.array(tiny.model.encode(np.pad(tiny._mel(windows.voice()), ((0, 0), (0, 2700)))))
    alone = np.array(tiny.model.encode(np.pad(mel, ((0, 0), (0, 100)))))
    assert states.shape == silence.shape == (1, 1500, 384)
    assert np.array_equal(states[:, :150], alone) and np.array_equal(states[:, 150:], silence[:, 150:])
    assert np.array(tiny._encode(mel, crop=False)).shape == (1, 1500, 384)


def test_padding_and_cropping_agree_on_clear_speech(tiny: FasterWhisper) -> None:
    clip = learner_clip(SURPRISE)
    cropped, padded = (tiny._attempt(clip, None, crop=crop) for crop in (True, False))
    assert [w.text for w in cropped.words] == [w.text for w in padded.words]
    for ours, theirs in zip(cropped.words, padded.words, strict=True):
        assert ours.start == pytest.approx(theirs.start, abs=0.1)


def test_a_recording_longer_than_a_window_is_heard_to_its_end(tiny: FasterWhisper) -> None:
    clip = learner_clip(SURPRISE)
    pause = np.zeros(8 * 16_000, np.float32)
    long = Recording(np.concatenate([clip.samples, *(pause, clip.samples) * 3]))
    found = tiny.transcribe(long)
    assert long.duration > windows.LONGEST
    assert text.words_for_wer(found.text) == text.words_for_wer(tiny.transcribe(clip).text) * 4
    starts = [word.start for word in found.words if word.text.lower() == "there"]
    # The copies begin every clip and pause.
    assert np.diff(starts) == pytest.approx([clip.duration + 8.0] * 3, abs=0.1)


@pytest.mark.parametrize("samples", [sounds.silence(1), sounds.noise(1), sounds.silence(0)])
def test_silence_and_noise_are_nothing(tiny: FasterWhisper, samples: np.ndarray) -> None:
    assert tiny.transcribe(sounds.recording(samples)) == Transcript((), "en", None)


def test_an_english_model_hears_english_only(tiny: FasterWhisper) -> None:
    with pytest.raises(InputError, match="language 'de': it hears English only"):
        tiny.transcribe(sounds.recording(sounds.silence(1)), lang="de")


def test_what_cannot_be_loaded_is_said(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"not a model")
    with pytest.raises(ModelError, match="cannot be loaded by faster-whisper") as error:
        faster_whisper.load(tmp_path, "cpu")
    assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(InputError, match="beams must be 1 or more, not 0"):
        faster_whisper.load(tmp_path, "cpu", beams=0)
    with pytest.raises(InputError, match="cpu_threads must be 1 or more, not -2"):
        faster_whisper.load(tmp_path, "cpu", cpu_threads=-2)
    with pytest.raises(InputError, match="unknown device"):
        faster_whisper.load(tmp_path, "abacus")


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'speechtutor\[whisper\]'"):
        faster_whisper.load("whisper-tiny.en", "cpu")
