"""A plan of batches by hand; the schedule of the rate by hand."""

from __future__ import annotations

import math

import pytest

from speechtutor.training.planned import Plan
from speechtutor.training.recipe import cosine


def test_epochs_of_different_length_stand_in_one_row() -> None:
    plan = Plan.of_epochs([[["a", "b"], ["c"]], [["d"]], [["e"], ["f"], ["g"]]])
    assert [list(batch) for batch in plan.batches] == [["a", "b"], ["c"], ["d"], ["e"], ["f"], ["g"]]
    assert plan.ends == (2, 3, 6)
    # Step 2 is the first of the second epoch, which has no other.
    assert [plan.epoch(step) for step in range(6)] == [0, 0, 1, 2, 2, 2]


def test_the_rate_goes_up_in_a_line_and_down_in_a_cosine() -> None:
    factor = cosine(4, 12)
    assert [factor(step) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    # A quarter, a half and all of the eight steps that are left: 0.5 * (1 + cos(pi * share)).
    assert factor(6) == pytest.approx(0.5 * (1 + math.sqrt(0.5)))
    assert factor(8) == pytest.approx(0.5) and factor(12) == pytest.approx(0.0)
    # Past the end it stays at zero, and does not come back up.
    assert factor(20) == pytest.approx(0.0)
