"""Which exercise a learner was handed for a number, so that the number always stands for the same one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import sqlalchemy as sa

from speechtutor.core import Exercise
from speechtutor.errors import InputError
from speechtutor.files import jsonio
from speechtutor.learner.database import Database
from speechtutor.learner.rows import name_of
from speechtutor.learner.tables import GIVEN


class Handed:
    """The exercises of a database that were given by number."""

    def __init__(self, database: Database, tell: Callable[[str], None]) -> None:
        """Bind a database; `tell` gets a line for every exercise that cannot be read."""
        self._database, self._tell = database, tell

    def find(self, learner: str, number: int, asked: str) -> Exercise | None:
        """The exercise of a number and of what was asked of it, if there was one."""
        with self._database.errors("read"), self._database.reading() as connection:
            return self._kept(connection, learner, number, asked)

    def give(self, learner: str, number: int, asked: str, exercise: Exercise) -> Exercise:
        """Remember which exercise a number stands for; returns it, or the one that came before it.

        Raises:
            InputError: when the learner's name cannot be kept.
            StorageError: when the store refuses.
        """
        row = {
            "learner": name_of(learner),
            "number": number,
            "asked": _digest(asked),
            "exercise": jsonio.dumps(exercise),
        }
        with self._database.errors("write to"), self._database.writing() as connection:
            kept = self._kept(connection, learner, number, asked)
            if kept is None:  # nothing there, or nothing that can be read
                connection.execute(sa.delete(GIVEN).where(*_is_it(learner, number, asked)))
                connection.execute(sa.insert(GIVEN).values(row))
            return kept or exercise

    def of_id(self, learner: str, id: str) -> Exercise | None:
        """The exercise of an id that a learner was given, if there was one."""
        query = sa.select(GIVEN.c.number, GIVEN.c.exercise).where(GIVEN.c.learner == learner)
        with self._database.errors("read"), self._database.reading() as connection:
            for number, text in connection.execute(query):
                if (one := self._read(text, learner, number)) is not None and one.id == id:
                    return one
        return None

    def _kept(self, connection: sa.Connection, learner: str, number: int, asked: str) -> Exercise | None:
        query = sa.select(GIVEN.c.exercise).where(*_is_it(learner, number, asked))
        text = connection.execute(query).scalar()
        return None if text is None else self._read(text, learner, number)

    def _read(self, text: str, learner: str, number: int) -> Exercise | None:
        try:
            return jsonio.decode(text, Exercise, f"{self._database.where}, exercise {number} of {learner}")
        except InputError as error:
            self._tell(str(error))
            return None


def _digest(asked: str) -> str:
    return hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()


def _is_it(learner: str, number: int, asked: str) -> tuple[sa.ColumnElement[bool], ...]:
    columns = GIVEN.c
    return columns.learner == learner, columns.number == number, columns.asked == _digest(asked)
