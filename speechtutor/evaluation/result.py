"""The shape of a result, one for every kind of evaluation; see the package's docstring."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from speechtutor.errors import InputError
from speechtutor.evaluation.details import DETAILS
from speechtutor.files import jsonio, reading
from speechtutor.files.disk import write_text
from speechtutor.files.jsonio import Count, Number

SCHEMA_VERSION = 1
CONFIG, ROWS, SUMMARY = "config.json", "utterances.jsonl", "summary.json"
KINDS = tuple(DETAILS)


@dataclass(frozen=True, slots=True)
class Metric:
    """A number with its 95 % interval over speakers.

    `value`, `low` and `high` are None where the number is not defined; `why` says why there is no
    interval. `n` counts the items `of` which it is made ("words", "phones", "utterances" …), over
    `n_speakers`. `better` is "higher", "lower" or "" where neither is; `unit` is "rate" (a fraction
    of `of`, may exceed 1), "share" (in [0, 1]), "correlation", "points²" or "points" (on the corpus's
    0-2 scale), or "s".
    """

    label: str
    value: Number | None
    low: Number | None
    high: Number | None
    n: Count
    of: str
    n_speakers: Count
    unit: str = "rate"
    better: str = "lower"
    why: str = ""

    def __str__(self) -> str:
        if self.value is None:
            return "-"
        if self.low is None or self.high is None:
            return f"{self.value:.3f}" + (f" ({self.why})" if self.why else "")
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class Group:
    """One cell of one dimension: `by` "age", `name` "under 16"; a suppressed cell has no metrics."""

    by: str
    name: str
    n_utterances: Count
    n_speakers: Count
    suppressed: bool = False
    metrics: Mapping[str, Metric] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gap:
    """A metric of the cell `first` minus that of the cell `second`, both of the dimension `by`.

    `p`, `p_corrected` and `differs` are those of `significance`: None and False where nothing was tested.
    """

    by: str
    first: str
    second: str
    name: str
    metric: Metric
    p: Number | None = None
    p_corrected: Number | None = None
    differs: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric of this run minus that of the other over the same utterances and draws of speakers.

    `p` is the share of all ways to swap the two systems within speakers that give a difference as large,
    `p_corrected` the same after Holm over the figures tested, and `differs` whether that is below 0.05.
    None is not tested: too few speakers, or none of the figures that were chosen beforehand.
    """

    this: Number | None
    other: Number | None
    difference: Metric
    p: Number | None = None
    differs: bool = False
    p_corrected: Number | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two systems, paired over the utterances that both were given and both judged.

    `n_unjudged` utterances of both runs are left out, since one of the two failed on them or declined.
    """

    against: str
    folder: str
    n_utterances: Count
    n_only_here: Count
    n_only_there: Count
    differences: Mapping[str, Difference]
    provenance: Mapping[str, Any]
    n_unjudged: Count = 0


@dataclass(frozen=True, slots=True)
class Bin:
    """Probabilities in [low, high): how many, their mean, and how often what they foretell came true."""

    low: Number
    high: Number
    n: Count
    mean_probability: Number | None
    observed_rate: Number | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """A reliability diagram: `name` says which probability, `ece` is its expected calibration error."""

    name: str
    ece: Number | None
    n: Count
    bins: Sequence[Bin]


@dataclass(frozen=True, slots=True)
class Confusion:
    """`reference` was taken for `hypothesis` `count` times; "" stands for nothing on that side."""

    unit: str
    reference: str
    hypothesis: str
    count: Count


@dataclass(frozen=True, slots=True)
class Table:
    """Counts that are no figures, such as edits by their kind; the first column names the row.

    The name of a column of numbers begins with "#".
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | int]]


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one utterance."""

    id: str
    speaker: str
    split: str
    audio: str
    reference: str
    hypothesis: str | None = None
    duration: Number | None = None
    elapsed: Number | None = None
    error: str | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Number | None] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """The row as a line of JSON with its end of line."""
        return json.dumps(clean(asdict(self)), ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def parse(cls, line: bytes | str, where: str, kind: str = "") -> Row:
        """A row of a result file; with `kind` its detail is read as that kind of evaluation has it.

        Raises:
            InputError: when the line is no such row, naming the field.
        """
        try:
            row = jsonio.decode(line, cls, where)
            if not kind:
                return row
            return replace(row, detail=jsonio.convert(row.detail, DETAILS[kind], f"{where}: detail"))
        except InputError as error:
            told = str(error).removeprefix(where).removeprefix(": ")
            raise InputError(f"{where}: not a row of an evaluation ({told})") from None


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything that one run found."""

    kind: str
    name: str
    metrics: Mapping[str, Metric]
    provenance: Mapping[str, Any]
    groups: Sequence[Group] = ()
    gaps: Sequence[Gap] = ()
    baselines: Mapping[str, Mapping[str, Metric]] = field(default_factory=dict)
    comparison: Comparison | None = None
    calibration: Sequence[Calibration] = ()
    confusions: Sequence[Confusion] = ()
    counts: Mapping[str, Count] = field(default_factory=dict)
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    timing: Mapping[str, Number | None] = field(default_factory=dict)
    minimum_cell: Mapping[str, Count] = field(default_factory=dict)
    notes: Sequence[str] = ()
    tables: Sequence[Table] = ()
    over: str = "speakers"
    schema_version: int = SCHEMA_VERSION

    def json(self) -> dict[str, Any]:
        """The summary as it is written: NaN becomes null."""
        return dict(clean(asdict(self)))


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run as it lies in its folder; `config` is the whole of config.json."""

    folder: Path
    config: Mapping[str, Any]
    summary: Summary
    rows: Sequence[Row]


def clean(value: Any) -> Any:
    """The value with None for every number that JSON cannot hold."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    if isinstance(value, np.generic):
        return clean(value.item())
    return value


