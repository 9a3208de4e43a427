"""One run, or two side by side, as one HTML file with JSON and CSV beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from speechtutor.errors import InputError
from speechtutor.evaluation.result import Comparison, Row
from speechtutor.files import disk
from speechtutor.metrics import LEAST_SPEAKERS
from speechtutor.report import (
    clips,
    export,
    grades,
    grading,
    heat,
    html,
    overrides,
    runs,
    sections,
    sources,
    tables,
    versus,
)
from speechtutor.report.grading import Grading, Pair
from speechtutor.report.overrides import Item, Override
from speechtutor.report.runs import Evaluated, shown
from speechtutor.views import score as score_view

MOST_ROWS = 5000
"""Utterances that a page lists; the CSV has all."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a report is made; `root` is the folder of the recordings, where it is not that of the run."""

    root: Path | None = None
    audio: clips.Mode = "embed"
    n_worst: int = 20
    metric: str | None = None
    draws: int = 1000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Built:
    """What was written, and what the reader was warned of."""

    page: Path
    beside: Sequence[Path]
    problems: Sequence[str]


def build(
    folder: Path, out: Path | None = None, against: Path | None = None, options: Options | None = None
) -> Built:
    """Write the report of a run's folder, `report.html` in it by default.

    `folder` may also be anything else that `sources` reads: a file of scores, a manifest, recordings; the
    report of a file lies beside it.

    Raises:
        InputError: when there is no run, or the two cannot be compared.
        StorageError: when the disk refuses.
    """
    chosen = options or Options()
    source = sources.load(folder, root=chosen.root)
    run = source.run
    other = runs.load(against) if against else None
    beside_file = folder.with_name(f"{folder.stem}-report.html")
    target = out or (folder / "report.html" if folder.is_dir() else beside_file)
    comparison = run.summary.comparison if run.summary else None
    if other:
        comparison = versus.compare(run, other, draws=chosen.draws, seed=chosen.seed)
    summary = replace(run.summary, comparison=comparison) if run.summary else None
    given, problems = grades.of_source(source)
    run = replace(run, summary=summary, problems=(*run.problems, *problems))
    graded = overrides.standing(given)
    judged = grading.grading(run.rows, given, draws=chosen.draws, seed=chosen.seed)
    names = export.names(target, run, judged)
    beside = [path.name for path in names]
    text = _page(run, other, comparison, judged, graded, target, beside, chosen, source.root)
    written = export.write(names, run, judged, graded)
    disk.write_text(target, text)
    return Built(target, written, run.problems)


def _page(
    run: Evaluated,
    other: Evaluated | None,
    comparison: Comparison | None,
    judged: Grading,
    graded: Mapping[Item, Sequence[Override]],
    target: Path,
    beside: Sequence[str],
    options: Options,
    root: Path | None,
) -> str:
    lead = options.metric or runs.lead_metric(run)
    if options.metric and not any(options.metric in row.metrics for row in run.rows):
        known = sorted({name for row in run.rows for name in row.metrics})
        raise InputError(
            f"no utterance has the figure {options.metric!r}; there are {', '.join(known) or 'none'}"
        )
    against = versus.versus(comparison, run, other, lead) if comparison else None
    context: dict[str, Any] = {
        "title": _title(run, comparison),
        "lead_text": _lead_text(run),
        "problems": run.problems,
        "linked": options.audio == "link",
        "versus": against,
        "other_reliabilities": sections.reliabilities(other.summary) if other and other.summary else [],
        "difference_rows": tables.differences(comparison) if comparison else [],
        "difference_note": tables.family(list(comparison.differences.values())) if comparison else "",
        "beside": beside,
        "origins": _origins(run, other, comparison),
        **tables.context(run, lead),
        **_confused(run),
        **_worst(run, lead, graded, target, options, root),
        **_graders(judged),
        **_rows(run),
    }
    return html.render("run.html", contents=_contents(context), **context)


