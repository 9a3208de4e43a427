"""From rows to a summary: the same steps for every kind of evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from speechtutor.errors import InputError
from speechtutor.evaluation import groups
from speechtutor.evaluation.groups import difference
from speechtutor.evaluation.result import Comparison, Difference, Metric, Row, Run, Summary
from speechtutor.evaluation.sampling import DRAWS, Estimate, Speakers

Measured = Mapping[str, tuple[Metric, Estimate]]


@dataclass(frozen=True, slots=True)
class Kind:
    """What is particular to one kind: its figures, those compared between groups, and the rest."""

    name: str
    measure: Callable[[Sequence[Row], Speakers], Measured]
    keys: Sequence[str]
    rest: Callable[[Sequence[Row], Speakers], Mapping[str, Any]]
    headline: str


def summarise(
    kind: Kind,
    name: str,
    rows: Sequence[Row],
    provenance: Mapping[str, Any],
    *,
    against: Run | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Summary:
    """Everything that the rows say, the same for the same rows.

    Raises:
        InputError: when there are no rows, or `against` is not of the same utterances.
    """
    if not rows:
        raise InputError("there is nothing to evaluate: no utterance was chosen")
    speakers = Speakers([row.speaker for row in rows], draws, seed)
    found = kind.measure(rows, speakers)
    cells, gaps = groups.broken_down(rows, lambda part: kind.measure(part, speakers), kind.keys)
    heard = [row for row in rows if row.elapsed is not None and row.duration is not None]
    elapsed, seconds = (sum(getattr(row, key) for row in heard) for key in ("elapsed", "duration"))
    extra = dict(kind.rest(rows, speakers))
    timing: dict[str, float | None] = {
        "elapsed": elapsed,
        "audio": seconds,
        "real_time_factor": elapsed / seconds if seconds else None,
        "seconds_each": elapsed / len(heard) if heard else None,
    }
    return Summary(
        kind=kind.name,
        name=name,
        metrics={key: metric for key, (metric, _) in found.items()},
        provenance=provenance,
        groups=cells,
        gaps=gaps,
        comparison=None if against is None else compared(kind, rows, against, draws, seed),
        timing=timing,
        minimum_cell=groups.MINIMUM,
        **extra,
    )


def compared(kind: Kind, rows: Sequence[Row], other: Run, draws: int = DRAWS, seed: int = 0) -> Comparison:
    """This run minus an earlier one, over the utterances of both and the same draws of speakers.

    Raises:
        InputError: when the other run is of another kind, shares no utterance, or has other texts.
    """
    if other.summary.kind != kind.name:
        raise InputError(f"{other.folder} is an evaluation of {other.summary.kind}, not of {kind.name}")
    there = {row.id: row for row in other.rows}
    pairs = [(row, there[row.id]) for row in rows if row.id in there]
    if not pairs:
        raise InputError(f"{other.folder} has no utterance of this run")
    for row, earlier in pairs:
        if (row.reference, row.speaker) != (earlier.reference, earlier.speaker):
            raise InputError(f"{other.folder}: {row.id} has another text or speaker there")
    speakers = Speakers([row.speaker for row, _ in pairs], draws, seed)
    new, old = (kind.measure([pair[side] for pair in pairs], speakers) for side in (0, 1))
    differences = {}
    for key in new:
        if key not in old:
            continue
        change, p = difference(new[key], old[key]), new[key][1].minus(old[key][1]).p
        bounded = change.low is not None and change.high is not None
        differs = bounded and ((change.low or 0.0) > 0 or (change.high or 0.0) < 0)
        differences[key] = Difference(
            new[key][0].value, old[key][0].value, change, None if p != p else p, differs
        )
    name = f"{other.summary.name} ({other.folder.name})"  # the folder tells two runs of one system apart
    return Comparison(
        name, str(other.folder), len(pairs), len(rows) - len(pairs), len(there) - len(pairs),
        differences, other.summary.provenance,
    )  # fmt: skip
