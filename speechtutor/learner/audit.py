"""Who looked at, changed or handed out whose record: an append-only log in the store itself."""

from __future__ import annotations

import getpass
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from speechtutor.learner.database import Database
from speechtutor.learner.tables import AUDIT, NAME_LENGTH

WHO = "SPEECHTUTOR_USER"
"""Environment variable that names whoever is at work, where the account of the system does not."""

EVERYONE = "*"
"""Stands for all learners in an entry about a whole class."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: at a time (UTC, ISO) somebody did something with the record of a learner."""

    at: str
    who: str
    what: str
    learner: str


class Audit:
    """The log of a database."""

    def __init__(self, database: Database) -> None:
        """Bind a database."""
        self._database = database

    def note(
        self, what: str, learner: str = EVERYONE, now: datetime | None = None, *, by: str | None = None
    ) -> None:
        """Write down that somebody did something: `by` is the account signed in, else whoever is at work.

        Raises:
            StorageError: when it cannot be written: what cannot be logged is not to be read.
        """
        at = (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")
        row = {
            "at": at,
            "who": (by or who())[:NAME_LENGTH],
            "what": what[:NAME_LENGTH],
            "learner": learner[:NAME_LENGTH],
        }
        with self._database.errors("write to"), self._database.writing() as connection:
            connection.execute(sa.insert(AUDIT).values(row))

    def entries(self, learner: str | None = None) -> list[Entry]:
        """All entries, or those about a learner and about everyone, oldest first."""
        query = sa.select(AUDIT).order_by(AUDIT.c.id)
        if learner is not None:
            query = query.where(AUDIT.c.learner.in_([learner, EVERYONE]))
        with self._database.errors("read"), self._database.reading() as connection:
            return [Entry(row.at, row.who, row.what, row.learner) for row in connection.execute(query)]

    def export(self, learner: str) -> list[dict[str, Any]]:
        """The entries about a learner as plain values: who looked is the learner's to know."""
        return [asdict(one) for one in self.entries(learner)]


def who() -> str:
    """Whoever is at work: `SPEECHTUTOR_USER`, else the account of the system."""
    try:
        return (os.environ.get(WHO) or getpass.getuser())[:NAME_LENGTH]
    except (KeyError, OSError):  # an account without a name, as in some containers
        return "unknown"
