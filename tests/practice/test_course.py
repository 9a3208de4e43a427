"""A session: as long as it was asked, of what the learner wants, each with a reason, and remembered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from speechtutor.core import LearnerState, Skill
from speechtutor.core.profile import Profile
from speechtutor.errors import InputError
from speechtutor.learner.profiles import GOALS
from speechtutor.learner.store import SqlStore
from speechtutor.practice import course, library, path
from speechtutor.practice.course import KINDS, OWN_SECONDS, READ_SECONDS, plan
from speechtutor.practice.exercises import KINDS as EVERY

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ANA = Profile("ana", level="A2")


def planned(
    profile: Profile = ANA, minutes: int = 10, state: LearnerState | None = None, seed: int = 0
) -> list[path.Step]:
    return plan(state or LearnerState("ana"), profile, minutes, NOW, np.random.default_rng(seed))


def test_every_goal_is_served_by_kinds_there_are() -> None:
    assert tuple(KINDS) == GOALS
    assert sorted(kind for kinds in KINDS.values() for kind in kinds) == sorted(EVERY)


def test_it_takes_the_time_that_it_was_given() -> None:
    """Ten minutes: 400 s are ten readings of 40 s, the other 200 s two answers of 90 s."""
    found = planned()
    read = [one for one in found if one.exercise.is_read]
    assert (len(read), len(found) - len(read)) == (10, 2)
    for minutes in (1, 5, 30):
        steps = planned(minutes=minutes)
        spent = sum(READ_SECONDS if one.exercise.is_read else OWN_SECONDS for one in steps)
        assert abs(spent - 60 * minutes) <= OWN_SECONDS
    for minutes in (0, 241):
        with pytest.raises(InputError, match="1 to 240 minutes"):
            planned(minutes=minutes)


def test_goals_choose_the_kinds() -> None:
    for goal in GOALS:
        kinds = {one.exercise.kind for one in planned(replace(ANA, goals=(goal,)))}
        assert kinds and kinds <= set(KINDS[goal])
    assert {one.exercise.kind for one in planned()} <= set(KINDS["pronunciation"] + KINDS["fluency"])


def test_nothing_comes_twice_and_all_is_of_the_level() -> None:
    found = planned(minutes=30)
    assert len({one.exercise.id for one in found}) == len(found)
    assert {one.exercise.level for one in found} == {"A2"}
    assert all(path.reason(one) and one.exercise.prompt for one in found)


def test_what_the_learner_likes_comes_before_what_teaches_as_much() -> None:
    def share(profile: Profile) -> float:
        about = {one.text: one.topic for one in library.items()}
        topics = [about.get(one.exercise.text) for one in planned(profile, 30)]
        return topics.count("food") / len(topics)

    assert share(replace(ANA, interests=("food",))) > 2 * share(ANA)


def test_due_sounds_are_covered() -> None:
    """Every skill sure and just met, but /θ/ at the start, which is due and weak."""
    far, late = datetime(2027, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    from speechtutor.learner.skills import graph

    known = {name: Skill(4.0, 0.01, 50, NOW, far, 200.0, 5.0) for name in graph()}
    known["sound:TH:onset"] = Skill(-3.0, 0.01, 50, late, late, 1.0, 5.0)
    state = LearnerState("ana", skills=known, ability=Skill(0.0, 0.01, 500))
    first = planned(replace(ANA, goals=("pronunciation",)), 5, state)[0]
    assert first.skill in (
        "sound:TH:onset",
        *(name for name in graph() if name.startswith("contrast") and "TH" in name),
    )
    assert "θ" in path.reason(first)


def test_the_level_is_what_was_heard_once_something_was() -> None:
    weak = LearnerState("ana", ability=Skill(-3.0, 0.1, 40))
    assert course.level_for(weak, replace(ANA, level="C1")) == "A1"
    assert course.level_for(LearnerState("ana"), replace(ANA, level="C1")) == "C1"
    assert course.level_for(LearnerState("ana"), Profile("ana")) in ("A2", "B1")


def test_a_session_is_remembered_and_answered_by_id(tmp_path: Path) -> None:
    store = SqlStore(f"sqlite:///{tmp_path / 'learners.db'}")
    store.profiles.put(Profile("ana", l1="es", level="A2", minutes=3), NOW)
    steps = course.give(store, "ana", None, NOW, np.random.default_rng(0), "es")
    assert len(steps) == len(planned(minutes=3))
    for one in steps:
        known = store.exercise("ana", one.exercise.id)
        assert known is not None and known.id == one.exercise.id and known.text == one.exercise.text
        assert one.exercise.prompt == known.prompt
    assert store.exercise("ben", steps[0].exercise.id) is None
