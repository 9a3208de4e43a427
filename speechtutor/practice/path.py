"""What to practise next, and why: the exercise from which this learner is expected to learn most.

What a skill needs is how far it is expected to be below mastery, weighed by what it costs to be without it,
held back while what it rests on is not there, and while it is not due. An exercise is worth the needs
that it covers, most where about three words in four will come out right, and less the more it is like what
was given last. Now and then mastered skills that are due come first (review), and now and then an exercise
that is nearly as good as the best (exploration).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, lru_cache
from math import erf, exp, log1p, pi, sqrt

import numpy as np

from speechtutor.content.tables import functional_load, message, read
from speechtutor.core import Exercise, LearnerState
from speechtutor.errors import InputError
from speechtutor.learner import belief, memory, skills
from speechtutor.learner.belief import MASTERED, Belief
from speechtutor.practice.bank import Bank, Floats, practised, set_cover
from speechtutor.practice.levels import words_of

SUCCESS = (0.70, 0.85)
"""Share of words that should come out right: hard enough to teach, easy enough to go on (Elo targets of
0.75 to 0.8 in adaptive practice: Pelanek, 2016; about 0.85 in Wilson et al., 2019)."""

SLACK, OUTSIDE = 0.15, 0.85
"""How fast an exercise is worth less outside of that, and what it is worth far outside: who finds every
sentence hard still needs the ones with his sounds."""

REVIEW = 0.12
"""Share of exercises that are for mastered skills that are due."""

NEARLY = 0.97
"""An exercise worth this share of the best may be given instead."""

REST = 0.2
"""What a skill needs that was met and is not due yet, of what it would need: practice is spaced."""

AGAIN = 0.6
"""An exercise worth this share of the best is given instead where it has a sound that was failed just now."""

WEIGHTS = {"sound": 1.0, "cluster": 0.1, "contrast": 1.0, "stress": 0.05, "word": 0.01, "grammar": 0.3}
"""What a skill of each kind weighs: a sound is in a thousand words, a sentence has many words."""

MADE, BESIDE = frozenset({"cluster", "word", "stress"}), 0.1
"""Kinds of skills that come with sounds, and what all of them may need of what all others need."""

GAIN = 1.2
"""Log-odds that practice is expected to add, times log(1 + times): performance factor analysis in the form of
a logarithm (Pavlik et al., 2009). A guess: our data hold nobody who was followed over time."""

REPEATED, ALIKE, SAME_KIND = 0.2, 0.3, 0.7
"""What an exercise is worth that was among the last: the very same, one of its words, one of its kind.
The last one itself is worth nothing while there are others."""

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
    mastered and due, `failed` is 1 for a sound that came out wrong in the last attempt.
    """

    p: Floats
    need: Floats
    review: Floats
    failed: Floats


def view(state: LearnerState, bank: Bank, now: datetime | None) -> View:
    """What is known of a learner's skills in a bank at a time; words that were never met need nothing yet."""
    known = state.skills
    names = [name for name in bank.skills if name in known or skills.kind_of(name) != "word"]
    every = dict.fromkeys([*names, *(part for name in names for part in skills.needs(name))])
    told = belief.all_believed(state, list(every), now)
    n = len(bank.skills)
    p, need, review, failed = np.ones(n), np.zeros(n), np.zeros(n), np.zeros(n)
    place = {name: i for i, name in enumerate(bank.skills)}
    for name in names:
        i, due = place[name], _is_due(state, name, now)
        ready = min((told[part].p for part in skills.needs(name)), default=1.0)
        p[i] = told[name].p
        need[i] = importance(name) * ready * wanted(state, name, told[name], now)
        review[i] = importance(name) * due * told[name].p
        failed[i] = _just_failed(state, name)
    return View(p, _sounds_first(bank.skills, need), review, failed)


def _sounds_first(names: Sequence[str], need: Floats) -> Floats:
    """Needs with those of what sounds make, words, clusters, stress, held to `BESIDE` of those of sounds.

    There are many more of them: a rare cluster that will never be sure must not hide the one sound that is
    left. They decide between exercises that do as much for the sounds.
    """
    made = np.array([skills.kind_of(name) in MADE for name in names])
    most, all_made = BESIDE * need[~made].sum(), need[made].sum()
    return np.where(made, need * min(1.0, most / all_made if all_made else 1.0), need)


def wanted(state: LearnerState, name: str, one: Belief, now: datetime | None) -> float:
    """How much practice a skill wants by itself: its expected shortfall, less while it rests.

    What was failed when it was last heard does not rest: it is wanted again in the same session.
    """
    known, short = state.skills.get(name), shortfall(name, planned(state, name, one, now))
    rests = known is not None and not known.failed and not _is_due(state, name, now)
    return REST * short if rests else short


