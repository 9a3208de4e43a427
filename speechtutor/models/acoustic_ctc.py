"""Any CTC checkpoint that writes phones, in IPA or ARPAbet, as an acoustic model of 39 phones.

Tokens that are the same phone of ours are added up, such as "ə" and "ʌ". The blank takes what stands
between phones (word separators and marks of begin and end); sounds that English does not have are
left out and the rest is scaled up to one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoFeatureExtractor, AutoModelForCTC, AutoTokenizer

from speechtutor.core import SAMPLE_RATE, Emission, Recording, Seconds
from speechtutor.errors import AudioError, ModelError, TextError
from speechtutor.models.device import pick
from speechtutor.models.phone_encoder import SYMBOLS
from speechtutor.text.phones import from_ipa

PADDING: Seconds = 0.1
"""Silence put on both sides, so that the first and the last phone have frames to peak in."""


def columns(vocabulary: Mapping[str, int], special: frozenset[str]) -> list[list[int]]:
    """Which tokens make each of `SYMBOLS`, the blank first; `special` are those that are no sound.

    Raises:
        ModelError: naming phones that no token stands for.
    """
    found: list[list[int]] = [[] for _ in SYMBOLS]
    for token, i in vocabulary.items():
        if token in special:
            found[0].append(i)
        elif (phone := _phone(token)) is not None:
            found[SYMBOLS.index(phone)].append(i)
    missing = [symbol for symbol, tokens in zip(SYMBOLS, found, strict=True) if not tokens]
    if missing:
        raise ModelError(f"its tokens are no phones of English: nothing stands for {' '.join(missing)}")
    return found


def _phone(token: str) -> str | None:
    plain = token.upper().rstrip("012")
    if plain in SYMBOLS[1:] and token.upper() == token:
        return plain
    try:
        return from_ipa(token)
    except TextError:
        return None


def n_receptive(config: Any) -> int:
    """Samples that the convolutions of one frame hear, from the config of a network; usually 400."""
    strides: tuple[int, ...] = config.conv_stride
    kernels: tuple[int, ...] = config.conv_kernel
    return 1 + sum((kernel - 1) * math.prod(strides[:i]) for i, kernel in enumerate(kernels))


@dataclass(frozen=True, slots=True)
class CtcAcoustic:
    """An acoustic model ready to listen; `tokens` are those of each symbol."""

    model: Any
    extractor: Any
    tokens: list[list[int]]
    device: torch.device
    name: str
    version: str = ""

    @property
    def frame_shift(self) -> Seconds:
        """Seconds from one frame to the next."""
        strides: tuple[int, ...] = self.model.config.conv_stride
        return math.prod(strides) / SAMPLE_RATE

    @property
    def origin(self) -> Seconds:
        """When the first frame begins: its middle is that of the samples that it hears."""
        return (n_receptive(self.model.config) / SAMPLE_RATE - self.frame_shift) / 2

    @torch.inference_mode()
    def emit(self, recording: Recording) -> Emission:
        """Log-probabilities of the phones and the blank, with the encoder's last layer.

        Raises:
            AudioError: when the recording is shorter than one frame or not at 16 kHz.
        """
        if recording.sample_rate != SAMPLE_RATE or len(recording.samples) < 400:
            raise AudioError(f"{self.name} needs at least 25 ms of audio at {SAMPLE_RATE} Hz")
        samples = np.pad(recording.samples, round(PADDING * SAMPLE_RATE))
        inputs = self.extractor(samples, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_values
        output = self.model(inputs.to(self.device, self.model.dtype), output_hidden_states=True)
        logits = output.logits[0].float()
        grouped = torch.stack([logits[:, tokens].logsumexp(-1) for tokens in self.tokens], dim=-1)
        return Emission(
            log_probs=grouped.log_softmax(-1).cpu().numpy(),
            symbols=SYMBOLS,
            frame_shift=self.frame_shift,
            embedding=output.hidden_states[-1][0].float().cpu().numpy(),
            origin=self.origin - PADDING,
        )


def read_checkpoint(checkpoint: str | Path, dtype: torch.dtype) -> tuple[Any, Any, Any]:
    """Tokenizer, extractor and network of a CTC checkpoint, a directory or a hub id.

    Raises:
        ModelError: when there is no such checkpoint.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint)
        extractor = AutoFeatureExtractor.from_pretrained(checkpoint)
        return tokenizer, extractor, AutoModelForCTC.from_pretrained(checkpoint, dtype=dtype)
    except (OSError, ValueError, KeyError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"{checkpoint} cannot be loaded as a CTC model: {reason}") from error


def load(checkpoint: str | Path, device: str | None = None) -> CtcAcoustic:
    """An acoustic model from a directory or hub id of a CTC checkpoint that writes phones.

    Raises:
        ModelError: when there is no such checkpoint or it does not write the phones of English.
    """
    chosen = pick(device)
    tokenizer, extractor, model = read_checkpoint(checkpoint, chosen.dtype)
    delimiter = getattr(tokenizer, "word_delimiter_token", None)
    special = frozenset({*tokenizer.all_special_tokens, "|"} | ({delimiter} if delimiter else set()))
    try:
        tokens = columns(tokenizer.get_vocab(), special)
    except ModelError as error:
        raise ModelError(f"{checkpoint}: {error}") from None
    model = model.to(chosen.name).eval()
    return CtcAcoustic(model, extractor, tokens, torch.device(chosen.name), Path(checkpoint).name)
