"""Who and what a figure is broken down by, and which cells are too small to speak of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from speechtutor.core import Utterance
from speechtutor.evaluation import significance
from speechtutor.evaluation.labelled import Figures, Labelled, Measured, measured
from speechtutor.evaluation.result import Gap, Group, Metric, Row
from speechtutor.evaluation.sampling import Estimate, Speakers
from speechtutor.metrics import LEAST_SPEAKERS

LEAST_UTTERANCES = 20
"""A cell below either is not reported: its figures would speak of persons, or of nothing."""
MINIMUM = {"speakers": LEAST_SPEAKERS, "utterances": LEAST_UTTERANCES}
ADULT_AGE = 16
UNKNOWN = "not given"
GAPS_BY = ("age", "gender", "l1")
"""Dimensions of people, whose gaps are reported."""
GENDERS = {"f": "female", "m": "male"}
LENGTHS = ((1, "no words"), (5, "1-4 words"), (10, "5-9 words"), (20, "10-19 words"))
NOISE = ((10.0, "under 10 dB"), (20.0, "10-20 dB"), (30.0, "20-30 dB"))


def of_utterance(row: Utterance, n_words: int) -> dict[str, str]:
    """The cells of an utterance that are known before it is heard."""
    age = (
        UNKNOWN
        if row.age is None
        else f"under {ADULT_AGE}"
        if row.age < ADULT_AGE
        else f"{ADULT_AGE} or older"
    )
    gender = GENDERS.get(row.gender or "", row.gender or UNKNOWN)
    both = UNKNOWN if UNKNOWN in (age, gender) else f"{gender}, {age}"
    length = next((name for below, name in LENGTHS if n_words < below), "20 words or more")
    return {"age": age, "gender": gender, "age and gender": both, "l1": row.l1 or UNKNOWN, "length": length}


def of_snr(snr_db: float | None) -> dict[str, str]:
    """The cell of a recording's signal-to-noise ratio in dB."""
    if snr_db is None:
        return {"snr": "not measured"}
    return {"snr": next((name for below, name in NOISE if snr_db < below), "30 dB or more")}


@dataclass(frozen=True, slots=True)
class Cell:
    """The rows of one cell of one dimension."""

    by: str
    name: str
    rows: Sequence[Row]

    @property
    def n_speakers(self) -> int:
        """How many people it holds."""
        return len({row.speaker for row in self.rows})

    @property
    def small(self) -> bool:
        """Whether its figures must not be shown."""
        return self.n_speakers < LEAST_SPEAKERS or len(self.rows) < LEAST_UTTERANCES


def cells(rows: Sequence[Row]) -> list[Cell]:
    """Every cell of every dimension in which the rows differ, largest first."""
    found: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        for by, name in row.groups.items():
            found.setdefault(by, {}).setdefault(name, []).append(row)
    return [
        Cell(by, name, members)
        for by, named in found.items()
        if len(named) > 1
        for name, members in sorted(named.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


FiguresOf = Callable[[Sequence[Row]], Figures]
"""The figures of some rows, still to be measured."""


def broken_down(
    rows: Sequence[Row], figures: FiguresOf, keys: Sequence[str], speakers: Speakers, seed: int = 0
) -> tuple[list[Group], list[Gap]]:
    """The figures of every cell that is large enough, and the gaps in `keys` between cells of people.

    All gaps of a run are one family of tests (`significance.holm`).
    """
    groups, large = [], []
    for cell in cells(rows):
        asked = {} if cell.small else figures(cell.rows)
        found = measured(asked, speakers)
        if found:
            large.append((cell, asked, found))
        metrics = {name: metric for name, (metric, _) in found.items()}
        groups.append(Group(cell.by, cell.name, len(cell.rows), cell.n_speakers, cell.small, metrics))
    gaps = []
    for first, second in combinations(large, 2):
        here, there = first[0], second[0]
        if here.by == there.by and here.by in GAPS_BY and UNKNOWN not in (here.name, there.name):
            together = figures([*here.rows, *there.rows])
            gaps += _gaps(first, second, together, keys, seed)
    corrected = significance.holm([gap.p for gap in gaps])
    return groups, [
        replace(gap, p_corrected=p, differs=significance.differs(p))
        for gap, p in zip(gaps, corrected, strict=True)
    ]


Told = tuple[Cell, Figures, Measured]


def _gaps(first: Told, second: Told, together: Figures, keys: Sequence[str], seed: int) -> list[Gap]:
    (here, asked, found), (there, _, other) = first, second
    ways = significance.regroupings(
        [row.speaker for row in here.rows], [row.speaker for row in there.rows], seed
    )
    return [
        Gap(
            here.by, here.name, there.name, key, difference(asked[key], found[key], other[key]),
            None if ways is None else ways.p(together[key]),
        )
        for key in keys
        if key in found and key in other
    ]  # fmt: skip


def difference(asked: Labelled, first: tuple[Metric, Estimate], second: tuple[Metric, Estimate]) -> Metric:
    """One figure minus another over the same draws, with the interval of the difference."""
    fewer = min(first[0].n, second[0].n)
    return replace(asked, n=fewer).metric(first[1].minus(second[1]))
