"""The store on a real PostgreSQL, started for these tests: the same suite as on SQLite."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from speechtutor.errors import StorageError
from speechtutor.learner.store import SqlStore
from speechtutor.learner.tables import Base
from tests.learner import test_homework, test_profiles, test_refusals, test_store
from tests.learner.conftest import attempt

SUITE = [
    test
    for module in (test_store, test_refusals, test_profiles, test_homework)
    for name, test in vars(module).items()
    if name.startswith("test_") and list(inspect.signature(test).parameters) == ["store"]
    if name != "test_full"  # fills an SQLite file
]
"""Tests that need nothing but a store."""


@pytest.mark.parametrize("test", SUITE, ids=lambda test: test.__name__)
def test_the_same_suite(url: str, test: Callable[[SqlStore], None]) -> None:
    store = SqlStore(url)
    test(store)
    store.close()


def test_first_starts_and_writers_at_once(url: str) -> None:
    """Eight make the layout at once, then all write for one learner; one attempt is sent by all."""
    same = attempt("ana", 59)

    def write(number: int) -> None:
        store = SqlStore(url)
        for minute in range(10):
            store.append(attempt("ana", minute))
            store.append(attempt(f"w{number}", minute))
        store.append(same)
        store.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    store = SqlStore(url, create=False)
    assert len(store.learners()) == 9 and store.state("ana").n_attempts == 81
    assert all(store.verify(name) for name in store.learners())
    store.close()


def test_the_layout_is_that_of_the_models(url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    SqlStore(url).close()
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


def test_delete_and_reading_only(url: str) -> None:
    with pytest.raises(StorageError, match="holds no learners"):
        SqlStore(url, create=False)
    store = SqlStore(url)
    for name in ("ana", "ana", "ben"):
        store.append(attempt(name))
    assert store.delete("ana") == 2 and store.learners() == ("ben",)
    store.close()


def test_a_server_that_is_not_there_is_one_line(postgres_server: Path) -> None:
    with pytest.raises(StorageError, match="cannot open the learner store nowhere: ") as error:
        SqlStore(f"postgresql+psycopg://tester@/nowhere?host={postgres_server}")
    assert "\n" not in str(error.value)
