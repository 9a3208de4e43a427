"""Homework from a teacher's rows, what became of it, and rows of that again; no files here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from speechtutor.core import Exercise
from speechtutor.errors import InputError, TextError
from speechtutor.learner.store import SqlStore
from speechtutor.practice import library
from speechtutor.practice.exercises import in_language
from speechtutor.practice.grading import Grade, grades
from speechtutor.practice.levels import phones_in, problems, text_level, words_of
from speechtutor.schema import percent

COLUMNS = ("kind", "text", "word", "ask", "answers", "level")
"""What a table of items may have as headings; `text`, `word` or `ask` must be there."""

OWN_KINDS = ("sound", "repeat", "shadow", "twister", "pair", "vocabulary", "question", "paraphrase")
"""Kinds that a teacher's row can be."""

ONE_OF = ("text", "word", "ask")
"""Headings of which a table has one at least."""

REPORT = (
    "learner", "title", "number", "kind", "exercise", "grade", "done", "late", "tries", "answered", "due",
    "why", "id",
)  # fmt: skip
LONGEST = 300
"""Characters of one thing to say."""


def items(rows: Iterable[tuple[int, Mapping[str, str]]], where: str) -> list[Exercise]:
    """The exercises of numbered rows, each looked at before it is given to anybody.

    A row with a `word` is a word to use in a sentence (`text` an example); with `ask` a question (`text` an
    answer); with `answers`, split by |, a sentence to say in other words; else `text` is read aloud.

    Raises:
        InputError: naming `where`, the row and what is wrong with it.
    """
    found = []
    for number, row in rows:
        try:
            found.append(_item({name: cell.strip() for name, cell in row.items()}))
        except (InputError, TextError) as error:
            raise InputError(f"{where}, row {number}: {error}") from None
    if not found:
        raise InputError(f"{where}: no rows under the headings {', '.join(COLUMNS)}")
    return found


def own(topic: str | None, level: str, most: int) -> list[Exercise]:
    """Sentences of our own about a topic, None is any.

    Raises:
        InputError: for a level or a topic that there is not.
    """
    found = library.of_kind("sentence", level, topic)[:most]
    return [in_language(Exercise(one.text, (), "sound", one.level), "en") for one in found]


def _item(row: Mapping[str, str]) -> Exercise:
    text, word, ask = (row.get(name, "") for name in ("text", "word", "ask"))
    answers = tuple(part.strip() for part in row.get("answers", "").split("|") if part.strip())
    guess = "vocabulary" if word else "question" if ask else "paraphrase" if answers else "sound"
    kind = row.get("kind", "") or guess
    if kind not in OWN_KINDS:
        raise InputError(f"kind {kind!r:.60} is none of {', '.join(OWN_KINDS)}")
    needed = {"vocabulary": word, "question": ask}.get(kind, text)
    if not needed or (kind == "paraphrase" and not answers):
        raise InputError(f"a row of kind {kind} lacks what is to be said (headings {', '.join(COLUMNS)})")
    for one in (text, word, ask, *answers):
        _speakable(one)
    said = text or word or ask
    level = (row.get("level", "") or text_level(said) or "").upper()
    base = {"level": level, "focus": _focus(said), "kind": kind}
    if kind == "vocabulary":
        made = Exercise(said, answers=(said,), points=((word.lower(),),), **base)  # type: ignore[arg-type]
    elif kind == "question":
        made = Exercise(said, answers=(said,), given=ask, **base)  # type: ignore[arg-type]
    elif kind == "paraphrase":
        made = Exercise(answers[0], answers=answers, given=text, **base)  # type: ignore[arg-type]
    else:
        made = Exercise(text, **base)  # type: ignore[arg-type]
    return in_language(made, "en")


def _speakable(text: str) -> None:
    if len(text) > LONGEST:
        raise InputError(f"{len(text)} characters, more than {LONGEST}: {text[:30]!r} …")
    if text and not words_of(text):
        raise InputError(f"there is nothing to say in {text!r:.60}")
    if refused := [one for one in problems(text, "C1") if one.startswith("unsafe")] if text else []:
        raise InputError(refused[0])


def _focus(text: str) -> tuple[str, ...]:
    return tuple(sorted(phone for phone, n in phones_in(text).items() if n > 1))


def results(
    store: SqlStore, title: str | None = None, learner: str | None = None, lang: str = "en"
) -> list[Grade]:
    """The grades of all homework, or that of a title or a learner, by due day, learner and place.

    `lang` is the language of explanation that is told why in.
    """
    tasks = store.homework.tasks(learner, title)
    found: dict[str, Grade] = {}
    for name in dict.fromkeys(task.learner for task in tasks):
        given = [task for task in tasks if task.learner == name]
        found |= {grade.task.id: grade for grade in grades(given, store.attempts(name), lang)}
    return [found[task.id] for task in tasks]


def record(grade: Grade) -> dict[str, Any]:
    """A grade as a row."""
    task = grade.task
    return {
        "learner": task.learner, "title": task.title, "number": task.place + 1, "kind": task.exercise.kind,
        "exercise": task.exercise.given or task.exercise.text, "grade": percent(grade.value),
        "done": "yes" if grade.done else "no", "late": "yes" if grade.late else "", "tries": grade.tries,
        "answered": "" if grade.at is None else grade.at.date().isoformat(),
        "due": task.due.date().isoformat(), "why": grade.why, "id": task.exercise.id,
    }  # fmt: skip
