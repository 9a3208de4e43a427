"""Training an ear that writes what was said, not what should have been said.

Continues from a phone recogniser with CTC on speech whose phones are known, right and wrong alike, and
on learners' readings, where a phone that raters called wrong is masked: its place in the target is a
wildcard that any phone fills, so that nobody tells the network that the canonical phone was said there.
Beside CTC, what was said must beat what might have been said instead, one sound at a time: the ratio that
the diagnosis reads is then what is trained.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torchaudio.functional as audio_ops
from torch import Tensor, nn

from speechtutor.core import SAMPLE_RATE
from speechtutor.models.phone_encoder import SYMBOLS, PhoneEncoder
from speechtutor.text.phones import PHONES, confusable
from speechtutor.training.augment import Augment
from speechtutor.training.phone_encoder import Example, Recipe, Trainer

WILD = len(SYMBOLS)
"""The target that any phone fills; a column beside those of the emission."""

CLEAR = 3.0
"""Nats by which what was said should beat a rival; beyond it little is gained."""

N_NEAR = 4
"""How many of the nearest phones count as near ones."""

GOOD = 1.8
"""The rating, of 2, from which on a learner's phone is taken as surely said."""

ONE_SOUND = ({"AH", "IH", "UH", "ER"}, {"AH", "EH", "ER"}, {"AA", "AO"})
"""Vowels that a target without stress does not tell apart, and those that are one in many accents."""


def rivals(target: Sequence[int], sure: Sequence[bool], n: int, rng: random.Random) -> list[list[int]]:
    """At most `n` targets that differ from what was said in one sound, at places that are `sure`.

    Most have a near phone there, some any phone, none, or one more. None doubles a sound: that would be a
    long one, and none differs in vowels that are one in the target's spelling (`ONE_SOUND`).
    """
    places = [i for i, known in enumerate(sure) if known and target[i] != WILD]
    found: list[list[int]] = []
    for _ in range(3 * n):
        if len(found) == n or not places:
            break
        i = rng.choice(places)
        own, draw = SYMBOLS[target[i]], rng.random()
        others = confusable(own)[:N_NEAR] if draw < 0.6 else PHONES
        other = rng.choice(others)
        if draw >= 0.9:
            line = [*target[:i], SYMBOLS.index(other), *target[i:]]
        elif draw >= 0.75:
            line = [*target[:i], *target[i + 1 :]]
        elif any({own, other} <= group for group in ONE_SOUND):
            continue
        else:
            line = [*target[:i], SYMBOLS.index(other), *target[i + 1 :]]
        near = line[max(i - 1, 0) : i + 2]
        if line and line != list(target) and all(a != b for a, b in pairwise(near)):
            found.append(line)
    return found


def contrast(
    log_probs: Tensor, targets: Sequence[Tensor], others: Sequence[Sequence[Tensor]], lengths: Tensor
) -> Tensor:
    """Mean over all rivals of softplus(`CLEAR` - what was said against the rival, in nats).

    `others` has the rivals of each clip of the batch. A pair of which one does not fit into the frames
    counts nothing.
    """
    owner = [b for b, group in enumerate(others) for _ in group]
    if not owner:
        return log_probs.new_zeros(())
    star = torch.logsumexp(log_probs[..., 1:], dim=-1)
    columns = torch.cat([log_probs, star[..., None]], dim=-1)
    rows = [*range(len(targets)), *owner]
    lines = [*targets, *(line for group in others for line in group)]
    each = nn.functional.ctc_loss(
        columns[rows].transpose(0, 1),
        torch.cat(lines).to(log_probs.device),
        lengths.cpu()[rows],
        torch.tensor([len(line) for line in lines]),
        reduction="none",
        zero_infinity=True,
    )
    own, other = each[: len(targets)][owner], each[len(targets) :]
    fits = ((own > 0) & (other > 0)).detach()
    # Both sides of a pair carry the gradient that PyTorch adds for a softmax, so it cancels.
    lost = nn.functional.softplus(CLEAR - (other - own)) * fits
    return lost.sum() / fits.sum().clamp(min=1)


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


def other_throat(mel: Tensor, factor: float) -> Tensor:
    """A spectrogram (n_mels, n_frames) as of a longer or shorter vocal tract (Jaitly and Hinton, 2013)."""
    n = len(mel)
    at = (torch.arange(n, dtype=torch.float32) * factor).clamp(max=n - 1)
    low = at.floor().long().clamp(max=n - 2)
    share = (at - low)[:, None].to(mel)
    return mel[low] * (1 - share) + mel[low + 1] * share


class Harsh(Augment):
    """The usual augmentation, and before it a room in a third and a poor line in a quarter of the clips.

    Half of the spectrograms are of another throat.
    """

    def mel(self, mel: Tensor) -> Tensor:
        """See the class."""
        if self.rng.random() < 0.5:
            mel = other_throat(mel, self.rng.uniform(0.9, 1.1))
        return super().mel(mel)

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
    """Every epoch hears all of the voices and its own share of the learners; the last weights are kept.

    `undone` has by clip the targets with one wrong sound made right; `contrast` is the weight of rivals
    (`n_rivals` a clip) beside CTC.
    """

    def __init__(
        self,
        model: PhoneEncoder,
        recipe: Recipe,
        out: Path,
        shares: Sequence[Sequence[Example]],
        device: str = "cpu",
        *,
        undone: Mapping[str, Sequence[Sequence[int]]] | None = None,
        contrast: float = 0.0,
        n_rivals: int = 4,
    ) -> None:
        super().__init__(model, replace(recipe, patience=0), out, device)
        self.shares, self.undone = shares, undone or {}
        self.contrast, self.n_rivals = contrast, n_rivals

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
        targets = [torch.from_numpy(e.phones).long() for e in batch]
        loss = masked_ctc(frames.log_probs, targets, frames.lengths)
        if self.contrast:
            others = [self._rivals(example, augment.rng) for example in batch]
            loss = loss + self.contrast * contrast(frames.log_probs, targets, others, frames.lengths)
        return loss

    def _rivals(self, example: Example, rng: random.Random) -> list[Tensor]:
        """Half of them what should have been said, where it is known, the others drawn."""
        known = list(self.undone.get(example.id, ()))
        lines = rng.sample(known, min(len(known), self.n_rivals // 2))
        with np.errstate(invalid="ignore"):
            sure = ~(example.phone_scores < GOOD)
        lines += rivals(example.phones.tolist(), sure.tolist(), self.n_rivals - len(lines), rng)
        return [torch.tensor(line) for line in lines]
