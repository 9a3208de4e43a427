"""Grades that were clicked: one line a save, blind first, and what has become of them since.

A line holds all that a grader said of one utterance, with what the machine and the labels said of it: it can
be read without the run. Nothing is ever taken away, a later save stands after the blind one. A grade is blind
when nothing of the machine or of the labels had been shown to its grader; the file says so, not the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from speechtutor.errors import InputError
from speechtutor.evaluation.result import Row
from speechtutor.files import jsonio, reading
from speechtutor.files.jsonio import Score
from speechtutor.report import heat, overrides
from speechtutor.report.overrides import Override
from speechtutor.report.rubric import SCALES
from speechtutor.report.sources import Source

REASONS = ("silent", "noise", "voices", "text", "other")
"""Why an utterance is not to be graded; in words in the catalogue (`grading.skip_…`)."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a grader clicked, on the scales of the rubric; None is not graded."""

    sentence: Annotated[int, Meta(ge=0, le=10)] | None = None
    words: list[Annotated[int, Meta(ge=0, le=10)] | None] = ()  # type: ignore[assignment]
    sounds: list[list[Annotated[int, Meta(ge=0, le=2)] | None]] = ()  # type: ignore[assignment]
    note: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is graded."""
        sounds = [grade for word in self.sounds for grade in word]
        return all(grade is None for grade in (self.sentence, *self.words, *sounds))


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound with its grade; scores 0-100."""

    expected: str
    score: Score | None = None
    machine: Score | None = None
    rated: Score | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its grade and those of its sounds."""

    text: str
    score: Score | None = None
    machine: Score | None = None
    rated: Score | None = None
    sounds: tuple[Sound, ...] = ()


@dataclass(frozen=True, slots=True)
class Grade:
    """One save: who said what of an utterance, or with `skipped` why it cannot be graded. `at` is UTC."""

    id: str
    who: str
    at: str
    blind: bool
    text: str
    score: Score | None = None
    machine: Score | None = None
    rated: Score | None = None
    words: tuple[Word, ...] = ()
    note: str = ""
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The grades of a file in the order they were saved, and sentences about lines that are none."""

    grades: Sequence[Grade]
    problems: Sequence[str] = ()


def given(value: object) -> Given:
    """What a page sends as grades.

    Raises:
        InputError: when it is no grades, or one lies beside its scale.
    """
    return jsonio.convert(value, Given, "the grades")


def blank(row: Row) -> Grade:
    """The utterance with nothing graded, and with what the machine and the labels say of it.

    Raises:
        InputError: when the row has no words.
    """
    words = heat.words_of(row)
    if not words:
        raise InputError(f"{row.id}: has no words that could be graded")
    model, raters = row.detail.get("model") or {}, row.detail.get("raters") or {}
    return Grade(
        row.id, "", "", False, row.reference, None, model.get("accuracy"), raters.get("accuracy"),
        tuple(_word(word) for word in words),
    )  # fmt: skip


def _word(word: Mapping[str, Any]) -> Word:
    model, raters = word.get("model") or {}, word.get("raters") or {}
    sounds = tuple(
        Sound(phone["expected"], None, phone.get("score"), phone.get("rated"))
        for phone in word.get("phones") or ()
    )
    return Word(word["text"], None, model.get("accuracy"), raters.get("accuracy"), sounds)


def is_judged(row: Row) -> bool:
    """Whether there is anything that a grader could be shown: a score of the machine, or a label."""
    plain = blank(row)
    every: list[Grade | Word | Sound] = [plain, *plain.words]
    every += [sound for word in plain.words for sound in word.sounds]
    return any(one.machine is not None or one.rated is not None for one in every)


