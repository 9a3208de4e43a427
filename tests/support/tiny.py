"""Checkpoints small enough to be made while a test runs; their weights are random, their layout is real."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AddedToken,
    GenerationConfig,
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperTokenizer,
)

LETTERS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAOINHSRDLU'"]


def byte_symbols() -> list[str]:
    """The characters that stand for bytes in GPT-2's alphabet, byte 0 first."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    return [chr(byte) if byte in kept else chr(next(spare)) for byte in range(256)]


def whisper(folder: Path, *, multilingual: bool = True, seconds: int = 2, generation: bool = True) -> Path:
    """A Whisper whose window is `seconds` long and whose tokens are single bytes.

    Its generation settings, if any, let it write only letters, and never an empty text.
    """
    torch.manual_seed(0)
    specials = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|de|>", "<|zh|>", "<|translate|>"]
    specials += ["<|transcribe|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    symbols = byte_symbols()
    tokenizer = WhisperTokenizer(vocab={symbol: i for i, symbol in enumerate(symbols)}, merges=[])
    tokenizer.add_special_tokens({"eos_token": "<|endoftext|>"})
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in specials])
    ids = tokenizer.get_vocab()
    fixed: dict[str, Any] = {
        "decoder_start_token_id": ids["<|startoftranscript|>"],
        "bos_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|endoftext|>"],
        "pad_token_id": ids["<|endoftext|>"],
    }
    config = WhisperConfig(
        vocab_size=len(tokenizer),
        num_mel_bins=80,
        d_model=16,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_source_positions=50 * seconds,
        max_target_positions=64,
        suppress_tokens=None,
        begin_suppress_tokens=None,
        init_std=0.3,
        **fixed,
    )
    model = WhisperForConditionalGeneration(config)
    if generation:
        languages = {token: ids[token] for token in ("<|en|>", "<|de|>", "<|zh|>")}
        tasks = {"transcribe": ids["<|transcribe|>"], "translate": ids["<|translate|>"]}
        written = {symbols.index(symbol) for symbol in "abcdefghijklmnopqrstuvwxyz"} | {ids["<|endoftext|>"]}
        model.generation_config = GenerationConfig(
            suppress_tokens=[i for i in range(len(tokenizer)) if i not in written],
            begin_suppress_tokens=[ids["<|endoftext|>"]],
            alignment_heads=[[1, 0]],
            is_multilingual=multilingual,
            no_timestamps_token_id=ids["<|notimestamps|>"],
            max_length=64,
            **({"lang_to_id": languages, "task_to_id": tasks} if multilingual else {}),
            **fixed,
        )
    model.save_pretrained(folder)
    WhisperFeatureExtractor(chunk_length=seconds).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def letters_tokenizer(folder: Path) -> Wav2Vec2CTCTokenizer:
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({letter: i for i, letter in enumerate(LETTERS)}), encoding="utf-8")
    return Wav2Vec2CTCTokenizer(str(vocabulary))


def wav2vec2(folder: Path) -> Path:
    """A Wav2Vec2 that writes letters, one frame per 20 ms."""
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    config = Wav2Vec2Config(
        vocab_size=len(LETTERS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        pad_token_id=0,
        initializer_range=0.5,
    )
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    letters_tokenizer(folder).save_pretrained(folder)
    return folder
