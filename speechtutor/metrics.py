"""How good a result is: error rates, correlations, detection, calibration, and intervals over speakers.

Pure functions of sequences and arrays. Rates are fractions. What is not defined, such as a
correlation with a constant, is nan: it is never 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Indices = NDArray[np.intp]
Statistic = Callable[[Indices], float]
"""A number computed from some of the items, which may repeat."""


@dataclass(frozen=True, slots=True)
class Edits:
    """Units of a hypothesis compared with its reference."""

    hits: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def errors(self) -> int:
        """Units that are wrong."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def length(self) -> int:
        """Units of the reference."""
        return self.hits + self.substitutions + self.deletions


def edits(references: Sequence[str], hypotheses: Sequence[str]) -> list[Edits]:
    """The word edits of each pair, by jiwer's minimum edit distance; units are split at white space.

    Raises:
        ValueError: when the numbers of texts differ.
    """
    import jiwer

    _same_length(references, hypotheses)
    outputs = (jiwer.process_words(r, h) for r, h in zip(references, hypotheses, strict=True))
    return [Edits(o.hits, o.substitutions, o.deletions, o.insertions) for o in outputs]


def error_rate(counted: Sequence[Edits]) -> float:
    """All errors over all units of the references: a long utterance counts for more than a short one.

    Without any reference unit it is the number of insertions, as in jiwer, so 0 when nothing was
    heard where nothing was said.
    """
    return sum(e.errors for e in counted) / max(sum(e.length for e in counted), 1)


def wer(references: Sequence[str], hypotheses: Sequence[str]) -> float:
    """Word error rate of a corpus; the texts are compared as they are, so normalise both before.

    >>> wer(["a b c", "d"], ["a x c", ""])
    0.5
    """
    return error_rate(edits(references, hypotheses))


def cer(references: Sequence[str], hypotheses: Sequence[str]) -> float:
    """Character error rate of a corpus: the word error rate with characters, spaces too, for words."""
    return per([list(text) for text in references], [list(text) for text in hypotheses])


def per(references: Sequence[Sequence[str]], hypotheses: Sequence[Sequence[str]]) -> float:
    """Phone error rate of a corpus of phone sequences.

    >>> per([["TH", "IH", "NG", "K"]], [["S", "IH", "NG", "K"]])
    0.25
    """
    # jiwer splits at spaces, so every symbol, a space too, becomes a word of its own.
    codes: dict[str, str] = {}

    def coded(sequence: Sequence[str]) -> str:
        return " ".join(codes.setdefault(symbol, f"u{len(codes)}") for symbol in sequence)

    return wer([coded(r) for r in references], [coded(h) for h in hypotheses])


def pcc(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Pearson's correlation: agreement in order and spacing, blind to bias and scale."""
    x, y = _pair(truth, predicted)
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt(x @ x) * np.sqrt(y @ y))
    return float(np.clip(x @ y / scale, -1.0, 1.0))


