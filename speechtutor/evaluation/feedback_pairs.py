"""A model's wording with and without its adapter, on the same utterances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speechtutor.evaluation.feedback import N_EXAMPLES, FeedbackReport, Worded

DRAWS = 1000


def mean_interval(values: Sequence[float], draws: int = DRAWS, seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of a mean, a percentile bootstrap over the utterances (Efron, 1979); nan for none."""
    if not values:
        return float("nan"), float("nan")
    known = np.asarray(values, np.float64)
    drawn = np.random.default_rng(seed).integers(len(known), size=(draws, len(known)))
    low, high = np.quantile(known[drawn].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


def table(
    base: tuple[FeedbackReport, Sequence[Worded]], adapted: tuple[FeedbackReport, Sequence[Worded]]
) -> str:
    """Both in one table with intervals and paired differences, then the first replies by id in full.

    Only utterances for which both were asked count for a difference.
    """
    (first, before), (second, after) = base, adapted
    lines = [
        f"# {second.tutor} against {first.tutor}",
        "",
        f"| measure | base (n {first.n}) | adapter (n {second.n}) | difference |",
        "| --- | --- | --- | --- |",
        *_shares(before, after),
        f"| words | {first.n_words:.1f} | {second.n_words:.1f} | {second.n_words - first.n_words:+.1f} |",
        f"| reading level (Flesch-Kincaid grade) | {first.grade:.1f} | {second.grade:.1f} "
        f"| {second.grade - first.grade:+.1f} |",
        f"| first token, p50 and p95 (s) | {first.first_p50:.2f}, {first.first_p95:.2f} "
        f"| {second.first_p50:.2f}, {second.first_p95:.2f} | |",
        f"| full reply, p50 and p95 (s) | {first.total_p50:.2f}, {first.total_p95:.2f} "
        f"| {second.total_p50:.2f}, {second.total_p95:.2f} | |",
        "",
        "Shares with a 95 % interval, a bootstrap over utterances; differences are paired.",
        "",
        f"The first {N_EXAMPLES} by id, unselected:",
        "",
        *_examples(before, after),
    ]
    return "\n".join(lines) + "\n"


_SHARES = (
    ("pass the verifier", "passed"),
    ("name the word of the top finding", "word"),
    ("name its sound", "sound"),
    ("cover the top finding: its word and, where it has one, its sound", "covered"),
)


def _shares(before: Sequence[Worded], after: Sequence[Worded]) -> list[str]:
    lines = []
    for name, field in _SHARES:
        one = {item.id: float(v) for item in before if (v := getattr(item, field)) is not None}
        two = {item.id: float(v) for item in after if (v := getattr(item, field)) is not None}
        gains = [two[id] - one[id] for id in one if id in two]
        lines.append(
            f"| {name} | {_shown(list(one.values()))} | {_shown(list(two.values()))} "
            f"| {_shown(gains, sign='+')} |"
        )
    return lines


def _shown(values: Sequence[float], sign: str = "") -> str:
    if not values:
        return "-"
    low, high = mean_interval(values)
    return f"{np.mean(values):{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


def _examples(before: Sequence[Worded], after: Sequence[Worded]) -> list[str]:
    said = {item.id: item for item in before}
    lines = []
    for item in sorted(after, key=lambda item: item.id)[:N_EXAMPLES]:
        base = said.get(item.id)
        lines += [
            f"- `{item.id}` ({item.kind})",
            f"    - base: {_reply(base) if base is not None else 'was not asked'}",
            f"    - adapter: {_reply(item)}",
        ]
    return lines


def _reply(item: Worded) -> str:
    return item.text + ("" if item.passed else f" **refused: {item.violations[0]}**")