def _title(run: Evaluated, comparison: Comparison | None) -> str:
    kind = {"asr": "Recognition", "scoring": "Scoring"}.get(run.kind, run.kind.capitalize() or "Evaluation")
    return f"{kind}: {run.name}" + (f" against {comparison.against}" if comparison else "")


def _lead_text(run: Evaluated) -> str:
    speakers = {row.speaker for row in run.rows}
    parts = [f"{sections.number(len(run.rows), 'utterance')} of {sections.number(len(speakers), 'speaker')}"]
    parts += [f"{sections.number(len(run.failed), 'file')} failed"] if run.failed else []
    origin = run.summary.provenance if run.summary else run.config
    split = sorted({row.split for row in run.rows})
    parts += [f"split {', '.join(split)}"] if any(split) else []
    parts += [f"{key} {origin[key]}" for key in ("device", "commit", "date") if origin.get(key)]
    return "; ".join(parts) + "."


CONTENTS = {
    "summary": "Summary", "versus": "Two runs", "dimensions": "Groups", "reliabilities": "Calibration",
    "confused": "Confusions", "worst": "Worst utterances", "failed": "Failed files",
    "graders": "Graders", "row_lines": "All utterances",
}  # fmt: skip
ANCHORS = {
    "dimensions": "groups",
    "reliabilities": "calibration",
    "confused": "confusions",
    "row_lines": "all",
}


