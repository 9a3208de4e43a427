"""Training the small networks of the diagnosis, and what sets its probabilities and thresholds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from speechtutor.scoring.diagnosis import IGNORED, RIGHT, WRONG, Calibration, Network
from speechtutor.training.small import SmallRecipe, descend

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Places:
    """Phones (or gaps) of many utterances.

    `own` (n, n_alternatives, n_own), `context` (n, n_context), `rows` (n,) canonical phone, 39 for none,
    `labels` (n,) as in `speechtutor.scoring.diagnosis`, `weights` (n,). `barred` says that the
    canonical phone is no alternative.
    """

    own: NDArray[np.float32]
    context: NDArray[np.float32]
    rows: Indices
    labels: Indices
    weights: NDArray[np.float32]
    barred: bool


@dataclass(frozen=True)
class Recipe(SmallRecipe):
    """Hyper-parameters; `table_decay` pulls the table of what is said for what to zero."""

    epochs: int = 8
    batch: int = 512
    rate: float = 4e-3
    weight_decay: float = 0.1
    clip: float | None = None
    own_width: int = 32
    context_width: int = 128
    dropout: float = 0.3
    table_decay: float = 1e-3


class DiagnosisNetwork(nn.Module):
    """The networks of `speechtutor.scoring.diagnosis.Network`, to train."""

    own_mean: Tensor
    own_deviation: Tensor
    context_mean: Tensor
    context_deviation: Tensor

    def __init__(self, places: Places, recipe: Recipe) -> None:
        super().__init__()
        n_alternatives, n_own = places.own.shape[1:]
        self.own = self._perceptron(n_own, recipe.own_width, recipe.dropout)
        self.context = self._perceptron(places.context.shape[1], recipe.context_width, recipe.dropout)
        self.table = nn.Parameter(torch.zeros(40, n_alternatives))
        sample = slice(None, None, max(len(places.own) // 20_000, 1))
        own = places.own[sample].reshape(-1, n_own)
        for name, values in (("own", own), ("context", places.context)):
            self.register_buffer(f"{name}_mean", torch.from_numpy(values.mean(0)))
            # A rare 0 or 1 must not become a large number.
            self.register_buffer(f"{name}_deviation", torch.from_numpy(np.maximum(values.std(0), 0.5)))
        self.barred = places.barred

    @staticmethod
    def _perceptron(n_in: int, width: int, dropout: float) -> nn.Sequential:
        return nn.Sequential(nn.Linear(n_in, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, 1))

    def forward(self, own: Tensor, context: Tensor, rows: Tensor) -> Tensor:
        """(batch, 1 + n_alternatives) log-probabilities, "as it should be" first."""
        each = self.own((own - self.own_mean) / self.own_deviation)[..., 0] + self.table[rows]
        if self.barred:
            each = each.scatter(1, rows[:, None], -torch.inf)
        first = self.context((context - self.context_mean) / self.context_deviation)
        return torch.cat([first, each], 1).log_softmax(-1)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """The weights by the names that `speechtutor.scoring.diagnosis.Network` reads."""
        found = {"table": self.table}
        for name in ("own", "context"):
            network = getattr(self, name)
            for i, layer in ((0, network[0]), (1, network[3])):
                found |= {f"{name}.{i}.weight": layer.weight, f"{name}.{i}.bias": layer.bias}
            found |= {f"{name}.{part}": getattr(self, f"{name}_{part}") for part in ("mean", "deviation")}
        return {name: value.detach().numpy().astype(np.float32) for name, value in found.items()}


def fit(places: Places, recipe: Recipe, seed: int) -> dict[str, NDArray[np.float32]]:
    """Train one network by cross-entropy; what is wrong in an unknown way counts as "not right".

    Raises:
        ModelError: when the loss is no number.
    """
    torch.manual_seed(seed)
    network = DiagnosisNetwork(places, recipe)
    known, rng = np.flatnonzero(places.labels != IGNORED), np.random.default_rng(seed)

    def cost(rows: Indices) -> Tensor:
        return _loss(network, places, rows) + recipe.table_decay * (network.table**2).mean()

    def epoch() -> Iterator[Indices]:
        order = rng.permutation(known)
        for start in range(0, len(order), recipe.batch):
            yield order[start : start + recipe.batch]

    epochs = (epoch() for _ in range(recipe.epochs))
    descend(network, epochs, cost, recipe, recipe.n_steps(len(known)))
    return network.arrays()


def _loss(network: DiagnosisNetwork, places: Places, chosen: Indices) -> Tensor:
    said = network(*(torch.from_numpy(x[chosen]) for x in (places.own, places.context, places.rows)))
    labels = places.labels[chosen]
    weights = torch.from_numpy(places.weights[chosen])
    target = torch.from_numpy(np.where(labels == RIGHT, 0, np.maximum(labels, 0) + 1))
    exact = said.gather(1, target[:, None])[:, 0]
    vague = torch.log1p(-said[:, 0].exp().clamp(max=1 - 1e-6))
    each = torch.where(torch.from_numpy(labels == WRONG), vague, exact)
    return -(each * weights).sum() / weights.sum()


def wrongness(parts: Sequence[Mapping[str, NDArray[np.float32]]], places: Places) -> tuple[Array, Indices]:
    """(n,) probability that it is not as it should be, and (n,) the most probable alternative."""
    total = None
    for part in parts:
        network = Network({name: value.astype(np.float64) for name, value in part.items()})
        own, context = places.own.astype(np.float64), places.context.astype(np.float64)
        first, others = network.logits(own, context, places.rows)
        if places.barred:
            others[np.arange(len(others)), places.rows] = -np.inf
        logits = np.column_stack([first, others])
        powers = np.exp(logits - logits.max(1, keepdims=True))
        share = powers / powers.sum(1, keepdims=True)
        total = share if total is None else total + share
    assert total is not None
    mean = total / len(parts)
    return 1 - mean[:, 0], mean[:, 1:].argmax(1)


def platt(probability: Array, wrong: Array, weights: Array) -> tuple[float, float]:
    """Slope and offset on the log-odds by maximum likelihood (Platt, 1999); 1 and 0 if all are alike."""
    if wrong.min() == wrong.max():
        return 1.0, 0.0
    odds = np.log(np.clip(probability, 1e-9, 1 - 1e-9)) - np.log(np.clip(1 - probability, 1e-9, 1))
    sides = torch.from_numpy(np.where(wrong > 0.5, -1.0, 1.0))
    share, x = torch.from_numpy(weights / weights.sum()).double(), torch.from_numpy(odds).double()
    line = torch.tensor([1.0, 0.0], dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([line], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        total = (share * nn.functional.softplus(sides * (line[0] * x + line[1]))).sum()
        total.backward()
        return total

    optimizer.step(loss)
    slope, offset = line.detach().tolist()
    return max(slope, 1e-3), offset


def threshold(clean: Array, rate: float) -> float:
    """The probability that at most `rate` of well-said places reach."""
    if not len(clean):
        return 1.0
    allowed = int(rate * len(clean))
    ordered = np.sort(clean)[::-1]
    return float(np.nextafter(ordered[min(allowed, len(ordered) - 1)], 2.0))


def calibration(
    groups: Sequence[tuple[Array, Indices]], rates: Mapping[str, float], base: float
) -> tuple[Calibration, dict[str, list[float]]]:
    """Calibrated on groups of (probability, label), the strictest threshold of the groups taken.

    Each group weighs the same, and in it wrong and right places as if the share `base` were wrong. Also
    returns the thresholds of each group.
    """
    probability = np.concatenate([p for p, _ in groups])
    labels = np.concatenate([label for _, label in groups])
    weights = np.concatenate([_balanced(label, base) for _, label in groups])
    known = weights > 0
    slope, offset = platt(probability[known], (labels[known] != RIGHT).astype(float), weights[known])
    curve = Calibration(slope, offset, {})
    each = {
        name: [threshold(curve(p[label == RIGHT]), rate) for p, label in groups]
        for name, rate in rates.items()
    }
    return Calibration(slope, offset, {name: max(values) for name, values in each.items()}), each


def _balanced(labels: Indices, base: float) -> Array:
    right, wrong = labels == RIGHT, (labels >= 0) | (labels == WRONG)
    weights = np.zeros(len(labels))
    weights[right] = (1 - base) / max(int(right.sum()), 1)
    weights[wrong] = base / max(int(wrong.sum()), 1)
    return weights * len(labels)