def mse(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Mean squared error: it sees the bias that a correlation does not."""
    x, y = _pair(truth, predicted)
    return float(np.mean((x - y) ** 2)) if len(x) else float("nan")


def spearman(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Pearson's correlation of the ranks, ties sharing their mean rank: agreement in order alone."""
    x, y = _pair(truth, predicted)
    return pcc(_ranks(x), _ranks(y))


def qwk(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Cohen's kappa with quadratic weights, for whole-number scores: 1 agreement, 0 chance.

    >>> qwk([0, 1, 2, 2], [0, 1, 2, 1])
    0.8
    """
    x, y = _pair(truth, predicted)
    if np.any(x != np.round(x)) or np.any(y != np.round(y)):
        raise ValueError("quadratic kappa needs whole-number scores")
    if not len(x):
        return float("nan")
    # Mean squared difference when every x meets every y: what chance would give.
    chance = float(x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    return 1 - float(np.mean((x - y) ** 2)) / chance if chance else float("nan")


@dataclass(frozen=True, slots=True)
class Detection:
    """How well errors were found; a share of nothing is nan."""

    precision: float
    recall: float
    f1: float


def mdd(wrong: ArrayLike, flagged: ArrayLike) -> Detection:
    """Mispronunciation detection: of the phones flagged how many are wrong, of the wrong how many flagged."""
    truth, found = (np.asarray(a, dtype=bool) for a in (wrong, flagged))
    _same_length(truth, found)
    hits = int(np.sum(truth & found))
    n_found, n_wrong = int(found.sum()), int(truth.sum())
    return Detection(_share(hits, n_found), _share(hits, n_wrong), _share(2 * hits, n_found + n_wrong))


def mdd_f1(wrong: ArrayLike, flagged: ArrayLike) -> float:
    """Harmonic mean of precision and recall of `mdd`: right where wrong phones are rare."""
    return mdd(wrong, flagged).f1


def auc(positive: ArrayLike, score: ArrayLike) -> float:
    """Area under the ROC curve: how often a positive has the higher score, ties counting half."""
    truth = np.asarray(positive, dtype=bool)
    values = np.asarray(score, dtype=np.float64)
    _same_length(truth, values)
    n_positive, n_negative = int(truth.sum()), int((~truth).sum())
    if not n_positive or not n_negative:
        return float("nan")
    above = float(_ranks(values)[truth].sum()) - n_positive * (n_positive + 1) / 2
    return above / (n_positive * n_negative)


def ece(happened: ArrayLike, probability: ArrayLike, n_bins: int = 10) -> float:
    """Expected calibration error (Naeini et al., 2015): how far stated probabilities are from shares.

    Probabilities fall in `n_bins` equal bins of [0, 1]; the gaps are weighted by the bins' sizes.
    """
    truth, stated = _pair(happened, probability)
    if np.any((stated < 0) | (stated > 1)):
        raise ValueError("probabilities must be in [0, 1]")
    if not len(truth):
        return float("nan")
    index = np.minimum((stated * n_bins).astype(int), n_bins - 1)
    gaps = np.bincount(index, weights=truth - stated, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(truth))


LEAST_SPEAKERS = 5
"""With fewer, whole speakers drawn with replacement say nothing of other speakers: no interval, no test."""
LEAST_DEFINED = 0.95
"""Share of the draws in which a figure must be defined: the rest would be a choice among the draws."""


def too_few(n: int, of: str = "speakers") -> str:
    """Why nothing can be said of so few, "" when they are enough."""
    return "" if n >= LEAST_SPEAKERS else f"too few {of}: {n} of at least {LEAST_SPEAKERS}"


def percentile_bounds(
    draws: NDArray[np.float64], n_groups: int, of: str = "speakers"
) -> tuple[float, float, str]:
    """The 95 % percentile interval of draws (Efron, 1979), or nan twice and the reason why there is none.

    The one place that decides when an interval may be given: from `LEAST_SPEAKERS` on, and where the
    figure is defined in nearly all draws. `n_groups` are the speakers (`of`) behind the draws, shape (n,).
    """
    defined = draws[~np.isnan(draws)]
    why = too_few(n_groups, of)
    if not why and len(defined) < LEAST_DEFINED * len(draws):
        why = f"not defined in {len(draws) - len(defined)} of {len(draws)} draws"
    if why:
        return math.nan, math.nan, why
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high), ""


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with its 95 % bootstrap interval; `n_groups` speakers were drawn from.

    Where there is no interval, `low` and `high` are nan and `why` says the reason.
    """

    value: float
    low: float
    high: float
    n_groups: int
    why: str = ""

    def __str__(self) -> str:
        if self.why:
            return f"{self.value:.3f} ({self.why})"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def speaker_bootstrap(fn: Statistic, groups: Sequence[Hashable], n: int = 1000, seed: int = 0) -> Interval:
    """A 95 % percentile interval of `fn`, drawing whole speakers with replacement (Efron, 1979).

    `groups` says of each item who spoke it. Utterances of one speaker are alike, so drawing single
    ones would make the interval several times too narrow. With fewer than `LEAST_SPEAKERS`, or where
    `fn` is nan in more than a few draws, there are no bounds (`percentile_bounds`).

    Raises:
        ValueError: when there are no items or no draws.
    """
    members = _members(groups)
    if n < 1 or not members:
        raise ValueError("a bootstrap needs at least one draw and one item")
    rng = np.random.default_rng(seed)
    drawn = np.empty(n)
    for i in range(n):
        chosen = rng.integers(len(members), size=len(members))
        drawn[i] = fn(np.concatenate([members[c] for c in chosen]))
    bounds = percentile_bounds(drawn, len(members))
    return Interval(float(fn(np.arange(len(groups)))), *bounds[:2], len(members), bounds[2])


def paired_bootstrap(
    first: Statistic, second: Statistic, groups: Sequence[Hashable], n: int = 1000, seed: int = 0
) -> Interval:
    """The interval of `first` minus `second` over the same draws of speakers.

    Two systems share their hard speakers, so the difference is known better than either value.
    """
    return speaker_bootstrap(lambda index: first(index) - second(index), groups, n, seed)


def _members(groups: Sequence[Hashable]) -> list[Indices]:
    by_group: dict[Hashable, list[int]] = {}
    for i, group in enumerate(groups):
        by_group.setdefault(group, []).append(i)
    return [np.array(indices, dtype=np.intp) for indices in by_group.values()]


def _same_length(
    first: Sequence[object] | NDArray[np.generic], second: Sequence[object] | NDArray[np.generic]
) -> None:
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} items cannot be compared one to one")


def _pair(first: ArrayLike, second: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = (np.asarray(a, dtype=np.float64).ravel() for a in (first, second))
    _same_length(x, y)
    return x, y


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1, equal values sharing the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], dtype=np.float64)
