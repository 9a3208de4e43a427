"""When to come back to a skill: FSRS (Ye, Su and Cao, 2022; the `fsrs` library, default weights of FSRS-6).

A skill is one card. What was heard of it in one attempt is one review; its rating comes from the mean
probability that it came out right. Intervals are not fuzzed: the same attempts give the same dates.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from speechtutor.core import Skill

if TYPE_CHECKING:
    from fsrs import Card, Rating, Scheduler

RETENTION = 0.9
"""Wanted probability of a skill still being there when it is due."""

HARD = 0.5
"""Mean probability of coming out right below which a skill was failed."""

LONGEST = 365
"""Days after which everything is due again."""

_LATEST = datetime(9000, 1, 1, tzinfo=UTC)  # a due date after it would not be a date any more


@cache
def _scheduler() -> Scheduler:
    from fsrs import Scheduler

    return Scheduler(
        desired_retention=RETENTION,
        learning_steps=(),
        relearning_steps=(),
        maximum_interval=LONGEST,
        enable_fuzzing=False,
    )


def rating(right: float) -> Rating:
    """FSRS's four answers from a probability: recovered at 0.9 is easy, at 0.75 good, at 0.5 hard."""
    from fsrs import Rating

    if right >= 0.75:
        return Rating.Easy if right >= 0.9 else Rating.Good
    return Rating.Hard if right >= HARD else Rating.Again


def _card(skill: Skill) -> Card:
    from fsrs import Card, State

    if skill.stability is None or skill.last is None:
        return Card(card_id=0)
    return Card(0, State.Review, None, skill.stability, skill.difficulty, skill.due, skill.last)


def reviewed(skill: Skill, right: float, at: datetime) -> Skill:
    """The skill after an attempt at a time (UTC) in which it came out right with a mean probability."""
    moment = min(at.astimezone(UTC), _LATEST)
    card, _ = _scheduler().review_card(_card(skill), rating(right), moment)
    failed = right < HARD
    return Skill(
        skill.value, skill.variance, skill.n, moment, card.due, card.stability, card.difficulty, failed
    )


def kept(skill: Skill, now: datetime) -> float:
    """The share of what was learnt that is still there, in (0, 1]; 1 for what was never practised."""
    if skill.stability is None or skill.last is None or (now - skill.last).days < 1:
        return 1.0  # FSRS counts whole days
    return float(_scheduler().get_card_retrievability(_card(skill), min(now.astimezone(UTC), _LATEST)))


def is_due(skill: Skill, now: datetime) -> bool:
    """Whether it is time to come back to a skill."""
    return skill.due is not None and skill.due <= now
