"""Clearness is that of the neighbours, by hand, and not of the phone itself or of what is far."""

from __future__ import annotations

import numpy as np
import pytest

from speechtutor.scoring.clearness import REACH, clearness


def numbers(n: int = 20) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return -rng.random(n), -1 - rng.random(n)


def test_it_is_medians_means_and_a_share_of_the_neighbours() -> None:
    own, best = numbers()
    best[5] = 3.0
    row = clearness(own, best)[2]
    near = [0, 1, *range(3, 3 + REACH)]
    wanted = [np.median(own[near]), np.median(best[near]), own[near].mean(), best[near].mean(), 1 / len(near)]
    assert row.tolist() == pytest.approx(wanted)


def test_neither_the_phone_itself_nor_what_is_far_goes_in() -> None:
    own, best = numbers()
    before = clearness(own, best)
    best[4], own[4] = 9.0, -9.0
    after = clearness(own, best)
    same = [i for i in range(len(own)) if np.array_equal(before[i], after[i])]
    assert same == [4, *range(4 + REACH + 1, len(own))]


def test_a_phone_alone_has_no_surroundings() -> None:
    assert clearness(np.array([-1.0]), np.array([2.0])).tolist() == [[0.0] * 5]


def one_by_one(own: np.ndarray, best: np.ndarray) -> np.ndarray:
    """The same phone by phone, as slow as it is plain."""
    values, rows = np.column_stack([own, best]), np.zeros((len(best), 5))
    for i in range(len(best)):
        near = [k for k in range(max(i - REACH, 0), min(i + REACH + 1, len(best))) if k != i]
        if near:
            beaten = (best[near] > 0).mean()
            rows[i] = [*np.median(values[near], 0), *values[near].mean(0), beaten]
    return rows


@pytest.mark.parametrize("n", [1, 2, 3, REACH, 2 * REACH, 2 * REACH + 1, 40])
def test_all_phones_at_once_are_as_each_alone(n: int) -> None:
    rng = np.random.default_rng(n)
    own, best = -rng.random(n), rng.normal(size=n)
    np.testing.assert_allclose(clearness(own, best), one_by_one(own, best), rtol=0, atol=1e-12)
