"""What to practise next, and why: the exercise from which this learner is expected to learn most.

What a skill needs is the probability that it is not mastered, weighed by what it costs to be without it,
held back while what it rests on is not there, and raised when it is due. An exercise is worth the needs
that it covers, most where about three words in four will come out right, and less the more it is like what
was given last. Now and then mastered skills that are due come first (review), and now and then an exercise
that is nearly as good as the best (exploration).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from math import erf, sqrt

import numpy as np

from speechtutor.content.tables import functional_load, message, read
from speechtutor.core import Exercise, LearnerState
from speechtutor.errors import InputError
from speechtutor.learner import belief, memory, skills
from speechtutor.learner.belief import Belief
from speechtutor.practice.bank import Bank, Floats, practised, set_cover
from speechtutor.practice.levels import words_of

MASTERED = 0.9
"""Probability from which a skill counts as mastered."""

SUCCESS = (0.70, 0.85)
"""Share of words that should come out right: hard enough to teach, easy enough to go on (Elo targets of
0.75 to 0.8 in adaptive practice: Pelanek, 2016; about 0.85 in Wilson et al., 2019)."""

SLACK, OUTSIDE = 0.15, 0.5
"""How fast an exercise is worth less outside of that, and what it is worth far outside: who finds every
sentence hard still needs the ones with his sounds."""

REVIEW = 0.12
"""Share of exercises that are for mastered skills that are due."""

NEARLY = 0.9
"""An exercise worth this share of the best may be given instead."""

DUE = 0.5
"""What a due skill needs beside what is not mastered of it."""

WEIGHTS = {"sound": 1.0, "cluster": 0.5, "contrast": 1.0, "stress": 0.3, "word": 0.15, "grammar": 0.3}
"""What a skill of each kind weighs: a sound is in a thousand words."""

REPEATED, ALIKE, SAME_KIND = 0.2, 0.3, 0.7
"""What an exercise is worth that was among the last: the very same, one of its words, one of its kind."""

LAST = 5
"""Exercises that count as given lately."""


@dataclass(frozen=True, slots=True)
class Step:
    """An exercise and what it was chosen for.

    `skill` needs it most, since it is "due", "weak", "new" or for "review" (`why`); `success` is the share
    of words expected to come out right.
    """

    exercise: Exercise
    skill: str
    why: str
    success: float


@dataclass(frozen=True, slots=True)
class View:
    """A learner as a bank sees them; arrays of shape (n_skills,) over `Bank.skills`.

    `p` are the probabilities that a skill comes out right, `need` what it needs, `review` what of it is
    mastered and due.
    """

    p: Floats
    need: Floats
    review: Floats


def view(state: LearnerState, bank: Bank, now: datetime | None) -> View:
    """What is known of a learner's skills in a bank at a time; words that were never met need nothing yet."""
    known = state.skills
    names = [name for name in bank.skills if name in known or skills.kind_of(name) != "word"]
    every = dict.fromkeys([*names, *(part for name in names for part in skills.needs(name))])
    told = belief.all_believed(state, list(every), now)
    n = len(bank.skills)
    p, need, review = np.ones(n), np.zeros(n), np.zeros(n)
    place = {name: i for i, name in enumerate(bank.skills)}
    for name in names:
        i, missing, due = place[name], missing_of(told[name]), _is_due(state, name, now)
        ready = min((told[part].p for part in skills.needs(name)), default=1.0)
        p[i] = told[name].p
        # Squared, so that one skill that is surely missing is worth more than many that perhaps are.
        need[i] = importance(name) * ready * missing**2 * (1 + DUE * due)
        review[i] = importance(name) * due * (1 - missing)
    return View(p, need, review)


def missing_of(one: Belief) -> float:
    """The probability that a skill is not mastered, by the normal belief of its log-odds."""
    return 0.5 * (1 + erf((belief.odds(MASTERED) - one.logit) / max(one.sd, 1e-6) / sqrt(2)))


@cache
def importance(skill: str) -> float:
    """What it costs not to have a skill: by kind, contrasts by Brown's functional load as well."""
    kind, _, of = skill.partition(":")
    load = functional_load(*of.split("-")) + 0.5 if kind == "contrast" else 1.0
    return WEIGHTS[kind] * load


def _is_due(state: LearnerState, name: str, now: datetime | None) -> bool:
    known = state.skills.get(name)
    return now is not None and known is not None and memory.is_due(known, now)


def _ready(state: LearnerState, name: str, now: datetime | None) -> float:
    """How far what a skill needs is there, in [0, 1]; 1 where it needs nothing."""
    return min((belief.believed(state, one, now=now).p for one in skills.needs(name)), default=1.0)


