"""Who and what a figure is broken down by, and which cells are too small to speak of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from speechtutor.core import Utterance
from speechtutor.evaluation.result import Gap, Group, Metric, Row
from speechtutor.evaluation.sampling import Estimate

LEAST_SPEAKERS, LEAST_UTTERANCES = 5, 20
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


Measure = Callable[[Sequence[Row]], Mapping[str, tuple[Metric, Estimate]]]
"""The figures of some rows, all over the same draws of speakers."""


def broken_down(rows: Sequence[Row], measure: Measure, keys: Sequence[str]) -> tuple[list[Group], list[Gap]]:
    """The figures of every cell that is large enough, and the gaps in `keys` between cells of people."""
    groups, gaps, measured = [], [], {}
    for cell in cells(rows):
        found = {} if cell.small else measure(cell.rows)
        if found:
            measured[cell.by, cell.name] = found
        metrics = {name: metric for name, (metric, _) in found.items()}
        groups.append(Group(cell.by, cell.name, len(cell.rows), cell.n_speakers, cell.small, metrics))
    for first, second in combinations(measured, 2):
        if first[0] == second[0] and first[0] in GAPS_BY and UNKNOWN not in (first[1], second[1]):
            pair = measured[first], measured[second]
            gaps += [
                Gap(first[0], first[1], second[1], key, difference(pair[0][key], pair[1][key]))
                for key in keys
                if key in pair[0] and key in pair[1]
            ]
    return groups, gaps


def difference(first: tuple[Metric, Estimate], second: tuple[Metric, Estimate]) -> Metric:
    """One figure minus another over the same draws, with the interval of the difference."""
    a, b = first[0], second[0]
    return metric_of(
        first[1].minus(second[1]),
        a.label,
        min(a.n, b.n),
        a.of,
        min(a.n_speakers, b.n_speakers),
        a.unit,
        a.better,
    )


def metric_of(
    found: Estimate, label: str, n: int, of: str, n_speakers: int, unit: str = "rate", better: str = "lower"
) -> Metric:
    """A figure as it is written, None where it is not defined."""
    value, low, high = (None if x != x else x for x in (found.value, *found.bounds))
    return Metric(label, value, low, high, n, of, n_speakers, unit, better)
