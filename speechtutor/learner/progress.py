"""What has become of a learner: sounds over time, trends with their noise, and what may be claimed.

Attempts in, values out; nothing here knows of a page. Nothing is called a change that scores may do by
themselves (`learner.change`), and a pause takes nothing away from anybody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import isnan, sqrt

import numpy as np

from speechtutor.core import Attempt, LearnerState
from speechtutor.learner import belief, evidence, mastery, skills
from speechtutor.learner.change import REAL, Change, looked_at_daily, overall_change

APART = timedelta(days=2)
"""Between two tries at a sentence that are held against each other."""

LATELY = 28
"""Days that count as lately."""

HEARD = 5.0
"""Observations' worth of evidence from which something is said of a skill."""

FEWEST = 4
"""Attempts on either side of a change of overall scores: the spread of fewer is no measure."""

DRAWS, SEED = 2000, 11
SURE = 0.8
"""Share of the draws that must agree before a time is told."""

MOST_ATTEMPTS = 5000
"""What no forecast looks beyond."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A sound in a stretch of time: the mean probability that it came out right, of `n` times heard."""

    phone: str
    start: date
    right: float
    n: int


@dataclass(frozen=True, slots=True)
class Point:
    """A day's mean of a score in [0, 1] with the half width of its 95 % band of noise; of `n` attempts."""

    day: date
    value: float
    band: float
    n: int


@dataclass(frozen=True, slots=True)
class Practice:
    """Days on which somebody practised: all, of the last `LATELY`, and weeks in a row with one at least."""

    days: int
    lately: int
    weeks: int
    last: date | None


@dataclass(frozen=True, slots=True)
class Pair:
    """The same sentence then and now, overall scores in [0, 1]."""

    text: str
    then: Attempt
    now: Attempt
    change: Change


@dataclass(frozen=True, slots=True)
class Forecast:
    """Attempts until a skill is expected to be mastered: median and the 80 % interval of the draws.

    None where it is not known: no gain was seen yet that is sure enough.
    """

    skill: str
    p: float
    attempts: tuple[int, int, int] | None


def days_of(attempts: Sequence[Attempt]) -> dict[date, list[Attempt]]:
    """Attempts by day (UTC), oldest first."""
    found: dict[date, list[Attempt]] = defaultdict(list)
    for one in sorted(attempts, key=mastery.place):
        found[one.at.date()].append(one)
    return dict(found)