def _contents(context: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The sections that the page has."""
    there = {
        **context,
        "confused": any(context[k] for k in ("level_matrix", "sound_matrix", "confusion_rows", "scatter")),
        "graders": context["grading"].n_recorded,
    }
    found = [(ANCHORS.get(key, key), name) for key, name in CONTENTS.items() if there[key]]
    return [*found, ("origin", "Where this comes from")]


def _confused(run: Evaluated) -> dict[str, Any]:
    confusions = run.summary.confusions if run.summary else ()
    return {
        "scatter": sections.score_scatter(run.rows),
        "level_matrix": sections.level_matrix(run.rows),
        "sound_matrix": sections.sound_matrix(confusions),
        "confusion_rows": [
            [c.reference or "(nothing)", c.hypothesis or "(left out)", c.count] for c in confusions[:30]
        ],
    }


def _worst(
    run: Evaluated,
    lead: str | None,
    graded: Mapping[Item, Sequence[Override]],
    target: Path,
    options: Options,
    root: Path | None,
) -> dict[str, Any]:
    rows = runs.worst(run, lead, options.n_worst) if lead else []
    rows += [row for row in run.rows if any(item[0] == row.id for item in graded) and row not in rows]
    known = run.summary.metrics.get(lead or "") if run.summary else None
    heats = {row.id: heat.view(row, graded) for row in rows if heat.words_of(row)}

    def value(row: Row) -> str:
        number = row.metrics.get(lead or "")
        if known:
            return shown(known, number)
        return "–" if number is None else f"{number:.3f}"

    def changed_rows(changes: Sequence[versus.Changed]) -> list[list[str]]:
        return [
            [c.this.id, c.this.reference, c.this.hypothesis or "–", c.other.hypothesis or "–",
             value(c.this), value(c.other)]
            for c in changes
        ]  # fmt: skip

    return {
        "worst": rows,
        "lead_label": known.label if known else (lead or "").replace("_", " "),
        "lead_value": value,
        "changed_rows": changed_rows,
        "clips": clips.clips(rows, root, target, options.audio),
        "heats": heats,
        "edits": {
            row.id: _edits(row)
            for row in rows
            if row.id not in heats and row.hypothesis is not None and run.kind != "feedback"
        },
        "sentences": {row.id: row.detail["sentences"] for row in rows if row.detail.get("sentences")},
        "aspects": {row.id: said for row in rows if (said := _aspects(row))},
        "key": [(f"st-{label.name.lower()}", mark, label.value) for label, mark in score_view.MARKS.items()],
    }


def _edits(row: Row) -> list[heat.Edited]:
    reference, hypothesis = row.detail.get("normalised") or (row.reference, row.hypothesis or "")
    return heat.edited(reference, hypothesis)


def _aspects(row: Row) -> str:
    """Sentence scores of machine and raters in words, or a reply and why it was refused."""
    if "violations" in row.detail:
        refused = "; ".join(row.detail["violations"])
        return f"reply: {row.hypothesis or '–'}" + (f" (refused: {refused})" if refused else "")
    if "corrected" in row.detail:
        return f"right: {row.detail['corrected']}"
    parts = []
    for side, name in (("model", "machine"), ("raters", "raters")):
        scores = row.detail.get(side)
        if isinstance(scores, Mapping):
            told = [f"{aspect} {html.points(score)}" for aspect, score in scores.items()]
            parts.append(f"{name}: {', '.join(told)}")
    return "; ".join(parts)


def _graders(judged: Grading) -> dict[str, Any]:
    override_rows = [
        [one.id, f"{one.word}. {one.text}" if one.word else "whole sentence",
         "" if one.phone is None else f"{one.phone}. {one.expected}",
         *(html.points(score) for score in (one.score, one.machine, one.rated)),
         "blind" if one.blind else "seen", one.who, one.at, one.note]
        for _, given in judged.standing
        for one in given
    ]  # fmt: skip
    return {
        "grading": judged,
        "pair_tables": [
            (title, rows)
            for blind, title in ((True, "Agreement, blind"), (False, "Agreement, the machine seen"))
            if (rows := [_pair(pair) for pair in judged.pairs if pair.blind is blind])
        ],
        "together_rows": [
            [f"{one.unit}s", one.n_items, one.n_graders,
             "too few" if one.alpha is None else grading.spoken(one.alpha)]
            for one in judged.together
        ],
        "override_rows": override_rows,
        "fewest": grading.FEWEST,
        "least_speakers": LEAST_SPEAKERS,
    }  # fmt: skip


def _pair(pair: Pair) -> list[Any]:
    head = [f"{pair.first} and {pair.second}", f"{pair.unit}s", pair.n_items]
    found = pair.found
    if found is None:
        return [*head, *["too few"] * 7]
    numbers = (found.pcc, found.kappa, found.weighted, found.icc_single, found.icc_average)
    bias = grading.spoken(found.bias, 100, 1)
    return [*head, f"{100 * found.same_level:.0f} %", *(grading.spoken(number) for number in numbers), bias]


def _rows(run: Evaluated) -> dict[str, Any]:
    names = list(dict.fromkeys(name for row in run.rows for name in row.metrics))
    hypothesis = any(row.hypothesis is not None for row in run.rows)
    lines = []
    for row in run.rows[:MOST_ROWS]:
        values = [row.metrics.get(name) for name in names]
        said = [row.hypothesis if row.hypothesis is not None else "–"] if hypothesis else []
        numbers = ["–" if value is None else f"{value:.3g}" for value in values]
        lines.append([row.id, row.speaker, row.reference, *said, *numbers, row.error or ""])
    heads = [f"#{name.replace('_', ' ')}" for name in names]
    made = {"feedback": "reply", "grammar": "made of it"}.get(run.kind, "heard")
    who = {"grammar": "dialogue"}.get(run.kind, "speaker")
    return {
        "row_columns": ["utterance", who, "text", *([made] if hypothesis else []), *heads, "error"],
        "row_lines": lines,
        "n_hidden": max(len(run.rows) - MOST_ROWS, 0),
        "failed": run.failed,
        "failed_rows": [[row.id, row.error] for row in run.failed],
    }


def _origins(
    run: Evaluated, other: Evaluated | None, comparison: Comparison | None
) -> list[tuple[str, list[tuple[str, str]]]]:
    found = [(run.name if comparison else "This run", sections.origin(run.summary, run.config))]
    if other:
        found.append((f"{other.name} (other run)", sections.origin(other.summary, other.config)))
    elif comparison:
        found.append((f"{comparison.against} (other run)", sections.flat(comparison.provenance)))
    return found
