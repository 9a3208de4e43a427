"""The figures of a run as rows of tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from speechtutor.evaluation.result import Comparison, Difference, Gap, Metric, Summary
from speechtutor.metrics import LEAST_SPEAKERS
from speechtutor.report import sections
from speechtutor.report.runs import Evaluated, shown
from speechtutor.report.sections import Dimension, Reliability, interval_text

CARDS = 4


def _figure(metric: Metric) -> list[str]:
    return [shown(metric, metric.value), interval_text(metric)]


def context(run: Evaluated, lead: str | None) -> dict[str, Any]:
    """What the template shows of figures, groups and calibration."""
    summary = run.summary
    if summary is None:
        empty: dict[str, Any] = dict.fromkeys(("cards", "overview", "figure_rows", "baseline_rows"), ())
        return empty | {
            "summary": None, "dimensions": [], "reliabilities": [], "gap_rows": [], "over": "speakers"
        }  # fmt: skip
    keys = sections.key_names(summary, lead)
    # First what tells how good it is; a bias has no better side, and a lead may be what orders the rows.
    judged = [name for name in keys if name in summary.metrics and summary.metrics[name].better]
    leading = [lead] if lead in summary.metrics else []
    names = list(dict.fromkeys([*judged, *leading, *keys, *summary.metrics]))
    n_least = [f"{n} {name}" for name, n in summary.minimum_cell.items()]
    return {
        "summary": summary,
        "cards": [summary.metrics[name] for name in names if name][:CARDS],
        "overview": sections.overview(summary),
        "figure_rows": [
            [m.label, *_figure(m), f"{m.n:,}", m.of, m.n_speakers, m.better] for m in summary.metrics.values()
        ],
        "baseline_rows": [
            [name, m.label, *_figure(m)] for name, found in summary.baselines.items() for m in found.values()
        ],
        "count_rows": _counts(summary),
        "dimensions": sections.dimensions(summary, keys),
        "group_columns": ["group", "#utterances", "#speakers", *_group_heads(summary, keys)],
        "group_rows": _group_rows(keys),
        "smallest": " or ".join(n_least) or "the least number of people",
        "gap_rows": _gaps(summary),
        "gap_note": family(summary.gaps),
        "other_tables": summary.tables,
        "over": summary.over,
        "reliabilities": sections.reliabilities(summary),
        "bin_columns": ["stated", "#cases", "#mean stated", "#came true"],
        "bin_rows": _bins,
    }


def _counts(summary: Summary) -> list[list[str]]:
    rows = [[name.replace("_", " "), f"{n:,}"] for name, n in summary.counts.items()]
    unit = {"elapsed": " s", "audio": " s", "seconds_each": " s"}
    timed = [
        [name.replace("_", " "), "–" if value is None else f"{value:.3g}{unit.get(name, '')}"]
        for name, value in summary.timing.items()
    ]
    return rows + timed


def _group_heads(summary: Summary, keys: Sequence[str]) -> list[str]:
    labels = [summary.metrics[key].label if key in summary.metrics else key for key in keys]
    return [head for label in labels for head in (f"#{label}", "#95 %")]


def _group_rows(keys: Sequence[str]) -> Callable[[Dimension], list[list[Any]]]:
    def rows(dimension: Dimension) -> list[list[Any]]:
        found = []
        for group in dimension.groups:
            cells: list[Any] = [group.name, group.n_utterances, group.n_speakers]
            for key in keys:
                metric = group.metrics.get(key)
                blank = ["too few", ""] if group.suppressed else ["–", "–"]
                cells += _figure(metric) if metric else blank
            found.append(cells)
        return found

    return rows


def _gaps(summary: Summary) -> list[list[str]]:
    return [
        [f"{gap.first} minus {gap.second}", gap.metric.label, *_figure(gap.metric), *_tested(gap, gap.metric)]
        for gap in summary.gaps
    ]


def _tested(found: Gap | Difference, metric: Metric) -> list[str]:
    """The corrected p, and what it says."""
    if found.p_corrected is None:
        return ["–", metric.why or "not tested"]
    p = "< 0.001" if found.p_corrected < 0.001 else f"{found.p_corrected:.3f}"
    return [p, "they differ" if found.differs else "no difference shown"]


def family(found: Sequence[Gap | Difference]) -> str:
    """What a reader must know of the tests of one table, "" where nothing was tested."""
    n = sum(one.p is not None for one in found)
    if not n:
        return f"Nothing here is tested: that takes at least {LEAST_SPEAKERS} speakers on each side."
    tests = "one test" if n == 1 else f"{n} tests"
    return (
        f"{tests[:1].upper()}{tests[1:]} on this table; p is corrected for their number (Holm), so that of "
        "all tables in which nothing differs one in twenty says that something does. “Not tested” is what "
        "was not chosen beforehand."
    )


def _bins(one: Reliability) -> list[list[Any]]:
    def share(value: float | None) -> str:
        return "–" if value is None else f"{100 * value:.1f} %"

    return [
        [f"{100 * b.low:.0f}–{100 * b.high:.0f} %", b.n, share(b.mean_probability), share(b.observed_rate)]
        for b in one.calibration.bins
    ]


def differences(comparison: Comparison) -> list[list[str]]:
    """Paired differences: both sides, the change, whether it is sure."""
    rows = []
    for found in comparison.differences.values():
        metric = found.difference
        sides = [shown(metric, found.this), shown(metric, found.other)]
        rows.append([metric.label, *sides, *_figure(metric), *_tested(found, metric), metric.better])
    return rows
