"""From rows to a summary: the same steps for every kind of evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from speechtutor.errors import InputError
from speechtutor.evaluation import groups, significance
from speechtutor.evaluation.groups import FiguresOf, difference
from speechtutor.evaluation.labelled import measured
from speechtutor.evaluation.result import Comparison, Difference, Row, Run, Summary
from speechtutor.evaluation.sampling import DRAWS, Speakers
from speechtutor.evaluation.significance import FIRST, SECOND


def _judged(row: Row) -> bool:
    return row.error is None


def _as_they_are(first: Row, second: Row) -> tuple[Row, Row]:
    return first, second


@dataclass(frozen=True, slots=True)
class EvaluationKind:
    """What is particular to one kind: its figures, those compared between groups and runs, and the rest.

    `keys` are chosen before anything is seen: only they are tested. `judged` says whether a row holds a
    judgement; `paired` takes from two rows of one utterance what only one of the systems judged.
    """

    name: str
    figures: FiguresOf
    keys: Sequence[str]
    rest: Callable[[Sequence[Row], Speakers], Mapping[str, Any]]
    headline: str
    judged: Callable[[Row], bool] = _judged
    paired: Callable[[Row, Row], tuple[Row, Row]] = _as_they_are


def summarise(
    kind: EvaluationKind,
    name: str,
    rows: Sequence[Row],
    provenance: Mapping[str, Any],
    *,
    against: Run | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    over: str = "speakers",
) -> Summary:
    """Everything that the rows say, the same for the same rows.

    `over` names what `Row.speaker` stands for where it is not a speaker: "dialogues", "utterances".

    Raises:
        InputError: when there are no rows, or `against` is not of the same utterances.
    """
    if not rows:
        raise InputError("there is nothing to evaluate: no utterance was chosen")
    speakers = Speakers([row.speaker for row in rows], draws, seed, over)
    found = measured(kind.figures(rows), speakers)
    cells, gaps = groups.broken_down(rows, kind.figures, kind.keys, speakers, seed)
    extra = dict(kind.rest(rows, speakers))
    return Summary(
        kind=kind.name,
        name=name,
        metrics={key: metric for key, (metric, _) in found.items()},
        provenance=provenance,
        groups=cells,
        gaps=gaps,
        comparison=None if against is None else compared(kind, rows, against, draws, seed),
        timing={**_timing(rows), **extra.pop("timing", {})},
        minimum_cell=groups.MINIMUM,
        over=over,
        **extra,
    )


def _timing(rows: Sequence[Row]) -> dict[str, float | None]:
    timed = [row.elapsed for row in rows if row.elapsed is not None]
    heard = [(row.elapsed, row.duration) for row in rows if row.elapsed is not None and row.duration]
    elapsed, seconds = sum(e for e, _ in heard), sum(d for _, d in heard)
    return {
        "elapsed": sum(timed),
        "audio": seconds,
        "real_time_factor": elapsed / seconds if seconds else None,
        "seconds_each": sum(timed) / len(timed) if timed else None,
    }


def compared(
    kind: EvaluationKind, rows: Sequence[Row], other: Run, draws: int = DRAWS, seed: int = 0
) -> Comparison:
    """This run minus an earlier one, over what both judged of the utterances of both.

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
    both = [kind.paired(*pair) for pair in pairs if all(map(kind.judged, pair))]
    name = f"{other.summary.name} ({other.folder.name})"  # the folder tells two runs of one system apart
    return Comparison(
        name, str(other.folder), len(both), len(rows) - len(pairs), len(there) - len(pairs),
        _differences(kind, both, draws, seed, other.summary.over) if both else {}, other.summary.provenance,
        len(pairs) - len(both),
    )  # fmt: skip


def _differences(
    kind: EvaluationKind, pairs: Sequence[tuple[Row, Row]], draws: int, seed: int, over: str
) -> dict[str, Difference]:
    """Every figure of the first rows minus that of the second; `kind.keys` are one family of tests."""
    names = [row.speaker for row, _ in pairs]
    speakers = Speakers(names, draws, seed, over)
    asked = [kind.figures([pair[side] for pair in pairs]) for side in (0, 1)]
    new, old = (measured(figures, speakers) for figures in asked)
    sides = zip((FIRST, SECOND), zip(*pairs, strict=True), strict=True)
    together = kind.figures(
        [replace(row, speaker=side + row.speaker) for side, part in sides for row in part]
    )
    ways = significance.swaps(names, seed)
    tested = [key for key in kind.keys if key in new and key in old]
    values = [ways.p(together[key]) for key in tested]
    p = dict(zip(tested, zip(values, significance.holm(values), strict=True), strict=True))
    found = {}
    for key in new:
        if key in old:
            raw, corrected = p.get(key, (None, None))
            found[key] = Difference(
                new[key][0].value, old[key][0].value, difference(asked[0][key], new[key], old[key]),
                raw, significance.differs(corrected), corrected,
            )  # fmt: skip
    return found
