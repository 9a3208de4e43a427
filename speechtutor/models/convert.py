"""Checkpoints of the store as directories that transformers reads, converted once and kept.

Whisper is stored in CTranslate2's layout and the language model as GGUF, because those are the
bytes that can be pinned. transformers wants safetensors with a config, a tokenizer and generation
settings beside them. Nothing is guessed: settings that the stored files do not hold follow from
the special tokens, as in Whisper's own tokenizer (Radford et al., 2022).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from transformers import (
    AddedToken,
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    WhisperFeatureExtractor,
    WhisperProcessor,
    WhisperTokenizer,
)
from transformers.utils import logging

from speechtutor import hub
from speechtutor.errors import ModelError
from speechtutor.hub import description
from speechtutor.hub.description import Role
from speechtutor.models.ct2 import whisper_from_ct2

LAYOUT = "transformers-1"
"""Names what is kept; the number goes up when the conversion writes something else."""

_IN_BOTH = ("begin_suppress_tokens", "bos_token_id", "decoder_start_token_id", "eos_token_id", "pad_token_id")
"""Settings that transformers keeps in the model's config and in the generation config."""

_LAST_TIMESTAMP = 1500
"""Whisper's time stamps run from <|0.00|> to <|30.00|> in steps of 0.02 s."""

_ENGLISH_END = 50_256
"""The id of <|endoftext|> in the English-only models."""

_CHAT_PROBE = [{"role": "user", "content": "Hi"}]
_CHAT_EXPECTED = (
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
)
"""What SmolLM2's chat template makes of the probe."""


def whisper_checkpoint(name_or_path: str | Path, role: Role = description.WHISPER) -> str | Path:
    """What `from_pretrained` takes for a Whisper model: model, processor and generation settings.

    A name of the store (or its directory) is pulled if need be and converted once; any other path
    or hub id goes through unchanged (see `hub.resolve`).

    Raises:
        ModelError: when the stored files are not a Whisper model, or a folder is not what is asked for.
    """
    name = _stored(name_or_path)
    if name is None:
        return hub.resolve(name_or_path, role=role)
    room = 2 * hub.checkpoint(name).size  # stored as 16-bit floats, kept as 32-bit ones
    return hub.derived(name, LAYOUT, partial(_convert_whisper, hub.pull(name)), size=room)


def smollm_checkpoint(name_or_path: str | Path) -> str | Path:
    """What `from_pretrained` takes for a language model: model, tokenizer and chat template.

    A name of the store (or its directory) is pulled if need be and converted once, which takes
    about half a minute; any other path or hub id goes through unchanged (see `hub.resolve`).

    Raises:
        ModelError: when the stored file is not SmolLM2, or a folder is no chat model.
    """
    name = _stored(name_or_path)
    if name is None:
        return hub.resolve(name_or_path, role=description.CHAT)
    room = 6 * hub.checkpoint(name).size  # 4-bit blocks become 32-bit floats
    return hub.derived(name, LAYOUT, partial(_convert_gguf, hub.pull(name)), size=room)


def _stored(name_or_path: str | Path) -> str | None:
    """The name in the store of a name or of a directory of the store."""
    for name in hub.checkpoints():
        if name_or_path == name or Path(name_or_path) == hub.located(name):
            return name
    return None


@contextmanager
def without_bars() -> Iterator[None]:
    """No progress bars of the library: its bars of some seconds would stand between results."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


@without_bars()
def _convert_whisper(source: Path, target: Path) -> None:
    tokenizer = _whisper_tokenizer(source)
    settings = json.loads((source / "config.json").read_text(encoding="utf-8"))
    model = whisper_from_ct2(source / "model.bin")
    generation = _whisper_generation(tokenizer, settings)
    for key in _IN_BOTH:
        setattr(model.config, key, getattr(generation, key))
    model.generation_config = generation
    extractor = WhisperFeatureExtractor(feature_size=model.config.num_mel_bins)
    model.save_pretrained(target)
    WhisperProcessor(extractor, tokenizer).save_pretrained(target)


def _whisper_tokenizer(source: Path) -> WhisperTokenizer:
    """The stored tokenizer with its special tokens marked as such and with the time stamps.

    Without the mark, transformers takes the wrong token for <|0.00|>.
    """
    added = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))["added_tokens"]
    special = [token["content"] for token in added if token["special"]]
    tokenizer: WhisperTokenizer = WhisperTokenizer.from_pretrained(
        source, extra_special_tokens=special, pad_token="<|endoftext|>", model_max_length=1024
    )
    stamps = (f"<|{index * 0.02:.2f}|>" for index in range(_LAST_TIMESTAMP + 1))
    tokenizer.add_tokens([AddedToken(stamp, normalized=False, special=False) for stamp in stamps])
    return tokenizer


def _whisper_generation(tokenizer: WhisperTokenizer, settings: dict[str, list[int]]) -> GenerationConfig:
    """Generation settings from CTranslate2's `config.json` and the ids of the special tokens."""
    ids = tokenizer.get_added_vocab()
    end, start = ids["<|endoftext|>"], ids["<|startoftranscript|>"]
    tasks = {name: ids[f"<|{name}|>"] for name in ("transcribe", "translate")}
    languages = {token: i for token, i in ids.items() if start < i < min(tasks.values())}
    # The English models have the language tokens too, but were trained without them; their
    # vocabulary is GPT-2's, one token smaller.
    multilingual = end != _ENGLISH_END
    return GenerationConfig(
        alignment_heads=settings["alignment_heads"],
        begin_suppress_tokens=settings["suppress_ids_begin"],
        bos_token_id=end,
        decoder_start_token_id=start,
        eos_token_id=end,
        is_multilingual=multilingual,
        max_initial_timestamp_index=50,
        max_length=448,
        no_timestamps_token_id=ids["<|notimestamps|>"],
        pad_token_id=end,
        prev_sot_token_id=ids["<|startofprev|>"],
        return_timestamps=False,
        suppress_tokens=settings["suppress_ids"],
        # Without a task of its own, transformers would detect the language and then name no task.
        **({"lang_to_id": languages, "task_to_id": tasks, "task": "transcribe"} if multilingual else {}),
    )


@without_bars()
def _convert_gguf(source: Path, target: Path) -> None:
    (gguf,) = source.glob("*.gguf")
    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=gguf.name)
    chat = tokenizer.apply_chat_template(_CHAT_PROBE, tokenize=False, add_generation_prompt=True)
    if chat != _CHAT_EXPECTED:
        raise ModelError(f"{gguf.name} has another chat template than SmolLM2-Instruct: {chat!r}")
    loaded = AutoModelForCausalLM.from_pretrained(source, gguf_file=gguf.name)
    # A model read from GGUF refuses save_pretrained; one made from its config does not.
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(source, gguf_file=gguf.name))
    model.load_state_dict(loaded.state_dict())
    model.generation_config = loaded.generation_config
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
