"""A session of so many minutes for one learner: what to do in it, in which order, and why.

What is read aloud is chosen as a set (`path.session`: the sounds and words that are due, covered by as few
sentences as possible), what is answered freely in turn among the kinds that serve the learner's goals.
Items about what the learner is interested in come before others that teach as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np

from speechtutor.content.tables import known_language
from speechtutor.core import Exercise, LearnerState
from speechtutor.core.lesson import READ_KINDS
from speechtutor.core.profile import Profile
from speechtutor.errors import InputError
from speechtutor.learner.priors import level_of, overall
from speechtutor.learner.profiles import GOALS, MOST_MINUTES
from speechtutor.learner.store import SqlStore
from speechtutor.practice import library, path
from speechtutor.practice.bank import Floats, bank_of
from speechtutor.practice.exercises import all_of, in_language
from speechtutor.practice.given import LARGEST
from speechtutor.practice.path import Step

KINDS = {
    "pronunciation": ("sound", "pair", "twister"),
    "listening": ("listen", "repeat"),
    "fluency": ("shadow", "question", "picture", "retell"),
    "grammar": ("translate", "paraphrase"),
    "vocabulary": ("vocabulary",),
}
"""Which exercises serve which goal."""

USUAL = ("pronunciation", "fluency")
"""Goals of who names none."""

READ_SECONDS, OWN_SECONDS = 40, 90
"""What an exercise takes with what is said of it and a second try. Our guess."""

READ_SHARE = 2 / 3
"""Of the time, for reading aloud, where the goals want both."""

LIKED = 1.15
"""What an item is worth more when the learner is interested in what it is about."""

GIVEN = "session"
"""What the numbers of a session's exercises are given for."""


def plan(
    state: LearnerState,
    profile: Profile,
    minutes: int,
    now: datetime,
    rng: np.random.Generator,
    recent: Sequence[Exercise] = (),
    lang: str = "en",
) -> list[Step]:
    """The exercises of a session, each with its reason, in the order in which to do them.

    Raises:
        InputError: for a session that is too short or too long.
    """
    if not 1 <= minutes <= MOST_MINUTES:
        raise InputError(f"a session takes 1 to {MOST_MINUTES} minutes, not {minutes}")
    level, goals = level_for(state, profile), profile.goals or USUAL
    kinds = [kind for goal in GOALS if goal in goals for kind in KINDS[goal]]
    read, own = ([k for k in kinds if (k in READ_KINDS) == aloud] for aloud in (True, False))
    seconds = 60 * minutes
    for_read = 0.0 if not read else seconds if not own else seconds * READ_SHARE
    n_read = round(for_read / READ_SECONDS)
    n_own = round((seconds - n_read * READ_SECONDS) / OWN_SECONDS) if own else 0
    chosen = _read_aloud(state, profile, tuple(read), level, max(n_read, not own), now, recent)
    answered = _answered(state, profile, own, level, n_own, now, rng, recent)
    lang = known_language(lang)
    return [replace(one, exercise=in_language(one.exercise, lang)) for one in _mixed(chosen, answered)]


def level_for(state: LearnerState, profile: Profile) -> str:
    """The level to practise at: by what was heard where that is enough, else by the learner's own account."""
    heard = state.ability.n > 0
    return level_of(overall(state.ability.value)) if heard or profile.level is None else profile.level


def _read_aloud(
    state: LearnerState,
    profile: Profile,
    kinds: tuple[str, ...],
    level: str,
    n: int,
    now: datetime,
    recent: Sequence[Exercise],
) -> list[Step]:
    if not n:
        return []
    bank = bank_of(_aloud(kinds, level))
    liked: Floats = np.array(
        [LIKED if library.topic_of(one.text) in profile.interests else 1.0 for one in bank.exercises]
    )
    return path.session(state, bank, n, now, recent, liked)


@lru_cache(maxsize=64)
def _aloud(kinds: tuple[str, ...], level: str) -> tuple[Exercise, ...]:
    """Everything to read aloud of some kinds and a level; patterns are filled always the same."""
    rng = np.random.default_rng(0)
    found = [one for kind in kinds for one in all_of(kind, level, rng)]
    return tuple({(one.kind, one.text, one.given): one for one in found}.values())


def _answered(
    state: LearnerState,
    profile: Profile,
    kinds: Sequence[str],
    level: str,
    n: int,
    now: datetime,
    rng: np.random.Generator,
    recent: Sequence[Exercise],
) -> list[Step]:
    """Exercises in the learner's own words: the kinds in turn, none given lately, liked ones first."""
    found: list[Step] = []
    given = {one.id for one in recent}
    for i in range(n):
        pool = [one for one in all_of(kinds[i % len(kinds)], level, rng) if one.id not in given]
        liked = [one for one in pool if library.topic_of(one.text) in profile.interests] or pool
        if liked:
            one = liked[int(rng.integers(len(liked)))]
            given.add(one.id)
            found.append(path.explained(state, one, now))
    return found


def _mixed(read: Sequence[Step], own: Sequence[Step]) -> list[Step]:
    """Both in one order, those in one's own words spread evenly among the others."""
    places = [(i + 1) / (len(read) + 1) for i in range(len(read))]
    places += [(i + 1) / (len(own) + 1) for i in range(len(own))]
    order = sorted(range(len(places)), key=lambda i: (places[i], i))
    every = [*read, *own]
    return [every[i] for i in order]


def give(
    store: SqlStore,
    learner: str,
    minutes: int | None,
    now: datetime,
    rng: np.random.Generator,
    lang: str = "en",
) -> list[Step]:
    """A session for a learner, remembered so that each exercise is answered by its id.

    Without minutes it takes those that the learner has a day.

    Raises:
        InputError: for minutes that no session takes.
        StorageError: when the store refuses.
    """
    profile = store.profiles.get(learner)
    recent = store.recent(learner, path.LAST * 4)
    wanted = profile.minutes if minutes is None else minutes
    steps = plan(store.state(learner), profile, wanted, now.astimezone(UTC), rng, recent, lang)
    for step in steps:
        store.give(learner, int(rng.integers(LARGEST)), GIVEN, step.exercise)
    return steps
