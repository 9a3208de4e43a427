"""The tables of the learner store.

`attempts` is the truth and only grows; `states` is what follows from it, kept so that nobody has to read
a thousand attempts to know a learner; `given` remembers which exercise a number stood for. `profiles` is
what learners say of themselves, `homework` what teachers gave, `recordings` sealed sound of those who allow
it, and `audit` who looked at whom.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

HEAD = "0003"
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


class ProfileRow(Base):
    """What a learner says of themselves and allows."""

    __tablename__ = "profiles"

    learner: Mapped[str] = mapped_column(sa.String(NAME_LENGTH), primary_key=True)
    profile: Mapped[str] = mapped_column(sa.Text)


class HomeworkRow(Base):
    """One exercise that somebody gave a learner, to be answered by its id until a day."""

    __tablename__ = "homework"
    __table_args__ = (sa.Index("ix_homework_learner", "learner", "exercise_id"),)

    id: Mapped[str] = mapped_column(sa.String(ID_LENGTH), primary_key=True)
    learner: Mapped[str] = mapped_column(sa.String(NAME_LENGTH))
    title: Mapped[str] = mapped_column(sa.String(NAME_LENGTH))
    by: Mapped[str] = mapped_column(sa.String(NAME_LENGTH))
    at: Mapped[str] = mapped_column(sa.String(32))
    due: Mapped[str] = mapped_column(sa.String(32))
    place: Mapped[int]
    exercise_id: Mapped[str] = mapped_column(sa.String(16))
    exercise: Mapped[str] = mapped_column(sa.Text)


class RecordingRow(Base):
    """A recording of an attempt, sealed (`learner.vault`); `key` is the attempt's id, `expires` UTC."""

    __tablename__ = "recordings"
    __table_args__ = (
        sa.Index("ix_recordings_learner", "learner"),
        sa.Index("ix_recordings_expires", "expires"),
    )

    key: Mapped[str] = mapped_column(sa.String(ID_LENGTH), primary_key=True)
    learner: Mapped[str] = mapped_column(sa.String(NAME_LENGTH))
    at: Mapped[str] = mapped_column(sa.String(32))
    expires: Mapped[str] = mapped_column(sa.String(32))
    sealed: Mapped[bytes] = mapped_column(sa.LargeBinary)


class AuditRow(Base):
    """Who did what with whose record; only grows, but for a learner who is forgotten."""

    __tablename__ = "audit"
    __table_args__ = (sa.Index("ix_audit_learner", "learner"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[str] = mapped_column(sa.String(32))
    who: Mapped[str] = mapped_column(sa.String(NAME_LENGTH))
    what: Mapped[str] = mapped_column(sa.String(NAME_LENGTH))
    learner: Mapped[str] = mapped_column(sa.String(NAME_LENGTH))


ATTEMPTS, STATES, GIVEN, PROFILES, HOMEWORK, RECORDINGS, AUDIT = (
    Base.metadata.tables[row.__tablename__]
    for row in (AttemptRow, StateRow, GivenRow, ProfileRow, HomeworkRow, RecordingRow, AuditRow)
)
OF_A_LEARNER = (STATES, GIVEN, PROFILES, HOMEWORK, RECORDINGS, AUDIT)
"""Everything beside the attempts that names a learner, and goes with them."""
