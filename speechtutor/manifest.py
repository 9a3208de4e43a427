"""Manifests: JSON lines, one utterance each, validated before they are written.

Scores in a manifest are 0-100 as everywhere outside the library; in memory they are [0, 1].
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechtutor.core import PhoneScore, Utterance, UtteranceScore, WordScore
from speechtutor.errors import InputError, StorageError

SPLITS = ("train", "dev", "test")
ASPECTS = ("overall", "accuracy", "fluency", "prosody", "completeness")


def _up(score: float | None) -> float | None:
    return None if score is None else round(score * 100, 3)


def _down(value: Any, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise InputError(f"{where}: a score must be a number from 0 to 100 or null, not {value!r}")
    return float(value) / 100


def _row(utterance: Utterance) -> dict[str, Any]:
    keys = ("id", "audio", "text", "speaker", "split", "lang", "l1", "age", "gender")
    row: dict[str, Any] = {key: getattr(utterance, key) for key in keys}
    scores = utterance.scores
    row["scores"] = scores and {aspect: _up(getattr(scores, aspect)) for aspect in ASPECTS}
    row["words"] = None
    if scores is not None and scores.words:
        row["words"] = [
            {
                "text": word.text,
                "score": _up(word.score),
                "stress": _up(word.stress),
                "total": _up(word.total),
                "phones": [phone.canonical for phone in word.phones],
                "phone_scores": [_up(phone.score) for phone in word.phones],
            }
            for word in scores.words
        ]
    return row


def _word(row: dict[str, Any], where: str) -> WordScore:
    phones = row.get("phones") or []
    scores = row.get("phone_scores") or [None] * len(phones)
    if len(scores) != len(phones):
        raise InputError(f"{where}: {len(scores)} phone scores for {len(phones)} phones of {row['text']!r}")
    judged = tuple(PhoneScore(p, _down(s, where)) for p, s in zip(phones, scores, strict=True))
    values = {key: _down(row.get(key), where) for key in ("score", "stress", "total")}
    return WordScore(
        row["text"], values["score"], stress=values["stress"], total=values["total"], phones=judged
    )


def _utterance(row: dict[str, Any], where: str) -> Utterance:
    missing = {"id", "audio", "text", "speaker", "split"} - row.keys()
    if missing:
        raise InputError(f"{where}: the row lacks {', '.join(sorted(missing))}")
    words = tuple(_word(word, where) for word in row.get("words") or ())
    scores = None
    if row.get("scores") is not None:
        aspects = {aspect: _down(row["scores"].get(aspect), where) for aspect in ASPECTS}
        scores = UtteranceScore(row["text"], words, **aspects)  # type: ignore[arg-type]
    phones = tuple(tuple(p.canonical for p in word.phones) for word in words)
    fields = {key: row[key] for key in ("lang", "l1", "age", "gender") if key in row}
    return Utterance(
        row["id"], row["audio"], row["text"], row["speaker"], row["split"],
        scores=scores, phones=phones if words and all(phones) else None, **fields,
    )  # fmt: skip


def parse(lines: Iterable[str], name: str) -> Iterator[Utterance]:
    """Utterances of JSON lines; a bad line is named by `name` and its number.

    Raises:
        InputError: at the first line that is not a manifest row.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{name}, row {number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{where}: not JSON ({error.msg})") from None
        if not isinstance(row, dict):
            raise InputError(f"{where}: a row must be a JSON object")
        yield _utterance(row, where)


def read(path: Path, splits: Sequence[str] | None = None) -> list[Utterance]:
    """The utterances of a manifest, checked; `splits` keeps only those splits.

    Raises:
        InputError: when the file is missing or a row is wrong.
    """
    try:
        with path.open(encoding="utf-8") as file:
            rows = list(parse(file, str(path)))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text") from None
    check(rows, str(path))
    return [row for row in rows if splits is None or row.split in splits]


def check(rows: Sequence[Utterance], name: str, root: Path | None = None) -> None:
    """Unique ids, known splits, no speaker in two splits, and audio present when `root` is given.

    Raises:
        InputError: naming the first offending row and what it clashes with.
    """
    seen: dict[str, int] = {}
    split_of: dict[str, tuple[str, str]] = {}
    for number, row in enumerate(rows, start=1):
        where = f"{name}, row {number} ({row.id})"
        if row.id in seen:
            raise InputError(f"{where}: the id already stands in row {seen[row.id]}")
        seen[row.id] = number
        if row.split not in SPLITS:
            raise InputError(f"{where}: split {row.split!r} is none of {', '.join(SPLITS)}")
        split, first = split_of.setdefault(row.speaker, (row.split, row.id))
        if split != row.split:
            raise InputError(
                f"{where}: speaker {row.speaker} is in {row.split} here and in {split} at {first}"
            )
        if root is not None and not (root / row.audio).is_file():
            raise InputError(f"{where}: no audio at {root / row.audio}")


@dataclass(frozen=True, slots=True)
class Written:
    """A manifest on disk."""

    path: Path
    n_rows: int


def write_text(path: Path, text: str) -> None:
    """Put a whole file in place, or none of it.

    Raises:
        StorageError: when the disk refuses.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes the file private; a result is as readable as any other file.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise StorageError(f"{path}: {error.strerror}") from None


def write(path: Path, rows: Sequence[Utterance], root: Path | None = None) -> Written:
    """Check the rows, then write them, renamed into place last; the same rows give the same bytes."""
    check(rows, str(path), root)
    write_text(path, "".join(json.dumps(_row(row), ensure_ascii=False) + "\n" for row in rows))
    return Written(path, len(rows))
