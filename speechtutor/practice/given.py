"""The exercise of a number: to a learner the same one again, whatever became of the record since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from speechtutor.core import Exercise, LearnerState
from speechtutor.files.jsonio import dumps
from speechtutor.learner.store import SqlStore
from speechtutor.practice import path
from speechtutor.practice.exercises import in_language, next_step
from speechtutor.practice.path import Step

SEEDS = 10_000
"""How many exercises are told apart by the number that is given with them."""

LARGEST = 2**31
"""Numbers that may be asked for are below it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an exercise is to be like; with a number it names one exercise."""

    level: str
    sounds: tuple[str, ...]
    words: tuple[str, ...]
    kinds: tuple[str, ...]


def step(store: SqlStore | None, learner: str, number: int, asked: Asked, lang: str) -> Step:
    """The exercise of a number and why, in a language of explanation; without a store that of nobody.

    Raises:
        InputError: for a level, a sound, a kind or a language that there is not.
        StorageError: when the store refuses.
    """
    if store is None:
        return _chosen(LearnerState(), number, asked, lang)
    key, now = dumps(asked), datetime.now(UTC)
    given, state = store.given(learner, number, key), store.state(learner)
    if given is None:
        fresh = _chosen(state, number, asked, lang, now, store.recent(learner, path.LAST))
        given = store.give(learner, number, key, fresh.exercise)
    return replace(path.explained(state, given, now), exercise=in_language(given, lang))


def exercise(store: SqlStore | None, learner: str, number: int, asked: Asked, lang: str) -> Exercise:
    """The exercise of `step`.

    Raises:
        InputError: for a level, a sound, a kind or a language that there is not.
        StorageError: when the store refuses.
    """
    return step(store, learner, number, asked, lang).exercise


def _chosen(
    state: LearnerState,
    number: int,
    asked: Asked,
    lang: str,
    now: datetime | None = None,
    recent: Sequence[Exercise] = (),
) -> Step:
    rng = np.random.default_rng(number)
    return next_step(
        state, rng, now, level=asked.level, sounds=asked.sounds, words=asked.words, kinds=asked.kinds,
        lang=lang, recent=recent,
    )  # fmt: skip
