"""How far graders agree with each other, with the labels of the run and with the machine.

What was said blind and what was said after the machine's score had been seen are never mixed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from speechtutor.evaluation.agreement import Agreement, agreement, alpha
from speechtutor.evaluation.result import Row
from speechtutor.metrics import Interval, speaker_bootstrap
from speechtutor.report.overrides import LABELS, MACHINE, UNITS, Item, Override, standing, unit
from speechtutor.schema.results import fraction

FEWEST = 10
"""Items that two graders must share before their agreement is given as a number."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two judges of the same items; `found` is None where they share too few.

    `blind` says that the graders had seen nothing of the machine or the labels, and judged what they were
    given; otherwise they had, and may have chosen what to judge.
    """

    unit: str
    first: str
    second: str
    n_items: int
    found: Agreement | None
    blind: bool = False


@dataclass(frozen=True, slots=True)
class Together:
    """All graders at once on the items that two or more of them judged blind: Krippendorff's alpha."""

    unit: str
    n_items: int
    n_graders: int
    alpha: Interval | None


@dataclass(frozen=True, slots=True)
class Grading:
    """Everything that graders said of a run: what stands, in the order of the rows, and how they agree.

    `n_blind` and `n_seen` count the scores that stand among those given blind, and among those given after
    the machine's score had been seen; a grader may have given both of one item.
    """

    n_recorded: int
    standing: Sequence[tuple[Item, Sequence[Override]]]
    pairs: Sequence[Pair]
    graders: Sequence[str]
    together: Sequence[Together] = ()
    n_blind: int = 0
    n_seen: int = 0


def grading(rows: Sequence[Row], given: Sequence[Override], *, draws: int = 1000, seed: int = 0) -> Grading:
    """What graders said of a run, and how far they agree; intervals are over speakers.

    Blind grades are of what the graders were given, so they say how good a grader or the machine is. The
    others are not: whoever overrides has seen what the machine said, and items that nobody disputes are not
    there.
    """
    speakers = {row.id: row.speaker for row in rows}
    items = _ordered(rows, given)
    sides = {blind: _ordered(rows, [one for one in given if one.blind is blind]) for blind in (True, False)}
    pairs = [pair for blind, side in sides.items() for pair in _pairs(side, blind, speakers, draws, seed)]
    together = [_together(unit, sides[True], speakers, draws, seed) for unit in UNITS]
    n_blind, n_seen = (sum(len(judged) for _, judged in side) for side in sides.values())
    return Grading(
        len(given), items, pairs, _graders(items), [one for one in together if one.n_items], n_blind, n_seen
    )


Items = Sequence[tuple[Item, Sequence[Override]]]


def _ordered(rows: Sequence[Row], given: Sequence[Override]) -> Items:
    place = {row.id: i for i, row in enumerate(rows)}
    return sorted(
        standing(given).items(), key=lambda kv: (place.get(kv[0][0], len(place)), kv[0][1], kv[0][2] or 0)
    )


def _graders(items: Items) -> list[str]:
    return sorted({one.who for _, judged in items for one in judged})


def _pairs(items: Items, blind: bool, speakers: Mapping[str, str], draws: int, seed: int) -> list[Pair]:
    graders, pairs = _graders(items), []
    for kind in UNITS:
        scores = _scores({i: j for i, j in items if unit(i) == kind})
        for first, second in combinations([*graders, LABELS, MACHINE], 2):
            if first in graders:
                pair = _pair(kind, first, second, scores, speakers, draws, seed, blind)
                pairs += [pair] if pair.n_items else []
    return pairs


def _together(kind: str, items: Items, speakers: Mapping[str, str], draws: int, seed: int) -> Together:
    shared = [(item, judged) for item, judged in items if unit(item) == kind and len(judged) > 1]
    graders = _graders(shared)
    if len(shared) < FEWEST:
        return Together(kind, len(shared), len(graders), None)
    table = np.full((len(shared), len(graders)), np.nan)
    for number, (_, judged) in enumerate(shared):
        for one in judged:
            table[number, graders.index(one.who)] = one.score
    groups = [speakers.get(item[0], item[0]) for item, _ in shared]
    found = speaker_bootstrap(lambda index: alpha(table[index]), groups, draws, seed)
    return Together(kind, len(shared), len(graders), found)


def _scores(items: Mapping[Item, Sequence[Override]]) -> dict[str, dict[Item, float]]:
    """By judge: the score of each item in [0, 1]."""
    scores: dict[str, dict[Item, float]] = {}
    for item, judged in items.items():
        for one in judged:
            for judge, score in ((one.who, one.score), (MACHINE, one.machine), (LABELS, one.rated)):
                if score is not None:
                    scores.setdefault(judge, {})[item] = fraction(score)
    return scores


def _pair(
    kind: str,
    first: str,
    second: str,
    scores: Mapping[str, Mapping[Item, float]],
    speakers: Mapping[str, str],
    draws: int,
    seed: int,
    blind: bool,
) -> Pair:
    of_first, of_second = scores.get(first, {}), scores.get(second, {})
    shared = [item for item in of_first if item in of_second]
    if len(shared) < FEWEST:
        return Pair(kind, first, second, len(shared), None, blind)
    found = agreement(
        [of_first[i] for i in shared],
        [of_second[i] for i in shared],
        [speakers.get(i[0], i[0]) for i in shared],
        n=draws,
        seed=seed,
    )
    return Pair(kind, first, second, len(shared), found, blind)


def spoken(interval: Interval, scale: float = 1.0, digits: int = 2) -> str:
    """A number with its interval; a dash where it is not defined."""
    if math.isnan(interval.value):
        return "–"
    # Adding 0 to what was rounded turns a -0.00 into 0.00; there may be no bounds.
    value, low, high = (
        f"{round(scale * x, digits) + 0.0:.{digits}f}" for x in (interval.value, interval.low, interval.high)
    )
    return value if interval.why else f"{value} [{low}, {high}]"
