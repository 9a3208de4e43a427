"""What is believed of each skill, and how one attempt changes it.

A logistic model with a normal belief per skill and one for the ability they share; an observation moves
both by an extended Kalman step, that is an Elo or Glicko update whose step follows from the variances
(Glickman, 1999; Pelanek, 2016). A soft observation `x` of weight `w` counts as `w` trials of which `x`
came out right; the ability follows what raters would give, the skill which sound was said (`Evidence`).
Cost: a few operations an observation, whatever the number of attempts before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import exp, log, pi, sqrt

from speechtutor.core import LearnerState, Skill
from speechtutor.learner import memory, skills
from speechtutor.learner.evidence import Evidence
from speechtutor.learner.priors import ABILITY_VARIANCE, BEYOND, SKILL_VARIANCE, Prior, prior_for

DRIFT = 0.005
"""Variance that a skill regains a day, up to where it began: people change while nobody listens."""

ABILITY_DRIFT = 0.002

MASTERED = 0.9
"""Probability from which a skill counts as mastered."""

START = Skill(variance=SKILL_VARIANCE)
DAY = 86_400.0


@dataclass(slots=True)
class _Working:
    """The part of a state that an attempt changes, changed in place: a copy an observation costs too much."""

    skills: dict[str, Skill]
    ability: Skill


@dataclass(frozen=True, slots=True)
class Belief:
    """Of one skill: the probability `p` that it comes out right, its log-odds and their standard error."""

    p: float
    logit: float
    sd: float
    n: float

    @property
    def bounds(self) -> tuple[float, float]:
        """The 95 % interval of the probability."""
        return sigmoid(self.logit - 1.96 * self.sd), sigmoid(self.logit + 1.96 * self.sd)


def sigmoid(x: float) -> float:
    """The probability of log-odds."""
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))


def odds(p: float) -> float:
    """Log-odds of a probability, bounded where it is nearly sure."""
    p = min(max(p, 1e-4), 1 - 1e-4)
    return log(p / (1 - p))


def believed(
    state: LearnerState,
    skill: str,
    *,
    now: datetime | None = None,
    word: str = "",
    prior: Prior | None = None,
) -> Belief:
    """What is believed of a skill; with `now` what was learnt and not practised since has faded.

    The probability takes the uncertainty in (MacKay, 1992), so it is nearer to a half than the log-odds.
    """
    prior = prior or prior_for(state.l1)
    known = state.skills.get(skill, START)
    if now is not None:
        known = faded(known, now)
    logit = expected(state, skill, prior, word) + known.value
    variance = known.variance + state.ability.variance
    return Belief(sigmoid(logit / sqrt(1 + pi * variance / 8)), logit, sqrt(variance), known.n)


def expected(state: LearnerState | _Working, skill: str, prior: Prior, word: str = "") -> float:
    """Log-odds of a skill by what it is made of and the learner's ability, before its own evidence.

    A cluster and a word come out right when all their sounds do; a contrast is no surer than the weaker of
    its sounds; stress and grammar stand for themselves.
    """
    kind = skills.kind_of(skill)
    if kind == "sound":
        return prior.sound(skill, word) + state.ability.value
    if kind in BEYOND:
        return BEYOND[kind] + state.ability.value
    parts = skills.needs(skill)
    text = skill.partition(":")[2] if kind == "word" else ""
    logits = [prior.sound(p, text) + state.ability.value + state.skills.get(p, START).value for p in parts]
    if not logits:
        return prior.intercept + state.ability.value
    if kind == "contrast":
        return min(logits)
    whole = 1.0
    for logit in logits:
        whole *= sigmoid(logit)
    return odds(whole) + prior.shift.get(skill, 0.0)


def all_believed(
    state: LearnerState, names: Sequence[str], now: datetime | None = None, prior: Prior | None = None
) -> dict[str, Belief]:
    """`believed` of many skills at once: what several are made of is looked at once."""
    prior = prior or prior_for(state.l1)
    faded_skills = {
        name: known if now is None else faded(known, now) for name, known in state.skills.items() if known.n
    }
    told = replace(state, skills=faded_skills)
    return {name: believed(told, name, prior=prior) for name in names}


def faded(skill: Skill, now: datetime) -> Skill:
    """The skill at a later time: less sure, and what was above expectation partly forgotten."""
    if skill.last is None:
        return skill
    days = max((now - skill.last).total_seconds() / DAY, 0.0)
    variance = max(min(skill.variance + DRIFT * days, SKILL_VARIANCE), skill.variance)
    value = skill.value * memory.kept(skill, now) if skill.value > 0 else skill.value
    return _moved(skill, value, variance, skill.n)


def _moved(skill: Skill, value: float, variance: float, n: float) -> Skill:
    """`dataclasses.replace` of what evidence moves, at a third of its time: it is called for each sound."""
    return Skill(value, variance, n, skill.last, skill.due, skill.stability, skill.difficulty, skill.failed)


def learn(
    state: LearnerState, at: datetime, evidence: Sequence[Evidence], prior: Prior | None = None
) -> LearnerState:
    """The state after an attempt at a time that says this; the one given is not changed."""
    prior = prior or prior_for(state.l1)
    known = dict(state.skills)
    for name in dict.fromkeys(one.skill for one in evidence):
        known[name] = faded(known.get(name, START), at)
    ability = state.ability
    if ability.last is not None:
        days = max((at - ability.last).total_seconds() / DAY, 0.0)
        ability = replace(ability, variance=min(ability.variance + ABILITY_DRIFT * days, ABILITY_VARIANCE))
    working = _Working(known, ability)
    for one in evidence:
        _observe(working, one, prior)
    for name, right in _means(evidence).items():
        known[name] = memory.reviewed(known[name], right, at)
    ability = replace(working.ability, last=at if evidence else state.ability.last)
    return replace(state, skills=known, ability=ability)


def _observe(working: _Working, one: Evidence, prior: Prior) -> None:
    """Let one observation change what is believed."""
    skill, ability = working.skills[one.skill], working.ability
    known = expected(working, one.skill, prior, one.word)
    p = sigmoid(known + skill.value)
    # Only sounds tell of ability: what is made of them would count them twice.
    shared = ability.variance if skills.kind_of(one.skill) == "sound" else 0.0
    weight = one.weight * p * (1 - p)
    gain = one.weight / (1 + weight * (skill.variance + shared))
    shrink = weight / (1 + weight * (skill.variance + shared))
    working.skills[one.skill] = _moved(
        skill,
        skill.value + skill.variance * gain * (one.right - p),
        skill.variance - skill.variance**2 * shrink,
        skill.n + one.weight,
    )
    if shared:
        beyond = one.right - p if one.rated is None else _beyond(one.rated, p, sigmoid(known))
        value = ability.value + shared * gain * beyond
        working.ability = _moved(ability, value, shared - shared**2 * shrink, ability.n + one.weight)


def _beyond(rated: float, p: float, usual: float) -> float:
    """What raters would give beyond what is expected, with what is known of the sound or without it.

    Raters may mark what the diagnosis hears, or let it pass: ability takes only what neither explains.
    """
    return max(rated - max(p, usual), 0.0) + min(rated - min(p, usual), 0.0)


def _means(evidence: Sequence[Evidence]) -> Mapping[str, float]:
    """The weighted mean probability of each skill that weighs anything."""
    sums: dict[str, tuple[float, float]] = {}
    for one in evidence:
        right, weight = sums.get(one.skill, (0.0, 0.0))
        sums[one.skill] = right + one.weight * one.right, weight + one.weight
    return {name: right / weight for name, (right, weight) in sums.items() if weight > 0}
