"""Two runs side by side: paired differences, and the utterances that changed most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from markupsafe import Markup

from speechtutor.errors import InputError
from speechtutor.evaluation.result import Comparison, Row, Run
from speechtutor.report import charts
from speechtutor.report.charts import Estimate
from speechtutor.report.runs import Evaluated, shown
from speechtutor.report.sections import scale


@dataclass(frozen=True, slots=True)
class Changed:
    """An utterance in both runs with the leading figure of each."""

    this: Row
    other: Row
    metric: str
    change: float

    @property
    def values(self) -> tuple[float, float]:
        """The figure here and there."""
        return self.this.metrics[self.metric] or 0.0, self.other.metrics[self.metric] or 0.0


@dataclass(frozen=True, slots=True)
class Versus:
    """What the template shows of two runs; `better` and `worse` are the largest changes of utterances."""

    comparison: Comparison
    other: Evaluated | None
    charts: Sequence[Markup]
    better: Sequence[Changed]
    worse: Sequence[Changed]


def compare(run: Evaluated, other: Evaluated, *, draws: int = 1000, seed: int = 0) -> Comparison:
    """This run minus the other over the utterances of both.

    Raises:
        InputError: when one of them is not finished, or they cannot be compared.
    """
    from speechtutor.evaluation import summary

    for one in (run, other):
        if one.summary is None:
            raise InputError(f"{one.folder}: the run is not finished, so there is nothing to compare")
    assert run.summary is not None and other.summary is not None
    # Every kind of evaluation is a module of its name, and `result.KINDS` has them all.
    kind: summary.EvaluationKind = import_module(f"speechtutor.evaluation.{run.summary.kind}").KIND
    there = Run(other.folder, other.config, other.summary, other.rows)
    return summary.compared(kind, run.rows, there, draws, seed)


def versus(
    comparison: Comparison, run: Evaluated, other: Evaluated | None, lead: str | None, n: int = 5
) -> Versus:
    """Everything about two runs that the page shows."""
    units = dict.fromkeys(found.difference.unit for found in comparison.differences.values())
    drawn = []
    for unit in units:
        rows = [
            Estimate(d.label, d.value, d.low, d.high, shown(d, d.value))
            for d in (found.difference for found in comparison.differences.values())
            if d.unit == unit
        ]
        title = f"Difference to {comparison.against}"
        axis = f"this run minus {comparison.against}, {'percentage points' if scale(unit) > 1 else unit}"
        drawn.append(charts.intervals(rows, title, axis, scale=scale(unit), zero=True))
    better, worse = _changes(run, other, lead, n) if other and lead else ([], [])
    return Versus(comparison, other, drawn, better, worse)


def _changes(run: Evaluated, other: Evaluated, metric: str, n: int) -> tuple[list[Changed], list[Changed]]:
    there = {row.id: row for row in other.rows}
    known = run.summary.metrics.get(metric) if run.summary else None
    sign = -1.0 if known and known.better == "higher" else 1.0
    changes = []
    for row in run.rows:
        old = there.get(row.id)
        a, b = row.metrics.get(metric), old.metrics.get(metric) if old else None
        if old is not None and a is not None and b is not None and a != b:
            changes.append(Changed(row, old, metric, sign * (a - b)))
    changes.sort(key=lambda change: change.change)
    better = [change for change in changes[:n] if change.change < 0]
    return better, [change for change in reversed(changes[-n:]) if change.change > 0]
