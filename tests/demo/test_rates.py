"""Whose takes are counted together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from demo.learners import GUEST
from demo.rates import Rates, user_of


def request(host: str = "10.0.0.7", page: str | None = None, account: str | None = None) -> Any:
    return SimpleNamespace(client=SimpleNamespace(host=host), session_hash=page, username=account)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (user_of("", request(page="a")), user_of("", request(page="b")), False),
        (user_of("", request(page="a")), user_of("", request(page="a")), True),
        (user_of(GUEST, request(page="a")), user_of(GUEST, request(page="b")), False),
        (user_of("ana", request(page="a")), user_of("ana", request(page="b")), True),
        (user_of("ana", request()), user_of("ana", request("10.0.0.8")), False),
        (user_of("ana", request()), user_of("ben", request()), False),
        (user_of("page a", request()), user_of("", request(page="a")), False),
        (user_of("ana", request(account="ana")), user_of("ana", request("h", account="ana")), True),
        (user_of("ana", request(account="ana")), user_of("account ana", request("")), False),
        (user_of("", None), user_of("", None), True),
    ],
)
def test_who_is_the_same(one: str, other: str, *, same: bool) -> None:
    assert (one == other) == same


def test_a_class_behind_one_door_is_not_one_learner() -> None:
    rates = Rates("2/minute")
    for page in "abcdefgh":
        assert [rates.wait(user_of("", request(page=page))) for _ in range(2)] == [0, 0]
    assert 1 <= rates.wait(user_of("", request(page="a"))) <= 60
