"""A run that may be stopped at any moment and goes on where it was.

Every row is appended to `utterances.jsonl` as soon as it is known, so a killed process loses the
utterance that it was hearing. `config.json` holds the fingerprint of what was asked; a run never goes
on with rows that another model or another manifest gave.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from speechtutor.core import Utterance
from speechtutor.disk import write_text
from speechtutor.errors import InputError, StorageError
from speechtutor.evaluation.result import CONFIG, ROWS, SUMMARY, Row

LOCK = ".lock"


def begin(folder: Path, record: Mapping[str, Any]) -> None:
    """Start a run in a folder, or go on with the same one.

    `record` is what config.json holds; its "fingerprint" decides. A summary of an earlier pass is
    taken away, so that a folder with a summary is always a finished run.

    Raises:
        InputError: when the folder holds a run of something else, naming what differs.
        StorageError: when the disk refuses.
    """
    path = folder / CONFIG
    if (folder / ROWS).exists():
        _same(_earlier(path), record, folder)
    (folder / SUMMARY).unlink(missing_ok=True)
    if not (folder / ROWS).exists():
        write_text(path, json.dumps(record, indent=2, ensure_ascii=False, default=str) + "\n")


def _earlier(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise InputError(f"{path.parent} holds rows of an evaluation but no {CONFIG}: choose another --out")
    return found


def changed(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """In words, every key of two fingerprints whose values differ."""
    return [
        f"{key} was {found.get(key)!r} and is {wanted.get(key)!r}"
        for key in {**wanted, **found}
        if found.get(key) != wanted.get(key)
    ]


def _same(earlier: Mapping[str, Any], record: Mapping[str, Any], folder: Path) -> None:
    wanted = json.loads(json.dumps(dict(record["fingerprint"]), default=str))
    found = earlier.get("fingerprint")
    found = found if isinstance(found, dict) else {}
    differing = changed(found, wanted)
    if differing:
        raise InputError(
            f"{folder} holds another evaluation ({'; '.join(differing)}): choose another --out or remove it"
        )


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep a second process out of the folder.

    Raises:
        InputError: when another process is writing there.
        StorageError: when the folder cannot be made.
    """
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder}: {error.strerror}") from None
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(f"{folder}: another process is evaluating there") from None
    try:
        yield
    finally:
        lock.release()


def done(folder: Path, say: Callable[[str], None]) -> dict[str, Row]:
    """The rows of an earlier pass by id; files that failed are tried again.

    A line that was cut short by the end of the process is taken off the file, and said.

    Raises:
        InputError: when a whole line is no row.
    """
    path = folder / ROWS
    if not path.exists():
        return {}
    whole = path.read_bytes()
    end = whole.rfind(b"\n") + 1
    if end < len(whole):
        say(f"{path}: the last row was cut short and is made again")
        with path.open("r+b") as file:
            file.truncate(end)
    lines = whole[:end].decode("utf-8").splitlines()
    rows = [Row.parse(line, f"{path}, row {number}") for number, line in enumerate(lines, start=1)]
    return {row.id: row for row in rows if row.error is None}


def collect(
    folder: Path,
    utterances: Sequence[Utterance],
    judge: Callable[[Utterance], Row],
    say: Callable[[str], None],
    progress: Callable[[Iterable[Utterance]], Iterable[Utterance]] = iter,
    warm_up: Callable[[Utterance], object] | None = None,
) -> list[Row]:
    """The row of every utterance in their order: those of an earlier pass, and the missing ones.

    `judge` turns one utterance into its row, also when it fails. `warm_up` is called once with the
    first utterance that is still to do, so that loading is not timed.

    Raises:
        StorageError: when the disk refuses a row.
    """
    found = done(folder, say)
    missing = [row for row in utterances if row.id not in found]
    if found and missing:
        say(f"{len(found)} of {len(utterances)} utterances were done before")
    if missing and warm_up is not None:
        warm_up(missing[0])
    try:
        with (folder / ROWS).open("a", encoding="utf-8", newline="\n") as file:
            for utterance in progress(missing):
                found[utterance.id] = row = judge(utterance)
                file.write(row.line())
                file.flush()
    except KeyboardInterrupt:
        n = sum(row.id in found for row in utterances)
        say(f"stopped after {n} of {len(utterances)} utterances; the same command goes on from there")
        raise
    except OSError as error:
        raise StorageError(f"{folder / ROWS}: {error.strerror}") from None
    return [found[row.id] for row in utterances]
