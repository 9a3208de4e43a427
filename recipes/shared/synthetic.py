"""A made-up corpus and a tiny checkpoint for `--smoke` runs; no recipe itself.

The corpus has the shape of speechocean762, its audio is noise: what a smoke run shows is that a
recipe runs from end to end, never a figure.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from speechtutor import audio
from speechtutor.core import PhoneScore, Recording, Utterance, UtteranceScore, WordScore
from speechtutor.corpora import manifest

TEXT = "HELLO THERE"
WORDS = {"HELLO": ("HH", "AH", "L", "OW"), "THERE": ("DH", "EH", "R")}
SECONDS = 1.5


def _scores(rng: np.random.Generator) -> UtteranceScore:
    words = tuple(
        WordScore(
            text,
            rng.random(),
            stress=rng.random(),
            total=rng.random(),
            phones=tuple(PhoneScore(p, rng.random()) for p in phones),
        )
        for text, phones in WORDS.items()
    )
    aspects = {name: float(rng.random()) for name in ("overall", "accuracy", "fluency", "prosody")}
    return UtteranceScore(TEXT, words, completeness=1.0, **aspects)  # type: ignore[arg-type]


def corpus(folder: Path, n_train: int = 8, n_dev: int = 4) -> Path:
    """Write noise and a manifest `rows.jsonl` into a folder; returns the manifest."""
    rng = np.random.default_rng(0)
    rows = []
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n_train + n_dev):
        split = "train" if i < n_train else "dev"
        row = Utterance(
            f"u{i}",
            f"u{i}.flac",
            TEXT,
            f"{split}{i % 4}",
            split,
            age=8 + i % 90,
            gender="mf"[i % 2],
            scores=_scores(rng),
        )
        samples = (0.1 * rng.standard_normal(round(SECONDS * 16_000))).astype(np.float32)
        audio.save(Recording(samples), folder / row.audio)
        rows.append(row)
    return manifest.write(folder / "rows.jsonl", rows, folder).path


def tone(path: Path, seconds: float = 0.5, rate: int = 16_000, kind: str | None = None) -> Path:
    """A quiet tone as a recording of a made-up corpus; `kind` is soundfile's name of a format."""
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    wave = 0.1 * np.sin(2 * np.pi * 220 * np.arange(round(seconds * rate)) / rate)
    soundfile.write(path, wave.astype(np.float32), rate, format=kind)
    return path


def text(path: Path, *lines: str) -> Path:
    """A text file of a made-up corpus."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def tiny_whisper(folder: Path) -> Path:
    """A random Whisper of a few thousand parameters, saved as a checkpoint."""
    import torch
    from transformers import WhisperConfig, WhisperModel

    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "encoder_layers": 2,
        "decoder_layers": 1,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
    }
    settings = WhisperConfig(
        vocab_size=20, d_model=32, encoder_ffn_dim=64, decoder_ffn_dim=64, pad_token_id=0,
        bos_token_id=0, eos_token_id=0,
        decoder_start_token_id=0, **sizes,
    )  # fmt: skip
    WhisperModel(settings).save_pretrained(folder)
    return folder


def tiny_asr_whisper(folder: Path, seed: int = 0) -> Path:
    """A random Whisper that writes: three second windows, single bytes for tokens, no language."""
    import torch
    from transformers import (
        AddedToken,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperTokenizer,
    )

    torch.manual_seed(seed)
    # GPT-2 writes a byte that is no visible character as one beyond Latin-1.
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    alphabet = {chr(byte) if byte in kept else chr(next(spare)): byte for byte in range(256)}
    tokenizer = WhisperTokenizer(vocab=alphabet, merges=[])
    names = "endoftext startoftranscript translate transcribe startofprev nospeech notimestamps".split()
    tokenizer.add_special_tokens({"eos_token": "<|endoftext|>"})
    tokenizer.add_tokens([AddedToken(f"<|{name}|>", special=True, normalized=False) for name in names])
    end, start = (tokenizer.get_vocab()[f"<|{name}|>"] for name in names[:2])
    settings = WhisperConfig(
        vocab_size=len(tokenizer), d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64, max_source_positions=150,
        max_target_positions=64, suppress_tokens=None, begin_suppress_tokens=None, pad_token_id=end,
        bos_token_id=end, eos_token_id=end, decoder_start_token_id=start,
    )  # fmt: skip
    model = WhisperForConditionalGeneration(settings)
    setattr(model.generation_config, "is_multilingual", False)  # noqa: B010  # not among its declared fields
    model.save_pretrained(folder)
    WhisperFeatureExtractor(chunk_length=3).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tiny_acoustic(folder: Path) -> Path:
    """A random phone recogniser on `tiny_whisper`, saved as its folder."""
    import torch

    from speechtutor.models.acoustic import base_encoder
    from speechtutor.models.phone_encoder import PhoneEncoder
    from speechtutor.training.phone_adapter import save

    base = tiny_whisper(folder / "base")
    torch.manual_seed(0)
    save(PhoneEncoder(base_encoder(base)), str(base), folder / "acoustic", 4)
    return folder / "acoustic"


def tiny_chat(folder: Path) -> Path:
    """A random chat model whose tokens are single bytes, saved as a checkpoint."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
    specials = ["<|im_end|>", "<|im_start|>"]
    vocabulary = {symbol: i for i, symbol in enumerate([*specials, *symbols])}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token=specials[0], bos_token=specials[1], pad_token=specials[0],
    )  # fmt: skip
    turn = "{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}"
    asked = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
    tokenizer.chat_template = "{% for m in messages %}" + turn + "{% endfor %}" + asked
    settings = LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, bos_token_id=1, eos_token_id=0, pad_token_id=0,
        max_position_embeddings=2048,
    )  # fmt: skip
    LlamaForCausalLM(settings).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
