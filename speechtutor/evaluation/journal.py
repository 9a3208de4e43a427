"""A run that may be stopped at any moment and goes on where it was.

Every row is appended to `utterances.jsonl` as soon as it is known, so a killed process loses the
utterance that it was hearing. `config.json` holds the fingerprint of what was asked; a run never goes
on with rows that another model or another manifest gave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from speechtutor.errors import InputError, SpeechTutorError, StorageError
from speechtutor.evaluation.result import CONFIG, ROWS, SUMMARY, Row
from speechtutor.files import journal, jsonio

LOCK = ".lock"
ERRORS = "errors.log"
"""Where the traceback of what nobody expected is kept; the row says that there is one."""


class Named(Protocol):
    """What is evaluated one after another: anything with an id."""

    @property
    def id(self) -> str:
        """The id of its row."""
        ...


Item = TypeVar("Item", bound=Named)


def begin(folder: Path, record: Mapping[str, Any]) -> None:
    """Start a run in a folder, or go on with the same one.

    `record` is what config.json holds; its "fingerprint" decides. A summary of an earlier pass is
    taken away, so that a folder with a summary is always a finished run.

    Raises:
        InputError: when the folder holds a run of something else, naming what differs.
        StorageError: when the disk refuses.
    """
    journal.begin(folder / ROWS, folder / CONFIG, record, folder, "another evaluation")
    (folder / SUMMARY).unlink(missing_ok=True)


def alone(folder: Path) -> AbstractContextManager[None]:
    """Keep a second process out of the folder.

    Raises:
        InputError: when another process is writing there.
        StorageError: when the folder cannot be made.
    """
    return journal.alone(folder / LOCK, f"{folder}: another process is evaluating there")


def done(folder: Path, say: Callable[[str], None], kind: str = "") -> dict[str, Row]:
    """The rows of an earlier pass by id; files that failed are tried again.

    A line that was cut short by the end of the process is taken off the file, and said.

    Raises:
        InputError: when a whole line is no row.
    """
    path = folder / ROWS
    if not path.exists():
        return {}
    journal.whole(path, say)
    lines = jsonio.lines(path.read_bytes())
    rows = [Row.parse(line, f"{path}, row {number}", kind) for number, line in lines]
    return {row.id: row for row in rows if row.error is None}


def guarded(
    judge: Callable[[Item], Row],
    failed: Callable[[Item, str], Row],
    folder: Path,
    say: Callable[[str], None] = lambda _: None,
) -> Callable[[Item], Row]:
    """A judge whose bad rows are rows: what one utterance causes never ends the evaluation of the others.

    `failed` makes the row of an utterance that could not be judged. An error that nobody expected is
    said, and its traceback goes to `ERRORS`. A model, a server or a disk that fails is of all rows and
    ends the run.
    """

    def safe(item: Item) -> Row:
        try:
            return judge(item)
        except InputError as error:
            return failed(item, str(error))
        except SpeechTutorError:
            raise
        except Exception as error:
            journal.keep(folder / ERRORS, item.id)
            cause = journal.unexpected(item.id, error, ERRORS)
            say(cause)
            return failed(item, cause)

    return safe


def collect(
    folder: Path,
    items: Sequence[Item],
    judge: Callable[[Item], Row],
    say: Callable[[str], None],
    progress: Callable[[Iterable[Item]], Iterable[Item]] = iter,
    warm_up: Callable[[Item], object] | None = None,
    kind: str = "",
) -> list[Row]:
    """The row of every item in their order: those of an earlier pass, and the missing ones.

    `judge` turns one item into its row, also when it fails (`guarded`). `warm_up` is called once with
    the first item that is still to do, so that loading is not timed. Rows of an earlier pass are read
    as `kind` has them.

    Raises:
        StorageError: when the disk refuses a row.
    """
    found = done(folder, say, kind)
    missing = [item for item in items if item.id not in found]
    if found and missing:
        say(f"{len(found)} of {len(items)} utterances were done before")
    if missing and warm_up is not None:
        warm_up(missing[0])
    try:
        with (folder / ROWS).open("a", encoding="utf-8", newline="\n") as file:
            for item in progress(missing):
                found[item.id] = row = judge(item)
                file.write(row.line())
                file.flush()
    except KeyboardInterrupt:
        n = sum(item.id in found for item in items)
        say(f"stopped after {n} of {len(items)} utterances; the same command goes on from there")
        raise
    except OSError as error:
        raise StorageError(f"{folder / ROWS}: {error.strerror}") from None
    return [found[item.id] for item in items]