def planned(state: LearnerState, name: str, one: Belief, now: datetime | None) -> Belief:
    """A belief with what practice is expected to have added since: more with every time, ever less.

    Evidence shows learning late (a scorer hears little in one sound), so a plan that waited for it would
    give the same sounds for ever. What is claimed of a learner never rests on this, only what is given next.
    """
    known = state.skills.get(name)
    if known is None:
        return one
    there = 1.0 if now is None else memory.kept(known, now)
    return replace(one, logit=one.logit + GAIN * log1p(known.n) * there)


@cache
def goal(name: str) -> float:
    """Log-odds from which a skill counts as mastered: a cluster or word when each of its sounds is."""
    n = len(skills.needs(name)) if skills.kind_of(name) in ("cluster", "word") else 1
    return belief.odds(MASTERED ** max(n, 1))


def shortfall(name: str, one: Belief) -> float:
    """How far a skill is expected to be below its goal: the mean of max(goal - x, 0), log-odds x normal."""
    sd = max(one.sd, 1e-6)
    z = (goal(name) - one.logit) / sd
    return sd * (exp(-z * z / 2) / sqrt(2 * pi) + z * 0.5 * (1 + erf(z / sqrt(2))))


@cache
def importance(skill: str) -> float:
    """What it costs not to have a skill: by kind, contrasts by Brown's functional load as well."""
    kind, _, of = skill.partition(":")
    load = functional_load(*of.split("-")) + 0.5 if kind == "contrast" else 1.0
    return WEIGHTS[kind] * load


def _is_due(state: LearnerState, name: str, now: datetime | None) -> bool:
    known = state.skills.get(name)
    return now is not None and known is not None and memory.is_due(known, now)


def _just_failed(state: LearnerState, name: str) -> bool:
    """Whether a sound came out wrong in the last attempt."""
    known = state.skills.get(name)
    return (
        known is not None
        and known.failed
        and known.last == state.ability.last
        and skills.kind_of(name) == "sound"
    )


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
    again = bank.cover @ seen.failed * (worth >= AGAIN * worth.max())
    if again.any():
        return int(np.argmax(again * worth))
    return int(rng.choice(np.flatnonzero(worth >= NEARLY * worth.max())))


def fit(success: Floats) -> Floats:
    """How well a share of right words teaches: 1 inside `SUCCESS`, less outside, never nothing."""
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
        value = 0.0 if last and one.text == last[-1].text else value
        values.append(value * (SAME_KIND if one.kind == kind else 1.0))
    return np.array(values)


@cache
def _function_words() -> frozenset[str]:
    return frozenset(str(read("words")["function"]).split())


@lru_cache(maxsize=8192)
def _content(exercise: Exercise) -> frozenset[str]:
    return frozenset(words_of(exercise.text)) - _function_words()


def session(
    state: LearnerState,
    bank: Bank,
    n: int,
    now: datetime | None,
    recent: Sequence[Exercise] = (),
    liked: Floats | None = None,
) -> list[Step]:
    """The `n` exercises that together cover what a learner needs, the best first.

    `liked`, shape (n_exercises,), is what each is worth more or less by what the learner is interested in.
    """
    seen = view(state, bank, now)
    success = bank.success(seen.p)
    worth = fit(success) * fresh(bank.exercises, recent) * (1.0 if liked is None else liked)
    need = seen.need + seen.failed * seen.need.max(initial=0.0)
    rows = set_cover(bank.cover, need, n, worth)
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
    one = belief.believed(state, name, now=now)
    return importance(name) * wanted(state, name, one, now) * _ready(state, name, now)


def _why(state: LearnerState, skill: str, now: datetime | None) -> str:
    if skill not in state.skills:
        return "new"
    weak = belief.believed(state, skill, now=now).p < MASTERED
    if _is_due(state, skill, now):
        return "due" if weak else "review"
    return "weak" if weak else "review"


def in_ipa(phones: str) -> str:
    """Phones with spaces between them between slashes."""
    return f"/{skills.ipa(phones)}/"


def reason(step: Step, lang: str = "en", written: Callable[[str], str] = in_ipa) -> str:
    """Why an exercise was chosen, in a language of explanation; "" where nothing speaks for it."""
    if not step.skill:
        return ""
    return message("path", step.why, lang, skill=told(step.skill, lang, written))


def told(skill: str, lang: str = "en", written: Callable[[str], str] = in_ipa) -> str:
    """A skill in a language of explanation; `written` writes one or more phones (with spaces between)."""
    kind, _, of = skill.partition(":")
    if kind in ("sound", "cluster"):
        sounds, _, place = of.partition(":")
        sound = written(sounds)
        return sound if place == skills.NUCLEUS else message("path", place, lang, skill=sound)
    if kind == "contrast":
        first, second = (written(phone) for phone in of.split("-"))
        return message("path", "contrast", lang, first=first, second=second)
    if kind == "stress":
        return message("path", "stress", lang, n=str(len(of)))
    return skills.label(skill)
