"""What a batch judges: the rows of a manifest, or the recordings of a folder, one task each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from speechtutor.core import Utterance
from speechtutor.corpora import folder
from speechtutor.corpora.manifest import SPLITS, row_of
from speechtutor.corpora.rows import utterance
from speechtutor.errors import InputError
from speechtutor.files import fingerprint, jsonio


@dataclass(frozen=True, slots=True)
class Task:
    """One row: what was to be said and where the recording lies; `fault` says why it cannot be judged.

    It is sent to other processes and machines, so the place of the recording is absolute.
    """

    id: str
    audio: Path | None = None
    utterance: Utterance | None = None
    fault: str | None = None


def read(source: Path, root: Path | None, split: str | None = None, limit: int | None = None) -> list[Task]:
    """The tasks of a manifest or a folder in its order; a row that cannot be read is a task with a fault.

    `root` is what a manifest's audio paths are relative to, its own folder unless given. `split` keeps
    the rows of one split, `limit` so many of them, evenly chosen.

    Raises:
        InputError: when there is nothing to judge.
    """
    if split is not None and split not in SPLITS:
        raise InputError(f"split {split!r} is none of {', '.join(SPLITS)}")
    if limit is not None and limit < 1:
        raise InputError(f"limit must be 1 or more, not {limit}")
    if source.is_dir():
        if root is not None:
            raise InputError(f"--root {root} is for a manifest; {source} is a folder of recordings")
        place = source.resolve()
        found = [Task(row.id, place / row.audio, _english(row)) for row in folder.read(source, free=True)]
        found += [_lone(path, source) for path in folder.alone(source)]
    else:
        found = list(_rows(source, (root or source.parent).resolve()))
    tasks = [
        task for task in _named_once(found, source) if split is None or task.fault or _split(task) == split
    ]
    if not any(task.fault is None for task in tasks):
        told = next((f": {task.fault}" for task in tasks), "")
        raise InputError(f"{source} has nothing to judge{f' of the split {split}' if split else ''}{told}")
    if limit is None or limit >= len(tasks):
        return tasks
    return [tasks[i * len(tasks) // limit] for i in range(limit)]


def mark(source: Path, tasks: Sequence[Task]) -> str:
    """A hash of what is judged: a manifest's bytes, or the names and texts of a folder's recordings."""
    if not source.is_dir():
        return fingerprint.sha256(source)
    return fingerprint.of_value([row_of(task.utterance) for task in tasks if task.utterance])


def _lone(path: Path, source: Path) -> Task:
    return Task(path.relative_to(source).as_posix(), fault=f"{path}: {folder.LONE}")


def _english(row: Utterance) -> Utterance:
    return replace(row, lang=row.lang or "en")


def _split(task: Task) -> str:
    return task.utterance.split if task.utterance else ""


def _rows(source: Path, root: Path) -> Iterator[Task]:
    for number, line in jsonio.file_lines(source):
        where = f"{source}, row {number}"
        try:
            row = utterance(line, where)
        except InputError as error:
            yield Task(f"row {number}", fault=str(error))
        else:
            yield Task(row.id, root / row.audio, row)


def _named_once(tasks: Sequence[Task], source: Path) -> Iterator[Task]:
    """The tasks with ids that stand once: a row whose id was there before is a fault, under its number."""
    taken = {task.id for task in tasks if task.fault is None}
    seen: dict[str, int] = {}
    for number, task in enumerate(tasks, start=1):
        if task.fault is None and task.id not in seen:
            seen[task.id] = number
            yield task
            continue
        twice = f"{source}, row {number} ({task.id}): the id already stands in row {seen.get(task.id)}"
        name = task.id if task.fault else f"row {number}"
        while name in taken:
            name += "'"
        taken.add(name)
        yield Task(name, fault=task.fault or twice)
