"""Evaluation runs as a report finds them: finished, half finished, or empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from speechtutor.errors import InputError
from speechtutor.evaluation import result
from speechtutor.evaluation.result import Metric, Row, Summary
from speechtutor.files import jsonio


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A run's folder as it is; `summary` is None when the run has not come to its end.

    `problems` are sentences for the reader: what is missing or damaged, and what that means.
    """

    folder: Path
    config: Mapping[str, Any]
    summary: Summary | None
    rows: Sequence[Row]
    problems: Sequence[str] = ()

    @property
    def kind(self) -> str:
        """One of `result.KINDS`; "" when nothing says so."""
        return self.summary.kind if self.summary else str(self.config.get("kind") or "")

    @property
    def name(self) -> str:
        """The system, or the folder's name where no summary names one."""
        return self.summary.name if self.summary else self.folder.resolve().name

    @property
    def failed(self) -> list[Row]:
        """The rows whose file could not be used."""
        return [row for row in self.rows if row.error is not None]


def load(folder: Path) -> Evaluated:
    """A run, finished or not.

    Raises:
        InputError: when the folder holds no run, or files that are damaged or cannot be read.
    """
    try:
        there = {name for name in (result.CONFIG, result.ROWS, result.SUMMARY) if (folder / name).is_file()}
        if not folder.is_dir():
            raise InputError(f"{folder}: not a folder of an evaluation")
    except PermissionError as error:
        raise InputError(f"{folder}: {error.strerror}") from None
    if result.SUMMARY in there:
        run = result.read(folder)
        problems = [] if run.rows else ["The run holds no utterance."]
        return Evaluated(folder, run.config, run.summary, run.rows, tuple(problems))
    if not there:
        raise InputError(
            f"{folder} holds no evaluation: no {result.SUMMARY}, {result.ROWS} or {result.CONFIG} is there"
        )
    return _unfinished(folder)


def _unfinished(folder: Path) -> Evaluated:
    """The rows written so far; the last one may have been cut off and is then said to be."""
    config = jsonio.read_object(folder / result.CONFIG) if (folder / result.CONFIG).is_file() else {}
    kind = result.known_kind(config["kind"], folder / result.CONFIG) if "kind" in config else ""
    problems = []
    path = folder / result.ROWS
    whole = path.read_bytes() if path.is_file() else b""
    end = whole.rfind(b"\n") + 1
    rows = [Row.parse(line, f"{path}, row {number}", kind) for number, line in jsonio.lines(whole[:end])]
    if whole[end:].strip():  # only what a killed writer left behind may be torn
        problems.append(f"Row {len(rows) + 1} was cut off in the middle of writing and is not counted.")
    if not kind and rows:
        rows = [replace(row, detail={}) for row in rows]
        problems.append(f"No {result.CONFIG} says what kind of evaluation this is: only the rows are shown.")
    told = (
        f"This run is not finished: {len(rows)} utterances so far, and no figures yet. "
        "The same `speechtutor evaluate` command resumes it."
    )
    return Evaluated(folder, config, None, rows, (told, *problems))


def audio_root(run: Evaluated, root: Path | None = None) -> Path | None:
    """The folder that the rows' audio paths are relative to: the one given, or that of the run."""
    if root is not None:
        if not root.is_dir():
            raise InputError(f"{root}: not a folder of recordings")
        return root
    settings = run.config.get("config")
    known = settings.get("root") if isinstance(settings, Mapping) else None
    return Path(str(known)) if known else None


def lead_metric(run: Evaluated) -> str | None:
    """The name of the first metric of the summary that single utterances have too."""
    present = {name for row in run.rows for name, value in row.metrics.items() if value is not None}
    names = run.summary.metrics if run.summary else ()
    return next((name for name in names if name in present), min(present, default=None))


def worst(run: Evaluated, metric: str, n: int) -> list[Row]:
    """The `n` rows where a metric is worst; of equal ones the longer text first, then the row's order."""
    known = run.summary.metrics.get(metric) if run.summary else None
    sign = -1.0 if known and known.better == "higher" else 1.0
    scored = [(sign * value, row) for row in run.rows if (value := row.metrics.get(metric)) is not None]
    scored.sort(key=lambda pair: (-pair[0], -len(pair[1].reference)))
    return [row for _, row in scored[:n]]


def shown(metric: Metric, value: float | None) -> str:
    """A number of a metric as people read it: rates and shares as per cent."""
    if value is None:
        return "–"
    if metric.unit in ("rate", "share"):
        return f"{100 * value:.1f} %"
    if metric.unit == "s":
        return f"{value:.2f} s"
    return f"{value:.3f}"
