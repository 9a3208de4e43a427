"""Stored checkpoints as transformers reads them, against what is known of the originals.

The golden numbers are those of the configs that openai/whisper-tiny.en, openai/whisper-base and
HuggingFaceTB/SmolLM2-135M-Instruct publish.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speechtutor import hub
from speechtutor.errors import ModelError
from speechtutor.models import convert
from tests.conftest import learner_clip, need

ENGLISH, MULTI, SMOLLM = "whisper-tiny.en", "whisper-base", "smollm2-135m-instruct"


def stored(name: str) -> str:
    need(hub.located(name), f"{name} is not pulled: run `speechtutor models pull {name}`")
    return name


def settings(name: str, file: str) -> dict[str, Any]:
    folder = Path(convert.whisper_checkpoint(stored(name)))
    return dict(json.loads((folder / file).read_text(encoding="utf-8")))


def processor(name: str) -> Any:
    from transformers import WhisperProcessor

    return WhisperProcessor.from_pretrained(convert.whisper_checkpoint(stored(name)))


@pytest.mark.parametrize("given", ["openai/whisper-small", "/some/where", Path("some/where")])
def test_paths_and_hub_ids_go_through(given: str | Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "resolve", lambda asked, **_: asked)
    assert convert.whisper_checkpoint(given) is given
    assert convert.smollm_checkpoint(given) is given


def test_a_directory_of_the_store_counts_as_its_name() -> None:
    folder = hub.located(stored(ENGLISH))
    assert folder is not None
    converted = convert.whisper_checkpoint(folder)
    assert converted == convert.whisper_checkpoint(ENGLISH)
    assert converted != folder


def test_settings_of_the_multilingual_model() -> None:
    generation = settings(MULTI, "generation_config.json")
    expected = {
        "alignment_heads": [[3, 1], [4, 2], [4, 3], [4, 7], [5, 1], [5, 2], [5, 4], [5, 6]],
        "begin_suppress_tokens": [220, 50257],
        "bos_token_id": 50257,
        "decoder_start_token_id": 50258,
        "eos_token_id": 50257,
        "is_multilingual": True,
        "max_initial_timestamp_index": 50,
        "max_length": 448,
        "no_timestamps_token_id": 50363,
        "pad_token_id": 50257,
        "prev_sot_token_id": 50361,
        "task": "transcribe",
        "task_to_id": {"transcribe": 50359, "translate": 50358},
    }
    assert expected.items() <= generation.items()
    assert len(generation["lang_to_id"]) == 99
    assert generation["lang_to_id"]["<|en|>"] == 50259
    assert generation["lang_to_id"]["<|su|>"] == 50357
    assert generation["suppress_tokens"][-6:] == [50258, 50358, 50359, 50360, 50361, 50362]


def test_settings_of_the_english_model() -> None:
    generation = settings(ENGLISH, "generation_config.json")
    expected = {
        "begin_suppress_tokens": [220, 50256],
        "decoder_start_token_id": 50257,
        "eos_token_id": 50256,
        "is_multilingual": False,
        "no_timestamps_token_id": 50362,
        "prev_sot_token_id": 50360,
    }
    assert expected.items() <= generation.items()
    assert "lang_to_id" not in generation, "it was trained without language tokens"


@pytest.mark.parametrize(("name", "vocabulary", "width"), [(ENGLISH, 51864, 384), (MULTI, 51865, 512)])
def test_config(name: str, vocabulary: int, width: int) -> None:
    config, generation = settings(name, "config.json"), settings(name, "generation_config.json")
    assert (config["vocab_size"], config["d_model"], config["num_mel_bins"]) == (vocabulary, width, 80)
    for key in ("begin_suppress_tokens", "decoder_start_token_id", "eos_token_id", "pad_token_id"):
        assert config[key] == generation[key]


@pytest.mark.parametrize(("name", "first_stamp"), [(ENGLISH, 50363), (MULTI, 50364)])
def test_tokenizer(name: str, first_stamp: int) -> None:
    whole = processor(name)
    tokenizer = whole.tokenizer
    assert len(tokenizer) == settings(name, "config.json")["vocab_size"]
    assert tokenizer.convert_tokens_to_ids("<|0.00|>") == first_stamp
    assert tokenizer.convert_tokens_to_ids("<|30.00|>") == first_stamp + 1500
    hello = tokenizer(" hello", add_special_tokens=False).input_ids
    ids = [first_stamp, *hello, first_stamp + 50]
    assert tokenizer.decode(ids, skip_special_tokens=True) == " hello"
    assert tokenizer.decode(ids, decode_with_timestamps=True) == "<|0.00|> hello<|1.00|>"
    features = whole(np.zeros(16_000, dtype=np.float32), sampling_rate=16_000, return_tensors="np")
    assert features.input_features.shape == (1, 80, 3000)


def test_prompt_of_the_multilingual_model() -> None:
    tokenizer = processor(MULTI).tokenizer
    tokenizer.set_prefix_tokens(language="english", task="transcribe")
    assert tokenizer("x").input_ids[:4] == [50258, 50259, 50359, 50363]


@pytest.mark.parametrize(
    ("options", "prompt"),
    [
        ({}, [50258, 50259, 50359, 50363]),
        ({"language": "de"}, [50258, 50261, 50359, 50363]),
        ({"task": "translate", "language": "fr"}, [50258, 50265, 50358, 50363]),
    ],
)
def test_generation_starts_as_it_should(
    options: dict[str, str], prompt: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The language is detected when it is not given, and speech is written down unless told otherwise."""
    import torch
    from transformers import GenerationConfig, WhisperForConditionalGeneration

    folder = convert.whisper_checkpoint(stored(MULTI))
    with torch.device("meta"):
        model = WhisperForConditionalGeneration(WhisperForConditionalGeneration.config_class())
    generation = GenerationConfig.from_pretrained(folder, **options)
    monkeypatch.setattr(model, "detect_language", lambda **_: torch.tensor([50259]))
    monkeypatch.setattr(type(model), "device", torch.device("cpu"))
    started = model._retrieve_init_tokens(
        None,
        batch_size=1,
        generation_config=generation,
        config=model.config,
        num_segment_frames=3000,
        kwargs={},
    )
    assert started.tolist() == [prompt]


