"""The tables of the learner store.

`attempts` is the truth and only grows; `states` is what follows from it, kept so that nobody has to read
a thousand attempts to know a learner; `given` remembers which exercise a number stood for.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

HEAD = "0002"
"""The newest of `migrations/versions`; a store of an older layout is brought here when it is opened."""

NAME_LENGTH = 200
"""Characters of a learner's name that every database keeps."""

ID_LENGTH = 64
"""Characters of an attempt's id; those that we make have 32."""


class Base(DeclarativeBase):
    """All tables."""


class AttemptRow(Base):
    """One attempt. `key` is `Attempt.id`; `at` is UTC in ISO form: its order as text is that of time."""

    __tablename__ = "attempts"
    __table_args__ = (
        sa.Index("ix_attempts_learner_at", "learner", "at", "id"),
        sa.Index("ix_attempts_key", "key", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    format: Mapped[int]
    learner: Mapped[str] = mapped_column(sa.String(NAME_LENGTH))
    at: Mapped[str] = mapped_column(sa.String(32))
    exercise: Mapped[str] = mapped_column(sa.Text)
    score: Mapped[str] = mapped_column(sa.Text)
    key: Mapped[str | None] = mapped_column(sa.String(ID_LENGTH))
    outcome: Mapped[str | None] = mapped_column(sa.Text)


class StateRow(Base):
    """What a learner's attempts lead to, by a rule of `mastery`."""

    __tablename__ = "states"

    learner: Mapped[str] = mapped_column(sa.String(NAME_LENGTH), primary_key=True)
    rule: Mapped[int]
    state: Mapped[str] = mapped_column(sa.Text)


class GivenRow(Base):
    """The exercise that a learner was given for a number and a wish."""

    __tablename__ = "given"

    learner: Mapped[str] = mapped_column(sa.String(NAME_LENGTH), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    asked: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    exercise: Mapped[str] = mapped_column(sa.Text)


ATTEMPTS, STATES, GIVEN = (
    Base.metadata.tables[row.__tablename__] for row in (AttemptRow, StateRow, GivenRow)
)
