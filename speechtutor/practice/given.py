"""The exercise of a number: to a learner the same one again, whatever became of the record since."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from speechtutor.core import Exercise, LearnerState
from speechtutor.jsonio import dumps
from speechtutor.learner.store import SqlStore
from speechtutor.practice.exercises import in_language, next_exercise

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


def exercise(store: SqlStore | None, learner: str, number: int, asked: Asked, lang: str) -> Exercise:
    """The exercise of a number in a language of explanation; without a store that of nobody in particular.

    Raises:
        InputError: for a level, a sound, a kind or a language that there is not.
        StorageError: when the store refuses.
    """
    if store is None:
        return _chosen(LearnerState(), number, asked, lang)
    key = dumps(asked)
    given = store.given(learner, number, key)
    if given is None:
        given = store.give(learner, number, key, _chosen(store.state(learner), number, asked, lang))
    return in_language(given, lang)


def _chosen(state: LearnerState, number: int, asked: Asked, lang: str) -> Exercise:
    rng = np.random.default_rng(number)
    return next_exercise(
        state, rng, level=asked.level, sounds=asked.sounds, words=asked.words, kinds=asked.kinds, lang=lang
    )
