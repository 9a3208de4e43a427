from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from speechtutor import hub, text
from speechtutor.core import Recording, Transcript
from speechtutor.errors import InputError, ModelError
from speechtutor.models import whisper, windows
from speechtutor.models.whisper import Whisper
from speechtutor.models.windows import Hypothesis
from tests.conftest import learner_clip, need
from tests.support import sounds, tiny

Hear = Callable[..., Hypothesis]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.whisper(tmp_path_factory.mktemp("whisper"), seconds=4)


@pytest.fixture(scope="module")
def model(checkpoint: Path) -> Whisper:
    return whisper.load(checkpoint, "cpu")


@pytest.fixture
def all_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every recording for speech from its first to its last sample."""
    monkeypatch.setattr(windows, "activity", lambda recording: ((0.0, recording.duration),))


def hum(seconds: float) -> Recording:
    return sounds.recording(sounds.glide(seconds, 100, 300)[0])


@pytest.mark.usefixtures("all_speech")
@pytest.mark.parametrize("beams", [1, 3])
def test_words_have_times_and_confidence(checkpoint: Path, beams: int) -> None:
    transcriber = whisper.load(checkpoint, "cpu", beams=beams)
    found = transcriber.transcribe(hum(1.2))
    assert found.words and found.lang in ("en", "de", "zh")
    assert found.confidence is not None and 0 < found.confidence <= 1
    edge = 0.0
    for word in found.words:
        assert word.text == word.text.strip() != ""
        assert edge <= word.start <= word.end <= 1.2
        assert word.confidence is not None and 0 < word.confidence <= 1
        edge = word.start
    assert transcriber.transcribe(hum(1.2)) == found


@pytest.mark.usefixtures("all_speech")
def test_a_long_recording_is_heard_to_its_end(model: Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces: list[float] = []
    hear: Hear = model._hear

    def spy(recording: Recording, lang: str | None) -> Hypothesis:
        pieces.append(recording.duration)
        return hear(recording, lang)

    monkeypatch.setattr(model, "_hear", spy)
    found = model.transcribe(hum(9.0), lang="en")
    assert sum(pieces) == pytest.approx(9.0) and max(pieces) <= 4.0
    assert found.words[-1].end > 8.0


def test_the_encoder_is_whispers_own(model: Whisper) -> None:
    samples = hum(1.0).samples
    mel = model.extractor(
        samples, sampling_rate=16_000, padding="do_not_pad", return_tensors="pt"
    ).input_features
    padded = torch.nn.functional.pad(mel, (0, 400 - mel.shape[-1]))
    with torch.inference_mode():
        expected = model.model.model.encoder(padded).last_hidden_state
        assert torch.allclose(model._encode(samples, crop=False), expected, atol=1e-5)


def test_behind_a_cropped_clip_stands_the_silence_after_a_voice(model: Whisper) -> None:
    # 1 s and the margin of 1 s are 100 states; the other 100 are silence after the artificial voice.
    with torch.inference_mode():
        states = model._encode(hum(1.0).samples, crop=True)
        silence = model._encode(windows.voice(), crop=False)
        alone = model._encoder(torch.nn.functional.pad(model._mel(hum(1.0).samples), (0, 100)))
    assert states.shape == (1, 200, 16)
    assert torch.equal(states[:, :100], alone) and torch.equal(states[:, 100:], silence[:, 100:])


@pytest.mark.parametrize("seconds", [0.01, 0.3, 1.9999, 2.0, 2.37, 4.0, 5.0])
@pytest.mark.parametrize("crop", [True, False])
def test_any_length_fills_the_window(model: Whisper, seconds: float, crop: bool) -> None:
    with torch.inference_mode():
        assert model._encode(hum(seconds).samples, crop=crop).shape == (1, 200, 16)


def test_greedy_text_is_that_of_the_librarys_own_generate(model: Whisper) -> None:
    samples = hum(1.5).samples
    mel = model.extractor(
        samples, sampling_rate=16_000, padding="do_not_pad", return_tensors="pt"
    ).input_features
    padded = torch.nn.functional.pad(mel, (0, 400 - mel.shape[-1]))
    expected = model.model.generate(padded, language="de", task="transcribe", max_new_tokens=20)[0].tolist()
    with torch.inference_mode():
        states = model._encode(samples, crop=False)
        found = model._write(states, model.codes.prompt("de"), 20)
    assert found and found == [token for token in expected if token < model.codes.end][: len(found)]
    assert len(found) == len([token for token in expected if token < model.codes.end])


def test_probabilities_are_those_of_writing_token_by_token(model: Whisper) -> None:
    with torch.inference_mode():
        states = model._encode(hum(1.0).samples, crop=True)
        prompt, written = model.codes.prompt("en"), [72, 105, 220, 33]
        probabilities, no_speech, starts = model._check_back(states, prompt, written, 50)
        slow = []
        for i, token in enumerate([*written, model.codes.end]):
            ids = torch.tensor([[*prompt, *written[:i]]])
            logits = model.model(encoder_outputs=(states,), decoder_input_ids=ids).logits[0, -1]
            slow.append(float(logits.softmax(-1)[token]))
        first = model.model(encoder_outputs=(states,), decoder_input_ids=torch.tensor([prompt[:1]])).logits[
            0, -1
        ]
    assert probabilities == pytest.approx(slow, rel=1e-3)
    assert no_speech == pytest.approx(float(first.softmax(-1)[model.codes.no_speech]), rel=1e-3)
    assert len(starts) == 5 and starts[0] == 0 and list(starts) == sorted(starts) and starts[-1] < 50


def test_smoothing_by_hand() -> None:
    # Two tokens, one head: in each frame the greater is at +1 and the smaller at -1 spreads.
    weights = np.array([[[3.0] * 9 + [1.0] * 9, [1.0] * 9 + [3.0] * 9]], np.float32)
    expected = np.array([[1.0] * 9 + [-1.0] * 9, [-1.0] * 9 + [1.0] * 9], np.float32)
    assert np.allclose(whisper.smoothed(weights), expected)
    # A single odd frame is filtered out; equal weights give 0, not nan.
    weights[0, :, 3] = [1.0, 3.0]
    assert np.allclose(whisper.smoothed(weights), expected)
    assert np.allclose(whisper.smoothed(np.ones((2, 3, 2), np.float32)), 0)


def test_characters_of_several_tokens_stay_whole(model: Whisper) -> None:
    # The tokens are bytes: "é" has two of them, "你" three.
    ids = model.tokenizer("aé 你", add_special_tokens=False).input_ids
    pieces, ends = model._pieces(ids)
    assert (pieces, ends) == (["a", "é", " ", "你"], [1, 3, 4, 7])
    times = np.arange(8, dtype=np.float32)
    words = model._words(ids, np.full(8, 0.5, np.float32), times, "en")
    assert [(w.text, w.start, w.end, w.confidence) for w in words] == [("aé", 0, 3, 0.5), ("你", 3, 7, 0.5)]
    assert [w.text for w in model._words(ids[4:] * 2, np.full(8, 0.5, np.float32), times, "zh")] == [
        "你",
        "你",
    ]


def test_a_text_that_never_ends_is_a_loop(model: Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "_write", lambda states, prompt, budget, **options: [72] * budget)
    with torch.inference_mode():
        assert model._attempt(hum(0.5), "en", crop=True).looped
    monkeypatch.setattr(model, "_write", lambda states, prompt, budget, **options: [72, 105])
    with torch.inference_mode():
        found = model._attempt(hum(0.5), "en", crop=True)
        padded = model._attempt(hum(0.5), "en", crop=False)
    assert not found.looped and [word.text for word in found.words] == ["Hi"]
    # Before ready-made silence the model's belief that nobody speaks means nothing.
    assert found.no_speech == 0 < padded.no_speech


def test_an_empty_text_has_no_words(model: Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "_write", lambda states, prompt, budget, **options: [])
    with torch.inference_mode():
        assert model._attempt(hum(0.5), "en", crop=True).empty


@pytest.mark.parametrize("samples", [sounds.silence(1), sounds.noise(1), sounds.silence(0)])
def test_silence_and_noise_are_nothing(model: Whisper, samples: np.ndarray) -> None:
    assert model.transcribe(sounds.recording(samples)) == Transcript((), "en", None)


@pytest.mark.usefixtures("all_speech")
def test_a_draft_is_written_once_by_one_beam(model: Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[object] = []

    def write(states: torch.Tensor, prompt: list[int], budget: int, **options: object) -> list[int]:
        written.append(options)
        return [72, 105]

    monkeypatch.setattr(model, "_write", write)
    monkeypatch.setattr(windows, "MIN_LOGPROB", 0.0)  # so that all is doubtful
    assert [word.text for word in model.draft(hum(1.0), lang="en").words] == ["Hi"]
    assert written == [{"num_beams": 1}]
    model.transcribe(hum(1.0), lang="en")
    assert written[1:] == [{}, {}]  # and again with real padding
    with pytest.raises(InputError, match="does not know the language"):
        model.draft(hum(1.0), lang="xx")


@pytest.mark.usefixtures("all_speech")
def test_a_language_is_taken_found_or_refused(model: Whisper) -> None:
    assert model.transcribe(hum(1), lang="de").lang == "de"
    with torch.inference_mode():
        assert model._language(model._encode(hum(1).samples, crop=True)) in ("en", "de", "zh")
    with pytest.raises(InputError, match="does not know the language 'xx': it hears one of its 3 languages"):
        model.transcribe(hum(1), lang="xx")


@pytest.mark.usefixtures("all_speech")
def test_an_english_whisper_hears_english_only(tmp_path: Path) -> None:
    english = whisper.load(tiny.whisper(tmp_path / "en", multilingual=False), "cpu")
    assert english.codes.prompt("en") == [english.codes.start, english.codes.no_timestamps]
    assert english.transcribe(hum(1)).lang == "en"
    with pytest.raises(InputError, match="'de': it hears English only"):
        english.transcribe(hum(1), lang="de")


@pytest.mark.usefixtures("all_speech")
def test_a_checkpoint_without_generation_settings_works(tmp_path: Path) -> None:
    bare = whisper.load(tiny.whisper(tmp_path / "bare", generation=False), "cpu")
    # Two layers of two heads: the upper half is layer 1.
    assert [tuple(head) for head in bare.heads] == [(1, 0), (1, 1)]
    assert set(bare.codes.languages) == {"en", "de", "zh"}
    assert bare.transcribe(hum(1), lang="de").lang == "de"


def test_an_adapter_is_merged(checkpoint: Path, model: Whisper, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import WhisperForConditionalGeneration

    torch.manual_seed(1)
    base = WhisperForConditionalGeneration.from_pretrained(checkpoint).eval()
    lora = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    tuned = get_peft_model(base, lora).eval()
    tuned.save_pretrained(tmp_path / "adapter")
    adapted = whisper.load(checkpoint, "cpu", adapter=tmp_path / "adapter")
    mel, ids = torch.randn(1, 80, 400), torch.tensor([model.codes.prompt("en")])
    with torch.inference_mode():
        plain, merged, expected = (
            m(input_features=mel, decoder_input_ids=ids).logits for m in (model.model, adapted.model, tuned)
        )
    assert torch.allclose(merged, expected, atol=1e-4) and not torch.allclose(merged, plain, atol=1e-2)
    assert not any("lora" in name for name, _ in adapted.model.named_modules())


def test_what_cannot_be_loaded_is_said(checkpoint: Path, tmp_path: Path) -> None:
    for wrong in (tmp_path / "nothing", tiny.wav2vec2(tmp_path / "wav2vec2")):
        with pytest.raises(ModelError, match=wrong.name) as error:
            whisper.load(wrong, "cpu")
        assert "\n" not in str(error.value)
    with pytest.raises(ModelError, match="is not here: there is no such folder"):
        whisper.load(checkpoint, "cpu", adapter=tmp_path / "none")
    with pytest.raises(InputError, match="beams must be 1 or more, not 0"):
        whisper.load(checkpoint, "cpu", beams=0)
    with pytest.raises(InputError, match="unknown device"):
        whisper.load(checkpoint, "quantum")


def test_a_learner_is_understood(models_home: Path) -> None:
    need(hub.located("whisper-tiny.en"), f"whisper-tiny.en is not in {models_home}")
    clip = learner_clip("051950018")
    found = whisper.load("whisper-tiny.en", "cpu").transcribe(clip)
    assert " ".join(text.words_for_wer(found.text)) == "there was a great surprise in her face also"
    assert found.confidence is not None and found.confidence > 0.8
    (first, *_), (speech_start, _) = found.words, windows.activity(clip)[0]
    assert first.start == pytest.approx(speech_start, abs=0.05)
    assert all(0.02 <= word.end - word.start < 1 for word in found.words)
    assert found.words[-1].end <= clip.duration
