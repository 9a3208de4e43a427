"""Training an ear that writes what was said, not what should have been said.

Continues from a phone recogniser with CTC on speech whose phones are known, right and wrong alike, and
on learners' readings, where a phone that raters called wrong is masked: its place in the target is a
wildcard that any phone fills, so that nobody tells the network that the canonical phone was said there.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torchaudio.functional as audio_ops
from torch import Tensor, nn

from speechtutor.core import SAMPLE_RATE
from speechtutor.models.phone_encoder import SYMBOLS, PhoneEncoder
from speechtutor.training.augment import Augment
from speechtutor.training.phone_encoder import Example, Recipe, Trainer

WILD = len(SYMBOLS)
"""The target that any phone fills; a column beside those of the emission."""


def masked_ctc(log_probs: Tensor, targets: Sequence[Tensor], lengths: Tensor) -> Tensor:
    """CTC whose targets may hold `WILD`: mean over the batch of the loss per target phone.

    `log_probs` (batch, n_frames, n_symbols), normalised; the wildcard's probability in a frame is that of
    all phones together. PyTorch's backward pass takes its input for a softmax's output and adds each
    column's own probability to the gradient. Over 41 columns that are no softmax it would teach the
    network to say nothing, so the wildcard's share is taken out again.
    """
    star = torch.logsumexp(log_probs[..., 1:], dim=-1)
    columns = torch.cat([log_probs, star[..., None]], dim=-1)
    sizes = torch.tensor([len(target) for target in targets])
    joined = torch.cat(list(targets)).to(log_probs.device)
    each = nn.functional.ctc_loss(
        columns.transpose(0, 1), joined, lengths.cpu(), sizes, reduction="none", zero_infinity=True
    )
    share = (each.detach() > 0) / (sizes.clamp(min=1).to(each.device) * len(targets))
    inside = torch.arange(star.shape[1], device=star.device) < lengths.to(star.device)[:, None]
    extra = ((star.exp() * inside).sum(1) * share).sum()
    return (each * share).sum() - (extra - extra.detach())


def room(samples: Tensor, rng: random.Random) -> Tensor:
    """The recording as in a small room: the sound and a decaying tail, 0.1 to 0.5 s for 60 dB."""
    n = round(rng.uniform(0.1, 0.5) * SAMPLE_RATE)
    tail = torch.randn(n) * torch.exp(torch.linspace(0, -math.log(1000.0), n))
    tail = tail / tail.norm() * 10 ** (-rng.uniform(0, 12) / 20)
    answer = torch.cat([torch.ones(1), torch.zeros(round(0.002 * SAMPLE_RATE)), tail])
    heard: Tensor = audio_ops.fftconvolve(samples, answer)[: len(samples)]
    return heard


def narrow(samples: Tensor, rng: random.Random) -> Tensor:
    """The recording as by a poor line: few bits a sample, or nothing above 4 to 7 kHz."""
    if rng.random() < 0.5:
        peak = samples.abs().max().clamp(min=1e-4)
        line: Tensor = audio_ops.mu_law_decoding(audio_ops.mu_law_encoding(samples / peak, 256), 256) * peak
    else:
        line = audio_ops.lowpass_biquad(samples, SAMPLE_RATE, rng.uniform(4000, 7000))
    return line


class Harsh(Augment):
    """The usual augmentation, and before it a room in a third and a poor line in a quarter of the clips."""

    def wave(self, samples: Tensor) -> Tensor:
        """See the class."""
        if self.rng.random() < 0.33:
            samples = room(samples, self.rng)
        if self.rng.random() < 0.25:
            samples = narrow(samples, self.rng)
        return super().wave(samples)


def masked(example: Example, doubtful: float) -> Example:
    """The example with a wildcard for every phone that raters gave less than `doubtful` (of 2)."""
    with np.errstate(invalid="ignore"):
        wrong = example.phone_scores < doubtful
    return replace(example, phones=np.where(wrong, WILD, example.phones))


class EarTrainer(Trainer):
    """Every epoch hears all of the voices and its own share of the learners; the last weights are kept."""

    def __init__(
        self,
        model: PhoneEncoder,
        recipe: Recipe,
        out: Path,
        shares: Sequence[Sequence[Example]],
        device: str = "cpu",
    ) -> None:
        super().__init__(model, replace(recipe, patience=0), out, device)
        self.shares = shares

    def heard(self, train: Sequence[Example], epoch: int) -> Sequence[Example]:
        """See the class."""
        return [*train, *self.shares[epoch % len(self.shares)]]

    def better(self, metrics: Mapping[str, float]) -> bool:
        """The last weights are kept, whatever they hear."""
        return True

    def schedule(self, n_steps: int) -> torch.optim.lr_scheduler.LambdaLR:
        """As the base class does, over the steps of voices and shares together."""
        voices = max(self.voice_seconds, 1.0)
        mean = float(np.mean([sum(e.duration for e in share) for share in self.shares]))
        return super().schedule(round(n_steps * (voices + mean) / voices))

    voice_seconds = 1.0
    """Seconds of the voices, for the length of the schedule."""

    def _loss(self, batch: Sequence[Example], augment: Augment) -> Tensor:
        harsh = Harsh(augment.rng)
        features = [
            harsh.mel(self.network.features(harsh.wave(torch.from_numpy(e.samples)).to(self.device)))
            for e in batch
        ]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bf16):
            frames = self.network(features)
        return masked_ctc(
            frames.log_probs, [torch.from_numpy(e.phones).long() for e in batch], frames.lengths
        )
