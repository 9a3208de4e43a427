"""Train scoring heads on cached features: the loop, speaker-grouped folds, out-of-fold predictions."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from speechtutor.core.score import RATED_WRONG
from speechtutor.models.head import Batch, Ensemble, Head, Scores, Shape
from speechtutor.scoring.features import Features
from speechtutor.training.small import SmallRecipe, descend

log = logging.getLogger(__name__)
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Labels:
    """What raters said, 0-2: `phones` (n_phones,), `words` (n_words, 3), `utterance` (4,).

    `weight` and `error_weight` say how much the phones' scores and their error logits count in training.
    """

    phones: Floats
    words: Floats
    utterance: Floats
    weight: float = 1.0
    error_weight: float = 1.0


@dataclass(frozen=True)
class Recipe(SmallRecipe):
    """Hyper-parameters of a head; `noise` is in deviations of each input."""

    phone_weight: float = 3.0
    word_weight: float = 1.0
    utterance_weight: float = 1.0
    error_weight: float = 0.3
    noise: float = 0.1


@dataclass(frozen=True, slots=True)
class Targets:
    """Padded labels; nan where nobody rated."""

    phones: Tensor
    words: Tensor
    utterances: Tensor
    weights: Tensor
    error_weights: Tensor

    @classmethod
    def of(cls, labels: Sequence[Labels]) -> Targets:
        """Stack labels of utterances of different lengths."""

        def pad(name: str) -> Tensor:
            arrays = [torch.from_numpy(getattr(x, name)).float() for x in labels]
            return nn.utils.rnn.pad_sequence(arrays, batch_first=True, padding_value=float("nan"))

        whole = torch.from_numpy(np.stack([x.utterance for x in labels])).float()
        weights, error_weights = (
            torch.tensor([getattr(x, name) for x in labels]) for name in ("weight", "error_weight")
        )
        return cls(pad("phones"), pad("words"), whole, weights, error_weights)

    def __getitem__(self, rows: Tensor) -> Targets:
        return Targets(*(getattr(self, name)[rows] for name in Targets.__dataclass_fields__))


ERROR_BELOW = 2 * RATED_WRONG
"""A phone whose mean rating (0-2) is lower counts as mispronounced, as in the literature on this corpus."""


def _mse(predicted: Tensor, target: Tensor) -> Tensor:
    target = target[:, : predicted.shape[1]]
    known = ~target.isnan()
    squares: Tensor = (predicted - target.nan_to_num()) ** 2 * known
    return squares.sum() / known.sum().clamp(min=1)


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum() / weights.sum().clamp(min=1e-6)


def loss(scores: Scores, targets: Targets, recipe: Recipe) -> Tensor:
    """Mean squared errors of all levels and the cross-entropy of the error logit."""
    phones = targets.phones[:, : scores.phones.shape[1]]
    known = ~phones.isnan()
    wrong = (phones < ERROR_BELOW).float()
    error = nn.functional.binary_cross_entropy_with_logits(scores.errors, wrong, reduction="none")
    squares = (scores.phones - phones.nan_to_num()) ** 2
    return (
        recipe.phone_weight * _mean(squares, targets.weights[:, None] * known)
        + recipe.error_weight * _mean(error, targets.error_weights[:, None] * known)
        + recipe.word_weight * _mse(scores.words, targets.words)
        + recipe.utterance_weight * _mse(scores.utterances, targets.utterances)
    )


def train_head(features: Batch, targets: Targets, shape: Shape, recipe: Recipe, seed: int) -> Head:
    """One head, trained for a fixed number of epochs: nothing is selected on held-out data.

    Raises:
        ModelError: when the loss is no number.
    """
    torch.manual_seed(seed)
    head = Head(shape)
    head.fit_scales(features)
    lengths = features.valid.sum(1)

    def cost(rows: Tensor) -> Tensor:
        return loss(head(_jitter(features[rows], recipe.noise, head)), targets[rows], recipe)

    epochs = (_chunks(lengths, recipe.batch) for _ in range(recipe.epochs))
    descend(head, epochs, cost, recipe, recipe.n_steps(len(lengths)))
    return head


def _chunks(lengths: Tensor, size: int) -> Iterator[Tensor]:
    """Rows in batches of nearly equal lengths, in random order."""
    order = torch.argsort(lengths + 8 * torch.rand(len(lengths)))
    chunks = order.split(size)
    for i in torch.randperm(len(chunks)):
        yield chunks[int(i)]


def _jitter(batch: Batch, noise: float, head: Head) -> Batch:
    """A little noise on every number, in units of its own deviation."""
    if not noise:
        return batch
    fields = {n: getattr(batch, n) for n in Batch.__dataclass_fields__}
    for name in ("phones", "embedding", "utterance", "moments"):
        scale = getattr(head, f"{name}_scale")
        fields[name] = fields[name] + noise * scale * torch.randn_like(fields[name])
    return Batch(**fields)


@torch.inference_mode()
def predict(model: Head | Ensemble, features: Batch) -> Scores:
    """Scores of many utterances at once."""
    scores: Scores = model.eval()(features)
    return scores


def folds(speakers: Sequence[str], k: int) -> NDArray[np.int64]:
    """Fold of each utterance; all of a speaker's utterances are in one."""
    rank = {speaker: i for i, speaker in enumerate(sorted(set(speakers)))}
    return np.array([rank[speaker] % k for speaker in speakers])


def out_of_fold(
    features: Sequence[Features],
    labels: Sequence[Labels],
    speakers: Sequence[str],
    shape: Shape,
    recipe: Recipe,
    *,
    k: int = 5,
    seed: int = 0,
    extra: tuple[Sequence[Features], Sequence[Labels]] = ((), ()),
) -> Scores:
    """Predictions for every utterance by a head that never saw its speaker.

    `extra` are further training rows, parallel to the utterances, that are not predicted.
    """
    n = len(features)
    batch, targets = Batch.of([*features, *extra[0]]), Targets.of([*labels, *extra[1]])
    fold = torch.from_numpy(np.tile(folds(speakers, k), 1 + len(extra[0]) // n))
    sizes = ((batch.canonical.shape[1],), (batch.canonical.shape[1],), (targets.words.shape[1], 3), (4,))
    result = Scores(*(torch.full((n, *size), float("nan")) for size in sizes))
    for i in range(k):
        inside = (fold != i).nonzero()[:, 0]
        outside = (fold[:n] == i).nonzero()[:, 0]
        scores = predict(train_head(batch[inside], targets[inside], shape, recipe, seed), batch[outside])
        for name in Scores.__dataclass_fields__:
            found = getattr(scores, name)
            getattr(result, name)[outside, : found.shape[1]] = found
        log.info("fold %d of %d done", i + 1, k)
    return result