def choose(
    state: LearnerState,
    bank: Bank,
    rng: np.random.Generator,
    now: datetime | None,
    recent: Sequence[Exercise] = (),
) -> Step:
    """The next exercise of a bank for a learner; `recent` are those given before, the last one last.

    Raises:
        InputError: when the bank is empty.
    """
    if not bank.exercises:
        raise InputError("there is no exercise to choose from")
    seen = view(state, bank, now)
    best = pick(bank, seen, rng, fresh(bank.exercises, recent))
    return explained(state, bank.exercises[best], now, float(bank.success(seen.p)[best]))


def pick(bank: Bank, seen: View, rng: np.random.Generator, fresh: Floats) -> int:
    """The index of the exercise that is worth most, or of one nearly so."""
    reviewing = bool(rng.random() < REVIEW) and bool(seen.review.any())
    worth = (bank.cover @ (seen.review if reviewing else seen.need)) * fit(bank.success(seen.p)) * fresh
    return int(rng.choice(np.flatnonzero(worth >= NEARLY * worth.max())))


def fit(success: Floats) -> Floats:
    """How well a share of right words teaches: 1 inside `SUCCESS`, less farther outside, never nothing."""
    low, high = SUCCESS
    away = np.maximum(np.maximum(low - success, success - high), 0.0)
    return np.asarray(OUTSIDE + (1 - OUTSIDE) * np.exp(-((away / SLACK) ** 2)))


def fresh(exercises: Sequence[Exercise], recent: Sequence[Exercise]) -> Floats:
    """What variety leaves of each exercise's worth: other texts, other words, other kinds."""
    last = list(recent)[-LAST:]
    texts = {one.text for one in last}
    words = [_content(one) for one in last[-3:]]
    kind = last[-1].kind if last else ""
    values = []
    for one in exercises:
        own = _content(one)
        alike = max((len(own & other) / len(own | other) for other in words if own | other), default=0.0)
        value = REPEATED if one.text in texts else 1 - ALIKE * alike
        values.append(value * (SAME_KIND if one.kind == kind else 1.0))
    return np.array(values)


@cache
def _function_words() -> frozenset[str]:
    return frozenset(str(read("words")["function"]).split())


@lru_cache(maxsize=8192)
def _content(exercise: Exercise) -> frozenset[str]:
    return frozenset(words_of(exercise.text)) - _function_words()


def session(
    state: LearnerState, bank: Bank, n: int, now: datetime | None, recent: Sequence[Exercise] = ()
) -> list[Step]:
    """The `n` exercises that together cover what a learner needs, the best first."""
    seen = view(state, bank, now)
    success = bank.success(seen.p)
    rows = set_cover(bank.cover, seen.need, n, fit(success) * fresh(bank.exercises, recent))
    return [explained(state, bank.exercises[i], now, float(success[i])) for i in rows]


def explained(
    state: LearnerState, exercise: Exercise, now: datetime | None, success: float | None = None
) -> Step:
    """Why an exercise is for a learner now: the skill of it that needs practice most."""
    names = [name for name in practised(exercise) if skills.kind_of(name) != "word"]
    if success is None:
        bank = Bank((exercise,))
        success = float(bank.success(view(state, bank, now).p)[0])
    asked = {name for name in names if set(exercise.focus) & set(_phones(name))} or set(names)
    needs = {name: _need(state, name, now) for name in names if name in asked}
    if not needs:
        return Step(exercise, "", "new", success)
    skill = max(needs, key=lambda name: (needs[name], name))
    return Step(exercise, skill, _why(state, skill, now), success)


def _phones(skill: str) -> Sequence[str]:
    kind, _, of = skill.partition(":")
    return {"sound": [of.partition(":")[0]], "contrast": of.split("-")}.get(kind, [])


def _need(state: LearnerState, name: str, now: datetime | None) -> float:
    missing = missing_of(belief.believed(state, name, now=now))
    return importance(name) * (missing + DUE * _is_due(state, name, now)) * _ready(state, name, now)


def _why(state: LearnerState, skill: str, now: datetime | None) -> str:
    if skill not in state.skills:
        return "new"
    weak = belief.believed(state, skill, now=now).p < MASTERED
    if _is_due(state, skill, now):
        return "due" if weak else "review"
    return "weak" if weak else "review"


def reason(step: Step, lang: str = "en") -> str:
    """Why an exercise was chosen, in a language of explanation; "" where nothing speaks for it."""
    if not step.skill:
        return ""
    return message("path", step.why, lang, skill=told(step.skill, lang))


def told(skill: str, lang: str = "en") -> str:
    """A skill in a language of explanation."""
    kind, _, of = skill.partition(":")
    if kind in ("sound", "cluster"):
        sounds, _, place = of.partition(":")
        sound = f"/{skills.ipa(sounds)}/"
        return sound if place == skills.NUCLEUS else message("path", place, lang, skill=sound)
    if kind == "contrast":
        first, second = (f"/{skills.ipa(phone)}/" for phone in of.split("-"))
        return message("path", "contrast", lang, first=first, second=second)
    if kind == "stress":
        return message("path", "stress", lang, n=str(len(of)))
    return skills.label(skill)
