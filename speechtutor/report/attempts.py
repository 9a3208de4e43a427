"""Where a class report's attempts come from: the learner store, scores in a file, or a scoring run."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from speechtutor import schema
from speechtutor.core import Attempt, Exercise, UtteranceScore
from speechtutor.core.wording import counted
from speechtutor.corpora import manifest
from speechtutor.errors import InputError, StorageError
from speechtutor.files import disk, jsonio
from speechtutor.learner.store import open_store
from speechtutor.report import heat, runs
from speechtutor.report.runs import Evaluated
from speechtutor.schema import fraction

UNDATED = datetime.min.replace(tzinfo=UTC)
"""The time of an attempt that nobody wrote down."""
MOST_TOLD = 20
"""Rows that cannot be read and are told one by one."""


@dataclass(frozen=True, slots=True)
class AttemptLog:
    """Attempts by learner, and sentences about what could not be used."""

    attempts: Mapping[str, Sequence[Attempt]]
    problems: Sequence[str] = ()


def from_store(url: str | None) -> AttemptLog:
    """Everyone in a learner store, without the melodies, which a class report does not look at.

    Raises:
        StorageError: when there is none, or it cannot be read.
    """
    attempts: dict[str, list[Attempt]] = {}
    problems: list[str] = []
    store = open_store(url, create=False, tell=problems.append)
    try:
        store.audit.note("class report")
        for name in store.learners():
            for one in store.rows(name):
                if isinstance(one, Attempt):
                    plain = replace(one, score=replace(one.score, pitch=None))
                    attempts.setdefault(name, []).append(plain)
                else:
                    problems.append(one.why)
    finally:
        store.close()
    return AttemptLog(attempts, _told(problems))


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
    """The scores of a file; rows that cannot be used are told, unless that is all of them."""
    attempts: dict[str, list[Attempt]] = {}
    problems: list[str] = []
    n_failed = 0
    for number, line in jsonio.file_lines(path):
        try:
            one = _scored(line, f"{path}, row {number}", speakers)
        except InputError as error:
            problems.append(str(error))
            continue
        if one is None:
            n_failed += 1
        else:
            attempts.setdefault(one.learner, []).append(one)
    if problems and not attempts:
        raise InputError(problems[0])
    failed = [f"Not counted: {counted(n_failed, 'recording')} that failed."] if n_failed else []
    return AttemptLog(attempts, [*failed, *_told(problems)])


def _told(problems: Sequence[str]) -> list[str]:
    """What could not be read, the first few by name."""
    more = len(problems) - MOST_TOLD
    return [*problems[:MOST_TOLD], *([f"{more} more rows cannot be read."] if more > 0 else [])]


def _scored(line: bytes, where: str, speakers: Mapping[str, str]) -> Attempt | None:
    """The attempt of a line; None for one that says that its recording failed.

    Raises:
        InputError: when it is no score, or nobody is named.
    """
    row = jsonio.decode(line, dict[str, Any], where)
    if "error" in row and "scores" not in row:
        return None
    name = row.get("learner") or row.get("speaker") or speakers.get(str(row.get("id")))
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"{where}: nobody is named: a 'learner' or 'speaker' is needed (or --manifest)")
    try:
        score = schema.score_from_json(row)
        at = datetime.fromisoformat(row["at"]) if row.get("at") else UNDATED
    except (InputError, TypeError, ValueError) as error:
        raise InputError(f"{where}: {error}") from None
    return _attempt(name, score, at if at.tzinfo else at.replace(tzinfo=UTC))


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
    key = disk.plain_file(key)
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
        known[name]: [replace(one, learner=known[name]) for one in attempts]
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
