"""Whether two systems, or two groups of speakers, differ by more than chance would give.

The unit is the speaker. Of two systems that heard the same speakers nothing would change, were they the
same, if the two were swapped for a speaker: the difference is looked at under every way to swap (sign
flips; Fisher, 1935), or under many drawn ones. Of two groups nothing would change if speakers had stood
in the other one: every way to choose, or many. p is the share of ways with a difference as large, so with
k speakers it is never below 2^(1-k), and no bootstrap of a handful of people can make it smaller.

All tests of one table are one family: p is corrected by Holm (1979), so that of all tables in which
nothing differs one in twenty says that something does.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from speechtutor.evaluation.labelled import Labelled
from speechtutor.evaluation.sampling import Values
from speechtutor.metrics import LEAST_SPEAKERS

ALPHA = 0.05
MOST_EXACT = 2048
"""Ways that are all looked at: those of up to twelve speakers who are swapped."""
DRAWN = 9999
"""Ways that are drawn where there are more."""
FIRST, SECOND = "1 ", "2 "
"""What a speaker's name begins with on either side of a pair."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How speakers could have stood on the two sides, one way a row; the first row is how they stood.

    `first` and `second` are the weights of the units on each side, shape (n_ways, n_units); `index` finds a
    unit by name and `speaker` (n_units,) says who it is. `both` is whether every speaker is on both sides.
    """

    first: Values
    second: Values
    index: dict[Hashable, int]
    speaker: NDArray[np.intp]
    both: bool

    def p(self, asked: Labelled) -> float | None:
        """The two-sided p of a difference, None where it is not defined or of too few speakers.

        A way in which the figure is not defined counts as one with a difference as large.
        """
        codes = np.array([self.index[name] for name in asked.who], dtype=np.intp)
        if self._fewest(codes) < LEAST_SPEAKERS:
            return None
        change = asked.figure.over(self.first, codes) - asked.figure.over(self.second, codes)
        if math.isnan(change[0]):
            return None
        # Equal differences may differ by how they were rounded.
        least = abs(change[0]) * (1 - 1e-9) - 1e-12
        return float(np.mean(~(np.abs(change) < least)))

    def _fewest(self, codes: NDArray[np.intp]) -> int:
        """How many speakers have an item, on the side that has fewer."""
        if self.both:
            return len(np.unique(self.speaker[codes]))
        side = self.first[0] > 0
        return min(len(np.unique(codes[side[codes]])), len(np.unique(codes[~side[codes]])))


def swaps(speakers: Sequence[str], seed: int = 0) -> Ways:
    """Two systems on the same speakers; items are named `FIRST` + speaker or `SECOND` + speaker.

    Swapping everybody only turns the sign, so the first speaker need never be swapped: 2^(k-1) ways.
    """
    names = list(dict.fromkeys(speakers))
    k = len(names)
    if 2 ** (k - 1) <= MOST_EXACT:
        bits = np.arange(2 ** (k - 1))[:, None] >> np.arange(k - 1)[None, :] & 1
        swapped = np.column_stack([np.zeros(len(bits)), bits]).astype(np.float64)
    else:
        drawn = np.random.default_rng(seed).integers(2, size=(DRAWN, k))
        swapped = np.vstack([np.zeros(k), drawn]).astype(np.float64)
    units = [side + name for side in (FIRST, SECOND) for name in names]
    return Ways(
        np.hstack([1 - swapped, swapped]),
        np.hstack([swapped, 1 - swapped]),
        {unit: i for i, unit in enumerate(units)},
        np.tile(np.arange(k), 2),
        True,
    )


def regroupings(first: Sequence[str], second: Sequence[str], seed: int = 0) -> Ways | None:
    """Two groups of different speakers; None when somebody is in both."""
    here, there = list(dict.fromkeys(first)), list(dict.fromkeys(second))
    if set(here) & set(there):
        return None
    k, n = len(here), len(here) + len(there)
    if math.comb(n, k) <= MOST_EXACT:
        # In the order of `combinations` the first choice is the first k: as they stood.
        chosen = [list(way) for way in combinations(range(n), k)]
    else:
        rng = np.random.default_rng(seed)
        chosen = [list(range(k)), *(rng.permutation(n)[:k].tolist() for _ in range(DRAWN))]
    weights = np.zeros((len(chosen), n))
    np.put_along_axis(weights, np.array(chosen), 1.0, axis=1)
    index: dict[Hashable, int] = {name: i for i, name in enumerate((*here, *there))}
    return Ways(weights, 1 - weights, index, np.arange(n), False)


def holm(values: Sequence[float | None]) -> list[float | None]:
    """The p-values of one family corrected for their number (Holm, 1979); None is no test and stays so.

    >>> holm([0.01, None, 0.04, 0.03])
    [0.03, None, 0.06, 0.06]
    """
    ranked = sorted((p, i) for i, p in enumerate(values) if p is not None)
    found: list[float | None] = [None] * len(values)
    largest = 0.0
    for rank, (p, i) in enumerate(ranked):
        largest = max(largest, min(1.0, (len(ranked) - rank) * p))
        found[i] = largest
    return found


def differs(corrected: float | None) -> bool:
    """Whether a corrected p says that there is a difference."""
    return corrected is not None and corrected <= ALPHA
