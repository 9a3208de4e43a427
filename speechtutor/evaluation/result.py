"""The shape of a result, one for every kind of evaluation; see the package's docstring."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from speechtutor.disk import write_text
from speechtutor.errors import InputError

SCHEMA_VERSION = 1
CONFIG, ROWS, SUMMARY = "config.json", "utterances.jsonl", "summary.json"
KINDS = ("asr", "scoring", "tutor")


@dataclass(frozen=True, slots=True)
class Metric:
    """A number with its 95 % interval over speakers.

    `value`, `low` and `high` are None where the number is not defined. `n` counts the items `of`
    which it is made ("words", "phones", "utterances" …), over `n_speakers`. `better` is "higher",
    "lower" or "" where neither is; `unit` is "rate" (a fraction of `of`, may exceed 1), "share"
    (in [0, 1]), "correlation", "points²" or "points" (on the corpus's 0-2 scale), or "s".
    """

    label: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    of: str
    n_speakers: int
    unit: str = "rate"
    better: str = "lower"

    def __str__(self) -> str:
        if self.value is None:
            return "-"
        if self.low is None or self.high is None:
            return f"{self.value:.3f}"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class Group:
    """One cell of one dimension: `by` "age", `name` "under 16"; a suppressed cell has no metrics."""

    by: str
    name: str
    n_utterances: int
    n_speakers: int
    suppressed: bool = False
    metrics: Mapping[str, Metric] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gap:
    """A metric of the cell `first` minus that of the cell `second`, both of the dimension `by`."""

    by: str
    first: str
    second: str
    name: str
    metric: Metric


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric of this run minus that of the other over the same utterances and draws of speakers.

    `p` is the two-sided bootstrap p-value: twice the share of draws on the other side of 0.
    `differs` is whether the interval leaves 0 out.
    """

    this: float | None
    other: float | None
    difference: Metric
    p: float | None
    differs: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two systems, paired over the utterances that both were given."""

    against: str
    folder: str
    n_utterances: int
    n_only_here: int
    n_only_there: int
    differences: Mapping[str, Difference]
    provenance: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bin:
    """Probabilities in [low, high): how many, their mean, and how often what they foretell came true."""

    low: float
    high: float
    n: int
    mean_probability: float | None
    observed_rate: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """A reliability diagram: `name` says which probability, `ece` is its expected calibration error."""

    name: str
    ece: float | None
    n: int
    bins: Sequence[Bin]


@dataclass(frozen=True, slots=True)
class Confusion:
    """`reference` was taken for `hypothesis` `count` times; "" stands for nothing on that side."""

    unit: str
    reference: str
    hypothesis: str
    count: int


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one utterance."""

    id: str
    speaker: str
    split: str
    audio: str
    reference: str
    hypothesis: str | None = None
    duration: float | None = None
    elapsed: float | None = None
    error: str | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """The row as a line of JSON with its end of line."""
        return json.dumps(clean(asdict(self)), ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def parse(cls, line: str, where: str) -> Row:
        """A row of a result file.

        Raises:
            InputError: when the line is no such row.
        """
        try:
            return cls(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise InputError(f"{where}: not a row of an evaluation ({error})") from None


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
    counts: Mapping[str, int] = field(default_factory=dict)
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    timing: Mapping[str, float | None] = field(default_factory=dict)
    minimum_cell: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()
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
    if hasattr(value, "item"):  # a numpy number
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
        InputError: when the folder holds none, or one of another version.
    """
    config, summary = (_object(folder / name) for name in (CONFIG, SUMMARY))
    version = summary.get("schema_version")
    if version != SCHEMA_VERSION:
        raise InputError(f"{folder / SUMMARY}: schema version {version}, expected {SCHEMA_VERSION}")
    try:
        return Run(folder, config, _summary(summary), tuple(read_rows(folder / ROWS)))
    except (TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{folder / SUMMARY}: not the summary of an evaluation ({error})") from None


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a result file.

    Raises:
        InputError: when it cannot be read, or at the first line that is no row.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                yield Row.parse(line, f"{path}, row {number}")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def _object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path.parent} holds no finished evaluation: {path.name} is not there") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {error}") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected a JSON object")
    return value


def _metrics(value: Mapping[str, Any]) -> dict[str, Metric]:
    return {name: Metric(**metric) for name, metric in value.items()}


def _comparison(value: Mapping[str, Any] | None) -> Comparison | None:
    if value is None:
        return None
    differences = {
        name: Difference(**{**row, "difference": Metric(**row["difference"])})
        for name, row in value["differences"].items()
    }
    return Comparison(**{**value, "differences": differences})


def _summary(value: Mapping[str, Any]) -> Summary:
    known = {f.name for f in fields(Summary)}
    made: dict[str, Any] = {key: item for key, item in value.items() if key in known}
    made["metrics"] = _metrics(value["metrics"])
    made["groups"] = [Group(**{**g, "metrics": _metrics(g["metrics"])}) for g in value["groups"]]
    made["gaps"] = [Gap(**{**g, "metric": Metric(**g["metric"])}) for g in value["gaps"]]
    made["baselines"] = {name: _metrics(row) for name, row in value["baselines"].items()}
    made["comparison"] = _comparison(value["comparison"])
    made["calibration"] = [
        Calibration(**{**c, "bins": [Bin(**b) for b in c["bins"]]}) for c in value["calibration"]
    ]
    made["confusions"] = [Confusion(**c) for c in value["confusions"]]
    return Summary(**made)
