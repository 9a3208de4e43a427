"""The exercise of a number: to a learner the same one again, whatever became of the record since."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from speechtutor.content.tables import known_language
from speechtutor.core import Exercise, LearnerState
from speechtutor.errors import InputError
from speechtutor.files.jsonio import dumps
from speechtutor.learner.store import SqlStore
from speechtutor.practice import path
from speechtutor.practice.exercises import check, in_language, next_step, sound_exercise
from speechtutor.practice.path import Step
from speechtutor.practice.written import Wish, Writer, check_topic, topics, vocabulary

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


Lent = Callable[[], Writer | None]
"""Gives a writer where there is one; asked only when our own sentences do not do."""

SEEN = 1_000
"""Exercises given before that a new sentence must not repeat."""


def step(
    store: SqlStore | None,
    learner: str,
    number: int,
    asked: Asked,
    lang: str,
    *,
    about: str = "",
    lent: Lent | None = None,
) -> Step:
    """The exercise of a number and why, in a language of explanation; without a store that of nobody.

    `about` is an interest of the learner; a sentence on it is written by what is `lent`, as is one that the
    bank does not have, or has no more that this learner has not been given.

    Raises:
        InputError: for a level, a sound, a kind or a language that there is not.
        StorageError: when the store refuses.
    """
    if store is None:
        return chosen(LearnerState(), number, asked, lang, about=about, lent=lent)
    key, now = dumps(asked) + (f" {about}" if about else ""), datetime.now(UTC)
    given, state = store.given(learner, number, key), store.state(learner)
    if given is None:
        before = store.recent(learner, SEEN)
        fresh = chosen(state, number, asked, lang, now, before, about=about, lent=lent)
        given = store.give(learner, number, key, fresh.exercise)
    return replace(path.explained(state, given, now), exercise=in_language(given, lang))


def exercise(store: SqlStore | None, learner: str, number: int, asked: Asked, lang: str) -> Exercise:
    """The exercise of `step`.

    Raises:
        InputError: for a level, a sound, a kind or a language that there is not.
        StorageError: when the store refuses.
    """
    return step(store, learner, number, asked, lang).exercise


def chosen(
    state: LearnerState,
    number: int,
    asked: Asked,
    lang: str,
    now: datetime | None = None,
    before: Sequence[Exercise] = (),
    *,
    about: str = "",
    lent: Lent | None = None,
) -> Step:
    """What is given: of our own exercises where one fits that is new, else a sentence written for it.

    Raises:
        InputError: for a level, a sound, a kind, an interest or a language that there is not, or where
            nothing fits and nothing can be written.
    """
    lang = known_language(lang)
    check(asked.level, asked.sounds, asked.kinds)
    check_topic(about)
    found, error = None, InputError("")
    try:
        found = next_step(
            state, np.random.default_rng(number), now, level=asked.level, sounds=asked.sounds,
            words=asked.words, kinds=asked.kinds, lang=lang, recent=before[-path.LAST :],
        )  # fmt: skip
    except InputError as problem:
        error = problem
    seen = {one.text for one in before}
    if lent is not None and "sound" in asked.kinds and (about or not found or found.exercise.text in seen):
        sounds = asked.sounds or (found.exercise.focus[:2] if found else ())
        wish = Wish(asked.level, sounds, tuple(word.lower() for word in asked.words), about)
        text = _written(wish, number, seen, lent)
        if text is not None:
            return path.explained(state, sound_exercise(text, asked.level, sounds, lang), now)
    if found is None:
        raise error
    return found


def topical(
    state: LearnerState,
    rng: np.random.Generator,
    asked: Asked,
    lang: str,
    now: datetime,
    before: Sequence[Exercise],
    topic: str,
    lent: Lent | None = None,
) -> Step:
    """Of our own exercises one about a topic; once all of these were said, a sentence written about it.

    Raises:
        InputError: for a level, a sound, a kind or a language that there is not, or where nothing fits.
    """
    found = next_step(
        state, rng, now, level=asked.level, sounds=asked.sounds, words=asked.words, kinds=asked.kinds,
        lang=lang, recent=before[-path.LAST :], topic=topic,
    )  # fmt: skip
    is_new = found.exercise.text not in {one.text for one in before}
    if is_new or lent is None or topic not in topics():
        return found
    number = int(rng.integers(LARGEST))
    return chosen(state, number, asked, lang, now, before, about=topic, lent=lent)


def _written(wish: Wish, number: int, seen: Collection[str], lent: Lent) -> str | None:
    """A sentence by the model; no model is loaded for words that the level does not have."""
    if not set(wish.words) <= vocabulary(wish.level):
        return None
    writer = lent()
    return None if writer is None else writer.sentence(wish, number, seen)
