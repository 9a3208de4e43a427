"""What learners did, kept on their own machine: append-only, exportable, deletable.

Tables behind SQLAlchemy (`learner.tables`): a SQLite file in the home directory by default, another
SQLite file or a PostgreSQL database by URL. Audio is kept of those alone who allow it, sealed.
A row that cannot be read is named and passed over; it never keeps anybody from the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from speechtutor.core import Attempt, Exercise, LearnerState, Recording
from speechtutor.errors import InputError, StorageError
from speechtutor.files import jsonio
from speechtutor.files.disk import home
from speechtutor.learner import mastery
from speechtutor.learner.audit import Audit
from speechtutor.learner.database import Database
from speechtutor.learner.handed import Handed
from speechtutor.learner.homework import Homework
from speechtutor.learner.priors import begin
from speechtutor.learner.profiles import Profiles, profile_of
from speechtutor.learner.rows import FORMAT, Known, Unreadable, attempt_of, is_text, row_of
from speechtutor.learner.tables import ATTEMPTS, GIVEN, HOMEWORK, OF_A_LEARNER, PROFILES, STATES
from speechtutor.learner.vault import Vault

BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process that is writing."""

CHUNK = 100
"""Rows that are in memory at once."""

NAME = "learners.db"

_LOG = logging.getLogger("speechtutor")


