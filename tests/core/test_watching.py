"""Work that is watched: shares of parts of parts, and an end where the watcher wants one."""

from __future__ import annotations

import pytest

from speechtutor.core.watching import Stopped, each, part, watched


def test_shares_of_parts_of_parts() -> None:
    told: list[float] = []
    with watched(told.append):
        with part(0.0, 0.5):
            assert list(each("ab")) == ["a", "b"]
        with part(0.5, 1.0), part(0.0, 0.5):
            assert list(each([1])) == [1]
    assert told == [0.0, 0.25, 0.5, 0.5, 0.75]


def test_nobody_watches() -> None:
    with part(0.0, 0.5):
        assert list(each("ab")) == ["a", "b"]
    with watched(lambda share: None):
        pass
    told: list[float] = []
    with watched(told.append):
        pass
    assert list(each("a")) == ["a"] and told == [], "the watcher is gone after its work"


def test_a_watcher_ends_the_work_where_it_is() -> None:
    seen = []

    def told(share: float) -> None:
        if share >= 0.5:
            raise Stopped

    with pytest.raises(Stopped), watched(told):
        for one in each("abcd"):
            seen.append(one)
    assert seen == ["a", "b"]
