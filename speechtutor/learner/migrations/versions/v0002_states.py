"""An id for every attempt, the outcome of an answer, states beside attempts, exercises that were given."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """States are left out: they are made from the attempts when they are next needed."""
    op.add_column("attempts", sa.Column("key", sa.String(64)))
    op.add_column("attempts", sa.Column("outcome", sa.Text))
    attempts = sa.table("attempts", sa.column("id", sa.Integer), sa.column("key", sa.String))
    connection = op.get_bind()
    for number in connection.execute(sa.select(attempts.c.id)).scalars().all():
        named = sa.update(attempts).where(attempts.c.id == number)
        connection.execute(named.values(key=uuid.uuid4().hex))
    op.create_index("ix_attempts_key", "attempts", ["key"], unique=True)
    op.create_index("ix_attempts_learner_at", "attempts", ["learner", "at", "id"])
    op.drop_index("ix_attempts_learner", "attempts")
    op.create_table(
        "states",
        sa.Column("learner", sa.String(200), primary_key=True),
        sa.Column("rule", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    )
    op.create_table(
        "given",
        sa.Column("learner", sa.String(200), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("asked", sa.String(64), primary_key=True),
        sa.Column("exercise", sa.Text, nullable=False),
    )
