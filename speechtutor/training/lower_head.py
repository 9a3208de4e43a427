"""Training the CTC head on a lower layer of an encoder that stays as it is."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from speechtutor.core import SAMPLE_RATE, Recording
from speechtutor.errors import InputError
from speechtutor.models.acoustic_ctc import PADDING
from speechtutor.models.phone_encoder import SYMBOLS, LowerHead, PhoneEncoder
from speechtutor.models.whisper_encoder import encode_with
from speechtutor.training.small import SmallRecipe, descend

NOISE = 0.05
"""Of the states' standard deviation, so that no frame is learnt by heart."""

SPREAD = 20.0
"""Frames by which lengths in a batch may differ, so that batches are not the same in each epoch."""


@dataclass(frozen=True)
class Recipe(SmallRecipe):
    """Hyper-parameters of the head."""

    epochs: int = 6
    batch: int = 16
    rate: float = 2e-3
    weight_decay: float = 0.01


@dataclass(frozen=True, slots=True)
class Clip:
    """`states` (n_frames, width) in half precision, `target` (n_phones,) columns of the emission."""

    states: Tensor
    target: Tensor


@torch.inference_mode()
def clip(network: PhoneEncoder, recording: Recording, phones: Sequence[str], layer: int) -> Clip:
    """What the layer makes of a recording.

    Raises:
        InputError: when the network is no Whisper, or has no such layer.
    """
    encoder = network.encoder
    n_layers = len(encoder.layers) if network.is_whisper else 0  # type: ignore[arg-type]
    if not 1 <= layer <= n_layers:
        raise InputError(f"layer {layer}: a head stands on one of the {n_layers} layers of a Whisper encoder")
    samples = torch.from_numpy(np.pad(recording.samples, round(PADDING * SAMPLE_RATE)))
    with torch.autocast("cpu", torch.bfloat16):
        states = encode_with(encoder, network.features(samples)[None], None, layer)[1]
    return Clip(states[0].half(), torch.tensor([SYMBOLS.index(phone) for phone in phones]))


def fit(clips: Sequence[Clip], layer: int, recipe: Recipe, seed: int) -> tuple[LowerHead, float]:
    """A trained head and its last loss (nats a phone).

    Raises:
        InputError: without clips.
        ModelError: when the loss is no number.
    """
    if not clips:
        raise InputError("there is no reading whose sounds are known")
    torch.manual_seed(seed)
    rng = random.Random(seed)
    head = LowerHead(clips[0].states.shape[1], layer)

    def batches() -> Iterator[list[int]]:
        order = sorted(range(len(clips)), key=lambda i: len(clips[i].states) + SPREAD * rng.random())
        parts = [order[i : i + recipe.batch] for i in range(0, len(order), recipe.batch)]
        rng.shuffle(parts)
        yield from parts

    def loss(rows: list[int]) -> Tensor:
        states = nn.utils.rnn.pad_sequence([clips[i].states.float() for i in rows], batch_first=True)
        states = states + NOISE * states.std() * torch.randn_like(states)
        targets = [clips[i].target for i in rows]
        return nn.functional.ctc_loss(
            head(states).transpose(0, 1),
            torch.cat(targets),
            torch.tensor([len(clips[i].states) for i in rows]),
            torch.tensor([len(target) for target in targets]),
            zero_infinity=True,
        )

    epochs = (batches() for _ in range(recipe.epochs))
    # Gradients far from any phone become subnormal numbers, which take ten times as long.
    torch.set_flush_denormal(True)
    try:
        return head, descend(head, epochs, loss, recipe, recipe.n_steps(len(clips)))
    finally:
        torch.set_flush_denormal(False)
