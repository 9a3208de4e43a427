"""What may leave the house for research: counts over many learners, none of a few.

Only learners who allow it are counted, nobody's name, words, days or recordings leave, and a cell of fewer
than `FEWEST` learners says nothing but that (a threshold rule; Hundepool and others, 2012, "Statistical
Disclosure Control"). No totals are given, from which a cell that is left out could be computed; within a
cell every learner weighs the same, so that one who practises much does not stand for all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from speechtutor.core import LearnerState
from speechtutor.core.profile import Profile
from speechtutor.learner import belief, skills

FEWEST = 5
"""Learners in a cell that is told."""

OF_KINDS = frozenset({"sound", "cluster", "contrast", "stress", "grammar"})
"""Kinds of skills that are counted: words are what somebody said."""

MET = 3.0
"""Observations' worth of evidence that a learner must have of a skill to be counted."""

COLUMNS = ("l1", "level", "skill", "learners", "p", "observations")


@dataclass(frozen=True, slots=True)
class Cell:
    """Learners of a first language and level and a skill: how many, the mean p, the mean observations each.

    None where there are fewer than `FEWEST`; `learners` is then None as well.
    """

    l1: str
    level: str
    skill: str
    learners: int | None
    p: float | None
    observations: float | None


def cells(known: Iterable[tuple[Profile, LearnerState]]) -> list[Cell]:
    """The table over all learners who allow it, in alphabetical order."""
    told: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    for profile, state in known:
        if not profile.research:
            continue
        met = [
            name for name, one in state.skills.items() if one.n >= MET and skills.kind_of(name) in OF_KINDS
        ]
        for name, one in belief.all_believed(state, met).items():
            told[profile.l1 or "", profile.level or "", name].append((one.p, one.n))
    return [_cell(key, values) for key, values in sorted(told.items())]


def _cell(key: tuple[str, str, str], values: list[tuple[float, float]]) -> Cell:
    if len(values) < FEWEST:
        return Cell(*key, None, None, None)
    n = len(values)
    p, times = (sum(column) / n for column in zip(*values, strict=True))
    # Two digits: no exact mean from which the value of one learner could be taken apart.
    return Cell(*key, n, round(p, 2), round(times))
