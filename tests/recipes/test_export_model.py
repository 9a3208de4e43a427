"""Exports load through the registry, say what the original says, and are refused when they do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recipes import export_model
from recipes.export_model import Config
from recipes.shared import exports, synthetic
from speechtutor import config, hub, registry
from speechtutor.core import Recording
from speechtutor.errors import InputError, ModelError
from speechtutor.metrics import Edits, Interval
from speechtutor.models import acoustic
from speechtutor.training import export
from tests.conftest import PROJECT, learner_clip, need


def noise(seconds: float = 1.0) -> Recording:
    rng = np.random.default_rng(0)
    return Recording((0.1 * rng.standard_normal(round(16_000 * seconds))).astype(np.float32))


@pytest.fixture(scope="module")
def onnx_folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A random phone recogniser and its export in full precision."""
    folder = tmp_path_factory.mktemp("onnx")
    original = synthetic.tiny_acoustic(folder)
    network, rates = acoustic.restore(original)
    return original, export.phones_to_onnx(network, folder / "exported", rates=rates)


def test_an_exported_recogniser_hears_the_same_at_any_length(onnx_folder: tuple[Path, Path]) -> None:
    original, exported = (registry.load("acoustic", str(folder)) for folder in onnx_folder)
    assert type(exported).__name__ == "OnnxAcoustic"
    for seconds in (0.025, 0.3, 1.0, 4.01):
        one, other = original.emit(noise(seconds)), exported.emit(noise(seconds))
        assert one.log_probs.shape == other.log_probs.shape and one.origin == other.origin
        np.testing.assert_allclose(one.log_probs, other.log_probs, atol=1e-3)
        np.testing.assert_allclose(one.embedding, other.embedding, atol=1e-3)


def test_an_exported_recogniser_rates_the_same(onnx_folder: tuple[Path, Path]) -> None:
    from speechtutor.scoring.align import align
    from speechtutor.text.phones import pronounce

    original, exported = (registry.load("acoustic", str(folder)) for folder in onnx_folder)
    emission = original.emit(noise(2.0))
    alignment = align(emission, pronounce("hello there", "en"))
    one, other = original.rate(emission, alignment), exported.rate(emission, alignment)
    np.testing.assert_allclose(one.phones, other.phones, atol=1e-3)  # kept in float16
    np.testing.assert_allclose(one.utterance, other.utterance, atol=1e-3)


