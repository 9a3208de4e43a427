"""How many wrong sounds a diagnosis finds and names, and how many right ones it calls wrong, where known.

The wrong sounds are those of `evaluation.known_errors`. The scorer is judged beside the diagnosis, by its
own error probability and threshold. Figures over all groups mix them: they only serve to compare two runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from speechtutor.evaluation import sampling
from speechtutor.evaluation.details import Place
from speechtutor.evaluation.job import Job, bar, carry_out
from speechtutor.evaluation.known_error_places import SCORER, SYSTEMS, judge
from speechtutor.evaluation.known_errors import Case
from speechtutor.evaluation.labelled import Labelled, measured
from speechtutor.evaluation.result import Metric, Row, Summary, Table
from speechtutor.evaluation.sampling import Speakers
from speechtutor.evaluation.summary import EvaluationKind
from speechtutor.scoring.diagnosis import STANDARD, Model
from speechtutor.stages import Listening
from speechtutor.text.phones import VOWELS

if TYPE_CHECKING:
    from speechtutor.models.diagnosis import Diagnoser

KEYS = ("standard_recall", "standard_named", "standard_false_alarms")
BUDGETS = (0.01, 0.02)
"""Shares of right phones called wrong, at which recall is told whatever the thresholds are."""
N_PAIRS = 20
COLUMNS = (
    "group", "wrong / right", "recall", "named right of flagged", "false alarms", "recall at 1 % / 2 %",
    "scorer: recall", "scorer: found and named", "scorer: false alarms",
)  # fmt: skip

Spoken = tuple[Place, str]
"""A place with its speaker."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A recording of one group; `cases` makes what it is held against once it is its turn."""

    id: str
    group: str
    speaker: str
    split: str
    audio: str
    text: str
    cases: Callable[[], Iterable[Case]]


def listener(
    scorer: Listening, diagnoser: Diagnoser, apart: Mapping[str, Model], *, gate: bool = True
) -> Callable[[Reading], Row]:
    """A function that judges one reading; a speaker of `apart` is judged by the model named there."""

    def heard(reading: Reading) -> Row:
        own = replace(diagnoser, model=apart.get(reading.speaker, diagnoser.model))
        cases = list(reading.cases())
        start = perf_counter()
        found = [judge(case, scorer, own, gate=gate) for case in cases]
        spent = perf_counter() - start
        return row_of(reading, found, elapsed=spent, duration=sum(case.recording.duration for case in cases))

    return heard


def row_of(reading: Reading, found: Sequence[list[Place] | None], **extra: Any) -> Row:
    """One reading with the places of its cases, None for a case that was declined."""
    places = [place for one in found if one is not None for place in one]
    wrong, fine = (
        [p["found"][STANDARD] for p in places if (p["said"] is None) == ok] for ok in (False, True)
    )
    own = {"standard_recall": _mean(wrong), "standard_false_alarms": _mean(fine)}
    detail = {"cases": len(found), "declined": sum(one is None for one in found), "places": places}
    return Row(
        reading.id, reading.speaker, reading.split, reading.audio, reading.text,
        groups={"group": reading.group}, metrics=own, detail=detail, **extra,
    )  # fmt: skip


def failed(reading: Reading, cause: str) -> Row:
    """The row of a reading that could not be judged."""
    return row_of(reading, [], error=cause)


def _mean(values: Sequence[bool]) -> float | None:
    return float(np.mean(values)) if values else None


def _right(place: Place, system: str) -> bool:
    """Whether what was said is what the system names."""
    return place["heard"].get(SCORER if system == SCORER else "diagnosis") == place["said"]


def _spoken(rows: Sequence[Row]) -> list[Spoken]:
    return [(place, row.speaker) for row in rows for place in row.detail["places"]]


