"""Whether a learner has changed, or scores have moved by themselves: "no real change yet" until shown.

Two measures. Of overall scores: the difference of two means against the noise of one sentence, which is
that of raters' scores of the train speakers, odd against even sentences (`noise` of `content/learner.toml`,
the reliable change index of Jacobson and Truax, 1991), or the learner's own spread where that is larger: a
scorer moves more than raters do. Of one skill: how far its estimate has moved against
how far it would move for somebody who stays the same, which for a filter is the variance it has lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import erfc, inf, sqrt

from speechtutor.content.tables import read
from speechtutor.core import LearnerState
from speechtutor.errors import InputError
from speechtutor.learner import belief

REAL = 1.96
"""Standard errors from which a change is called real: one in twenty would be by chance."""

CHANCE = 0.002
"""Share of those who stay the same that one look at their progress may call changed. People look every day:
of those whose sentences spread by 0.12, three a day, 4 % are told of a change in 60 days (53 % at 0.05)."""


@dataclass(frozen=True, slots=True)
class Change:
    """A difference with its standard error under no change; `real` beyond `limit` of those."""

    value: float
    error: float
    limit: float = REAL

    @property
    def real(self) -> bool:
        """Whether anything may be claimed."""
        return abs(self.value) > self.limit * self.error


def looked_at_daily(freedom: float = inf) -> float:
    """Standard errors that a change needs where somebody looks again and again; few sentences need more.

    `freedom` are the degrees of freedom of the spread (Student, 1908).
    """
    from scipy.special import ndtri, stdtrit

    return float(ndtri(1 - CHANCE / 2) if freedom == inf else stdtrit(max(freedom, 1), 1 - CHANCE / 2))


def overall_change(
    before: Sequence[float], after: Sequence[float], spread: float = 0.0, limit: float = REAL
) -> Change:
    """The change of overall scores in [0, 1] between two sets of sentences.

    `spread` is the standard deviation of one sentence that was seen of this learner and scorer, if any.

    Raises:
        InputError: when one of them is empty.
    """
    if not before or not after:
        raise InputError("a change is between two sets of sentences, and one of them is empty")
    noise = max(float(read("learner")["noise"]), spread)
    value = sum(after) / len(after) - sum(before) / len(before)
    return Change(value, noise * sqrt(1 / len(before) + 1 / len(after)), limit)


def skill_change(before: LearnerState, after: LearnerState, skill: str) -> Change:
    """The change of a skill, in log-odds, from an earlier state of the same learner to a later one.

    What faded or was added as doubt over time is no evidence, so it widens the error.
    """
    first, last = (state.skills.get(skill, belief.START) for state in (before, after))
    value = last.value - first.value + after.ability.value - before.ability.value
    lost = abs(first.variance - last.variance) + abs(before.ability.variance - after.ability.variance)
    days = 0.0 if first.last is None or last.last is None else (last.last - first.last).days
    return Change(value, sqrt(lost + belief.DRIFT * max(days, 0.0)))


def own_change(before: LearnerState, after: LearnerState, skill: str) -> Change:
    """The part of `skill_change` that this skill's own evidence bears out.

    Every sound rises a little when one does, by the ability they share: that is no change of theirs. So it is
    the smaller of the whole change and of that without ability; none where they disagree.
    """
    whole = skill_change(before, after, skill)
    first, last = (state.skills.get(skill, belief.START) for state in (before, after))
    own = Change(last.value - first.value, whole.error)
    if whole.value * own.value <= 0:
        return Change(0.0, whole.error)
    return min(whole, own, key=lambda one: abs(one.value))


def beyond(tested: Mapping[str, Change], level: float = 0.05) -> dict[str, Change]:
    """The changes that are beyond noise although so many were looked at (Holm, 1979), the surest first.

    Of learners who stay the same a share of `level` is told of any change; a change without an error is none.
    """
    p = {
        name: erfc(abs(one.value) / one.error / sqrt(2)) if one.error > 0 else 1.0
        for name, one in tested.items()
    }
    found: dict[str, Change] = {}
    for rank, name in enumerate(sorted(p, key=lambda name: (p[name], name))):
        if p[name] > level / (len(p) - rank):
            break
        found[name] = tested[name]
    return found
