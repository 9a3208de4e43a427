"""How far people who judge the same things agree: kappa, weighted kappa, intraclass correlation.

Chance-corrected, so that two graders who call everything right do not look wise. What is not
defined, such as the agreement of graders who never vary, is nan: it is never 0 or 1.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from speechtutor.core.score import RATED_WRONG
from speechtutor.metrics import Interval, pcc, speaker_bootstrap

Weights = Literal["none", "linear", "quadratic"]
Values = NDArray[np.float64]

_WEIGHT: dict[Weights, Callable[[Values], Values]] = {
    "none": lambda gap: (gap != 0).astype(np.float64),
    "linear": np.abs,
    "quadratic": np.square,
}


def kappa(first: ArrayLike, second: ArrayLike, weights: Weights = "none") -> float:
    """Cohen's kappa of two graders over the same items: 1 agreement, 0 what chance would give.

    Categories are numbers. Without weights every disagreement counts alike (Cohen, 1960); with
    them it counts by the distance of the categories or its square (Cohen, 1968). The quadratic
    one is nearly the intraclass correlation (Fleiss and Cohen, 1973).

    >>> kappa([0, 0, 1, 1], [0, 1, 1, 1])
    0.5

    Raises:
        ValueError: when the numbers of items differ, or a category is not finite.
    """
    x, y = (np.asarray(a, dtype=np.float64).ravel() for a in (first, second))
    if len(x) != len(y):
        raise ValueError(f"{len(x)} and {len(y)} items cannot be compared one to one")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("a category must be a finite number")
    if not len(x):
        return float("nan")
    weight = _WEIGHT[weights]
    kinds_x, share_x = _shares(x)
    kinds_y, share_y = _shares(y)
    chance = float(share_x @ weight(kinds_x[:, None] - kinds_y[None, :]) @ share_y)
    return 1 - float(weight(x - y).mean()) / chance if chance else float("nan")


def _shares(values: Values) -> tuple[Values, Values]:
    kinds, counts = np.unique(values, return_counts=True)
    return kinds, counts / len(values)


@dataclass(frozen=True, slots=True)
class Icc:
    """Intraclass correlation, two-way random effects, absolute agreement.

    `single` is ICC(2,1), how far one grader can be trusted; `average` is ICC(2,k), how far the
    mean of the k graders can.
    """

    single: float
    average: float
    n_items: int
    n_graders: int


def icc(ratings: ArrayLike) -> Icc:
    """ICC(2,1) and ICC(2,k) of ratings with shape (n_items, n_graders) (Shrout and Fleiss, 1979).

    Absolute agreement: a grader who is stricter than the others lowers it, unlike a correlation.

    Raises:
        ValueError: when the array has another shape or lacks ratings.
    """
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"ratings must have shape (n_items, n_graders), not {table.shape}")
    if not np.isfinite(table).all():
        raise ValueError("every grader must have rated every item")
    n, k = table.shape
    if n < 2 or k < 2:
        return Icc(float("nan"), float("nan"), n, k)
    mean, items, graders = table.mean(), table.mean(axis=1), table.mean(axis=0)
    between_items = k * float(np.sum((items - mean) ** 2)) / (n - 1)
    between_graders = n * float(np.sum((graders - mean) ** 2)) / (k - 1)
    rest = table - items[:, None] - graders[None, :] + mean
    residual = float(np.sum(rest**2)) / ((n - 1) * (k - 1))
    bias = (between_graders - residual) / n
    return Icc(
        _ratio(between_items - residual, between_items + (k - 1) * residual + k * bias),
        _ratio(between_items - residual, between_items + bias),
        n,
        k,
    )


def _ratio(part: float, whole: float) -> float:
    # Rounding leaves a trace of variance where every rating is the same.
    return part / whole if abs(whole) > 1e-12 else float("nan")


def alpha(ratings: ArrayLike) -> float:
    """Krippendorff's alpha for numbers: any number of graders, each of whom may have left items out.

    `ratings` (n_items, n_graders), nan where a grader said nothing; items that one grader alone judged do
    not count. 1 is agreement, 0 what chance would give (Krippendorff, 2004, with the interval metric).

    Raises:
        ValueError: when the array has another shape.
    """
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"ratings must have shape (n_items, n_graders), not {table.shape}")
    there = np.isfinite(table)
    n_each = there.sum(axis=1)
    table, there, n_each = table[n_each > 1], there[n_each > 1], n_each[n_each > 1]
    n = int(n_each.sum())
    if not n:
        return float("nan")
    # The sum of squared differences of all ordered pairs of m values is 2 m times that of their deviations.
    known = np.where(there, table, 0.0)
    means = known.sum(axis=1) / n_each
    apart = (np.where(there, table - means[:, None], 0.0) ** 2).sum(axis=1)
    observed = float((2 * n_each * apart / (n_each - 1)).sum()) / n
    values = table[there]
    expected = 2 * n * float(((values - values.mean()) ** 2).sum()) / (n * (n - 1))
    return 1 - observed / expected if expected > 1e-12 else float("nan")


LEVELS = (RATED_WRONG, 0.75)
"""Scores in [0, 1] at which a sound stops being wrong, and becomes right: the corpus's 0, 1, 2 rounded."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How two graders agree on the items that both judged; scores in [0, 1].

    `kappa` is over three levels (wrong, unclear, right; see `LEVELS`), `weighted` the quadratic
    kappa of the scores rounded to tenths, `icc_single` and `icc_average` ICC(2,1) and ICC(2,2) of
    the scores, `bias` the mean of second minus first, `pcc` their correlation, which does not see that
    one is stricter than the other.
    """

    n_items: int
    kappa: Interval
    weighted: Interval
    icc_single: Interval
    icc_average: Interval
    bias: Interval
    same_level: float
    pcc: Interval


def levels(scores: ArrayLike) -> NDArray[np.int64]:
    """0 wrong, 1 unclear, 2 right."""
    return np.searchsorted(LEVELS, np.asarray(scores, dtype=np.float64), side="right").astype(np.int64)


def agreement(
    first: ArrayLike, second: ArrayLike, groups: Sequence[Hashable], *, n: int = 1000, seed: int = 0
) -> Agreement:
    """All measures of two graders, with 95 % intervals over `groups` (who spoke each item).

    Raises:
        ValueError: when there are no items or the numbers of items differ.
    """
    x, y = (np.asarray(a, dtype=np.float64).ravel() for a in (first, second))
    if not len(x) == len(y) == len(groups):
        raise ValueError(f"{len(x)}, {len(y)} and {len(groups)} items cannot be compared one to one")
    coarse_x, coarse_y = levels(x), levels(y)
    tenths_x, tenths_y = np.rint(10 * x), np.rint(10 * y)
    both = np.column_stack([x, y])

    def over(fn: Callable[[NDArray[np.intp]], float]) -> Interval:
        return speaker_bootstrap(fn, groups, n, seed)

    return Agreement(
        n_items=len(x),
        kappa=over(lambda i: kappa(coarse_x[i], coarse_y[i])),
        weighted=over(lambda i: kappa(tenths_x[i], tenths_y[i], "quadratic")),
        icc_single=over(lambda i: icc(both[i]).single),
        icc_average=over(lambda i: icc(both[i]).average),
        bias=over(lambda i: float((y - x)[i].mean())),
        same_level=float(np.mean(coarse_x == coarse_y)),
        pcc=over(lambda i: pcc(x[i], y[i])),
    )