class SqlStore:
    """Attempts in a database. Safe to share between threads; close it when done."""

    def __init__(
        self,
        url: str | sa.URL,
        *,
        timeout: float = BUSY_TIMEOUT,
        create: bool = True,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """Open the database at an SQLAlchemy URL; `create` makes file and tables where they are missing.

        `tell` gets a line for every row that cannot be read (a warning in the log).

        Raises:
            StorageError: when it cannot be opened, is damaged or, to be made, is not writable.
        """
        self._database = Database(url, timeout=timeout, create=create)
        self.where = self._database.where
        self.path = self._database.path
        self._tell = tell or _LOG.warning
        self._handed = Handed(self._database, self._tell)
        self.profiles = Profiles(self._database)
        self.homework = Homework(self._database)
        self.vault = Vault(self._database, self.profiles)
        self.audit = Audit(self._database)

    def append(self, attempt: Attempt) -> None:
        """Remember an attempt, and what follows from it for the learner; the same id twice is one attempt.

        Raises:
            InputError: when the learner's name cannot be kept.
            StorageError: when the disk is full, the store is locked, read-only or damaged, or the id is
                already that of another attempt.
        """
        row = row_of(attempt)
        with self._database.errors("write to"), self._database.writing() as connection:
            held = self._held(connection, attempt.learner)
            new = self._insert(ATTEMPTS, row, "key").returning(ATTEMPTS.c.id)
            if connection.execute(new).scalar() is None:
                self._same(connection, row)
                return
            if held is None or mastery.late(held, attempt):
                known = self._folded(connection, attempt.learner)
            else:
                known = mastery.update(held, attempt)
            self._keep(connection, known)

    def keep(self, learner: str, attempt: str, recording: Recording, at: datetime) -> bool:
        """Seal and keep the recording of an attempt where the learner allows it (`vault.keep`)."""
        return self.vault.keep(learner, attempt, recording, at)

    def attempts(self, learner: str) -> Iterator[Attempt]:
        """All attempts of a learner that can be read, oldest first; the others are told.

        Raises:
            StorageError: when the store cannot be read.
        """
        for found in self.rows(learner):
            if isinstance(found, Attempt):
                yield found
            else:
                self._tell(found.why)

    def attempt(self, id: str) -> Attempt | None:
        """The attempt of an id, where there is one.

        Raises:
            StorageError: when the store or the attempt cannot be read.
        """
        query = sa.select(ATTEMPTS).where(ATTEMPTS.c.key == id)
        with self._database.errors("read"), self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
            found = None if row is None else attempt_of(row, self.where)
        if isinstance(found, Unreadable):
            raise StorageError(found.why)
        return found

    def recent(self, learner: str, n: int) -> tuple[Exercise, ...]:
        """The exercises of a learner's last attempts that can be read, the last one last."""
        query = sa.select(ATTEMPTS).where(ATTEMPTS.c.learner == learner)
        query = query.order_by(ATTEMPTS.c.at.desc(), ATTEMPTS.c.id.desc()).limit(n)
        with self._database.errors("read"), self._database.reading() as connection:
            found = [attempt_of(row, self.where) for row in connection.execute(query)]
        return tuple(one.exercise for one in reversed(found) if isinstance(one, Attempt))

    def rows(self, learner: str) -> Iterator[Attempt | Unreadable]:
        """All attempts of a learner, oldest first, a few in memory at once.

        Raises:
            StorageError: when the store cannot be read.
        """
        with self._database.errors("read"), self._database.reading() as connection:
            yield from self._stream(connection, learner)

    def state(self, learner: str) -> LearnerState:
        """What is known of a learner: one row, whatever the number of attempts.

        Raises:
            StorageError: when the store cannot be read.
        """
        with self._database.errors("read"), self._database.reading() as connection:
            known = self._held(connection, learner)
            return self._folded(connection, learner) if known is None else known

    def verify(self, learner: str) -> bool:
        """Whether the kept state is what the attempts lead to; `rebuild` mends it where it is not."""
        with self._database.errors("read"), self._database.reading() as connection:
            known = self._held(connection, learner)
            return known is None or known == self._folded(connection, learner)

    def rebuild(self, learner: str) -> LearnerState:
        """Make the state from the attempts again, and keep it."""
        with self._database.errors("write to"), self._database.writing() as connection:
            self._held(connection, learner)
            known = self._folded(connection, learner)
            if known.n_attempts:
                self._keep(connection, known)
            return known

    def given(self, learner: str, number: int, asked: str) -> Exercise | None:
        """The exercise that a learner was given for a number and what was asked of it, if there was one."""
        return self._handed.find(learner, number, asked)

    def give(self, learner: str, number: int, asked: str, exercise: Exercise) -> Exercise:
        """Remember which exercise a number stands for; returns it, or the one that came before it.

        Raises:
            InputError: when the learner's name cannot be kept.
            StorageError: as `append`.
        """
        return self._handed.give(learner, number, asked, exercise)

    def exercise(self, learner: str, id: str) -> Exercise | None:
        """The exercise of an id that a learner was given, as homework or by a number, if there was one."""
        return self.homework.exercise(learner, id) or self._handed.of_id(learner, id)

    def learners(self) -> tuple[str, ...]:
        """Everyone the store knows, in alphabetical order; what this takes grows with them alone."""
        each = _names()
        of_it = ATTEMPTS.c.learner == each.c.learner
        row = sa.select(ATTEMPTS.c.id).where(of_it).order_by(ATTEMPTS.c.at, ATTEMPTS.c.id).limit(1)
        query = sa.select(each.c.learner, row.scalar_subquery()).where(each.c.learner.is_not(None))
        with self._database.errors("read"), self._database.reading() as connection:
            found = {name for name, row in connection.execute(query) if self._is_name(name, row)}
            found |= set(self._without_attempts(connection))
        return tuple(sorted(found))

    def known(self) -> tuple[Known, ...]:
        """Everyone with the number of their attempts and the times of the first and the last."""
        learner, id_, at = ATTEMPTS.c.learner, ATTEMPTS.c.id, ATTEMPTS.c.at
        least = sa.func.min
        query = sa.select(learner, least(id_), sa.func.count(), least(at), sa.func.max(at)).group_by(learner)
        found: dict[str, Known] = {}
        with self._database.errors("read"), self._database.reading() as connection:
            for name, row, n_attempts, first, last in connection.execute(query):
                if self._is_name(name, row):
                    found[name] = Known(name, n_attempts, str(first), str(last))
            for name in self._without_attempts(connection):
                found.setdefault(name, Known(name, 0, "", ""))
        return tuple(found[name] for name in sorted(found))

    def export(self, learner: str) -> dict[str, Any]:
        """All that is known of a learner, as plain JSON values in the library's own scales.

        A row that cannot be read stands in `unreadable` as it is in the database: it is the learner's too.
        """
        attempts, unreadable = [], []
        for found in self.rows(learner):
            if isinstance(found, Attempt):
                attempts.append(jsonio.encode(found))
            else:
                unreadable.append({"why": found.why, "row": self._raw(found.row)})
        query = sa.select(GIVEN).where(GIVEN.c.learner == learner).order_by(GIVEN.c.number)
        with self._database.errors("read"), self._database.reading() as connection:
            given = [{"number": row.number, "exercise": row.exercise} for row in connection.execute(query)]
        return {
            "format": FORMAT,
            "learner": learner,
            "attempts": attempts,
            "unreadable": unreadable,
            "given": given,
            "profile": jsonio.encode(self.profiles.get(learner)),
            "homework": self.homework.export(learner),
            "recordings": self.vault.export(learner),
            "audit": self.audit.export(learner),
            "state": jsonio.encode(self.state(learner)),
        }

    def delete(self, learner: str) -> int:
        """Forget a learner; returns how many attempts went.

        SQLite overwrites the bytes, empties its log and rewrites the file; blocks of the disk that were
        freed before are the operating system's.

        Raises:
            StorageError: when the store refuses, or another process still reads the old bytes.
        """
        with self._database.errors("delete from"), self._database.writing() as connection:
            for table in OF_A_LEARNER:
                connection.execute(sa.delete(table).where(table.c.learner == learner))
            gone = connection.execute(sa.delete(ATTEMPTS).where(ATTEMPTS.c.learner == learner)).rowcount
        self._database.scrub()
        return gone

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _is_name(self, name: object, row: int) -> bool:
        """Whether an attempt has a name that can be read; else it is told."""
        if not is_text(name):
            self._tell(f"{self.where}: attempt {row} is damaged: its learner's name is {name!a:.40}")
            return False
        return True

    def _without_attempts(self, connection: sa.Connection) -> Iterator[str]:
        """Everyone of whom something is kept beside attempts."""
        for table in (GIVEN, PROFILES, HOMEWORK):
            names = connection.execute(sa.select(table.c.learner).distinct()).scalars()
            yield from (name for name in names if is_text(name))

    def _insert(self, table: sa.Table, row: dict[str, Any], unique: str) -> sa.Insert:
        """Into a table, unless there is a row with the same value of a unique column."""
        make = sqlite.insert if self._database.local else postgresql.insert
        return make(table).values(row).on_conflict_do_nothing(index_elements=[unique])

    def _same(self, connection: sa.Connection, row: dict[str, Any]) -> None:
        """Raise `StorageError` when the id of an attempt is that of another one."""
        kept = connection.execute(sa.select(ATTEMPTS).where(ATTEMPTS.c.key == row["key"])).one()
        found = attempt_of(kept, self.where)
        if isinstance(found, Unreadable):
            raise StorageError(found.why)
        if row_of(found) != row:  # both as today's code writes them
            raise StorageError(f"{self.where}: the id {row['key']} is already that of another attempt")

    def _held(self, connection: sa.Connection, learner: str) -> LearnerState | None:
        """The kept state, of today's rule; a writer holds its row until the transaction ends."""
        query = sa.select(STATES.c.state).where(STATES.c.learner == learner, STATES.c.rule == mastery.RULE)
        writes = connection.get_execution_options().get("writes", False)
        if writes and not self._database.local:
            empty = {"learner": learner, "rule": 0, "state": ""}
            connection.execute(self._insert(STATES, empty, "learner"))
            lock = sa.select(STATES.c.learner).where(STATES.c.learner == learner).with_for_update()
            connection.execute(lock)
        text = connection.execute(query).scalar()
        if text is None:
            return None
        try:
            return jsonio.decode(text, LearnerState, f"{self.where}, state of {learner}")
        except InputError as error:
            self._tell(str(error))  # it follows from the attempts, and is made again
            return None

    def _folded(self, connection: sa.Connection, learner: str) -> LearnerState:
        """What the attempts that can be read lead to; the others are told."""

        def readable() -> Iterator[Attempt]:
            for found in self._stream(connection, learner):
                if isinstance(found, Attempt):
                    yield found
                else:
                    self._tell(found.why)

        said = profile_of(connection, learner, self.where)
        begun = begin(learner, l1=said.l1, level=said.level)
        return replace(mastery.replay(readable(), begun), learner=learner)

    def _keep(self, connection: sa.Connection, known: LearnerState) -> None:
        row = {"learner": known.learner, "rule": mastery.RULE, "state": jsonio.dumps(known)}
        make = sqlite.insert if self._database.local else postgresql.insert
        fresh = {"rule": row["rule"], "state": row["state"]}
        connection.execute(
            make(STATES).values(row).on_conflict_do_update(index_elements=["learner"], set_=fresh)
        )

    def _stream(self, connection: sa.Connection, learner: str) -> Iterator[Attempt | Unreadable]:
        query = (
            sa.select(ATTEMPTS).where(ATTEMPTS.c.learner == learner).order_by(ATTEMPTS.c.at, ATTEMPTS.c.id)
        )
        with connection.execute(query, execution_options={"yield_per": CHUNK}) as rows:
            for row in rows:
                yield attempt_of(row, self.where)

    def _raw(self, number: int) -> dict[str, Any]:
        with self._database.errors("read"), self._database.reading() as connection:
            row = connection.execute(sa.select(ATTEMPTS).where(ATTEMPTS.c.id == number)).one()
        return {key: value if isinstance(value, int) else str(value) for key, value in row._mapping.items()}


def open_store(
    url: str | None = None, *, create: bool = True, tell: Callable[[str], None] | None = None
) -> SqlStore:
    """The learner store at a URL, or the SQLite file in the home directory; see `SqlStore`.

    Raises:
        StorageError: when it cannot be opened, or is not there and `create` is false.
    """
    return SqlStore(url or sa.URL.create("sqlite", database=str(place())), create=create, tell=tell)


def place() -> Path:
    """Where the store of this machine is."""
    return home() / NAME


def _names() -> sa.CTE:
    """Each name once, from one to the next in the index of attempts; the last one is NULL."""
    learner = ATTEMPTS.c.learner
    each = sa.select(sa.func.min(learner).label("learner")).cte("names", recursive=True)
    after = sa.select(sa.func.min(learner)).where(learner > each.c.learner).scalar_subquery()
    return each.union_all(sa.select(after).where(each.c.learner.is_not(None)))
