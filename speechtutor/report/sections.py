"""The parts of a run's report as plain values, ready for the template; nothing here is markup but charts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from speechtutor.evaluation.agreement import levels
from speechtutor.evaluation.result import Calibration, Confusion, Group, Metric, Row, Summary
from speechtutor.report import charts, heat
from speechtutor.report.charts import Cell, Estimate
from speechtutor.report.runs import shown
from speechtutor.schema.results import fraction

LEVEL_NAMES = ("wrong", "unclear", "right")
_WORDS = {
    "rate": "per cent",
    "share": "per cent",
    "correlation": "correlation",
    "s": "seconds",
    "points²": "squared points of two",
    "points": "points of two",
}


def scale(unit: str) -> float:
    """What a number is multiplied by to be read."""
    return 100.0 if unit in ("rate", "share") else 1.0


def number(n: int, what: str) -> str:
    """A count with its noun in the right number."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def interval_text(metric: Metric) -> str:
    """The 95 % interval as people read it, or why there is none."""
    if metric.low is None or metric.high is None:
        return metric.why or "–"
    return f"{shown(metric, metric.low)} to {shown(metric, metric.high)}"


def estimate(label: str, metric: Metric) -> Estimate:
    """A row of an interval chart."""
    return Estimate(label, metric.value, metric.low, metric.high, shown(metric, metric.value))


def overview(summary: Summary) -> list[Markup]:
    """Charts of all figures, one for each unit that at least two of them share."""
    units: dict[str, list[Metric]] = {}
    for metric in summary.metrics.values():
        units.setdefault(metric.unit, []).append(metric)
    return [
        charts.intervals(
            [estimate(m.label, m) for m in metrics[:MOST_DRAWN]], "Figures with their 95 % intervals",
            _WORDS.get(unit, unit), scale=scale(unit),
        )
        for unit, metrics in units.items()
        if sum(m.value is not None for m in metrics) > 1
    ]  # fmt: skip


def key_names(summary: Summary, lead: str | None) -> list[str]:
    """The figures by which groups are compared: those of the gaps, or else the leading one."""
    found = list(dict.fromkeys(gap.name for gap in summary.gaps))
    return found or ([lead] if lead in summary.metrics and lead else list(summary.metrics)[:1])


@dataclass(frozen=True, slots=True)
class Dimension:
    """The groups of one dimension with a chart of each key figure."""

    by: str
    groups: Sequence[Group]
    charts: Sequence[Markup]

    @property
    def title(self) -> str:
        """The dimension as people call it."""
        return TITLES.get(self.by, self.by)


TITLES = {"l1": "first language", "snr": "signal-to-noise ratio", "length": "length of the text"}
MOST_DRAWN = 10
"""Figures of one unit in the overview; the table has all."""


def dimensions(summary: Summary, keys: Sequence[str]) -> list[Dimension]:
    """Groups by dimension; a suppressed group is listed without figures."""
    found: dict[str, list[Group]] = {}
    for group in summary.groups:
        found.setdefault(group.by, []).append(group)
    return [
        Dimension(by, groups, [_group_chart(by, groups, keys[0])]) for by, groups in found.items() if keys
    ]


def _group_chart(by: str, groups: Sequence[Group], key: str) -> Markup:
    metrics = [(group.name, group.metrics[key]) for group in groups if key in group.metrics]
    if len(metrics) < 2:
        return Markup("")
    first = metrics[0][1]
    rows = [estimate(name, metric) for name, metric in metrics]
    title = f"{first.label} by {TITLES.get(by, by)}"
    return charts.intervals(rows, title, _WORDS.get(first.unit, first.unit), scale=scale(first.unit))


@dataclass(frozen=True, slots=True)
class Reliability:
    """A calibration with its chart."""

    calibration: Calibration
    chart: Markup


