from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers.modeling_outputs import BaseModelOutput

from recipes import finetune_whisper
from recipes.finetune_whisper import Config
from recipes.shared import synthetic
from speechtutor import audio, config
from speechtutor.core import Recording
from speechtutor.corpora import manifest
from speechtutor.errors import InputError, ModelError
from speechtutor.hub import description
from speechtutor.models import whisper, windows
from speechtutor.training import loop
from speechtutor.training import whisper as library
from speechtutor.training.augment import Augment
from speechtutor.training.clips import Clip
from speechtutor.training.whisper import IGNORED, Listener, Tuning, bare, network, spelt


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic.tiny_asr_whisper(tmp_path_factory.mktemp("whisper"))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    """Noise of three lengths; the longest leaves no room for the whole margin."""
    folder = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(0)
    made = []
    for i, seconds in enumerate((0.5, 1.0, 2.5)):
        path = folder / f"u{i}.wav"
        samples = (0.1 * rng.standard_normal(round(seconds * 16_000))).astype(np.float32)
        audio.save(Recording(samples), path)
        made.append(Clip(f"u{i}", path, "HELLO THERE", seconds))
    return made


def test_what_is_learnt_to_be_written() -> None:
    assert spelt("I'M SURE, MR. LEE!") == "I'm sure mr lee"
    assert spelt("I AM IN") == "I am in" and spelt("...") == ""


def test_training_hears_what_serving_hears(base: Path, clips: list[Clip]) -> None:
    # The states of a padded batch against those of the serving code, one clip at a time.
    model = network(base, Tuning("full")).eval()
    listener = Listener(base, model)
    served = whisper.load(base)
    batch = listener.heard([listener.mel(clip.wave()) for clip in clips])
    with torch.no_grad():
        states = model.encode(batch["input_features"], batch["n_heard"])
        for i, clip in enumerate(clips):
            alone = served._encode(audio.load(clip.path).samples, crop=True)[0]
            assert torch.allclose(states[i], alone, atol=1e-5)


@pytest.mark.parametrize("tuning", [Tuning("full"), Tuning("lora", rank=2, dropout=0.0)])
def test_a_shared_silence_is_as_good_as_one_for_each(base: Path, clips: list[Clip], tuning: Tuning) -> None:
    # Loss and gradients against Whisper's own attention to the whole sequence of states.
    model = network(base, tuning)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    listener = Listener(base, model)
    batch = listener.collate(
        [{"mel": listener.mel(c.wave()), "tokens": [7, 8, i]} for i, c in enumerate(clips)]
    )
    fast = model(**batch).loss
    fast.backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    states = bare(model).encode(batch["input_features"], batch["n_heard"])
    slow = model(
        encoder_outputs=BaseModelOutput(states),
        decoder_input_ids=batch["decoder_input_ids"],
        labels=batch["labels"],
    ).loss
    slow.backward()
    assert torch.allclose(fast, slow, atol=1e-5)
    for name, p in model.named_parameters():
        if p.grad is not None:
            assert torch.allclose(gradients[name], p.grad, atol=1e-5), name


def test_greedy_texts_are_those_of_serving(base: Path, clips: list[Clip]) -> None:
    model = network(base, Tuning("full")).eval()
    listener, served = Listener(base, model), whisper.load(base)
    for clip, text in zip(clips, listener._attempt(model, clips)[0], strict=True):
        states = served._encode(audio.load(clip.path).samples, crop=True)
        budget = windows.token_budget(clip.seconds, listener.most - len(listener.prompt) - 1)
        with torch.inference_mode():
            alone = served._write(states, listener.prompt, budget)
        assert served.tokenizer.decode(alone).strip() == text


