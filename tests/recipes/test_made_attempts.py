"""Made-up attempts: the rows that are put together from patterns are those that the store would write."""

from __future__ import annotations

import pytest

from recipes.shared import attempts
from speechtutor.learner.rows import row_of


@pytest.mark.parametrize("first", [0, 10_000])
def test_rows_are_those_of_the_attempts(first: int) -> None:
    made = list(attempts.attempts(3, 7, first, 60))
    assert attempts.rows(3, 7, first, 60) == [row_of(one) for one in made]
    assert len({one.learner for one in made}) == 7 and len({one.id for one in made}) == 60


def test_the_same_seed_gives_the_same_attempts() -> None:
    assert attempts.rows(0, 5, 20, 3) == attempts.rows(0, 5, 0, 23)[20:] != attempts.rows(1, 5, 20, 3)