def make(row: Row, said: Given, who: str, at: datetime, *, blind: bool) -> Grade:
    """A checked grade of a row.

    Raises:
        InputError: when nothing is graded, the grades are not of these words, or the name or the note
            cannot be kept.
    """
    plain = blank(row)
    shape = [len(word.sounds) for word in plain.words]
    if said.is_empty:
        raise InputError(f"{row.id}: nothing is graded yet")
    if len(said.words) != len(shape) or [len(word) for word in said.sounds] != shape:
        raise InputError(f"{row.id}: the grades are not of the words of this text")
    words = [
        replace(
            word,
            score=SCALES["word"].points(grade),
            sounds=tuple(
                replace(sound, score=SCALES["sound"].points(one))
                for sound, one in zip(word.sounds, sounds, strict=True)
            ),
        )
        for word, grade, sounds in zip(plain.words, said.words, said.sounds, strict=True)
    ]
    return replace(
        plain, who=overrides.known_name(who), at=at.isoformat(timespec="seconds"), blind=blind,
        score=SCALES["sentence"].points(said.sentence), words=tuple(words),
        note=overrides.known_note(said.note),
    )  # fmt: skip


def skip(row: Row, reason: str, who: str, at: datetime) -> Grade:
    """That an utterance cannot be graded; nothing is shown for it, so that it may be graded blind later.

    Raises:
        InputError: for a reason that is none of `REASONS`, or a name that cannot be kept.
    """
    if reason not in REASONS:
        raise InputError(f"{row.id}: a reason to skip is one of {', '.join(REASONS)}, not {reason!r:.40}")
    name = overrides.known_name(who)
    return Grade(row.id, name, at.isoformat(timespec="seconds"), True, row.reference, skipped=reason)


def append(path: Path, grade: Grade) -> None:
    """Write a save down, one line that the disk has when this returns.

    Raises:
        StorageError: when the disk refuses; nothing of it is then kept.
    """
    overrides.append_line(path, asdict(grade))


def read(path: Path) -> Recorded:
    """All saves of a file; a damaged line is told and the others count. Nothing where there is no file.

    Raises:
        InputError: when the file cannot be read.
    """
    if not path.exists():
        return Recorded(())
    try:
        whole = reading.read_bytes(path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    found, problems = [], []
    for number, line in jsonio.lines(whole):
        where = f"{path.name}, row {number}"
        try:
            grade = jsonio.decode(line, Grade, where)
            overrides.known_name(grade.who)
        except InputError as error:
            told = str(error).removeprefix(f"{where}: ")
            problems.append(f"{where}: not a grade ({told}), and left out")
        else:
            found.append(grade)
    return Recorded(found, problems)


def as_overrides(grades: Iterable[Grade]) -> Iterator[Override]:
    """The grades item by item; one that a later save of the same grader leaves out is withdrawn there."""
    before: dict[tuple[str, str], set[tuple[int, int | None]]] = {}
    for grade in grades:
        if grade.skipped:
            continue
        known = before.setdefault((grade.who, grade.id), set())
        for one in _items(grade):
            place = one.word, one.phone
            if one.score is not None or place in known:
                yield one
            (known.discard if one.score is None else known.add)(place)


def _items(grade: Grade) -> Iterator[Override]:
    def item(
        word: int, phone: int | None, of: Grade | Word | Sound, text: str, expected: str | None
    ) -> Override:
        return Override(
            grade.id, word, phone, of.score, grade.who, grade.at, grade.note, text, expected,
            of.machine, of.rated, grade.blind,
        )  # fmt: skip

    yield item(0, None, grade, grade.text, None)
    for number, word in enumerate(grade.words, start=1):
        yield item(number, None, word, word.text, None)
        for place, sound in enumerate(word.sounds, start=1):
            yield item(number, place, sound, word.text, sound.expected)


def of_source(source: Source, *, strict: bool = False) -> tuple[list[Override], list[str]]:
    """All that graders said of a source, typed or clicked, in the order of time, and what cannot be read.

    Raises:
        InputError: when a file cannot be read, and with `strict` for a damaged override.
    """
    recorded = read(source.record)
    by_hand, problems = typed(source, strict=strict)
    both = [*by_hand, *as_overrides(recorded.grades)]
    return sorted(both, key=lambda one: one.at), [*recorded.problems, *problems]


def typed(source: Source, *, strict: bool = False) -> tuple[list[Override], list[str]]:
    """The overrides of a source, and why they are left out where one is damaged.

    Raises:
        InputError: with `strict` for a damaged override.
    """
    if source.typed is None:
        return [], []
    try:
        return overrides.read(source.typed), []
    except InputError as error:
        if strict:
            raise
        told = str(error).replace(str(source.typed), source.typed.name)
        return [], [f"The overrides are left out: {told}"]
