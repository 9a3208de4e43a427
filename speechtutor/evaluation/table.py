"""A summary as Markdown, for people at a terminal and for the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from speechtutor.evaluation.result import Metric, Summary

N_CONFUSIONS = 10


def markdown(found: Summary, keys: Sequence[str] = ()) -> str:
    """The summary as tables; `keys` are the figures that are shown for groups and gaps."""
    return "\n".join(
        (*_head(found), *_figures(found), *_baselines(found), *_groups(found, keys), *_comparison(found),
         *_confusions(found), *_notes(found), "")
    )  # fmt: skip


def _range(metric: Metric) -> str:
    return "" if metric.low is None or metric.high is None else f"{metric.low:.3f} to {metric.high:.3f}"


def _value(metric: Metric) -> str:
    return "-" if metric.value is None else f"{metric.value:.3f}"


def _line(label: str, metric: Metric) -> str:
    return f"| {label} | {_value(metric)} | {_range(metric)} | {metric.n:,} {metric.of} |"


def _head(found: Summary) -> Iterator[str]:
    yield f"# {found.name}: {found.kind}"
    yield ""
    counts = dict(found.counts)
    text = f"{counts.pop('utterances', 0)} utterances of {counts.pop('speakers', 0)} speakers"
    parts = [f"{n} {name.replace('_', ' ')}" for name, n in counts.items() if n and name in found.lists]
    factor = found.timing.get("real_time_factor")
    if factor is not None:
        parts.append(f"{factor:.3f} of real time on {found.provenance.get('device', 'cpu')}")
    yield ", ".join([text, *parts]) + "."
    yield ""


def _figures(found: Summary) -> Iterator[str]:
    yield "| figure | value | 95 % over speakers | n |"
    yield "| --- | --- | --- | --- |"
    for metric in found.metrics.values():
        yield _line(metric.label, metric)


def _baselines(found: Summary) -> Iterator[str]:
    if found.baselines:
        yield from (
            "",
            "| baseline | figure | value | 95 % over speakers | n |",
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
            "| group | figure | value | 95 % over speakers | n |",
            "| --- | --- | --- | --- | --- |",
        )
    for group in found.groups:
        name = f"{group.by}: {group.name} ({group.n_utterances} utterances, {group.n_speakers} speakers)"
        if group.suppressed:
            yield f"| {name} | too small to be shown | | | |"
        for key in keys:
            if key in group.metrics:
                yield f"| {name} {_line(group.metrics[key].label, group.metrics[key])}"
    for gap in found.gaps:
        yield f"| gap, {gap.first} minus {gap.second} {_line(gap.metric.label, gap.metric)}"
    if any(group.suppressed for group in found.groups):
        least = " or ".join(f"{n} {name}" for name, n in found.minimum_cell.items())
        yield from ("", f"The figures of groups with fewer than {least} are not shown.")


def _comparison(found: Summary) -> Iterator[str]:
    if found.comparison is None:
        return
    paired = found.comparison
    yield ""
    yield f"Against {paired.against} ({paired.folder}), paired over {paired.n_utterances} utterances:"
    yield from (
        "",
        "| figure | this | other | difference | 95 % over speakers | p |",
        "| --- | --- | --- | --- | --- | --- |",
    )
    for row in paired.differences.values():
        this, other = ("-" if x is None else f"{x:.3f}" for x in (row.this, row.other))
        p = "-" if row.p is None else f"{row.p:.3f}"
        change = row.difference
        yield f"| {change.label} | {this} | {other} | {_value(change)} | {_range(change)} | {p} |"


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