def test_what_is_no_export_is_refused(onnx_folder: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no default"):
        registry.load("acoustic", "phones-onnx")
    with pytest.raises(InputError, match="computes on the CPU, not on 'cuda'"):
        registry.load("acoustic", str(onnx_folder[1]), device="cuda")
    settings = json.loads((onnx_folder[1] / "config.json").read_text("utf-8"))
    (tmp_path / "config.json").write_text(json.dumps(settings | {"rated": False}), "utf-8")
    (tmp_path / "model.onnx").write_bytes(b"nonsense")
    with pytest.raises(ModelError, match="cannot be loaded by ONNX Runtime"):
        registry.load("acoustic", str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps(settings | {"format": "phones-onnx-0"}), "utf-8")
    with pytest.raises(ModelError, match="exported with another layout"):
        registry.load("acoustic", str(tmp_path))


def test_pruning_takes_the_weakest_units() -> None:
    class Layer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1, self.fc2 = torch.nn.Linear(2, 4), torch.nn.Linear(4, 3)

    layer = Layer()
    with torch.no_grad():
        # Strengths: 1 * 2, 3 * 1, 0.1 * 9, 5 * 0: unit 3 reads much but writes nothing.
        layer.fc1.weight.copy_(torch.tensor([[1.0, 0], [0, 3], [0.1, 0], [5, 0]]))
        layer.fc2.weight.copy_(torch.tensor([[2.0, 1, 9, 0], [0, 0, 0, 0], [0, 0, 0, 0]]))
    bias = layer.fc1.bias.detach().clone()
    outside = layer.fc2.bias.detach().clone()
    assert export.prune_feed_forward(torch.nn.Sequential(layer), 0.5) == 2 * 2 + 2 * 3
    assert layer.fc1.weight.tolist() == [[1.0, 0], [0, 3]] and layer.fc2.weight[0].tolist() == [2.0, 1]
    assert torch.equal(layer.fc1.bias, bias[:2]) and torch.equal(layer.fc2.bias, outside)
    for share, says in ((1.0, "below 1, not 1.0"), (-0.1, "at least 0")):
        with pytest.raises(InputError, match=says):
            export.prune_feed_forward(layer, share)
    with pytest.raises(InputError, match="no feed-forward layers"):
        export.prune_feed_forward(torch.nn.Linear(2, 2), 0.5)


def test_figures_by_hand() -> None:
    # Five speakers of one utterance each: 1 error in 4 words became 2, 0 in 4 stayed with the others.
    before = [{"wer": Edits(3, 1, 0, 0)}, *[{"wer": Edits(4, 0, 0, 0)}] * 4]
    after = [{"wer": Edits(2, 2, 0, 0)}, *[{"wer": Edits(4, 0, 0, 0)}] * 4]
    found = exports.worsening(before, after, list("abcde"), 200, 0)["wer"]
    # How often the first is drawn is binomial (5, 1/5): 0 in a third of draws, above 3 in 0.7 %.
    assert found.value == pytest.approx(1 / 20) and (found.low, found.high) == (0.0, pytest.approx(3 / 20))
    few = exports.worsening(before[:2], after[:2], ["a", "b"], 200, 0)["wer"]
    assert str(few) == "0.125 (too few speakers: 2 of at least 5)"
    pairs = np.array([[0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 2.0, 3.0]])
    worse = np.array([[0.0, 1.0, 2.0, 3.0], [3.0, 2.0, 1.0, 0.0]])
    change = exports.worsening([{"phone_pcc": pairs}], [{"phone_pcc": worse}], ["a"], 5, 0)["phone_pcc"]
    assert change.value == pytest.approx(2.0)


def test_a_verdict_has_the_figures() -> None:
    good, bad, unknown = (
        Interval(0.01, 0, 0, 2),
        Interval(0.0101, 0, 0.02, 2),
        Interval(float("nan"), 0, 0, 2),
    )
    assert exports.verdict("int8", {"per": good}, 0.01) is None
    said = exports.verdict("int8", {"per": good, "phone_pcc": bad}, 0.01)
    assert said == "int8 is refused: worse by more than 0.01: phone_pcc by 0.010 [0.000, 0.020]"
    assert exports.verdict("int8", {"per": unknown}, 0.01) is not None


def test_smoke_phones_measures_and_refuses(tmp_path: Path) -> None:
    formats = ["--formats", "onnx-int8", "--formats", "onnx", "--prune", "0.25"]
    cfg = config.build(Config, ["--smoke", "--out", str(tmp_path), *formats, "--draws", "20"])
    report = export_model.run(cfg)
    assert [row.name for row in report.rows] == ["original", "onnx-int8", "onnx"]
    assert "| onnx-int8 |" in (tmp_path / "report.md").read_text("utf-8")
    written = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert written["rows"][1]["values"]["per"] == report.rows[1].values["per"]
    assert registry.load("acoustic", report.rows[1].folder).emit(noise()).log_probs.shape[1] == 40
    # No export is better by three errors a phone, so a bound of -3 refuses what it measures.
    with pytest.raises(ModelError, match=r"onnx is refused: worse by more than -3\.0: per by "):
        export_model.run(config.build(Config, ["--smoke", "--out", str(tmp_path / "b"), "--bound", "-3",
                                               "--formats", "onnx", "--draws", "20"]))  # fmt: skip
    assert not (tmp_path / "b" / "onnx").exists()
    refused = json.loads((tmp_path / "b" / "report.json").read_text("utf-8"))["rows"][1]
    assert refused["refused"].startswith("onnx is refused") and refused["values"]["per"] >= 0
    assert refused["passed"] is False and "| refused |" in (tmp_path / "b" / "report.md").read_text("utf-8")


def test_the_whole_table_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = config.build(Config, ["--smoke", "--out", str(tmp_path), "--draws", "20", "--limit", "2"])
    measure = export_model.measure

    def stopped(name: str, *others: Any) -> Any:
        if name == "onnx-int8":
            raise KeyboardInterrupt
        return measure(name, *others)

    monkeypatch.setattr(export_model, "measure", stopped)
    with pytest.raises(KeyboardInterrupt):
        export_model.run(cfg)
    made: list[str] = []
    monkeypatch.setattr(export_model, "measure", lambda *a: (made.append(a[0]), measure(*a))[1])
    report = export_model.run(cfg)
    assert made == ["onnx-int8", "pruned"]
    assert [row.name for row in report.rows] == ["original", *export_model.FORMATS["phones"]]
    assert report.rows[3].megabytes < report.rows[1].megabytes
    assert [row.passed for row in report.rows] == [None, True, True, True]
    again = export_model.run(cfg)
    assert again == report and made == ["onnx-int8", "pruned"]
    # Another choice of rows is another table.
    kept = tmp_path / "measured" / "onnx.json"
    mark = json.loads(kept.read_text("utf-8"))["mark"]
    assert exports.kept(kept, mark) and exports.kept(kept, mark | {"limit": 3}) is None


def test_what_is_pruned() -> None:
    assert Config(formats=["onnx", "pruned"]).pruned("pruned") == export_model.PRUNED
    both = Config(formats=["onnx", "pruned"], prune=0.5)
    assert (both.pruned("onnx"), both.pruned("pruned")) == (0.0, 0.5)
    assert Config(formats=["onnx"], prune=0.5).pruned("onnx") == 0.5


def test_a_tiny_whisper_with_an_adapter_is_merged(tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import WhisperForConditionalGeneration

    from speechtutor.models import whisper

    base = synthetic.tiny_asr_whisper(tmp_path / "base")
    lora = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    get_peft_model(WhisperForConditionalGeneration.from_pretrained(base), lora).save_pretrained(
        tmp_path / "lora"
    )
    merged = export.merged_whisper(base, tmp_path / "lora", tmp_path / "merged")
    plain = export.merged_whisper(base, None, tmp_path / "plain", prune=0.5)
    with_adapter = whisper.load(base, "cpu", adapter=tmp_path / "lora").model.state_dict()
    kept = whisper.load(merged, "cpu").model.state_dict()
    assert with_adapter.keys() == kept.keys()
    assert all(torch.allclose(with_adapter[name], kept[name], atol=1e-6) for name in kept)
    pruned = registry.load("transcriber", str(plain), device="cpu")
    assert pruned.model.config.encoder_ffn_dim == pruned.model.model.decoder.layers[0].fc1.out_features == 32
    pruned.transcribe(noise())


@torch.inference_mode()
def test_an_exported_whisper_writes_the_same(tmp_path: Path) -> None:
    base = synthetic.tiny_asr_whisper(tmp_path / "base")
    exported = export.whisper_to_onnx(base, tmp_path / "onnx")
    one, other = (registry.load("transcriber", str(folder), device="cpu") for folder in (base, exported))
    assert type(other).__name__ == "OnnxWhisper" and one.heads == other.heads
    for seconds in (0.4, 1.7, 3.0):
        samples = noise(seconds).samples
        states, again = one._encode(samples, crop=True), other._encode(samples, crop=True)
        torch.testing.assert_close(states, again, atol=1e-4, rtol=0)
        prompt = one.codes.prompt("en")
        text = one._write(states, prompt, 12)
        assert other._write(states, prompt, 12) == text
        assert len(text) == 12 or not text
        for left, right in zip(
            one._read(states, prompt + text), other._read(states, prompt + text), strict=True
        ):
            torch.testing.assert_close(left, right, atol=1e-4, rtol=0)
        kept = one._write(states, prompt, 12, no_repeat_ngram_size=2)
        assert other._write(states, prompt, 12, no_repeat_ngram_size=2) == kept
    for options, says in (
        ({"beams": 2}, "beams must be 1"),
        ({"device": "cuda"}, "on the CPU, not on 'cuda'"),
    ):
        with pytest.raises(InputError, match=says):
            registry.load("transcriber", str(exported), **options)
    small = export.whisper_to_onnx(base, tmp_path / "int8", int8=True)
    registry.load("transcriber", str(small), device="cpu").transcribe(noise())
    (exported / "keys.onnx").unlink()
    with pytest.raises(ModelError, match=r"keys.onnx cannot be loaded"):
        registry.load("transcriber", str(exported))


@pytest.mark.slow
def test_the_learners_adapter_survives_ctranslate2(tmp_path: Path) -> None:
    need(hub.located("whisper-base"), "whisper-base is not pulled: run `speechtutor models pull`")
    adapter = PROJECT / "speechtutor" / "weights" / "whisper-base-learners"
    merged = export.merged_whisper("whisper-base", adapter, tmp_path / "merged")
    folder = export.whisper_to_ct2(merged, tmp_path / "ct2", "int8")
    transcriber = registry.load("transcriber", str(folder), device="cpu", beams=5)
    said = transcriber.transcribe(learner_clip("000010011"), lang="en").text
    # As the adapter learnt to write: the words alone, in small letters, but for "I".
    assert said and not set(said) - set("abcdefghijklmnopqrstuvwxyz' I")
    plain = registry.load("transcriber", "whisper-base", device="cpu")
    assert plain.transcribe(learner_clip("000010011"), lang="en").text[-1] in ".?!"


@pytest.mark.slow
def test_whisper_for_ctranslate2(tmp_path: Path) -> None:
    need(hub.located("whisper-tiny.en"), "whisper-tiny.en is not pulled: run `speechtutor models pull`")
    merged = export.merged_whisper("whisper-tiny.en", None, tmp_path / "merged")
    for quantization in export.CT2_TYPES:
        folder = export.whisper_to_ct2(merged, tmp_path / quantization, quantization)
        assert type(registry.load("transcriber", str(folder), device="cpu")).__name__ == "FasterWhisper"
    sizes = {q: (tmp_path / q / "model.bin").stat().st_size for q in export.CT2_TYPES}
    assert sizes["int8"] < 0.6 * sizes["float16"]
    with pytest.raises(InputError, match="none of int8, int8_float16, float16, float32"):
        export.whisper_to_ct2(merged, tmp_path / "x", "int4")


@pytest.mark.parametrize(
    "flags",
    [
        ["--formats", "ct2-int8"],
        ["--kind", "whisper", "--formats", "int4"],
        ["--prune", "1"],
        ["--adapter", "x"],
    ],
)
def test_settings_are_checked(flags: list[str]) -> None:
    with pytest.raises(InputError, match=r"none of|below 1|only a Whisper"):
        config.build(Config, flags)
