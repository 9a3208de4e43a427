"""A grader at work: in which order, what is done, what may be shown and what is blind."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speechtutor.errors import InputError
from speechtutor.evaluation.result import Row
from speechtutor.report import heat, overrides
from speechtutor.report.grades import Grade, is_judged
from speechtutor.report.overrides import Override


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a grader is."""

    n_items: int
    n_graded: int
    n_skipped: int


class Desk:
    """A grader at work on rows: in which order, what is done, and what may be shown.

    `said` are all grades there are, `typed` all overrides; only those of this grader decide.
    """

    def __init__(
        self, rows: Sequence[Row], who: str, said: Sequence[Grade], typed: Sequence[Override] = ()
    ) -> None:
        self.who = spelled(who, said)
        self.rows = ordered(gradable(rows), self.who)
        self._last: dict[str, Grade] = {}
        self._graded: dict[str, Grade] = {}
        self.n_saved = 0
        for grade in said:
            if grade.who == self.who:
                self.n_saved += 1
                self._last[grade.id] = grade
                if not grade.skipped:
                    self._graded[grade.id] = grade
        self._typed = {one.id for one in typed if one.who.casefold() == self.who.casefold()}

    @property
    def progress(self) -> Progress:
        """Counted over the rows that are there: grades of others stay in the file and do not count."""
        done = [self._last[row.id] for row in self.rows if row.id in self._last]
        n_graded = sum(grade.id in self._graded for grade in done)
        return Progress(len(self.rows), n_graded, len(done) - n_graded)

    def last(self, name: str) -> Grade | None:
        """What this grader said last of an utterance, without skips."""
        return self._graded.get(name)

    def skipped(self, name: str) -> str:
        """Why this grader passed over an utterance, "" where they did not or have graded it since."""
        found = None if name in self._graded else self._last.get(name)
        return found.skipped if found else ""

    def is_open(self, name: str) -> bool:
        """Whether this grader has still to say something of an utterance."""
        return name not in self._last

    def may_see(self, name: str) -> bool:
        """Whether the machine's scores of an utterance may be shown: after the grader's own, not before."""
        return name in self._graded

    def is_blind(self, row: Row) -> bool:
        """Whether a grade that is given now is blind; who typed an override of the row has seen it."""
        return not is_judged(row) or (row.id not in self._graded and row.id not in self._typed)

    def place(self, name: str) -> int:
        """Where an utterance stands in this grader's order, from 0.

        Raises:
            InputError: when it is none of theirs.
        """
        for number, row in enumerate(self.rows):
            if row.id == name:
                return number
        raise InputError(f"there is no utterance {name!r:.80} to grade")

    def next_open(self, after: str | None = None) -> Row | None:
        """The next utterance to be graded after one, from the beginning again; None when all is done."""
        start = 0 if after is None else self.place(after) + 1
        return next((row for row in (*self.rows[start:], *self.rows[:start]) if self.is_open(row.id)), None)

    def beside(self, name: str, step: int) -> Row:
        """The utterance so many places on in this grader's order, round the end."""
        return self.rows[(self.place(name) + step) % len(self.rows)]


def gradable(rows: Sequence[Row]) -> list[Row]:
    """The rows with words whose recording could be used."""
    return [row for row in rows if row.error is None and heat.words_of(row)]


def check(rows: Sequence[Row], path: Path) -> None:
    """Refuse what has nothing to grade, before anything is opened for it.

    Raises:
        InputError: when no row can be graded.
    """
    if not gradable(rows):
        raise InputError(f"{path}: no utterance has words that could be graded")


def ordered(rows: Sequence[Row], who: str) -> list[Row]:
    """The rows in a grader's own order, the same each time: nobody else tires on the same ones.

    A row that is added later finds its place without moving the others.
    """
    return sorted(rows, key=lambda row: hashlib.sha256(f"{who}\0{row.id}".encode()).digest())


def spelled(who: str, said: Sequence[Grade]) -> str:
    """A grader's name as it stands in their first grade, whatever case it is typed in today.

    Raises:
        InputError: for a name that cannot be kept.
    """
    name = overrides.known_name(who)
    return next((grade.who for grade in said if grade.who.casefold() == name.casefold()), name)
