"""Figures and their 95 % intervals over speakers, for all draws at once.

A draw of speakers with replacement gives every speaker a whole-number weight, so a figure is a function
of weighted items. Most figures (error rates, Pearson's correlation, F1 …) are functions of a few sums:
those are added up once for each speaker and then cost one matrix product. The draws are those of
`metrics.speaker_bootstrap`, and so are the intervals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from speechtutor import metrics

Values = NDArray[np.float64]
DRAWS = 1000


class Figure(Protocol):
    """A number made of items, under any whole-number weights of their speakers."""

    def over(self, weights: Values, codes: NDArray[np.intp]) -> Values:
        """One value a row of `weights`, shape (n_draws, n_speakers); `codes` names each item's speaker."""
        ...


@dataclass(frozen=True, slots=True)
class OfSums:
    """A function of sums over the items.

    `columns` has shape (n_items, n_sums); `finish` turns (n_draws, n_sums) into (n_draws,).
    """

    columns: Values
    finish: Callable[[Values], Values]

    def over(self, weights: Values, codes: NDArray[np.intp]) -> Values:
        """The figure of every draw."""
        sums = np.zeros((weights.shape[1], self.columns.shape[1]))
        np.add.at(sums, codes, self.columns)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.finish(weights @ sums), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class OfItems:
    """A function of the items' weights, where sums do not do: ranks."""

    fn: Callable[[Values], float]

    def over(self, weights: Values, codes: NDArray[np.intp]) -> Values:
        """The figure of every draw."""
        return np.array([self.fn(row[codes]) for row in weights])


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure of all items, and the draws around it; what is not defined is nan.

    `n_speakers` of the unit that is drawn (`over`) have an item of the figure: with too few of them the
    estimate has no interval, and `why` says so.
    """

    value: float
    draws: Values
    n_speakers: int
    over: str = "speakers"

    @property
    def bounds(self) -> tuple[float, float]:
        """The 95 % interval, nan twice where `metrics.percentile_bounds` refuses one."""
        return metrics.percentile_bounds(self.draws, self.n_speakers, self.over)[:2]

    @property
    def why(self) -> str:
        """Why there is no interval, "" where there is one."""
        return metrics.percentile_bounds(self.draws, self.n_speakers, self.over)[2]

    def minus(self, other: Estimate) -> Estimate:
        """The difference of two figures over the same draws; the one of fewer speakers decides."""
        fewer = min(self.n_speakers, other.n_speakers)
        return Estimate(self.value - other.value, self.draws - other.draws, fewer, self.over)


class Speakers:
    """Draws of speakers with replacement, the same for every figure of a run.

    `over` names what is drawn in people's words: speakers, or the dialogues that stand in their place.
    """

    def __init__(
        self, speakers: Sequence[Hashable], n_draws: int = DRAWS, seed: int = 0, over: str = "speakers"
    ) -> None:
        """`speakers` says of each utterance who spoke it; the order of first appearance is kept."""
        self.index = {name: i for i, name in enumerate(dict.fromkeys(speakers))}
        self.over = over
        n, rng = len(self.index), np.random.default_rng(seed)
        if n_draws < 1 or not n:
            raise ValueError("a bootstrap needs at least one draw and one item")
        drawn = [np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(n_draws)]
        self.weights = np.array([np.ones(n), *drawn], dtype=np.float64)

    def estimate(self, figure: Figure, speakers: Sequence[Hashable]) -> Estimate:
        """The figure and its draws; `speakers` is parallel to the figure's items."""
        codes = np.array([self.index[name] for name in speakers], dtype=np.intp)
        values = figure.over(self.weights, codes)
        return Estimate(float(values[0]), values[1:], len(np.unique(codes)), self.over)


def rate(errors: ArrayLike, units: ArrayLike) -> OfSums:
    """All errors over all units; without any unit the number of errors, as in jiwer."""
    columns = np.column_stack([errors, units]).astype(np.float64)
    return OfSums(columns, lambda s: s[:, 0] / np.maximum(s[:, 1], 1))


def share(part: ArrayLike, whole: ArrayLike) -> OfSums:
    """A part of a whole; nan where there is nothing."""
    return OfSums(np.column_stack([part, whole]).astype(np.float64), lambda s: s[:, 0] / s[:, 1])


def mer(hits: ArrayLike, errors: ArrayLike) -> OfSums:
    """Match error rate: errors over all pairs of the alignment (Morris et al., 2004); 0 for none."""
    columns = np.column_stack([hits, errors]).astype(np.float64)
    return OfSums(columns, lambda s: s[:, 1] / np.maximum(s.sum(axis=1), 1))


def wil(hits: ArrayLike, reference: ArrayLike, hypothesis: ArrayLike) -> OfSums:
    """Word information lost: 1 minus the shares of both sides that match (Morris et al., 2004)."""
    columns = np.column_stack([hits, reference, hypothesis]).astype(np.float64)

    def finish(s: Values) -> Values:
        kept = s[:, 0] ** 2 / np.maximum(s[:, 1] * s[:, 2], 1)
        return np.where((s[:, 1] == 0) & (s[:, 2] == 0), 0.0, 1 - kept)

    return OfSums(columns, finish)


def mean(values: ArrayLike) -> OfSums:
    """The mean of the items."""
    x = np.asarray(values, dtype=np.float64)
    return share(x, np.ones(len(x)))


def mse(truth: ArrayLike, predicted: ArrayLike, scale: float = 1.0) -> OfSums:
    """Mean squared error of values multiplied by `scale`."""
    x, y = _pair(truth, predicted)
    return mean((scale * (x - y)) ** 2)


