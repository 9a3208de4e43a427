"""A placement: a few sentences, each the one that tells most, until the level is sure enough.

The next item is the one whose sounds have the most information about the learner's ability (Fisher's, of
the logistic model: Lord, 1980), under what is known so far. The level is a band of the overall score that
raters give to learners of that ability (`learner.priors.BANDS`); the profile says which sounds fall behind.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import erf, sqrt
from typing import TypeVar

from speechtutor.content.tables import read, sentence_bank
from speechtutor.core import Exercise, LearnerState
from speechtutor.learner import belief, skills
from speechtutor.learner.priors import BANDS, Prior, level_of, overall, prior_for
from speechtutor.text.phones import pronounce

MOST = 12
"""Items after which a placement ends, sure or not."""

LEAST = 5
"""Items before which it never ends: a first sentence may have been unlucky."""

SURE = 0.9
"""Probability of the level's band from which it ends."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a learner stands.

    `score` is the overall score in [0, 1] that raters would give, `error` its standard error, `sure` the
    probability of the level's band; `weak` are the skills that fall behind, the farthest first.
    """

    score: float
    error: float
    level: str
    sure: float
    weak: tuple[str, ...]


def information(state: LearnerState, text_skills: Sequence[tuple[str, str]], prior: Prior) -> float:
    """Fisher's information of some sounds (skill, word) about the ability, under the state."""
    found = 0.0
    for skill, word in text_skills:
        p = belief.sigmoid(belief.expected(state, skill, prior, word))
        known = state.skills.get(skill, belief.START)
        # What a sound says of the ability is blurred by what is not known of that sound.
        found += p * (1 - p) / (1 + p * (1 - p) * known.variance)
    return found


def next_item(
    state: LearnerState,
    bank: Sequence[Item],
    given: Collection[int],
    sounds: Callable[[Item], Sequence[tuple[str, str]]],
    prior: Prior | None = None,
) -> int | None:
    """The index of the item that tells most among those not given yet; None when the placement is over.

    An item is worth its information per sound of reading, so that long sentences do not win by length
    alone, times how much of it is new.
    """
    if is_over(state, len(given)):
        return None
    prior = prior or prior_for(state.l1)
    left = [i for i in range(len(bank)) if i not in given]
    if not left:
        return None

    def worth(i: int) -> tuple[float, int]:
        named = sounds(bank[i])
        new = len({skill for skill, _ in named if skill not in state.skills})
        return information(state, named, prior) / sqrt(len(named) or 1) * (1 + new / (len(named) or 1)), -i

    return max(left, key=worth)


def is_over(state: LearnerState, n_given: int) -> bool:
    """Whether enough was asked: `MOST` items, or a level that is sure after `LEAST`."""
    return n_given >= MOST or (n_given >= LEAST and placed(state).sure >= SURE)


def item(given: Sequence[Exercise], answered: Collection[str], state: LearnerState) -> Exercise | None:
    """The item that a learner is to say now: the one that was given and not answered, or the next one.

    `given` are the items so far, `answered` the ids of all exercises the learner has answered. None when
    the placement is over.
    """
    for one in given:
        if one.id not in answered:
            return one
    bank = sentence_bank()
    texts = {one.text for one in given}
    known = {i for i, one in enumerate(bank) if one.text in texts}
    found = next_item(state, bank, known, lambda one: sounds_of(one.text))
    return None if found is None else bank[found]


@lru_cache(maxsize=1024)
def sounds_of(text: str) -> tuple[tuple[str, str], ...]:
    """The sounds of a text in its citation form, each with its word in lower case."""
    return tuple(
        (skill, word.text.lower())
        for word in pronounce(text)
        for skill in skills.in_context(word.pronunciations[0])
    )


def placed(state: LearnerState, n_weak: int = 5) -> Placed:
    """Where the evidence so far puts a learner."""
    score = overall(state.ability.value)
    error = float(read("learner")["overall"][1]) * sqrt(state.ability.variance)
    level = level_of(score)
    edges = [*list(BANDS.values()), 2.0]
    low = list(BANDS).index(level)
    sure = _below((edges[low + 1] - score) / error) - (_below((edges[low] - score) / error) if low else 0.0)
    return Placed(score, error, level, sure, profile(state)[:n_weak])


def profile(state: LearnerState) -> tuple[str, ...]:
    """Sounds, clusters and contrasts that are behind what is expected of this learner, the farthest first.

    Behind is by at least one standard error: an estimate that is not sure says nothing.
    """
    kinds = ("sound", "cluster", "contrast")
    far = [(known.value / sqrt(known.variance), name) for name, known in state.skills.items()]
    return tuple(name for z, name in sorted(far) if z <= -1 and skills.kind_of(name) in kinds)


def _below(z: float) -> float:
    """The standard normal distribution."""
    return 0.5 * (1 + erf(z / sqrt(2)))