def _share(
    label: str, places: Sequence[Spoken], hit: Callable[[Place], bool], of: str, better: str = "higher"
) -> Labelled | None:
    """The share of places that are hits; None of nothing."""
    if not places:
        return None
    figure = sampling.mean([hit(place) for place, _ in places])
    return Labelled(label, figure, [who for _, who in places], len(places), of, "share", better)


def figures(rows: Sequence[Row]) -> dict[str, Labelled]:
    """Recall, named right and false alarms of every system; recall of the diagnosis at 1 and 2 % of them."""
    wrong = [one for one in _spoken(rows) if one[0]["said"] is not None]
    fine = [one for one in _spoken(rows) if one[0]["said"] is None]
    found: dict[str, Labelled | None] = {}
    for system in SYSTEMS:
        name = system if system == SCORER else f"diagnosis, {system}"

        def flags(place: Place, system: str = system) -> bool:
            return place["found"][system]

        def names(place: Place, system: str = system) -> bool:
            return _right(place, system)

        def both(place: Place, system: str = system) -> bool:
            return place["found"][system] and _right(place, system)

        flagged = [one for one in wrong if flags(one[0])]
        found |= {
            f"{system}_recall": _share(f"{name}: recall", wrong, flags, "wrong sounds"),
            f"{system}_named": _share(f"{name}: named right of flagged", flagged, names, "flagged"),
            f"{system}_found_named": _share(f"{name}: found and named right", wrong, both, "wrong sounds"),
            f"{system}_false_alarms": _share(f"{name}: false alarms", fine, flags, "right phones", "lower"),
        }
    found |= _at_budgets(wrong, fine)
    return {key: figure for key, figure in found.items() if figure is not None}


def _at_budgets(wrong: Sequence[Spoken], fine: Sequence[Spoken]) -> dict[str, Labelled | None]:
    """Recall of wrong phones above the probability that 1 and 2 % of these very right phones exceed."""
    levels = sorted((place["level"] for place, _ in fine), reverse=True)
    changed = [one for one in wrong if one[0]["kind"] != "insertion"]
    found: dict[str, Labelled | None] = {}
    for rate in BUDGETS if levels else ():
        limit = levels[int(rate * len(levels))]
        label = f"phones: recall at {rate:.0%} false alarms"
        found[f"recall_at_{rate:.0%}".rstrip("%")] = _share(
            label, changed, lambda place, limit=limit: place["level"] > limit, "wrong phones"  # type: ignore[misc]
        )  # fmt: skip
    return found


def _grouped(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.groups["group"], []).append(row)
    return found


def cell(metric: Metric | None) -> str:
    """A figure with its interval, alone where there may be none, "" where there is no figure."""
    if metric is None or metric.value is None:
        return ""
    if metric.low is None or metric.high is None:
        return f"{metric.value:.3f}"
    return f"{metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f})"


def by_group(rows: Sequence[Row], speakers: Speakers) -> Table:
    """One line a group, of whatever size: made voices are no persons to be hidden."""
    lines = []
    for group, own in _grouped(rows).items():
        found = {key: metric for key, (metric, _) in measured(figures(own), speakers).items()}
        n_wrong, n_right = (found[f"standard_{k}"].n if f"standard_{k}" in found else 0
                            for k in ("recall", "false_alarms"))  # fmt: skip
        at = (found[key].value for key in ("recall_at_1", "recall_at_2") if key in found)
        named = ("standard_recall", "standard_named", "standard_false_alarms")
        old = ("scorer_recall", "scorer_found_named", "scorer_false_alarms")
        lines.append((
            group, f"{n_wrong} / {n_right}", *(cell(found.get(key)) for key in named),
            " / ".join(f"{value:.2f}" for value in at if value is not None),
            *(cell(found.get(key)) for key in old),
        ))  # fmt: skip
    return Table("Groups of known errors", COLUMNS, lines)


PARTS: Mapping[str, Callable[[Place], str]] = {
    "kind": lambda place: place["kind"],
    "class": lambda place: "vowel" if (place["wanted"] or place["said"]) in VOWELS else "consonant",
    "place": lambda place: place["place"],
}


