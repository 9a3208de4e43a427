"""Homework: exercises that a teacher gave, answered by the learner by their id.

An exercise is what it is by what is to be said (`Exercise.id`), so every try at it, in the app, with
`coach` or `practice`, is held against the same one; the best try counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from speechtutor.core import Exercise
from speechtutor.core.lesson import new_id
from speechtutor.errors import InputError
from speechtutor.files import jsonio
from speechtutor.learner.database import Database
from speechtutor.learner.rows import is_text, name_of
from speechtutor.learner.tables import HOMEWORK, NAME_LENGTH


@dataclass(frozen=True, slots=True)
class Task:
    """One exercise of a homework for one learner; `at` and `due` are UTC, `place` its place, from 0."""

    id: str
    learner: str
    title: str
    by: str
    at: datetime
    due: datetime
    place: int
    exercise: Exercise


class Homework:
    """The homework of a database."""

    def __init__(self, database: Database) -> None:
        """Bind a database."""
        self._database = database

    def assign(
        self,
        learners: Sequence[str],
        exercises: Sequence[Exercise],
        title: str,
        by: str,
        at: datetime,
        due: datetime,
    ) -> list[Task]:
        """Give exercises to learners; what one has under this title already is not given twice.

        Raises:
            InputError: for names that cannot be kept, no exercise, or a day that is over.
            StorageError: when the store refuses.
        """
        for name in (title, by):
            if not name.strip() or len(name) > NAME_LENGTH or not is_text(name):
                raise InputError(
                    f"a title and a teacher's name are 1 to {NAME_LENGTH} characters, not {name!a:.60}"
                )
        if not exercises or not learners:
            raise InputError("homework is exercises for learners, and one of them is empty")
        if due <= at:
            raise InputError(f"homework is due after it was given: {due.date().isoformat()} is over")
        made = []
        with self._database.errors("write to"), self._database.writing() as connection:
            for learner in map(name_of, learners):
                has = sa.select(HOMEWORK.c.exercise_id).where(
                    HOMEWORK.c.learner == learner, HOMEWORK.c.title == title
                )
                known = set(connection.execute(has).scalars())
                for place, one in enumerate(exercises):
                    if one.id not in known:
                        known.add(one.id)
                        task = Task(
                            new_id(), learner, title, by, at.astimezone(UTC), due.astimezone(UTC), place, one
                        )
                        connection.execute(sa.insert(HOMEWORK).values(_row(task)))
                        made.append(task)
        return made

    def tasks(self, learner: str | None = None, title: str | None = None) -> list[Task]:
        """What was given, by due day, learner and place."""
        query = sa.select(HOMEWORK).order_by(
            HOMEWORK.c.due, HOMEWORK.c.title, HOMEWORK.c.learner, HOMEWORK.c.place
        )
        if learner is not None:
            query = query.where(HOMEWORK.c.learner == learner)
        if title is not None:
            query = query.where(HOMEWORK.c.title == title)
        with self._database.errors("read"), self._database.reading() as connection:
            return list(_tasks(connection.execute(query), self._database.where))

    def exercise(self, learner: str, id: str) -> Exercise | None:
        """The exercise of an id that a learner was given as homework."""
        query = (
            sa.select(HOMEWORK).where(HOMEWORK.c.learner == learner, HOMEWORK.c.exercise_id == id).limit(1)
        )
        with self._database.errors("read"), self._database.reading() as connection:
            found = list(_tasks(connection.execute(query), self._database.where))
        return found[0].exercise if found else None

    def withdraw(self, title: str, learner: str | None = None) -> int:
        """Take homework back; answers stay. Returns how many exercises went."""
        query = sa.delete(HOMEWORK).where(HOMEWORK.c.title == title)
        if learner is not None:
            query = query.where(HOMEWORK.c.learner == learner)
        with self._database.errors("delete from"), self._database.writing() as connection:
            return connection.execute(query).rowcount

    def export(self, learner: str) -> list[dict[str, Any]]:
        """A learner's homework as plain values."""
        return [dict(jsonio.encode(one)) for one in self.tasks(learner)]


def _row(task: Task) -> dict[str, Any]:
    return {
        "id": task.id, "learner": task.learner, "title": task.title, "by": task.by,
        "at": task.at.isoformat(timespec="seconds"), "due": task.due.isoformat(timespec="seconds"),
        "place": task.place, "exercise_id": task.exercise.id, "exercise": jsonio.dumps(task.exercise),
    }  # fmt: skip


def _tasks(rows: Any, where: str) -> Iterator[Task]:
    for row in rows:
        exercise = jsonio.decode(row.exercise, Exercise, f"{where}, homework {row.id}")
        at, due = (datetime.fromisoformat(stamp) for stamp in (row.at, row.due))
        yield Task(row.id, row.learner, row.title, row.by, at, due, row.place, exercise)
