"""One evaluation from beginning to end: choose the rows, judge or go on, summarise, write."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic

from speechtutor.core import Utterance
from speechtutor.corpora import manifest
from speechtutor.errors import InputError
from speechtutor.evaluation import journal, provenance, result
from speechtutor.evaluation.journal import Item
from speechtutor.evaluation.result import Row, Summary
from speechtutor.evaluation.sampling import DRAWS
from speechtutor.evaluation.summary import EvaluationKind, summarise
from speechtutor.files import fingerprint

FAULTS_SAID = 5
MOST_DRAWS = 100_000
"""Each is kept for every figure: more would fill the memory and say nothing more."""


@dataclass(frozen=True)
class Job(Generic[Item]):
    """What is evaluated on what, and where the result goes.

    `rows` are what is judged one by one: utterances, or whatever the kind judges. `manifest` is the file
    that they come from and `root` the folder of their recordings, None where there is none. `system` is
    what `provenance.system` says of the model; `choice` what the rows depend on beside it (split, limit,
    language); `settings` everything that was asked, for the record. `over` names what a row's `speaker`
    stands for, where that is not a speaker.
    """

    out: Path
    manifest: Path | None
    root: Path | None
    rows: Sequence[Item]
    system: Mapping[str, Any]
    choice: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    command: Sequence[str] = ()
    device: str = "cpu"
    against: Path | None = None
    draws: int = DRAWS
    seed: int = 0
    over: str = "speakers"

    def __post_init__(self) -> None:
        """Refuse what would fail only after every row was judged.

        Raises:
            InputError: for a number of draws or a seed that cannot be drawn with.
        """
        if not 1 <= self.draws <= MOST_DRAWS:
            raise InputError(f"draws must be from 1 to {MOST_DRAWS}, not {self.draws!r:.20}")
        if self.seed < 0:
            raise InputError(f"seed must be 0 or more, not {self.seed}")

    @property
    def name(self) -> str:
        """The system's name."""
        return str(self.system["name"])


def choose(path: Path, split: str | None = None, limit: int | None = None) -> list[Utterance]:
    """The rows to evaluate: those of a split, without one all that are not for training; evenly thinned.

    Raises:
        InputError: when there are none.
    """
    if split is not None and split not in manifest.SPLITS:
        raise InputError(f"split {split!r} is none of {', '.join(manifest.SPLITS)}")
    if limit is not None and limit < 1:
        raise InputError(f"limit must be 1 or more, not {limit}")
    every = manifest.read(path)
    rows = [row for row in every if (row.split != "train" if split is None else row.split == split)]
    if not rows:
        hint = f"has no row of the split {split}" if split else "has no rows but for training (--split train)"
        raise InputError(f"{path} {hint}" if every else f"{path} has no rows")
    if limit is None or limit >= len(rows):
        return rows
    return [rows[i * len(rows) // limit] for i in range(limit)]


def note(message: str) -> None:
    """Tell people something beside the result."""
    print(message, file=sys.stderr)


def bar(label: str) -> Callable[[Iterable[Any]], Iterable[Any]]:
    """A progress bar on stderr."""
    from tqdm import tqdm

    def progress(rows: Iterable[Any]) -> Iterable[Any]:
        return tqdm(rows, desc=label)  # type: ignore[no-any-return]

    return progress


def preflight(job: Job[Utterance], say: Callable[[str], None] = note) -> None:
    """Look at the headers of all recordings, so that what will fail is known before hours are spent.

    A few that cannot be used are said, judged as failed and counted; with none that can be used the
    folder is wrong, and nothing is begun.

    Raises:
        InputError: when no recording can be used, naming the first row.
    """
    if job.root is None:
        return
    bad = manifest.bad_audio(job.rows, job.root)
    if not bad:
        return
    if len(bad) == len(job.rows) and not (job.out / result.ROWS).exists():
        manifest.check_audio(job.rows[:1], job.root, str(job.manifest))
    number = manifest.row_numbers(job.rows, str(job.manifest))
    for row_id, fault in bad[:FAULTS_SAID]:
        say(f"{job.manifest}, row {number[row_id]} ({row_id}): {fault}")
    say(f"{len(bad)} of {len(job.rows)} recordings cannot be used and will count as failed")


def carry_out(
    job: Job[Item],
    kind: EvaluationKind,
    judge: Callable[[Item], Row],
    failed: Callable[[Item, str], Row],
    *,
    say: Callable[[str], None] = note,
    progress: Callable[[Iterable[Item]], Iterable[Item]] = iter,
) -> tuple[Summary, list[Row]]:
    """Judge what is still to do, then write the whole result; a stopped run goes on in the same folder.

    `judge` may raise for a row: `failed` then makes the row that says so, and the rest goes on. The first
    row is judged once more before, so that loading is not timed.

    Raises:
        InputError: for a folder that holds something else, an `against` that cannot be compared, or
            recordings of which none can be used.
        StorageError: when the disk refuses.
    """
    # Read first: a mistyped folder should not cost an evaluation.
    other = None if job.against is None else result.read(job.against)
    if other is not None and other.summary.kind != kind.name:
        raise InputError(f"{job.against} is an evaluation of {other.summary.kind}, not of {kind.name}")
    if job.root is not None:
        preflight(job, say)  # type: ignore[arg-type]  # what has recordings is an utterance
    manifest_sha256 = None if job.manifest is None else fingerprint.sha256(job.manifest)
    rows_mark = {"manifest": manifest_sha256, **job.choice}
    mark = provenance.fingerprint(kind.name, job.system, rows_mark)
    asked = {"manifest": str(job.manifest), "root": str(job.root), "out": str(job.out), **job.settings}
    record = provenance.record(
        kind.name, json.loads(json.dumps(asked, default=str)), mark, job.command, job.device
    )
    with journal.alone(job.out):
        journal.begin(job.out, record)
        safe = journal.guarded(judge, failed, job.out, say)
        silent = journal.guarded(judge, failed, job.out)
        rows = journal.collect(job.out, job.rows, safe, say, progress, silent, kind.name)
        origin = provenance.provenance(
            job.out,
            record,
            manifest_sha256=manifest_sha256,
            system=job.system,
            seed=job.seed,
            draws=job.draws,
        )
        found = summarise(
            kind, job.name, rows, origin, against=other, draws=job.draws, seed=job.seed, over=job.over
        )
        result.write(job.out, found, rows)
    return found, rows
