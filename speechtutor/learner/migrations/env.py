"""Run by Alembic; the connection, already in a transaction, comes from `learner.database`."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