def heat(attempts: Sequence[Attempt], columns: int = 12) -> list[Cell]:
    """Sounds over time, in at most so many stretches of equal length."""
    if not attempts:
        return []
    days = sorted(one.at.date() for one in attempts)
    length = max(1, -(-((days[-1] - days[0]).days + 1) // columns))
    sums: dict[tuple[str, int], list[float]] = defaultdict(list)
    for one in attempts:
        column = (one.at.date() - days[0]).days // length
        for phone, right in mastery.observations(one.score):
            sums[phone, column].append(right)
    return [
        Cell(phone, days[0] + timedelta(days=column * length), sum(told) / len(told), len(told))
        for (phone, column), told in sorted(sums.items())
    ]


def trend(attempts: Sequence[Attempt], aspect: str = "fluency") -> list[Point]:
    """A score day by day, with the band that it moves in by itself.

    The noise of one attempt is the learner's own spread within a day, over all days that have two attempts
    or more; without such a day there is no band (nan).
    """
    told = {day: [value for one in tries if (value := getattr(one.score, aspect)) is not None]
            for day, tries in days_of(attempts).items()}  # fmt: skip
    spread = _spread(told.values())
    return [
        Point(day, sum(values) / len(values), REAL * spread / sqrt(len(values)), len(values))
        for day, values in told.items()
        if values
    ]


def _spread(groups: Iterable[Sequence[float]]) -> float:
    """The pooled standard deviation inside groups; nan where none has two values."""
    several = [np.asarray(values) for values in groups if len(values) > 1]
    freedom = sum(len(values) - 1 for values in several)
    return (
        sqrt(sum(float(((v - v.mean()) ** 2).sum()) for v in several) / freedom) if freedom else float("nan")
    )


def practice(attempts: Sequence[Attempt], today: date) -> Practice:
    """On how many days somebody practised. Weeks begin on Monday; the week at hand only adds."""
    days = sorted({one.at.date() for one in attempts})
    weeks = {day - timedelta(days=day.weekday()) for day in days}
    week = today - timedelta(days=today.weekday())
    if week not in weeks:
        week -= timedelta(days=7)
    count = 0
    while week in weeks:
        count, week = count + 1, week - timedelta(days=7)
    lately = sum(0 <= (today - day).days < LATELY for day in days)
    return Practice(len(days), lately, count, days[-1] if days else None)


def matched(attempts: Sequence[Attempt], most: int = 8) -> list[Pair]:
    """Sentences that were said twice, at least `APART`, with the first and the last try at each.

    The longest apart come first: "you then, you now".
    """
    tries: dict[str, list[Attempt]] = defaultdict(list)
    days = [
        [a.score.overall for a in own if a.score.overall is not None] for own in days_of(attempts).values()
    ]
    spread = _spread(days)
    for one in sorted(attempts, key=mastery.place):
        if one.score.overall is not None and one.exercise.is_read:
            tries[" ".join(one.score.text.lower().split())].append(one)
    found = []
    for own in tries.values():
        first, last = own[0], own[-1]
        if last.at - first.at >= APART:
            assert first.score.overall is not None and last.score.overall is not None
            change = overall_change(
                [first.score.overall],
                [last.score.overall],
                0.0 if isnan(spread) else spread,
                looked_at_daily(),
            )
            found.append(Pair(last.score.text, first, last, change))
    return sorted(found, key=lambda pair: pair.then.at - pair.now.at)[:most]


def change(attempts: Sequence[Attempt], since: date | None = None) -> Change | None:
    """The change of overall scores from before a day to since then, without a day from the first half on.

    The noise is the spread inside the two parts; None where one of them has fewer than `FEWEST`.
    """
    told = [(one.at.date(), one.score.overall) for one in sorted(attempts, key=mastery.place)]
    known = [(day, value) for day, value in told if value is not None]
    if since is None:
        cut = len(known) // 2
        before, after = known[:cut], known[cut:]
    else:
        before, after = [one for one in known if one[0] < since], [one for one in known if one[0] >= since]
    if min(len(before), len(after)) < FEWEST:
        return None
    first, second = ([value for _, value in part] for part in (before, after))
    limit = looked_at_daily(len(first) + len(second) - 2)
    return overall_change(first, second, _spread([first, second]), limit)


def hardest(state: LearnerState, kind: str = "contrast", most: int = 6) -> list[tuple[str, belief.Belief]]:
    """The skills of a kind that are known and least sure, the hardest first."""
    known = [name for name, one in state.skills.items() if skills.kind_of(name) == kind and one.n >= HEARD]
    told = belief.all_believed(state, known)
    return sorted(told.items(), key=lambda item: (item[1].p, item[0]))[:most]


def forecasts(
    attempts: Sequence[Attempt], state: LearnerState, goal: Mapping[str, float], most: int = 8
) -> list[Forecast]:
    """How many attempts more each of the hardest sounds takes until its goal (log-odds).

    At the learner's own pace: what the sound's own log-odds gained from attempt to attempt, a straight line
    through what was heard (weighted least squares on the logits of each attempt), drawn with its error
    together with the belief at hand; no draw that does not rise ever arrives.
    """
    rng = np.random.default_rng(SEED)
    seen: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    for i, one in enumerate(sorted(attempts, key=mastery.place)):
        for found in evidence.of_score(one.score):
            if skills.kind_of(found.skill) == "sound":
                seen[found.skill].append((i, found.right, found.weight))
    weak = [(name, told) for name, told in hardest(state, "sound", most=99) if told.logit < goal[name]]
    return [_forecast(name, told, seen[name], goal[name], rng) for name, told in weak[:most]]


def _forecast(
    name: str,
    told: belief.Belief,
    seen: Sequence[tuple[int, float, float]],
    goal: float,
    rng: np.random.Generator,
) -> Forecast:
    when, right, weight = (np.array(column, dtype=np.float64) for column in zip(*seen, strict=True))
    p = np.clip(right, 0.05, 0.95)
    logit, w = np.log(p / (1 - p)), np.maximum(weight, 1e-3)
    centred = when - np.average(when, weights=w)
    moment = float((w * centred**2).sum())
    if len(seen) < 2 * HEARD or moment <= 0:
        return Forecast(name, told.p, None)
    slope = float((w * centred * logit).sum() / moment)
    rest = logit - np.average(logit, weights=w) - slope * centred
    error = sqrt(float((w * rest**2).sum() / (len(seen) - 2) / moment))
    paces = slope + error * rng.standard_t(len(seen) - 2, DRAWS)
    short = np.maximum(goal - (told.logit + told.sd * rng.normal(size=DRAWS)), 0.0)
    with np.errstate(divide="ignore"):
        needed = np.where(short == 0, 0.0, np.where(paces > 0, short / np.maximum(paces, 1e-9), np.inf))
    if np.mean(needed < MOST_ATTEMPTS) < SURE:
        return Forecast(name, told.p, None)
    low, middle, high = (
        min(float(x), MOST_ATTEMPTS) for x in np.quantile(needed, [0.1, 0.5, 0.9], method="lower")
    )
    return Forecast(name, told.p, (round(low), round(middle), round(high)))
