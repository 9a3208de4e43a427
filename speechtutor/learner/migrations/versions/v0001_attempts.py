"""Attempts, as version 0.1.0 kept them without a number for their layout."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """One table, found by learner."""
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("format", sa.Integer, nullable=False),
        sa.Column("learner", sa.String(200), nullable=False, index=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("exercise", sa.Text, nullable=False),
        sa.Column("score", sa.Text, nullable=False),
    )