def write(folder: Path, summary: Summary, rows: Sequence[Row]) -> None:
    """Write the rows in their final order, then the summary, each in place at once or not at all.

    Raises:
        StorageError: when the disk refuses.
    """
    write_text(folder / ROWS, "".join(row.line() for row in rows))
    text = json.dumps(summary.json(), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(folder / SUMMARY, text + "\n")


def read(folder: Path) -> Run:
    """A finished run.

    Raises:
        InputError: when the folder holds none, or one of another version, or damaged files.
    """
    config, raw = (_object(folder / name) for name in (CONFIG, SUMMARY))
    version = raw.get("schema_version")
    if version != SCHEMA_VERSION:
        raise InputError(f"{folder / SUMMARY}: schema version {version}, expected {SCHEMA_VERSION}")
    try:
        summary = jsonio.convert(raw, Summary, str(folder / SUMMARY))
    except InputError as error:
        raise InputError(f"{error} (this is not the summary of an evaluation)") from None
    known_kind(summary.kind, folder / SUMMARY)
    return Run(folder, config, summary, tuple(read_rows(folder / ROWS, summary.kind)))


def known_kind(kind: object, path: Path) -> str:
    """The kind of an evaluation.

    Raises:
        InputError: when there is no such kind.
    """
    if kind not in KINDS:
        raise InputError(f"{path}: kind {str(kind)[:50]!r} is none of {', '.join(KINDS)}")
    return str(kind)


def read_rows(path: Path, kind: str = "") -> Iterator[Row]:
    """The rows of a result file.

    Raises:
        InputError: when it cannot be read, or at the first line that is no row of that kind.
    """
    try:
        data = reading.read_bytes(path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    for number, line in jsonio.lines(data):
        yield Row.parse(line, f"{path}, row {number}", kind)


def _object(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"{path.parent} holds no finished evaluation: {path.name} is not there")
    return jsonio.read_object(path)
