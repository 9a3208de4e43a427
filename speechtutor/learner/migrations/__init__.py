"""How an older store becomes one of today's layout, step by step (Alembic)."""