def pcc(truth: ArrayLike, predicted: ArrayLike) -> OfSums:
    """Pearson's correlation; nan where one side does not vary."""
    x, y = (a - (a.mean() if len(a) else 0.0) for a in _pair(truth, predicted))
    return OfSums(np.column_stack([np.ones(len(x)), x, y, x * x, y * y, x * y]), _correlation)


def _correlation(s: Values) -> Values:
    n, x, y, xx, yy, xy = s.T
    vx, vy = xx - x * x / n, yy - y * y / n
    # Centred sums of a constant are rounding errors, not a variance.
    flat = (vx <= 1e-12 * np.maximum(xx, 1)) | (vy <= 1e-12 * np.maximum(yy, 1))
    return np.where(flat, np.nan, np.clip((xy - x * y / n) / np.sqrt(vx * vy), -1, 1))


def qwk(truth: ArrayLike, predicted: ArrayLike, points: int) -> OfSums:
    """Cohen's kappa with quadratic weights, scores in [0, 1] rounded to `points` whole steps."""
    x, y = (np.rint(points * a) for a in _pair(truth, predicted))
    columns = np.column_stack([np.ones(len(x)), x, y, x * x, y * y, (x - y) ** 2])

    def finish(s: Values) -> Values:
        n, sx, sy, xx, yy, off = s.T
        # Mean squared difference when every x meets every y: what chance would give.
        chance = xx / n + yy / n - 2 * sx * sy / n**2
        return np.where(chance > 1e-12, 1 - (off / n) / chance, np.nan)

    return OfSums(columns, finish)


def ece(happened: ArrayLike, probability: ArrayLike, n_bins: int = 10) -> OfSums:
    """Expected calibration error over equal bins of [0, 1] (Naeini et al., 2015)."""
    truth, stated = _pair(happened, probability)
    which = np.minimum((stated * n_bins).astype(int), n_bins - 1)
    gaps = np.zeros((len(truth), n_bins + 1))
    gaps[np.arange(len(truth)), which] = truth - stated
    gaps[:, n_bins] = 1
    return OfSums(gaps, lambda s: np.abs(s[:, :n_bins]).sum(axis=1) / s[:, n_bins])


def detection(wrong: ArrayLike, flagged: ArrayLike) -> dict[str, OfSums]:
    """Precision, recall, F1, and false alarms per 100 right items."""
    truth, found = (np.asarray(a, dtype=bool) for a in (wrong, flagged))
    columns = np.column_stack([truth & found, found, truth, found & ~truth, ~truth]).astype(np.float64)
    return {
        "precision": OfSums(columns, lambda s: s[:, 0] / s[:, 1]),
        "recall": OfSums(columns, lambda s: s[:, 0] / s[:, 2]),
        "f1": OfSums(columns, lambda s: 2 * s[:, 0] / (s[:, 1] + s[:, 2])),
        "false_alarms": OfSums(columns, lambda s: 100 * s[:, 3] / s[:, 4]),
    }


def spearman(truth: ArrayLike, predicted: ArrayLike) -> OfItems:
    """Pearson's correlation of the ranks, ties sharing their mean rank."""
    x, y = (np.unique(a, return_inverse=True)[1] for a in _pair(truth, predicted))

    def fn(weight: Values) -> float:
        keep = weight > 0
        w = weight[keep]
        a, b = (_ranks(codes, weight)[keep] for codes in (x, y))
        if w.sum() < 2:
            return math.nan
        a, b = a - np.average(a, weights=w), b - np.average(b, weights=w)
        scale = math.sqrt(float((w * a * a).sum()) * float((w * b * b).sum()))
        return float((w * a * b).sum()) / scale if scale > 1e-9 else math.nan

    return OfItems(fn)


def auc(positive: ArrayLike, score: ArrayLike) -> OfItems:
    """Area under the ROC curve: how often a positive has the higher score, ties counting half."""
    truth = np.asarray(positive, dtype=bool)
    codes = np.unique(np.asarray(score, dtype=np.float64), return_inverse=True)[1]

    def fn(weight: Values) -> float:
        yes, no = (np.bincount(codes, weight * side, minlength=1) for side in (truth, ~truth))
        pairs = float(yes.sum() * no.sum())
        return float((yes * (np.cumsum(no) - no / 2)).sum()) / pairs if pairs else math.nan

    return OfItems(fn)


def best_threshold(wrong: ArrayLike, probability: ArrayLike) -> float:
    """The probability from which flagging gives the highest F1 on these very items."""
    truth, stated = np.asarray(wrong, dtype=bool), np.asarray(probability, dtype=np.float64)
    order = np.argsort(-stated, kind="stable")
    hits, found = np.cumsum(truth[order]), np.arange(1, len(order) + 1)
    f1 = 2 * hits / (found + max(int(truth.sum()), 1))
    # Items of equal probability are flagged together: only the last of them ends a choice.
    ends = np.append(np.diff(stated[order]) != 0, True)
    return float(stated[order][np.argmax(np.where(ends, f1, -1.0))])


def _ranks(codes: NDArray[np.intp], weight: Values) -> Values:
    counts = np.bincount(codes, weight)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[codes])


def _pair(first: ArrayLike, second: ArrayLike) -> tuple[Values, Values]:
    x, y = (np.asarray(a, dtype=np.float64).ravel() for a in (first, second))
    if len(x) != len(y):
        raise ValueError(f"{len(x)} and {len(y)} items cannot be compared one to one")
    return x, y
