"""A batch from beginning to end: judge what is missing, put it in order, write the other forms."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from speechtutor import registry
from speechtutor.batch import outputs, pools, tasks
from speechtutor.batch.judge import Plan
from speechtutor.batch.pools import OpenPool
from speechtutor.batch.store import ERRORS, Rows
from speechtutor.batch.tasks import Task
from speechtutor.core.wording import counted
from speechtutor.errors import InputError, StorageError
from speechtutor.evaluation import provenance
from speechtutor.files import journal
from speechtutor.files.disk import plain_file
from speechtutor.text.phone_sets import known_set
from speechtutor.views import tiers


@dataclass(frozen=True)
class Job:
    """What is judged, how, and where the result goes.

    `root` is what a manifest's audio paths are relative to. A table (.csv, .parquet) has one row `per`
    utterance, word or phone; `also` has a place for other forms (`outputs.FORMS`), all with their phones in
    the set `phones`. The rows themselves keep ARPAbet, and IPA beside it.
    """

    source: Path
    out: Path
    plan: Plan = field(default_factory=Plan)
    root: Path | None = None
    split: str | None = None
    limit: int | None = None
    per: str = "word"
    also: Mapping[str, Path] = field(default_factory=dict)
    phones: str = "arpabet"
    command: Sequence[str] = ()

    @property
    def rows(self) -> Path:
        """The journal: the result itself, or beside the table that is made of it."""
        if self.out.suffix == outputs.JSONL:
            return self.out
        return self.out.with_name(f"{self.out.name}{outputs.JSONL}")


@dataclass(frozen=True, slots=True)
class Done:
    """How many rows there are, how many of them failed, and how many were there before."""

    n_rows: int
    n_failed: int
    n_before: int


def run(
    job: Job,
    open_pool: OpenPool,
    say: Callable[[str], None],
    progress: Callable[[Iterable[Any], int], Iterable[Any]] = lambda found, _: found,
) -> Done:
    """Judge every row that is not judged yet; the same job goes on where it was stopped.

    A row that fails is said and written as such, and tried again by the next run. `progress` is given what
    comes and how much of it.

    Raises:
        InputError: for what cannot be judged at all, or an `out` that holds something else.
        ModelError: when a model cannot be loaded.
        ServiceError: when the workers die or a cluster is gone.
        StorageError: when the disk refuses.
    """
    outputs.check(job.out, job.per)
    known_set(job.phones)
    found = tasks.read(job.source, job.root, job.split, job.limit)
    path = plain_file(job.rows)
    lock = path.with_name(f".{path.name}.lock")
    with journal.alone(lock, f"{path}: another process is writing there"):
        config = path.with_name(f"{path.name}.run.json")
        journal.begin(path, config, _record(job, found), path, "another batch")
        rows = Rows.open(path, say)
        _no_strangers(rows, found)
        names = [task.id for task in found]
        missing = [task for task in found if not rows.good(task.id)]
        n_before = len(found) - len(missing)
        if n_before and missing:
            say(f"{n_before} of {counted(len(found), 'row')} were judged before")
        _collect(job.plan, rows, missing, open_pool, say, progress)
        rows.order(names)
        _write(job, rows, names)
    return Done(len(found), sum(not rows.good(name) for name in names), n_before)


def _no_strangers(rows: Rows, found: Sequence[Task]) -> None:
    if others := {name for name in rows.places if rows.good(name)} - {task.id for task in found}:
        raise InputError(
            f"{rows.path} holds a row {min(others)!r} that is not asked for: choose another --out"
        )


def _record(job: Job, found: Sequence[Task]) -> dict[str, Any]:
    """What the rows depend on, and what was asked."""
    stages = {"scorer": job.plan.scorer}
    stages |= {"transcriber": job.plan.transcriber} if job.plan.transcribe else {}
    stages |= {"tutor": job.plan.tutor} if job.plan.feedback else {}
    systems = {}
    for stage, name in stages.items():
        entry = registry.find(stage, name or registry.default(stage))
        systems[stage] = provenance.system(entry.name, entry.checkpoint, entry.revision)
    choice = {
        "source": tasks.mark(job.source, found),
        "split": job.split,
        "limit": job.limit,
        "device": job.plan.device,
        "explain": job.plan.explain,
    }
    if job.plan.together != 1:  # told only where it is so, for what was begun before it could be said
        choice["together"] = job.plan.together
    mark = provenance.fingerprint("batch", systems, choice)
    asked = json.loads(json.dumps(asdict(job), default=str))
    return provenance.record("batch", asked, mark, job.command, job.plan.device or "auto")


def _collect(
    plan: Plan,
    rows: Rows,
    missing: Sequence[Task],
    open_pool: OpenPool,
    say: Callable[[str], None],
    progress: Callable[[Iterable[Any], int], Iterable[Any]],
) -> None:
    """Append the row of every missing task as it comes."""
    try:
        with rows.path.open("ab") as file:
            for task, verdict in progress(pools.verdicts(open_pool, plan, missing), len(missing)):
                if verdict.trace is not None:
                    journal.keep(rows.path.with_name(ERRORS), task.id, verdict.trace)
                if verdict.error is not None:
                    named = verdict.error.startswith(f"{task.id}: ")
                    say(verdict.error if named else f"{task.id}: {verdict.error}")
                rows.add(file, task.id, verdict.line, bad=verdict.error is not None)
    except KeyboardInterrupt:
        n = sum(not place.bad for place in rows.places.values())
        say(f"stopped after {counted(n, 'row')}; the same command goes on from there")
        raise
    except OSError as error:
        raise StorageError(f"{rows.path}: {error.strerror}") from None


def _write(job: Job, rows: Rows, names: Sequence[str]) -> None:
    """The forms beside the rows themselves."""

    def values() -> Iterator[dict[str, Any]]:
        return (tiers.respelled(json.loads(line), job.phones) for line in rows.lines(names))

    if job.out.suffix in outputs.TABLES:
        outputs.TABLES[job.out.suffix](job.out, values(), job.per)
    for form, place in job.also.items():
        outputs.write_form(form, place, values(), "phone" if job.per == "phone" else "word")
