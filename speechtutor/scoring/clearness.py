"""How well an ear hears what stands around a phone.

Where an ear is unsure of everything, a ratio in favour of another sound says less: a room, a line, an accent
it does not know.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

REACH = 8
"""Phones to each side; nothing further away is seen."""


def clearness(own: Array, best: Array) -> Array:
    """(n_phones, 5) of the phones around each one, itself left out; zeros where it stands alone.

    `own` (n_phones,) is the canonical phone's mean log posterior, `best` the best alternative's likelihood
    ratio, both on any scale. Columns: the medians of both, their means, the share that another sound beats.
    """
    n = len(best)
    if n < 2:
        return np.zeros((n, 5))
    # One row of places per phone, itself left out; beyond the ends there is nan, which sorts last.
    places = np.arange(n)[:, None] + np.delete(np.arange(-REACH, REACH + 1), REACH)
    there = (places >= 0) & (places < n)
    places = np.where(there, places, 0)
    counts, rows = there.sum(1), np.arange(n)
    columns: list[Array] = []
    for values in (own, best):
        near = np.sort(np.where(there, values[places], np.nan), axis=1)
        columns.append((near[rows, (counts - 1) // 2] + near[rows, counts // 2]) / 2)
    for values in (own, best, (best > 0).astype(np.float64)):
        columns.append(np.where(there, values[places], 0.0).sum(1) / counts)
    return np.column_stack(columns)
