"""A made-up corpus and a tiny checkpoint for `--smoke` runs; no recipe itself.

The corpus has the shape of speechocean762, its audio is noise: what a smoke run shows is that a
recipe runs from end to end, never a figure.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from speechtutor import audio, manifest
from speechtutor.core import PhoneScore, Recording, Utterance, UtteranceScore, WordScore

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
            age=8 + i,
            gender="mf"[i % 2],
            scores=_scores(rng),
        )
        samples = (0.1 * rng.standard_normal(round(SECONDS * 16_000))).astype(np.float32)
        audio.save(Recording(samples), folder / row.audio)
        rows.append(row)
    return manifest.write(folder / "rows.jsonl", rows, folder).path


def tiny_whisper(folder: Path) -> Path:
    """A random Whisper of a few thousand parameters, saved as a checkpoint."""
    import torch
    from transformers import WhisperConfig, WhisperModel

    torch.manual_seed(0)
    sizes = {
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
