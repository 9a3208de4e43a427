"""What is counted is said in the right number."""

from __future__ import annotations

import pytest

from speechtutor.core.wording import counted


@pytest.mark.parametrize(("n", "told"), [(0, "0 days"), (1, "1 day"), (2, "2 days"), (21, "21 days")])
def test_one_is_not_several(n: int, told: str) -> None:
    assert counted(n, "day") == told
