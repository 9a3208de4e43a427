"""How far graders agree with each other, with the labels of the run and with the machine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from speechtutor.evaluation.agreement import Agreement, agreement
from speechtutor.evaluation.result import Row
from speechtutor.metrics import Interval
from speechtutor.report.overrides import LABELS, MACHINE, Item, Override, standing
from speechtutor.schema.results import fraction

FEWEST = 10
"""Items that two graders must share before their agreement is given as a number."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two judges of the same items; `found` is None where they share too few."""

    unit: str
    first: str
    second: str
    n_items: int
    found: Agreement | None


@dataclass(frozen=True, slots=True)
class Grading:
    """Everything about the overrides of a run: those that stand, in the order of the rows."""

    n_recorded: int
    standing: Sequence[tuple[Item, Sequence[Override]]]
    pairs: Sequence[Pair]
    graders: Sequence[str]


def grading(rows: Sequence[Row], given: Sequence[Override], *, draws: int = 1000, seed: int = 0) -> Grading:
    """What graders said of a run, and how far they agree; intervals are over speakers.

    The sharing is not blind: whoever overrides has seen what the machine said, and items that
    nobody disputes are not there. The agreement with the machine is of disputed items only.
    """
    place = {row.id: i for i, row in enumerate(rows)}
    speakers = {row.id: row.speaker for row in rows}
    items = sorted(
        standing(given).items(), key=lambda kv: (place.get(kv[0][0], len(place)), kv[0][1], kv[0][2] or 0)
    )
    graders = sorted({one.who for _, judged in items for one in judged})
    pairs = []
    for unit in ("word", "sound"):
        scores = _scores({i: j for i, j in items if (i[2] is None) == (unit == "word")})
        judges = [*graders, LABELS, MACHINE]
        for first, second in combinations(judges, 2):
            if first in graders:
                pair = _pair(unit, first, second, scores, speakers, draws, seed)
                pairs += [pair] if pair.n_items else []
    return Grading(len(given), items, pairs, graders)


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
    unit: str,
    first: str,
    second: str,
    scores: Mapping[str, Mapping[Item, float]],
    speakers: Mapping[str, str],
    draws: int,
    seed: int,
) -> Pair:
    of_first, of_second = scores.get(first, {}), scores.get(second, {})
    shared = [item for item in of_first if item in of_second]
    if len(shared) < FEWEST:
        return Pair(unit, first, second, len(shared), None)
    found = agreement(
        [of_first[i] for i in shared],
        [of_second[i] for i in shared],
        [speakers.get(i[0], i[0]) for i in shared],
        n=draws,
        seed=seed,
    )
    return Pair(unit, first, second, len(shared), found)


def spoken(interval: Interval, scale: float = 1.0, digits: int = 2) -> str:
    """A number with its interval; a dash where it is not defined."""
    if math.isnan(interval.value):
        return "–"
    # Adding 0 to what was rounded turns a -0.00 into 0.00; there may be no bounds.
    value, low, high = (
        f"{round(scale * x, digits) + 0.0:.{digits}f}" for x in (interval.value, interval.low, interval.high)
    )
    return value if interval.why else f"{value} [{low}, {high}]"
