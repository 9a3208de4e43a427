"""Where a class report's attempts come from: the learner store, scores in a file, or a scoring run."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from speechtutor import jsonio, schema
from speechtutor.core import Attempt, Exercise, UtteranceScore
from speechtutor.corpora import manifest
from speechtutor.errors import InputError, StorageError
from speechtutor.learner.store import open_store
from speechtutor.report import heat, runs
from speechtutor.report.runs import Evaluated
from speechtutor.schema import fraction

UNDATED = datetime.min.replace(tzinfo=UTC)
"""The time of an attempt that nobody wrote down."""


@dataclass(frozen=True, slots=True)
class AttemptLog:
    """Attempts by learner, and sentences about what could not be used."""

    attempts: Mapping[str, Sequence[Attempt]]
    problems: Sequence[str] = ()


def from_store(url: str | None) -> AttemptLog:
    """Everyone in a learner store.

    Raises:
        StorageError: when it cannot be read.
    """
    store = open_store(url)
    try:
        return AttemptLog({name: tuple(store.attempts(name)) for name in store.learners()})
    finally:
        store.close()


def from_path(path: Path, rows: Path | None = None) -> AttemptLog:
    """Scores of a file, or of a scoring run's folder; `rows` is a manifest that says who spoke what.

    Raises:
        InputError: naming what cannot be used.
    """
    if path.is_dir():
        return _from_run(runs.load(path))
    return _from_lines(path, {row.id: row.speaker for row in manifest.read(rows)} if rows else {})


def _from_run(run: Evaluated) -> AttemptLog:
    if run.kind != "scoring":
        raise InputError(
            f"{run.folder} is an evaluation of {run.kind or 'nothing'}: a class report needs scores"
        )
    attempts: dict[str, list[Attempt]] = {}
    for row in run.rows:
        if row.error is None:
            words = tuple(heat.word_score(word) for word in heat.words_of(row))
            overall = (row.detail.get("model") or {}).get("overall")
            score = UtteranceScore(row.reference, words, overall=fraction(overall))
            attempts.setdefault(row.speaker, []).append(_attempt(row.speaker, score, UNDATED))
    told = [f"{len(run.failed)} files failed and are not counted."] if run.failed else []
    return AttemptLog(attempts, (*run.problems, *told))


def _attempt(learner: str, score: UtteranceScore, at: datetime) -> Attempt:
    return Attempt(learner, Exercise(score.text), score, at)


def _from_lines(path: Path, speakers: Mapping[str, str]) -> AttemptLog:
    attempts: dict[str, list[Attempt]] = {}
    n_failed = 0
    for where, row in _lines(path):
        if "error" in row and "scores" not in row:
            n_failed += 1
            continue
        name = row.get("learner") or row.get("speaker") or speakers.get(str(row.get("id")))
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"{where}: nobody is named: a 'learner' or 'speaker' is needed (or --manifest)")
        try:
            score = schema.score_from_json(row)
            at = datetime.fromisoformat(row["at"]) if row.get("at") else UNDATED
        except (InputError, TypeError, ValueError) as error:
            raise InputError(f"{where}: {error}") from None
        attempts.setdefault(name, []).append(
            _attempt(name, score, at if at.tzinfo else at.replace(tzinfo=UTC))
        )
    return AttemptLog(attempts, [f"{n_failed} recordings failed and are not counted."] if n_failed else [])


def _lines(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        whole = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    for number, line in jsonio.lines(whole):
        where = f"{path}, row {number}"
        yield where, jsonio.decode(line, dict[str, Any], where)


def pseudonyms(found: AttemptLog, key: Path, draw: Callable[[int], int] = secrets.randbelow) -> AttemptLog:
    """The same attempts under made-up names, the same ones every week as long as the key file is kept.

    The key, which only its owner can read, holds who is who; new learners get the next free numbers in
    an order drawn by lot, so that a number says nothing of the name.

    Raises:
        InputError: when the file is no such key.
        StorageError: when the disk refuses.
    """
    known = _key(key)
    new = [name for name in found.attempts if name not in known]
    last = max((int(alias.rpartition(" ")[2]) for alias in known.values()), default=0)
    while new:
        last += 1
        known[new.pop(int(draw(len(new))))] = f"Learner {last:02d}"
    try:
        key.parent.mkdir(parents=True, exist_ok=True)
        fresh = key.with_name(f".{key.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(known, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        fresh.replace(key)
    except OSError as error:
        raise StorageError(f"{key}: {error.strerror}") from None
    renamed = {
        known[name]: [Attempt(known[name], one.exercise, one.score, one.at) for one in attempts]
        for name, attempts in found.attempts.items()
    }
    return AttemptLog(renamed, found.problems)


def _key(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        value = jsonio.read(path, dict[str, str])
        if all(alias.startswith("Learner ") and alias[8:].isdecimal() for alias in value.values()):
            return value
    except InputError:
        pass
    raise InputError(f"{path}: not a key of pseudonyms, and not overwritten; choose another file")
