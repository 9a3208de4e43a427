"""Whisper through ONNX Runtime, from a folder that `speechtutor.training.export` wrote.

Windows, doubts, words and their times are those of `speechtutor.models.whisper`; only the networks are
others. It writes greedily and computes on the CPU.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import (
    AutoTokenizer,
    GenerationConfig,
    LogitsProcessorList,
    NoRepeatNGramLogitsProcessor,
    SuppressTokensAtBeginLogitsProcessor,
    SuppressTokensLogitsProcessor,
    WhisperConfig,
    WhisperFeatureExtractor,
)

from speechtutor import hub
from speechtutor.core import Floats
from speechtutor.errors import InputError, ModelError
from speechtutor.hub import description
from speechtutor.models.device import Device, onnx_session
from speechtutor.models.whisper import Whisper

ENCODER, KEYS, DECODER = "encoder.onnx", "keys.onnx", "decoder.onnx"


def load(
    checkpoint: str | Path | None = None, device: str | None = None, *, beams: int = 1, crop: bool = True
) -> OnnxWhisper:
    """A Transcriber from an exported folder.

    Raises:
        ModelError: when there is no such folder or it is damaged.
        InputError: for a device other than the CPU, or more than one beam.
    """
    if checkpoint is None:
        raise ModelError("an exported Whisper has no default: name its folder")
    if device not in (None, "auto", "cpu"):
        raise InputError(f"an exported Whisper computes on the CPU, not on {device!r}")
    if beams != 1:
        raise InputError(f"an exported Whisper writes greedily: beams must be 1, not {beams}")
    folder = Path(hub.resolve(checkpoint, hub=False, role=description.WHISPER_ONNX))
    try:
        settings = SimpleNamespace(
            config=WhisperConfig.from_pretrained(folder),
            generation_config=GenerationConfig.from_pretrained(folder),
        )
        extractor = WhisperFeatureExtractor.from_pretrained(folder)
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError, KeyError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"{folder} holds no exported Whisper: {reason}") from error
    networks = [onnx_session(folder / name) for name in (ENCODER, KEYS, DECODER)]
    return OnnxWhisper(settings, extractor, tokenizer, networks, crop=crop)


class OnnxWhisper(Whisper):
    """A Transcriber; see `load`."""

    def __init__(
        self, settings: Any, extractor: Any, tokenizer: Any, networks: list[Any], *, crop: bool
    ) -> None:
        super().__init__(settings, extractor, tokenizer, Device("cpu", torch.float32), beams=1, crop=crop)
        self.encoder, self.keys, self.decoder = networks
        shape = self.decoder.get_inputs()[1].shape
        self.nothing = np.zeros((shape[0], 1, shape[2], 0, shape[4]), dtype=np.float32)
        """What the decoder remembers before the first token."""

    def _encoder(self, mel: Tensor) -> Tensor:
        return torch.from_numpy(self.encoder.run(None, {"mel": mel.numpy()})[0])

    def _read(self, states: Tensor, tokens: list[int]) -> tuple[Tensor, Tensor]:
        logits, attention, _ = self._step(tokens, (self.nothing, self.nothing), self._heard(states))
        return torch.from_numpy(logits[0]), torch.from_numpy(attention)

    def _heard(self, states: Tensor) -> list[Floats]:
        found: list[Floats] = self.keys.run(None, {"states": states.numpy()})
        return found

    def _step(
        self, tokens: list[int], memory: tuple[Floats, Floats], heard: list[Floats]
    ) -> tuple[Floats, Floats, tuple[Floats, Floats]]:
        inputs = {"ids": np.array([tokens], dtype=np.int64), "keys": memory[0], "values": memory[1]}
        inputs |= {"heard_keys": heard[0], "heard_values": heard[1]}
        logits, attention, keys, values = self.decoder.run(None, inputs)
        return logits, attention, (keys, values)

    def _write(self, states: Tensor, prompt: list[int], budget: int, **options: Any) -> list[int]:
        """The text's tokens, the likeliest at every step, under the checkpoint's own rules."""
        rules = self._rules(len(prompt), **options)
        heard, memory, ids, new = (
            self._heard(states),
            (self.nothing, self.nothing),
            list(prompt),
            list(prompt),
        )
        for _ in range(budget):
            logits, _, memory = self._step(new, memory, heard)
            chances = rules(torch.tensor([ids]), torch.from_numpy(logits[:, -1]))
            token = int(chances.argmax())
            ids.append(token)
            if token == self.codes.end:
                break
            new = [token]
        return [token for token in ids[len(prompt) :] if token < self.codes.end]

    def _rules(self, n_prompt: int, no_repeat_ngram_size: int = 0) -> Any:
        """What `generate` would apply: tokens that are never or not first written, repeats."""
        settings = self.model.generation_config
        rules = LogitsProcessorList()
        if settings.suppress_tokens:
            rules.append(SuppressTokensLogitsProcessor(settings.suppress_tokens))
        if settings.begin_suppress_tokens:
            rules.append(SuppressTokensAtBeginLogitsProcessor(settings.begin_suppress_tokens, n_prompt))
        if no_repeat_ngram_size:
            rules.append(NoRepeatNGramLogitsProcessor(no_repeat_ngram_size))
        return rules
