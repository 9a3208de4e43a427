"""What to expect of a learner before anything was heard: by sound, word, first language and level.

A judged phone is right with log-odds `intercept` + the sound's + the word's + the learner's ability. All
are fitted together to raters' scores (a Rasch model with normal priors: Rasch, 1960; de Boeck and Wilson,
2004), so that a sound is not called hard because weak speakers happened to read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechtutor.content.tables import read
from speechtutor.core import LearnerState, Skill
from speechtutor.learner import skills

ABILITY_VARIANCE = 1.5
SKILL_VARIANCE = 0.3
"""Of learners' abilities, and of a learner's sound around what ability and sound foretell, in log-odds.
Chosen on the train speakers alone, by log loss in speaker-wise cross-validation."""

SOUND_SPREAD, WORD_SPREAD = 0.5, 0.3
"""Variances that sounds and words are shrunk by when they are fitted."""

SWEEPS = 25

BANDS = {"A1": 0.0, "A2": 0.5, "B1": 0.65, "B2": 0.8}
"""Where the speaking levels begin on the raters' overall scale in [0, 1]. Our own cut of that scale, named
like CEFR levels: nobody has held it against CEFR ratings."""

MANDARIN = "zh"
BEYOND = {"stress": 2.0, "grammar": 0.0}
"""Log-odds of what is not made of sounds. Raters marked a twelfth of words' stress at most; nobody has
measured our grammar points, and half is no opinion."""


@dataclass(frozen=True, slots=True)
class Prior:
    """Log-odds of what is right: `intercept` for a learner of ability 0, shifts by sound and by word.

    `sounds` are by skill, `words` by (skill, word); `shift` is added for a first language, by skill.
    """

    intercept: float = 0.0
    sounds: Mapping[str, float] = field(default_factory=dict)
    words: Mapping[tuple[str, str], float] = field(default_factory=dict)
    shift: Mapping[str, float] = field(default_factory=dict)

    def sound(self, skill: str, word: str = "") -> float:
        """Of a sound in context, in a word where that is known, at ability 0."""
        known = self.sounds.get(skill, 0.0) + self.words.get((skill, word), 0.0)
        return self.intercept + known + self.shift.get(skill, 0.0)


@dataclass(frozen=True, slots=True)
class Rated:
    """One judged phone of somebody, `right` in [0, 1]."""

    speaker: str
    skill: str
    word: str
    right: float


def fit(rated: Sequence[Rated]) -> Prior:
    """The prior that some speakers' judged phones lead to, centred on their mean ability.

    Penalised logistic regression by block-wise Newton steps, each block with its own normal prior.
    """
    right = np.array([one.right for one in rated])
    blocks = [
        _Block([one.speaker for one in rated], ABILITY_VARIANCE),
        _Block([one.skill for one in rated], SOUND_SPREAD),
        _Block([(one.skill, one.word) for one in rated], WORD_SPREAD),
    ]
    mean = float(np.clip(right.mean(), 0.01, 0.99))
    intercept = float(np.log(mean / (1 - mean)))
    for _ in range(SWEEPS):
        for block in blocks:
            block.step(right, intercept + np.sum([other.each for other in blocks], axis=0))
        p = _sigmoid(intercept + np.sum([block.each for block in blocks], axis=0))
        intercept += float(np.clip((right - p).sum() / (p * (1 - p)).sum(), -1, 1))
    ability, sounds, words = blocks
    return Prior(intercept + float(ability.values.mean()), sounds.table(), words.table())


class _Block:
    """Values of one kind of group, and which group each item is of."""

    def __init__(self, keys: Sequence[Any], variance: float) -> None:
        self.index = {key: i for i, key in enumerate(dict.fromkeys(keys))}
        self.of = np.array([self.index[key] for key in keys], dtype=np.intp)
        self.values: NDArray[np.float64] = np.zeros(len(self.index))
        self.variance = variance

    @property
    def each(self) -> NDArray[np.float64]:
        """The value of every item, shape (n_items,)."""
        return self.values[self.of]

    def step(self, right: NDArray[np.float64], logit: NDArray[np.float64]) -> None:
        """One Newton step towards the items, bounded so that no group runs away."""
        p, n = _sigmoid(logit), len(self.values)
        slope = np.bincount(self.of, right - p, n) - self.values / self.variance
        self.values = self.values + np.clip(
            slope / (np.bincount(self.of, p * (1 - p), n) + 1 / self.variance), -1, 1
        )

    def table(self) -> dict[Any, float]:
        return {key: float(self.values[i]) for key, i in self.index.items()}


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-x)))


@lru_cache(maxsize=32)
def prior_for(l1: str | None = None) -> Prior:
    """The shipped prior for a first language: estimated for Mandarin, elsewhere from contrast tables.

    A language without a table has the mean of all sounds, as has every sound that a table does not list:
    what is hard for Mandarin speakers says little of others.
    """
    known = _shipped()
    if l1 is None or l1.partition("-")[0] == MANDARIN:
        return known
    table = read("skills")["l1"]
    row = table.get(l1.partition("-")[0])
    flat = replace(known, sounds={}, words={})
    if not isinstance(row, dict):
        return flat
    hard = {f"sound:{name}" for name in row["sounds"]}
    hard |= {sound for pair in row["pairs"] for phone in pair for sound in skills.sounds_of(phone)}
    hard |= {f"cluster:{name}" for name in row["clusters"]}
    return replace(flat, shift=dict.fromkeys(sorted(hard), -float(table["step"])))


@cache
def _shipped() -> Prior:
    table = read("learner")
    words = {
        (f"sound:{sound}", word): value
        for word, row in table["words"].items()
        for sound, value in row.items()
    }
    return Prior(table["intercept"], {f"sound:{k}": v for k, v in table["sounds"].items()}, words)


def overall(ability: float) -> float:
    """The overall score in [0, 1] that raters give to a learner of this ability, on average."""
    start, slope = read("learner")["overall"]
    return float(min(max(start + slope * ability, 0.0), 1.0))


def level_of(score: float) -> str:
    """The band of an overall score."""
    return [level for level, least in BANDS.items() if score >= least][-1]


def begin(learner: str = "anonymous", *, l1: str | None = None, level: str | None = None) -> LearnerState:
    """What to expect of somebody of a first language and a level, before anything was heard."""
    ability = Skill(variance=ABILITY_VARIANCE)
    if level in BANDS:
        start, slope = read("learner")["overall"]
        edges = [*list(BANDS.values())[1:], 1.0]
        low = list(BANDS).index(str(level))
        # The lowest band has no lower edge worth a mean: as wide as the next one.
        middle = (max(BANDS[str(level)], 0.35) + edges[low]) / 2
        ability = replace(ability, value=(middle - start) / slope)
    return LearnerState(learner, l1=l1, ability=ability)