@pytest.mark.parametrize("name", [ENGLISH, pytest.param(MULTI, marks=pytest.mark.slow)])
def test_the_same_text_as_ctranslate2(name: str) -> None:
    """The converted weights in transformers and the stored ones in CTranslate2 hear the same words."""
    need(importlib.util.find_spec("ctranslate2"), "ctranslate2 is not installed")
    import ctranslate2
    import torch
    from transformers import WhisperForConditionalGeneration

    whole = processor(name)
    clip = learner_clip("000010011")
    features = whole(clip.samples, sampling_rate=16_000, return_tensors="pt").input_features
    model = WhisperForConditionalGeneration.from_pretrained(convert.whisper_checkpoint(name))
    multilingual = {"language": "en", "task": "transcribe"} if name == MULTI else {}
    with torch.no_grad():
        ours = model.generate(features, num_beams=1, do_sample=False, **multilingual)[0].tolist()
    original = ctranslate2.models.Whisper(str(hub.located(name)), device="cpu", compute_type="float32")
    prompt = [50258, 50259, 50359, 50363] if name == MULTI else [50257, 50362]
    view = ctranslate2.StorageView.from_array(features.numpy())
    theirs = original.generate(view, [prompt], beam_size=1)[0].sequences_ids[0]
    assert whole.decode(ours, skip_special_tokens=True) == whole.decode(theirs, skip_special_tokens=True)


def test_smollm_tokenizer_and_template() -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(convert.smollm_checkpoint(stored(SMOLLM)))
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (1, 2, 2)
    assert tokenizer.tokenize("in 1234") == ["in", "Ġ", "1", "2", "3", "4"], "digits stand alone"
    probe = {"tokenize": False, "add_generation_prompt": True}
    chat = [{"role": "system", "content": "S"}, {"role": "user", "content": "Hi"}]
    assert tokenizer.apply_chat_template(chat, **probe) == (
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )
    assert tokenizer("<|im_start|>user\n").input_ids == [1, 4093, 198]


def test_another_chat_template_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        def apply_chat_template(self, *_: object, **__: object) -> str:
            return "[INST] Hi [/INST]"

    (tmp_path / "other.gguf").touch()
    monkeypatch.setattr(convert.AutoTokenizer, "from_pretrained", lambda *_, **__: Other())
    with pytest.raises(ModelError, match=r"other\.gguf has another chat template"):
        convert._convert_gguf(tmp_path, tmp_path / "out")


@pytest.mark.slow
def test_smollm_weights_are_those_of_the_gguf() -> None:
    import torch
    from gguf import GGUFReader, dequantize
    from transformers import AutoModelForCausalLM

    source = hub.located(stored(SMOLLM))
    assert source is not None
    model = AutoModelForCausalLM.from_pretrained(convert.smollm_checkpoint(SMOLLM), dtype=torch.float32)
    (path,) = source.glob("*.gguf")
    tensors = {tensor.name: tensor for tensor in GGUFReader(path).tensors}
    pairs = {
        "token_embd.weight": model.model.embed_tokens.weight,
        "blk.0.ffn_down.weight": model.model.layers[0].mlp.down_proj.weight,
        "blk.29.attn_v.weight": model.model.layers[29].self_attn.v_proj.weight,
        "output_norm.weight": model.model.norm.weight,
    }
    for name, weight in pairs.items():
        expected = dequantize(tensors[name].data, tensors[name].tensor_type)
        np.testing.assert_allclose(weight.detach().numpy(), expected, rtol=0, atol=1e-6)
