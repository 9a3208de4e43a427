"""What was planned for a learner: a session by their minutes and goals, or what a teacher gave them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from speechtutor.core import Exercise, LearnerState
from speechtutor.core.profile import Profile
from speechtutor.learner.store import SqlStore
from speechtutor.pipeline import Coach
from speechtutor.practice import assigned, course, path
from speechtutor.practice.exercises import in_language
from speechtutor.practice.grading import Grade, grades
from speechtutor.practice.path import Step


def profile_of(coach: Coach, who: str) -> Profile:
    """What a learner says of themselves, where the store keeps that."""
    return coach.store.profiles.get(who) if isinstance(coach.store, SqlStore) else Profile(who)


def session(
    coach: Coach, who: str, lang: str, rng: np.random.Generator, recent: Sequence[Exercise]
) -> tuple[int, tuple[Step, ...]]:
    """The minutes that a learner has a day, and what to do in them."""
    profile, now = profile_of(coach, who), datetime.now(UTC)
    steps = course.plan(coach.learner(who, lang), profile, profile.minutes, now, rng, recent, lang)
    return profile.minutes, tuple(steps)


def warm() -> None:
    """Look at the sentences of the usual level before anybody asks for a session: it takes seconds once."""
    profile, now = Profile("nobody"), datetime.now(UTC)
    course.plan(LearnerState(), profile, profile.minutes, now, np.random.default_rng(0))


def work(coach: Coach, who: str, lang: str) -> list[Grade]:
    """All homework of a learner with what it is worth so far, by due day."""
    return assigned.results(coach.store, None, who, lang) if isinstance(coach.store, SqlStore) else []


def homework(coach: Coach, who: str, lang: str, asked: str, shown: str) -> tuple[Grade | None, int]:
    """The exercise to say now, None where there is none, and how many are not done.

    It is the one of the id `asked`, else the next that is not done after the one that is `shown`, so that
    "Next" goes through all of them.
    """
    found = work(coach, who, lang)
    places = [grade.task.exercise.id for grade in found]
    after = places.index(shown) + 1 if shown in places else 0
    left = [grade for grade in (*found[after:], *found[:after]) if not grade.done]
    named = [grade for grade in found if grade.task.exercise.id == asked]
    return next(iter((*named, *left)), None), len(left)


def step(coach: Coach, who: str, lang: str, grade: Grade) -> Step:
    """An exercise of a homework with why it is given."""
    exercise = in_language(grade.task.exercise, lang)
    return path.explained(coach.learner(who, lang), exercise, datetime.now(UTC))


def graded(coach: Coach, grade: Grade | None, who: str, lang: str) -> Grade | None:
    """What an exercise of a homework is worth after another take; None where there is none."""
    if grade is None or not isinstance(coach.store, SqlStore):
        return grade
    (found,) = grades([grade.task], coach.store.attempts(who), lang)
    return found
