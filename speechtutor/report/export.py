"""Everything in a report as JSON and CSV, for those who go on from it.

Text cells that a spreadsheet would take for a formula get an apostrophe in front; numbers are left
alone. CSV files are UTF-8 with a byte order mark, without which spreadsheets misread phonetic symbols.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from speechtutor.evaluation.result import Metric, Row, Summary, clean
from speechtutor.files.disk import write_text
from speechtutor.report import heat
from speechtutor.report.grading import Grading
from speechtutor.report.runs import Evaluated
from speechtutor.schema import dumps
from speechtutor.tables import cell

Record = Mapping[str, Any]


def csv_text(records: Iterable[Record], columns: Sequence[str]) -> str:
    """Records as CSV with a header; a key that a record lacks is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for record in records:
        writer.writerow([cell(record.get(column)) for column in columns])
    return "\ufeff" + text.getvalue()


def _figure(metric: Metric) -> Record:
    return asdict(metric)


FIGURES = (
    "set", "by", "cell", "name", "label", "value", "low", "high", "n", "of", "n_speakers", "unit", "better",
    "suppressed",
)  # fmt: skip


def figures(summary: Summary) -> Iterator[Record]:
    """Every figure of a summary: of all, of the groups, the gaps, the baselines and the differences."""
    for name, metric in summary.metrics.items():
        yield {"set": "all", "name": name, **_figure(metric)}
    for group in summary.groups:
        shared = {"set": "group", "by": group.by, "cell": group.name, "suppressed": group.suppressed}
        if group.suppressed:
            yield shared
        for name, metric in group.metrics.items():
            yield {**shared, "name": name, **_figure(metric)}
    for gap in summary.gaps:
        between = f"{gap.first} minus {gap.second}"
        yield {"set": "gap", "by": gap.by, "cell": between, "name": gap.name, **_figure(gap.metric)}
    for baseline, metrics in summary.baselines.items():
        for name, metric in metrics.items():
            yield {"set": "baseline", "cell": baseline, "name": name, **_figure(metric)}
    if summary.comparison:
        for name, found in summary.comparison.differences.items():
            against = f"minus {summary.comparison.against}"
            yield {"set": "difference", "cell": against, "name": name, **_figure(found.difference)}


def utterance_columns(rows: Sequence[Row]) -> list[str]:
    """Fixed columns, then those of the groups and the metrics that the rows have."""
    groups = dict.fromkeys(f"group {by}" for row in rows for by in row.groups)
    metrics = dict.fromkeys(name for row in rows for name in row.metrics)
    fixed = ("id", "speaker", "split", "audio", "reference", "hypothesis", "duration", "elapsed", "error")
    return [*fixed, *groups, *metrics]


def utterances(rows: Iterable[Row]) -> Iterator[Record]:
    """One record an utterance."""
    for row in rows:
        plain = {key: getattr(row, key) for key in ("id", "speaker", "split", "audio", "reference")}
        rest = {key: getattr(row, key) for key in ("hypothesis", "duration", "elapsed", "error")}
        yield {**plain, **rest, **{f"group {k}": v for k, v in row.groups.items()}, **row.metrics}


PHONES = (
    "id", "speaker", "word", "text", "phone", "expected", "ipa", "label", "score", "rated", "graded",
    "error_probability", "heard", "perceived", "start", "end", "verdict",
)  # fmt: skip


def phones(rows: Iterable[Row], graded: heat.Graded) -> Iterator[Record]:
    """One record a word and one a sound of it, numbered from 1; `phone` is empty for a word."""
    for row in rows:
        who = {"id": row.id, "speaker": row.speaker}
        for word, raw in zip(heat.view(row, graded), heat.words_of(row), strict=True):
            place = {**who, "word": word.number, "text": word.text}
            yield {
                **place, "label": word.label, "score": word.machine, "rated": word.rated,
                "graded": word.graded, "start": raw.get("start"), "end": raw.get("end"),
            }  # fmt: skip
            for chip, phone in zip(word.chips, raw.get("phones") or (), strict=True):
                yield {
                    **place, **{key: phone.get(key) for key in PHONES if key in phone}, "phone": chip.number,
                    "ipa": chip.ipa, "label": chip.label, "graded": chip.graded, "verdict": chip.verdict,
                }  # fmt: skip


def names(out: Path, run: Evaluated, grading: Grading) -> list[Path]:
    """The files beside a page, named after it."""
    suffixes = [".json", "-utterances.csv"]
    suffixes += ["-figures.csv"] if run.summary else []
    suffixes += ["-sounds.csv"] if any(heat.words_of(row) for row in run.rows) else []
    suffixes += ["-overrides.csv"] if grading.standing else []
    return [out.with_name(out.stem + suffix) for suffix in suffixes]


def write(paths: Sequence[Path], run: Evaluated, grading: Grading, graded: heat.Graded) -> Sequence[Path]:
    """Write the files that `names` gave; returns them.

    Raises:
        StorageError: when the disk refuses.
    """
    for path in paths:
        write_text(path, _text(path.name, run, grading, graded))
    return paths


OVERRIDES = (
    "id",
    "word",
    "phone",
    "text",
    "expected",
    "score",
    "machine",
    "rated",
    "who",
    "at",
    "note",
    "blind",
)


def _text(name: str, run: Evaluated, grading: Grading, graded: heat.Graded) -> str:
    if name.endswith("-utterances.csv"):
        return csv_text(utterances(run.rows), utterance_columns(run.rows))
    if name.endswith("-figures.csv") and run.summary:
        return csv_text(figures(run.summary), FIGURES)
    if name.endswith("-sounds.csv"):
        return csv_text(phones(run.rows, graded), PHONES)
    if name.endswith("-overrides.csv"):
        return csv_text((asdict(one) for _, judged in grading.standing for one in judged), OVERRIDES)
    return dumps(_everything(run, grading), indent=None) + "\n"


def _everything(run: Evaluated, grading: Grading) -> dict[str, Any]:
    return dict(
        clean(
            {
                "schema_version": 1,
                "name": run.name,
                "kind": run.kind,
                "problems": list(run.problems),
                "config": run.config,
                "summary": run.summary.json() if run.summary else None,
                "grading": asdict(grading),
                "utterances": [{f.name: getattr(row, f.name) for f in fields(row)} for row in run.rows],
            }
        )
    )
