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
    values = np.column_stack([own, best])
    beaten = best > 0
    rows = np.zeros((len(best), 5))
    for i in range(len(best)):
        near = [k for k in range(max(i - REACH, 0), min(i + REACH + 1, len(best))) if k != i]
        if near:
            rows[i] = [*np.median(values[near], 0), *values[near].mean(0), beaten[near].mean()]
    return rows