def by_part(rows: Sequence[Row], speakers: Speakers) -> Table:
    """Recall by kind of error, by class and by place in the word, for both systems."""
    lines: list[tuple[str | int, ...]] = []
    for group, own in _grouped(rows).items():
        wrong = [one for one in _spoken(own) if one[0]["said"] is not None]
        for part, key in PARTS.items():
            for value in sorted({key(place) for place, _ in wrong}):
                chosen = [one for one in wrong if key(one[0]) == value]
                flagged = [one for one in chosen if one[0]["found"][STANDARD]]
                asked = (
                    _share("recall", chosen, lambda place: place["found"][STANDARD], "wrong sounds"),
                    _share("named", flagged, lambda place: _right(place, STANDARD), "flagged"),
                    _share("scorer", chosen, lambda place: place["found"][SCORER], "wrong sounds"),
                )
                cells = (cell(one.measured(speakers)[0] if one else None) for one in asked)
                lines.append((group, f"{part}: {value}", len(chosen), *cells))
    head = ("group", "part", "#wrong", "recall", "named right of flagged", "scorer: recall")
    return Table("Recall by kind, class and place of the wrong sound", head, lines)


def commonest(rows: Sequence[Row]) -> Table:
    """The commonest wrong sounds of each group: how often found, and named."""
    lines: list[tuple[str | int, ...]] = []
    for group, own in _grouped(rows).items():
        wrong = [place for place, _ in _spoken(own) if place["said"] is not None]
        counts = Counter((place["wanted"], place["said"]) for place in wrong)
        for (wanted, said), n in counts.most_common(N_PAIRS):
            same = [place for place in wrong if (place["wanted"], place["said"]) == (wanted, said)]
            hits = [place for place in same if place["found"][STANDARD]]
            named = sum(_right(place, STANDARD) for place in hits)
            old = sum(place["found"][SCORER] for place in same)
            lines.append((group, wanted or "(nothing)", said or "(left out)", n, len(hits), named, old))
    head = ("group", "wanted", "said", "#times", "#found", "#found and named", "#found by the scorer")
    return Table("The commonest wrong sounds", head, lines)


def rest(rows: Sequence[Row], speakers: Speakers) -> dict[str, Any]:
    """What a summary of this kind has beside metrics and groups."""
    lists = {
        "failed": [row.id for row in rows if row.error is not None],
        "declined": [row.id for row in rows if row.detail["declined"]],
    }
    return {
        "counts": {
            "utterances": len(rows),
            "speakers": len({row.speaker for row in rows}),
            "cases": sum(row.detail["cases"] for row in rows),
            **{name: len(ids) for name, ids in lists.items()},
        },
        "lists": lists,
        "tables": [by_group(rows, speakers), by_part(rows, speakers), commonest(rows)],
        "notes": ["Figures over all groups mix them and only serve to compare two runs."],
    }


def _judged(row: Row) -> bool:
    return row.error is None and row.detail["declined"] < max(row.detail["cases"], 1)


KIND = EvaluationKind("diagnosis", figures, KEYS, rest, "standard_recall", _judged)


def evaluate(
    job: Job[Reading],
    scorer: Listening,
    diagnoser: Diagnoser,
    apart: Mapping[str, Model],
    *,
    gate: bool = True,
) -> tuple[Summary, list[Row]]:
    """Diagnose every reading of the job, or go on with a stopped run, and write the result.

    `apart` are the models of speakers whom the diagnosis itself was trained on. Without the `gate` what
    holds no speech is judged too.

    Raises:
        SpeechTutorError: for a folder, a comparison or a disk that cannot be used.
    """
    judge_one = listener(scorer, diagnoser, apart, gate=gate)
    return carry_out(job, KIND, judge_one, failed, progress=bar("diagnosis"))
