"""Profiles, homework, sealed recordings, and who looked at whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """New tables only: what is there stays as it is."""
    op.create_table(
        "profiles",
        sa.Column("learner", sa.String(200), primary_key=True),
        sa.Column("profile", sa.Text, nullable=False),
    )
    op.create_table(
        "homework",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("learner", sa.String(200), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("due", sa.String(32), nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("exercise_id", sa.String(16), nullable=False),
        sa.Column("exercise", sa.Text, nullable=False),
    )
    op.create_index("ix_homework_learner", "homework", ["learner", "exercise_id"])
    op.create_table(
        "recordings",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("learner", sa.String(200), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("expires", sa.String(32), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_recordings_learner", "recordings", ["learner"])
    op.create_index("ix_recordings_expires", "recordings", ["expires"])
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("what", sa.String(200), nullable=False),
        sa.Column("learner", sa.String(200), nullable=False),
    )
    op.create_index("ix_audit_learner", "audit", ["learner"])