def test_what_repeats_itself_is_heard_again(
    base: Path, clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = network(base, Tuning("full")).eval()
    listener = Listener(base, model)
    asked: list[tuple[int, dict[str, object]]] = []

    def attempt(model: object, clips: list[Clip], **options: object) -> tuple[list[str], list[bool]]:
        asked.append((len(clips), options))
        again = "no_repeat_ngram_size" not in options
        return ["padded" if options else "cropped"] * len(clips), [again and c.seconds > 2 for c in clips]

    monkeypatch.setattr(listener, "_attempt", attempt)
    assert listener.write(model, clips) == ["cropped", "cropped", "padded"]
    assert asked == [(3, {}), (1, {"crop": False}), (1, {"crop": False, "no_repeat_ngram_size": 3})]


def test_the_loss_is_that_of_the_text_and_its_end(base: Path, clips: list[Clip]) -> None:
    listener = Listener(base, network(base, Tuning("full")))
    items = [
        {"mel": listener.mel(clips[0].wave()), "tokens": [7, 8]},
        {"mel": listener.mel(clips[1].wave()), "tokens": [9]},
    ]
    batch = listener.collate(items)
    start, plain, end = listener.prompt[0], listener.prompt[-1], listener.end
    assert batch["decoder_input_ids"].tolist() == [[start, plain, 7, 8], [start, plain, 9, end]]
    assert batch["labels"].tolist() == [[IGNORED, 7, 8, end], [IGNORED, 9, end, IGNORED]]
    # 50 frames of half a second and 100 of margin, both even.
    assert batch["n_heard"].tolist() == [150, 200]


def test_a_clip_that_does_not_fit_is_left_out(base: Path, clips: list[Clip]) -> None:
    listener = Listener(base, network(base, Tuning("full")))
    assert listener.fits(clips[0])
    assert not listener.fits(Clip("long", Path(), "HI", 3.1))
    # One byte a token here, and the decoder holds 64.
    assert not listener.fits(Clip("wordy", Path(), "A" * 70, 1.0))


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("part", ["both", "encoder"])
def test_which_weights_learn(base: Path, method: str, part: str) -> None:
    model = network(base, Tuning(method, part, rank=2))
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    assert not any("conv" in name or "encoder.embed_positions" in name for name in names)
    assert any(".decoder." in name for name in names) is (part == "both")
    assert any("encoder.layers.0.fc1" in name for name in names)
    if method == "lora":
        assert all("lora_" in name for name in names)
        per_part = 2 * (4 * (32 + 32) + 2 * (32 + 64))
        cross = 2 * 4 * (32 + 32)
        n = sum(p.numel() for p in model.parameters() if p.requires_grad)
        assert n == (2 * per_part + cross if part == "both" else per_part)


def test_silence_is_constant_for_the_gradient(base: Path, clips: list[Clip]) -> None:
    model = network(base, Tuning("lora", rank=2))
    listener = Listener(base, model)
    augment = Augment(random.Random(0))
    batch = listener.collate([listener.prepare(clip, augment) for clip in clips])
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(**batch).loss
    loss.backward()
    silence = bare(model).silence
    assert silence is not None and not silence.requires_grad and silence.dtype == torch.float32
    missing = [
        n for n, p in model.named_parameters() if "lora_B" in n and (p.grad is None or not p.grad.any())
    ]
    assert not missing


def test_smoke_leaves_an_adapter_that_serving_takes(tmp_path: Path) -> None:
    cfg = Config(out=tmp_path, smoke=True)
    history = finetune_whisper.run(cfg)
    assert len(history) == 2 and all(row["eval_wer"] >= 0 for row in history)
    settings = json.loads((tmp_path / "best" / "adapter_config.json").read_text(encoding="utf-8"))
    assert settings["base_model_name_or_path"] == "base"  # its name, and not where it lay
    assert {path.name for path in (tmp_path / "best").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "speechtutor.json",
    }
    told = description.read(tmp_path / "best")
    assert (told.kind, told.base) == ("whisper-lora", "base")
    assert told.fingerprint == config.recorded(tmp_path)["fingerprint"]
    plain = whisper.load(tmp_path / "base")
    tuned = whisper.load(tmp_path / "base", adapter=tmp_path / "best")
    assert any(
        not torch.equal(a, b) for a, b in zip(plain.model.parameters(), tuned.model.parameters(), strict=True)
    )
    assert list((tmp_path / "logs").glob("events.*"))
    replayed = config.build(Config, ["--config", str(tmp_path / "config.json")])
    assert replayed.smoke and replayed.out == tmp_path and replayed.base == str(tmp_path / "base")
    # What is done is not done again.
    assert finetune_whisper.run(cfg) == history


@pytest.mark.parametrize("method", ["full", "adalora"])
def test_other_methods_leave_what_serving_takes(tmp_path: Path, method: str) -> None:
    finetune_whisper.run(Config(out=tmp_path, smoke=True, method=method, tensorboard=False))  # type: ignore[arg-type]
    if method == "full":
        served = whisper.load(tmp_path / "best")
        assert type(served.model).__name__ == "WhisperForConditionalGeneration"
    else:
        whisper.load(tmp_path / "base", adapter=tmp_path / "best")


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    original = library.CroppedWhisper.forward

    def forward(self: library.CroppedWhisper, *args: object, **kwargs: object) -> object:
        output = original(self, *args, **kwargs)
        if output.loss is not None:
            steps.append(1)
            if len(steps) == 4:
                output.loss = output.loss * float("nan")
        return output

    monkeypatch.setattr(library.CroppedWhisper, "forward", forward)
    with pytest.raises(ModelError, match=r"the loss is nan at step 3: .*checkpoint-2 is kept"):
        finetune_whisper.run(Config(out=tmp_path, smoke=True, tensorboard=False))
    assert loop.last_checkpoint(tmp_path) == tmp_path / "checkpoint-2"


def test_no_whisper_is_said(tmp_path: Path) -> None:
    synthetic.corpus(tmp_path)
    with pytest.raises(ModelError, match="cannot be loaded as a Whisper"):
        network(tmp_path, Tuning())
    rows = manifest.read(tmp_path / "rows.jsonl")
    assert rows
    with pytest.raises(InputError, match="no whole checkpoint"):
        finetune_whisper.run(Config(out=tmp_path / "run", smoke=True, resume=tmp_path, tensorboard=False))
