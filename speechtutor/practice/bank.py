"""Exercises as tables: which skills each one practises, and how likely a learner says it right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from speechtutor.core import Exercise
from speechtutor.learner import skills
from speechtutor.text.phones import pronounce

Floats = NDArray[np.float64]
HALVES = 2.0
"""A skill that is said n times in an exercise counts 1 - HALVES^-n: the second time teaches half as much."""


@lru_cache(maxsize=8192)
def practised(exercise: Exercise) -> Mapping[str, int]:
    """How often an exercise practises each skill; a pair practises its contrast too.

    What is read aloud practises no grammar: the words were chosen already.
    """
    said = skills.of_text(exercise.text)
    found = {k: n for k, n in said.items() if not exercise.is_read or skills.kind_of(k) != "grammar"}
    if exercise.kind == "pair" and len(exercise.focus) == 2:
        found[skills.contrast(*exercise.focus)] = 2
    return found


class Bank:
    """Exercises with their tables, made once.

    `cover` has shape (n_exercises, n_skills), in [0, 1): how much of a skill's practice one exercise is.
    """

    def __init__(self, exercises: Sequence[Exercise]) -> None:
        """Look at the exercises."""
        self.exercises = tuple(exercises)
        each = [practised(one) for one in self.exercises]
        self.skills = tuple(dict.fromkeys(name for one in each for name in one))
        index = {name: i for i, name in enumerate(self.skills)}
        self.cover: Floats = np.zeros((len(each), len(self.skills)))
        for row, one in zip(self.cover, each, strict=True):
            for name, n in one.items():
                row[index[name]] = 1 - HALVES**-n
        spoken = [_words(one.text) for one in self.exercises]
        self.words = tuple(dict.fromkeys(word for one in spoken for word in one))
        place = {word: i for i, word in enumerate(self.words)}
        self._share: Floats = np.zeros((len(each), len(self.words)))
        for row, said in zip(self._share, spoken, strict=True):
            for word in said:
                row[place[word]] += 1 / len(said)
        self._sounds: Floats = np.zeros((len(self.words), len(self.skills)))
        for row, (_, sounds) in zip(self._sounds, self.words, strict=True):
            for name in sounds:
                row[index[name]] += 1

    def success(self, p: Floats) -> Floats:
        """The share of the words of each exercise that come out right, shape (n_exercises,).

        `p`, shape (n_skills,), are the probabilities of `skills`; a word is right when its sounds are.
        """
        return np.asarray(self._share @ np.exp(self._sounds @ np.log(np.clip(p, 1e-6, 1))))


def _words(text: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(word.text.lower(), skills.in_context(word.pronunciations[0])) for word in pronounce(text)]


@lru_cache(maxsize=32)
def bank_of(exercises: tuple[Exercise, ...]) -> Bank:
    """The bank of some exercises, kept for the next time."""
    return Bank(exercises)


def set_cover(cover: Floats, need: Floats, n: int, fit: Floats | None = None) -> list[int]:
    """The rows that together practise most of what is needed, greedily; at most `n`, the best first.

    Weighted maximum coverage: what a row adds to a skill is its cover of the part still left. The sum is
    monotone and submodular, so greedy reaches at least 1 - 1/e of the best choice (Nemhauser et al., 1978).
    `cover` (n_rows, n_skills) in [0, 1], `need` (n_skills,) not negative, `fit` (n_rows,) scales gains.
    """
    left, chosen = need.astype(np.float64), list[int]()
    scale = np.ones(len(cover)) if fit is None else fit
    for _ in range(min(n, len(cover))):
        gain = (cover @ left) * scale
        gain[chosen] = -1.0
        best = int(np.argmax(gain))
        if gain[best] <= 0:
            break
        chosen.append(best)
        left = left * (1 - cover[best])
    return chosen
