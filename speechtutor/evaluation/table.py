"""A summary as Markdown, for people at a terminal and for the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from speechtutor.evaluation.result import Difference, Gap, Metric, Summary, Table
from speechtutor.evaluation.significance import ALPHA

N_CONFUSIONS = 10
N_NAMED = 20
"""Ids of a list that are shown; summary.json has all."""


def markdown(found: Summary, keys: Sequence[str] = ()) -> str:
    """The summary as tables; `keys` are the figures that are shown for groups and gaps."""
    return "\n".join(
        (*_head(found), *_figures(found), *_baselines(found), *_groups(found, keys), *_comparison(found),
         *_tables(found), *_confusions(found), *_notes(found), "")
    )  # fmt: skip


def _range(metric: Metric) -> str:
    if metric.low is None or metric.high is None:
        return metric.why
    return f"{metric.low:.3f} to {metric.high:.3f}"


def _p(found: Gap | Difference) -> str:
    """The corrected p, with a star where it says that there is a difference."""
    if found.p_corrected is None:
        return "-"
    return f"{found.p_corrected:.3f}{' *' if found.differs else ''}"


def _family(found: Sequence[Gap | Difference]) -> Iterator[str]:
    n = sum(one.p is not None for one in found)
    if n:
        yield from ("", f"p is corrected for the {n} tests of this table (Holm); * below {ALPHA}.")


def _value(metric: Metric) -> str:
    return "-" if metric.value is None else f"{metric.value:.3f}"


def _line(label: str, metric: Metric) -> str:
    return f"| {label} | {_value(metric)} | {_range(metric)} | {metric.n:,} {metric.of} |"


def _head(found: Summary) -> Iterator[str]:
    yield f"# {found.name}: {found.kind}"
    yield ""
    counts = dict(found.counts)
    text = f"{counts.pop('utterances', 0)} utterances of {counts.pop('speakers', 0)} {found.over}"
    parts = [f"{n} {name.replace('_', ' ')}" for name, n in counts.items() if n and name in found.lists]
    factor = found.timing.get("real_time_factor")
    if factor is not None:
        parts.append(f"{factor:.3f} of real time on {found.provenance.get('device', 'cpu')}")
    yield ", ".join([text, *parts]) + "."
    for name, ids in found.lists.items():
        if ids:
            more = f" and {len(ids) - N_NAMED} more" if len(ids) > N_NAMED else ""
            yield from ("", f"{name.replace('_', ' ').capitalize()}: {', '.join(ids[:N_NAMED])}{more}.")
    yield ""


def _figures(found: Summary) -> Iterator[str]:
    yield f"| figure | value | 95 % over {found.over} | n |"
    yield "| --- | --- | --- | --- |"
    for metric in found.metrics.values():
        yield _line(metric.label, metric)


def _baselines(found: Summary) -> Iterator[str]:
    if found.baselines:
        yield from (
            "",
            f"| baseline | figure | value | 95 % over {found.over} | n |",
            "| --- | --- | --- | --- | --- |",
        )
    for name, metrics in found.baselines.items():
        for metric in metrics.values():
            if metric.value is not None:
                yield f"| {name} {_line(metric.label, metric)}"


def _groups(found: Summary, keys: Sequence[str]) -> Iterator[str]:
    if found.groups:
        yield from (
            "",
            f"| group | figure | value | 95 % over {found.over} | n |",
            "| --- | --- | --- | --- | --- |",
        )
    for group in found.groups:
        name = f"{group.by}: {group.name} ({group.n_utterances} utterances, {group.n_speakers} {found.over})"
        if group.suppressed:
            yield f"| {name} | too small to be shown | | | |"
        for key in keys:
            if key in group.metrics:
                yield f"| {name} {_line(group.metrics[key].label, group.metrics[key])}"
    if found.gaps:
        yield from (
            "",
            f"| gap | figure | value | 95 % over {found.over} | n | p, corrected |",
            "| --- | --- | --- | --- | --- | --- |",
        )
    for gap in found.gaps:
        yield f"| {gap.first} minus {gap.second} {_line(gap.metric.label, gap.metric)} {_p(gap)} |"
    yield from _family(found.gaps)
    if any(group.suppressed for group in found.groups):
        least = " or ".join(f"{n} {name}" for name, n in found.minimum_cell.items())
        yield from ("", f"The figures of groups with fewer than {least} are not shown.")


def _comparison(found: Summary) -> Iterator[str]:
    if found.comparison is None:
        return
    paired = found.comparison
    yield ""
    left = (
        f" ({paired.n_unjudged} that one of the two did not judge are left out)" if paired.n_unjudged else ""
    )
    yield f"Against {paired.against} ({paired.folder}), paired over {paired.n_utterances} utterances{left}:"
    yield from (
        "",
        f"| figure | this | other | difference | 95 % over {found.over} | p, corrected |",
        "| --- | --- | --- | --- | --- | --- |",
    )
    for row in paired.differences.values():
        this, other = ("-" if x is None else f"{x:.3f}" for x in (row.this, row.other))
        change = row.difference
        yield f"| {change.label} | {this} | {other} | {_value(change)} | {_range(change)} | {_p(row)} |"
    yield from _family(list(paired.differences.values()))


def _tables(found: Summary) -> Iterator[str]:
    for one in found.tables:
        yield from ("", *lines(one))


def lines(one: Table) -> Iterator[str]:
    """A table of a summary, line by line."""
    heads = [column.removeprefix("#") for column in one.columns]
    yield from (f"| {' | '.join(heads)} |", f"|{' --- |' * len(one.columns)}")
    yield from (f"| {' | '.join(map(str, row))} |" for row in one.rows)


def _confusions(found: Summary) -> Iterator[str]:
    if found.confusions:
        yield from ("", "| read as | instead of | times |", "| --- | --- | --- |")
    for row in found.confusions[:N_CONFUSIONS]:
        yield f"| {row.hypothesis or '(left out)'} | {row.reference or '(nothing)'} | {row.count} |"


def _notes(found: Summary) -> Iterator[str]:
    if found.notes:
        yield ""
    for sentence in found.notes:
        yield f"- {sentence}"