def reliabilities(summary: Summary) -> list[Reliability]:
    """Reliability diagrams of every probability the run stated."""
    return [
        Reliability(
            one,
            charts.reliability(
                one.bins, f"Reliability of {one.name}", "stated probability", "observed share"
            ),
        )
        for one in summary.calibration
        if one.n
    ]


@dataclass(frozen=True, slots=True)
class Matrix:
    """A shaded table of counts."""

    caption: str
    corner: str
    rows: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[Sequence[Cell]]


def _phone_name(phone: str) -> str:
    if not phone:
        return "(nothing)"
    written = heat.ipa(phone)
    return phone if written == phone else f"{written} {phone}"


def sound_matrix(confusions: Sequence[Confusion], most: int = 12) -> Matrix | None:
    """The sounds most often taken for another, by what they were taken for."""
    counts = Counter({(c.reference, c.hypothesis): c.count for c in confusions if c.unit == "phone"})
    if not counts:
        return None
    by_row: Counter[str] = Counter()
    by_column: Counter[str] = Counter()
    for (reference, hypothesis), n in counts.items():
        by_row[reference] += n
        by_column[hypothesis] += n
    rows = [name for name, _ in by_row.most_common(most)]
    columns = [name for name, _ in by_column.most_common(most)]
    table = [[counts[row, column] for column in columns] for row in rows]
    return Matrix(
        "What sounds were taken for: a row is a sound, its cells say how often it was heard as what",
        "sound ↓ heard as →",
        [_phone_name(row) for row in rows],
        [_phone_name(column) for column in columns],
        charts.shaded(table),
    )


def level_matrix(rows: Sequence[Row]) -> Matrix | None:
    """How the machine's and the raters' levels of all sounds meet."""
    pairs = [
        (fraction(phone["rated"]), fraction(phone["score"]))
        for row in rows
        for word in heat.words_of(row)
        for phone in word.get("phones") or ()
        if phone.get("rated") is not None and phone.get("score") is not None
    ]
    if not pairs:
        return None
    rated, machine = levels([p[0] for p in pairs]), levels([p[1] for p in pairs])
    table = np.zeros((3, 3), dtype=int)
    np.add.at(table, (rated, machine), 1)
    return Matrix(
        f"Raters and machine on {len(pairs):,} sounds: a row is what the raters said",
        "raters ↓ machine →",
        LEVEL_NAMES,
        LEVEL_NAMES,
        charts.shaded(table.tolist()),
    )


@dataclass(frozen=True, slots=True)
class Scatter:
    """Sentence scores of raters and machine in ten bands each, with a chart."""

    chart: Markup
    counts: Sequence[Sequence[int]]
    bands: Sequence[str]
    n: int


def score_scatter(rows: Sequence[Row]) -> Scatter | None:
    """Overall scores of machine and raters against each other."""
    counts = [[0] * 10 for _ in range(10)]
    n = 0
    for row in rows:
        machine, raters = (row.detail.get(side) for side in ("model", "raters"))
        if not isinstance(machine, Mapping) or not isinstance(raters, Mapping):
            continue
        if machine.get("overall") is None or raters.get("overall") is None:
            continue
        i, j = (min(int(side["overall"] / 10), 9) for side in (machine, raters))
        counts[i][j] += 1
        n += 1
    if not n:
        return None
    chart = charts.bubbles(counts, "Sentence scores of machine and raters", "raters", "machine")
    return Scatter(chart, counts, [f"{10 * i}–{10 * i + 10}" for i in range(10)], n)


def flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as names with dots and their text, in order."""
    if isinstance(value, Mapping):
        return [pair for key, item in value.items() for pair in flat(item, f"{prefix}{key}.")]
    name = prefix.removesuffix(".")
    if isinstance(value, list | tuple):
        return [(name, " ".join(str(item) for item in value))]
    return [(name, "–" if value is None else str(value))]


def origin(summary: Summary | None, config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where the figures come from: what the summary says, or else the settings of the unfinished run."""
    return flat(summary.provenance if summary else config)
