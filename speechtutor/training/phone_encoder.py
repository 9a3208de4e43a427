"""Train a `PhoneEncoder`: CTC on the canonical phones plus the raters' scores.

Batches are bounded by seconds of audio, and the second loss needs an alignment that the network makes on
the way; the loop is `speechtutor.training.planned`.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchaudio.functional as audio_ops
from torch import Tensor, nn

from speechtutor.core import SAMPLE_RATE, Floats
from speechtutor.metrics import pcc, per
from speechtutor.models.phone_encoder import (
    SYMBOLS,
    Frames,
    PhoneEncoder,
    RaterOutput,
    pool_weights,
    spans_of_path,
)
from speechtutor.training.augment import Augment
from speechtutor.training.loop import last_checkpoint, reserve, trainable_bytes
from speechtutor.training.planned import Plan, PlannedLoop
from speechtutor.training.recipe import LoopRecipe, cosine
from speechtutor.training.small import SmallRecipe, descend

log = logging.getLogger(__name__)

BEST = "best.pt"
"""The weights that are best on dev."""


@dataclass(frozen=True, slots=True)
class Example:
    """A recording with its canonical phones and, where raters judged it, their scores (0-2).

    `samples` (n_samples,); `phones` (n_phones,) columns of `SYMBOLS`; `words` (n_phones,) word index
    of each phone; `phone_scores` (n_phones,), `word_scores` (n_words,) and `utterance_scores` (4,),
    nan where not rated. `faithful`: the phones are what was said, not only what should have been.
    """

    id: str
    samples: Floats
    phones: Floats
    words: Floats
    phone_scores: Floats
    word_scores: Floats
    utterance_scores: Floats
    faithful: bool = True

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / SAMPLE_RATE


@dataclass(frozen=True)
class Recipe(LoopRecipe):
    """Hyper-parameters; `warmup` in steps, `warm_utterances` are those that the head is trained on first."""

    epochs: int = 7
    batch_seconds: float = 48.0
    encoder_rate: float = 1e-4
    head_rate: float = 1e-3
    warmup: int = 100
    clip: float | None = 5.0
    rater_weight: float = 1.0
    warm_utterances: int = 500


def batches(examples: Sequence[Example], seconds: float, rng: random.Random) -> Iterator[list[Example]]:
    """Batches of similar length, bounded by their total duration after padding, in random order."""
    order = sorted(examples, key=lambda e: e.duration * rng.uniform(0.9, 1.1))
    groups: list[list[Example]] = [[]]
    for example in order:
        if groups[-1] and example.duration * (len(groups[-1]) + 1) > seconds:
            groups.append([])
        groups[-1].append(example)
    rng.shuffle(groups)
    yield from groups


def forced_spans(log_probs: Tensor, phones: Tensor) -> list[tuple[int, int]] | None:
    """Frame spans of the canonical phones, or None when there is no path through them."""
    # torchaudio's aligner reads uninitialised memory where there is no path.
    if not torch.isfinite(log_probs).all():
        return None
    repeats = int((phones[1:] == phones[:-1]).sum())
    if len(log_probs) < len(phones) + repeats:
        return None
    path, _ = audio_ops.forced_align(log_probs[None], phones[None].int(), blank=0)
    return spans_of_path(path[0].tolist())


def _masked_mse(predicted: Tensor, target: Tensor) -> Tensor:
    known = ~target.isnan()
    return ((predicted - target.nan_to_num()) ** 2 * known).sum() / known.sum().clamp(min=1)


def rate(
    model: PhoneEncoder, frames: Frames, batch: Sequence[Example]
) -> tuple[RaterOutput, list[int]] | None:
    """Ratings of the phones that could be aligned; second value: which examples of the batch."""
    kept, pools = [], []
    for b, example in enumerate(batch):
        n = int(frames.lengths[b])
        spans = forced_spans(frames.log_probs[b, :n].detach().cpu(), torch.from_numpy(example.phones).long())
        if spans is not None:
            kept.append(b)
            pools.append(pool_weights(spans, n).to(frames.hidden.device))
    if not kept:
        return None
    device = frames.hidden.device
    chosen = Frames(frames.log_probs[kept], frames.hidden[kept], frames.lengths[kept])
    phones = [torch.from_numpy(batch[b].phones).long().to(device) for b in kept]
    words = [torch.from_numpy(batch[b].words).long().to(device) for b in kept]
    return model.rater(chosen, pools, phones, words), kept


def rater_loss(ratings: RaterOutput, batch: Sequence[Example]) -> Tensor:
    """Mean squared errors on the 0-2 scale, phones three times as heavy as words and utterances."""

    def stack(name: str) -> Tensor:
        return (
            torch.from_numpy(np.concatenate([getattr(e, name) for e in batch]))
            .float()
            .to(ratings.phones.device)
        )

    utterances = stack("utterance_scores").reshape(len(batch), -1)
    return (
        3 * _masked_mse(ratings.phones, stack("phone_scores"))
        + _masked_mse(ratings.words, stack("word_scores"))
        + _masked_mse(ratings.utterances, utterances)
    )


def warm_up_head(
    model: PhoneEncoder,
    examples: Sequence[Example],
    device: torch.device,
    *,
    passes: int = 8,
    rate: float = 5e-3,
    seed: int = 0,
    bf16: bool = True,
) -> None:
    """Train the CTC head alone on the frozen encoder, so that fine-tuning starts from phones.

    From a random head, CTC first learns to say nothing but blank and may stay there for hundreds of
    steps while its gradient spoils the encoder; a head trained first (Kumar et al., 2022) costs a minute.
    """
    model.eval()
    with torch.no_grad(), _listening(device, bf16=bf16):
        waves = [torch.from_numpy(e.samples).to(device) for e in examples]
        hidden = [model([model.features(wave)]).hidden[0] for wave in waves]
    head = nn.Sequential(model.norm, model.symbols)
    recipe = SmallRecipe(epochs=passes, batch=8, rate=rate, clip=None, cycle=False)
    order, rng = list(range(len(examples))), random.Random(seed)

    def epoch() -> Iterator[list[int]]:
        rng.shuffle(order)
        for start in range(0, len(order), recipe.batch):
            yield order[start : start + recipe.batch]

    def cost(rows: list[int]) -> Tensor:
        inputs = nn.utils.rnn.pad_sequence([hidden[i] for i in rows], batch_first=True)
        phones = [torch.from_numpy(examples[i].phones).long() for i in rows]
        return _ctc(head(inputs).log_softmax(-1), phones, torch.tensor([len(hidden[i]) for i in rows]))

    epochs = (epoch() for _ in range(passes))
    last = descend(head, epochs, cost, recipe, recipe.n_steps(len(examples)))
    log.info("head warmed up, loss %.3f", last)


def _listening(device: torch.device, *, bf16: bool) -> torch.autocast:
    """Mixed precision for what is only heard: on a CPU and where the run wants it."""
    return torch.autocast(device.type, torch.bfloat16, enabled=bf16 and device.type == "cpu")


def _bytes(network: nn.Module) -> int:
    return sum(p.numel() * p.element_size() for p in network.parameters())


def _ctc(log_probs: Tensor, phones: Sequence[Tensor], lengths: Tensor) -> Tensor:
    sizes = torch.tensor([len(p) for p in phones])
    targets = torch.cat(list(phones)).to(log_probs.device)
    return nn.functional.ctc_loss(
        log_probs.transpose(0, 1), targets, lengths.cpu(), sizes, zero_infinity=True
    )


class Trainer(PlannedLoop[Example]):
    """One training run: `fit` trains, checkpoints after every epoch and goes on where it stopped."""

    def __init__(self, model: PhoneEncoder, recipe: Recipe, out: Path, device: str = "cpu") -> None:
        super().__init__(model, recipe, out, device, metric="per", rate=recipe.encoder_rate)
        self.network, self.recipe = model, recipe
        self.dev: Sequence[Example] = ()
        self.draws: list[random.Random] = []
        self.augment = Augment(random.Random(recipe.seed))
        heads = {id(p) for module in (model.norm, model.symbols, model.rater) for p in module.parameters()}
        groups: list[list[Tensor]] = [[], []]
        for parameter in model.parameters():
            if parameter.requires_grad:
                groups[id(parameter) in heads].append(parameter)
        rates = (recipe.encoder_rate, recipe.head_rate)
        settings = [{"params": g, "lr": r} for g, r in zip(groups, rates, strict=True) if g]
        self.adam = torch.optim.AdamW(settings, weight_decay=recipe.weight_decay)
        self.optimizer = self.adam

    def schedule(self, n_steps: int) -> torch.optim.lr_scheduler.LambdaLR:
        """Linear warm-up, then a cosine to zero."""
        factor = cosine(min(self.recipe.warmup, max(n_steps // 5, 1)), n_steps)
        return torch.optim.lr_scheduler.LambdaLR(self.adam, factor)

    def heard(self, train: Sequence[Example], epoch: int) -> Sequence[Example]:
        """What an epoch hears."""
        return train

    def lay_out(self, train: Sequence[Example]) -> Plan[Example]:
        """The batches of all epochs; `draws` are then what the augmentation of each epoch draws from."""
        self.draws = [random.Random(self._seed(epoch)) for epoch in range(self.recipe.epochs)]
        limit = self.recipe.batch_seconds
        return Plan.of_epochs(
            [list(batches(self.heard(train, i), limit, rng)) for i, rng in enumerate(self.draws)]
        )

    def _seed(self, epoch: int) -> int:
        return self.recipe.seed * 1000 + epoch

    def fit(  # type: ignore[override]
        self, train: Sequence[Example], dev: Sequence[Example]
    ) -> list[dict[str, float]]:
        """Train to the end or until dev stops improving; returns one row per epoch.

        Raises:
            ModelError: when the loss is no longer finite; the last checkpoint stays.
            StorageError: when the disk has no room for checkpoints.
            KeyboardInterrupt: after the checkpoint of a run that was asked to stop.
        """
        # The last, the best, and each once more while it is written.
        reserve(self.out, 2 * trainable_bytes(self.network) + 2 * _bytes(self.network))
        self.dev, self.plan = dev, self.lay_out(train)
        first = batches(train, self.recipe.batch_seconds, random.Random(0))
        self.lr_scheduler = self.schedule(self.recipe.epochs * sum(1 for _ in first))
        if last_checkpoint(self.out) is None and self.recipe.warm_utterances:
            chosen = train[:: max(len(train) // self.recipe.warm_utterances, 1)]
            warm_up_head(self.network, chosen, self.device, seed=self.recipe.seed, bf16=self.recipe.bf16)
        history = super().fit()
        self.network.load_state_dict(torch.load(self.out / BEST, weights_only=True, map_location="cpu"))
        return history

    def begin_step(self, step: int) -> None:
        """Each epoch begins with its own seed; within an epoch a checkpoint keeps how far the draws are."""
        epoch = self.plan.epoch(step)
        if step in (0, *self.plan.ends):
            torch.manual_seed(self._seed(epoch))
            self.augment.rng = self.draws[epoch]

    def remember(self) -> dict[str, Any]:
        """See the base class."""
        return super().remember() | {"draws": self.augment.rng.getstate()}

    def recall(self, kept: dict[str, Any]) -> None:
        """See the base class."""
        super().recall(kept)
        version, numbers, left = kept["draws"]
        self.augment.rng.setstate((version, tuple(numbers), left))

    def batch_loss(self, batch: Sequence[Example]) -> Tensor:
        """See the base class."""
        return self._loss(batch, self.augment)

    def _loss(self, batch: Sequence[Example], augment: Augment) -> Tensor:
        waves = [torch.from_numpy(e.samples) for e in batch]
        features = [self.network.features(augment.wave(w).to(self.device)) for w in waves]
        if self.network.is_whisper:
            features = [augment.mel(f) for f in features]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bf16):
            frames = self.network(features)
        told = [b for b, e in enumerate(batch) if e.faithful]
        loss: Tensor = frames.hidden.new_zeros(())
        if told:
            phones = [torch.from_numpy(batch[b].phones).long() for b in told]
            share = len(told) / len(batch)
            loss = loss + share * _ctc(frames.log_probs[told], phones, frames.lengths[told])
        if self.recipe.rater_weight:
            rated = rate(self.network, frames, batch)
            if rated is not None:
                loss = loss + self.recipe.rater_weight * rater_loss(rated[0], [batch[b] for b in rated[1]])
        return loss

    def place(self, inputs: Sequence[Example]) -> str:
        """Step, epoch and the rows of the batch."""
        step = self.state.global_step
        return f"step {step}, epoch {self.plan.epoch(step)}, row {', '.join(e.id for e in inputs)}"

    def figures(self) -> dict[str, float]:
        """Of the dev rows."""
        return evaluate(self.network, self.dev, self.device, bf16=self.recipe.bf16)

    def keep_best(self) -> None:
        """The weights alone, for averages and to go on from."""
        made = self.out / f".{BEST}"
        torch.save(self.network.state_dict(), made)
        made.replace(self.out / BEST)

    def rows(self) -> list[dict[str, float]]:
        """One row per epoch."""
        found = [{k: v for k, v in row.items() if k not in ("step", "epoch")} for row in super().rows()]
        return [{"epoch": float(epoch), **row} for epoch, row in enumerate(found)]


def decode(log_probs: Floats) -> list[str]:
    """Best-path decoding: (n_frames, n_symbols) to phones."""
    path = log_probs.argmax(-1)
    kept = path[np.insert(path[1:] != path[:-1], 0, True)]
    return [SYMBOLS[i] for i in kept if i]


@torch.inference_mode()
def evaluate(
    model: PhoneEncoder, examples: Sequence[Example], device: torch.device, *, bf16: bool = True
) -> dict[str, float]:
    """Phone error rate against the canonical phones, and the rater head's correlations, one by one."""
    model.eval()
    references, hypotheses = [], []
    pairs: dict[str, list[tuple[float, float]]] = {"phone": [], "word": [], "overall": []}
    for example in examples:
        with _listening(device, bf16=bf16):
            frames = model([model.features(torch.from_numpy(example.samples).to(device))])
        references.append([SYMBOLS[i] for i in example.phones])
        hypotheses.append(decode(frames.log_probs[0].cpu().numpy()))
        rated = rate(model, frames, [example])
        if rated is None:
            continue
        got = rated[0]
        pairs["phone"] += zip(got.phones.tolist(), example.phone_scores.tolist(), strict=True)
        pairs["word"] += zip(got.words.tolist(), example.word_scores.tolist(), strict=True)
        pairs["overall"].append((float(got.utterances[0, 3]), float(example.utterance_scores[3])))
    correlations = {
        f"{name}_pcc": pcc(*zip(*rows, strict=True)) if rows else math.nan for name, rows in pairs.items()
    }
    return {"per": per(references, hypotheses)} | correlations


def average(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Mean of several models' weights: a soup (Wortsman et al., 2022) of runs from one start."""
    return {k: torch.stack([s[k].float() for s in states]).mean(0).to(states[0][k].dtype) for k in states[0]}
