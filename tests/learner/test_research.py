"""Counts for research: of those who allow it, and of no few."""

from __future__ import annotations

from dataclasses import replace

import pytest

from speechtutor.core import LearnerState, Skill
from speechtutor.core.profile import Profile
from speechtutor.learner import belief
from speechtutor.learner.research import FEWEST, Cell, cells

KNOWN = {
    "sound:TH:onset": Skill(0.5, 0.1, 10),
    "word:secret": Skill(0.5, 0.1, 10),
    "sound:S:coda": Skill(0, 0.2, 2.9),
}


def people(n: int, **profile: object) -> list[tuple[Profile, LearnerState]]:
    base = replace(Profile("x", l1="es", level="A2", research=True), **profile)  # type: ignore[arg-type]
    return [(replace(base, learner=f"p{i}"), LearnerState(f"p{i}", l1="es", skills=KNOWN)) for i in range(n)]


def test_a_cell_of_enough() -> None:
    """All five have the same state, so the mean is that of one."""
    (found,) = cells(people(FEWEST))
    p = belief.believed(people(1)[0][1], "sound:TH:onset").p
    assert found == Cell("es", "A2", "sound:TH:onset", 5, round(p, 2), 10)


def test_a_cell_of_too_few_says_nothing_but_that() -> None:
    assert cells(people(FEWEST - 1)) == [Cell("es", "A2", "sound:TH:onset", None, None, None)]
    mixed = people(FEWEST) + people(1, l1="ja")
    assert [one.learners for one in cells(mixed)] == [5, None]


def test_who_does_not_allow_it_is_not_counted() -> None:
    assert cells(people(20, research=False)) == []
    assert [one.learners for one in cells(people(4) + people(9, research=False))] == [None]


def test_no_word_and_no_name_is_in_it() -> None:
    found = cells(people(9))
    assert [one.skill for one in found] == ["sound:TH:onset"], (
        "words are what somebody said; three are too little"
    )
    assert "p3" not in repr(found)


def test_each_learner_weighs_the_same() -> None:
    """Nine times 0.5 above and once the same with a hundred observations: the mean of observations is 19."""
    busy = LearnerState("busy", l1="es", skills={"sound:TH:onset": Skill(0.5, 0.1, 100)})
    (found,) = cells([*people(9), (Profile("busy", l1="es", level="A2", research=True), busy)])
    assert found.learners == 10 and found.observations == pytest.approx(19)
