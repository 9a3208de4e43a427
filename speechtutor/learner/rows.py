"""An attempt as a row of the store, and a row as an attempt."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from speechtutor.core import Attempt, Exercise, Outcome, UtteranceScore
from speechtutor.errors import InputError
from speechtutor.files import jsonio
from speechtutor.learner.tables import ID_LENGTH, NAME_LENGTH

FORMAT = 1
"""Version of the stored values; fields that are added take their default in an older row."""


_NO_TEXT = {"Cc", "Cs", "Zl", "Zp"}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An attempt that cannot be read; `why` is one line that names the store, the row and the cause."""

    row: int
    why: str


@dataclass(frozen=True, slots=True)
class Known:
    """One line of a list of learners; times are UTC in ISO form."""

    learner: str
    n_attempts: int
    first: str
    last: str


def row_of(attempt: Attempt) -> dict[str, Any]:
    """An attempt as it is kept; what could not be read again is refused before it is acknowledged.

    Raises:
        InputError: naming the field that cannot be kept.
        ValueError: for a score that is not finite.
    """
    if not 0 < len(attempt.id) <= ID_LENGTH:
        raise InputError(f"the id of an attempt has 1 to {ID_LENGTH} characters, not {len(attempt.id)}")
    row: dict[str, Any] = {
        "format": FORMAT,
        "learner": name_of(attempt.learner),
        "at": attempt.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "exercise": jsonio.dumps(attempt.exercise),
        "score": jsonio.dumps(attempt.score),
        "outcome": None if attempt.outcome is None else jsonio.dumps(attempt.outcome),
        "key": attempt.id,
    }
    jsonio.decode(row["exercise"], Exercise, f"the exercise of {attempt.learner}")
    jsonio.decode(row["score"], UtteranceScore, f"the score of {attempt.learner}")
    return row


def attempt_of(row: sa.Row[Any], store: str) -> Attempt | Unreadable:
    """The attempt of a row, or why it cannot be read."""
    where = f"{store}: attempt {row.id}"
    if row.format != FORMAT:
        return Unreadable(row.id, f"{where} has format {row.format!r:.20}, this version reads {FORMAT}")
    try:
        exercise = jsonio.decode(row.exercise, Exercise, "exercise")
        score = jsonio.decode(row.score, UtteranceScore, "score")
        outcome = None if row.outcome is None else jsonio.decode(row.outcome, Outcome, "outcome")
        at = datetime.fromisoformat(row.at)
        return Attempt(row.learner, exercise, score, at, outcome, row.key or f"row-{row.id}")
    except (InputError, TypeError, ValueError) as error:
        return Unreadable(row.id, f"{where} is damaged: {error}")


def is_text(name: object) -> bool:
    """Whether a name is text of one line: no control characters, no halves of characters, no line ends."""
    return isinstance(name, str) and not {unicodedata.category(letter) for letter in name} & _NO_TEXT


def name_of(learner: str) -> str:
    """The name of a learner, when it can be kept.

    Raises:
        InputError: when it is empty, too long, or holds what no database keeps.
    """
    if not learner.strip():
        raise InputError("a learner needs a name")
    if len(learner) > NAME_LENGTH:
        raise InputError(
            f"a learner's name has at most {NAME_LENGTH} characters, not {len(learner)}: {learner[:40]!r} ..."
        )
    if not is_text(learner):
        raise InputError(f"a learner's name holds a character that cannot be kept: {learner!a}")
    return learner
