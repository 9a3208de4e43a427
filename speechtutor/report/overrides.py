"""What graders say against a run's labels, kept beside the originals: who, when, and what it was.

`overrides.jsonl` in the run's folder only ever grows. A grader's later word on the same item counts
instead of the earlier one, both stay on record; another grader's stands beside it. Words and sounds
count from 1, as the report numbers them; scores are 0-100 as everywhere in files. Grades that were clicked
(`grades`) become values of the same kind, for which word 0 is the whole sentence.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from speechtutor.errors import InputError, StorageError
from speechtutor.evaluation.result import Row
from speechtutor.files import disk, jsonio, reading
from speechtutor.files.jsonio import Count, Score

FILE = "overrides.jsonl"
LONGEST_NOTE = 2000
LONGEST_NAME = 100
MACHINE, LABELS = "the machine", "the earlier labels"
"""The other judges of a report; no grader may be called so."""


@dataclass(frozen=True, slots=True)
class Override:
    """A grader's score of a word, or of one sound of it, in place of the one that the run holds.

    `score` is 0-100, or None where the grader withdraws what they said before. `text` is the word
    and `expected` the sound that was judged, `machine` and `rated` are the scores that stood there,
    so that the record can be read without the run. `at` is UTC in ISO form. `blind` says that the grader
    had not been shown what stood there; whoever types an override has seen it.
    """

    id: str
    word: Count
    phone: Count | None
    score: Score | None
    who: str
    at: str
    note: str = ""
    text: str = ""
    expected: str | None = None
    machine: Score | None = None
    rated: Score | None = None
    blind: bool = False

    @property
    def item(self) -> Item:
        """What is judged."""
        return self.id, self.word, self.phone


Item = tuple[str, int, int | None]
"""The utterance, its word (0 is the whole sentence), and the sound of the word."""
UNITS = ("sentence", "word", "sound")


def unit(item: Item) -> str:
    """Which of `UNITS` an item is."""
    return UNITS[2] if item[2] is not None else UNITS[1] if item[1] else UNITS[0]


def known_name(who: str) -> str:
    """A grader's name as it is kept: in one line.

    Raises:
        InputError: for a name that cannot be kept.
    """
    name = " ".join(who.split())
    if not name:
        raise InputError("a grade needs a name: who says so")
    if name in (MACHINE, LABELS):
        raise InputError(f"{name!r} cannot be a grader's name")
    if len(name) > LONGEST_NAME:
        raise InputError(f"a name may have {LONGEST_NAME} characters, not {len(name)}")
    return _kept(name)


def known_note(note: str) -> str:
    """A remark as it is kept: in one line.

    Raises:
        InputError: for one that cannot be kept.
    """
    remark = " ".join(note.split())
    if len(remark) > LONGEST_NOTE:
        raise InputError(f"a note may have {LONGEST_NOTE} characters, not {len(remark)}")
    return _kept(remark)


def _kept(text: str) -> str:
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InputError("a name or a note must be text that can be written as UTF-8")
    return text


def make(
    row: Row, word: int, phone: int | None, score: float | None, who: str, at: datetime, note: str = ""
) -> Override:
    """A checked override of an item of a row.

    Raises:
        InputError: for an index that the row does not have, a score outside 0-100, or a name or a
            note that cannot be kept.
    """
    name, remark = known_name(who), known_note(note)
    if score is not None and not (math.isfinite(score) and 0 <= score <= 100):
        raise InputError(f"a score must be from 0 to 100, not {score:g}")
    found = locate(row, word, phone)
    return Override(
        row.id, word, phone, score, name, at.isoformat(timespec="seconds"), remark,
        found.text, found.expected, found.machine, found.rated,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judged:
    """A word or a sound of a row, with the scores it has; `expected` is None for a word."""

    text: str
    expected: str | None
    machine: float | None
    rated: float | None


def locate(row: Row, word: int, phone: int | None = None) -> Judged:
    """The word, or the sound of it, that the numbers mean, counting from 1.

    Raises:
        InputError: when the row has no such word or sound.
    """
    words = row.detail.get("words")
    if not words or not isinstance(words[0], dict):  # a run that heard words but judged none
        texts = row.reference.split()
        scores = words or [None] * len(texts)
        words = [{"text": text, "raters": {"accuracy": s}} for text, s in zip(texts, scores, strict=False)]
    if not 1 <= word <= len(words):
        raise InputError(f"{row.id} has {len(words)} words, so there is no word {word}")
    one = words[word - 1]
    if phone is None:
        model, raters = one.get("model") or {}, one.get("raters") or {}
        return Judged(one["text"], None, model.get("accuracy"), raters.get("accuracy"))
    phones = one.get("phones") or []
    if not 1 <= phone <= len(phones):
        raise InputError(
            f"{row.id}: word {word} ({one['text']}) has {len(phones)} sounds, so there is no sound {phone}"
        )
    sound = phones[phone - 1]
    return Judged(one["text"], sound["expected"], sound.get("score"), sound.get("rated"))


def append(folder: Path, override: Override) -> None:
    """Write an override down; graders at work at once wait for each other.

    Raises:
        StorageError: when the disk refuses; nothing of the override is then kept.
    """
    append_line(folder / FILE, asdict(override))


def append_line(path: Path, value: Mapping[str, Any]) -> None:
    """Write a value down as one line that the disk has when this returns; several writers wait in turn.

    Raises:
        StorageError: when the disk refuses; nothing of the line is then kept.
    """
    line = (json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n").encode()
    try:
        with disk.locked(path.with_name(f".{path.name}.lock"), tell=False):
            _write(path, line)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error


def _write(path: Path, line: bytes) -> None:
    """Add a line as a whole: what a full disk cut short is taken back."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        size = os.lseek(descriptor, 0, os.SEEK_END)
        if size:
            os.lseek(descriptor, size - 1, os.SEEK_SET)
            if os.read(descriptor, 1) != b"\n":
                line = b"\n" + line  # a killed writer's half line stays one bad line, and spoils no other
        try:
            written = 0
            while written < len(line):
                written += os.write(descriptor, line[written:])
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def read(folder: Path) -> list[Override]:
    """All overrides of a run, in the order they were made; none when nobody made any.

    Raises:
        InputError: naming the line that cannot be read.
    """
    path = folder / FILE
    if not path.exists():
        return []
    try:
        whole = reading.read_bytes(path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    return [_parse(line, f"{path}, row {n}") for n, line in jsonio.lines(whole)]


def _parse(line: bytes, where: str) -> Override:
    try:
        made = jsonio.decode(line, Override, where)
    except InputError as error:
        told = str(error).removeprefix(f"{where}: ")
        raise InputError(f"{where}: not an override ({told})") from None
    if not made.who.strip():
        raise InputError(f"{where}: not an override (who: nobody is named)")
    return made


def standing(overrides: Iterable[Override]) -> dict[Item, list[Override]]:
    """What counts now: per item the last word of each grader, without those withdrawn."""
    last: dict[tuple[Item, str], Override] = {}
    for override in overrides:
        last.pop((override.item, override.who), None)
        last[override.item, override.who] = override
    items: dict[Item, list[Override]] = {}
    for override in last.values():
        if override.score is not None:
            items.setdefault(override.item, []).append(override)
    return items


def mean(given: Sequence[Override]) -> float:
    """The mean score of the graders of one item, 0-100."""
    scores = [override.score for override in given if override.score is not None]
    return sum(scores) / len(scores)


def row_of(rows: Iterable[Row], name: str, folder: Path) -> Row:
    """The row of that id.

    Raises:
        InputError: when the run has none.
    """
    found = next((row for row in rows if row.id == name), None)
    if found is None:
        raise InputError(f"{folder} has no utterance {name!r}")
    return found
