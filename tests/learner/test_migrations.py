"""A store that version 0.1.0 wrote becomes one of today's layout, with everything that was in it.

`data/store_0_1.db` was made with the code of 0.1.0: three attempts of ana, the last with sounds put in
(which that code could not read back), one of ben. Nothing in it was edited.
"""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from speechtutor.core import Attempt, Code, Exercise
from speechtutor.errors import StorageError
from speechtutor.learner.store import SqlStore
from speechtutor.learner.tables import HEAD, Base
from tests.learner.conftest import attempt
from tests.support.judged import SINK

OLD = Path(__file__).parent / "data" / "store_0_1.db"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copy(OLD, tmp_path / "learners.db"))


def test_everything_that_was_in_it_is_there(path: Path) -> None:
    store = SqlStore(f"sqlite:///{path}")
    first, full, extra = store.attempts("ana")
    assert first == Attempt("ana", Exercise(SINK.text, ("TH",)), SINK, NOON, None, first.id)
    assert [len(one.id) for one in (first, full, extra)] == [32] * 3
    assert (extra.exercise.focus, extra.score.words[0].inserted) == (("TH", "S"), ((4, "AH"), (0, "EH")))
    assert (full.score.text, full.score.cautions[0].code) == ("naïve “façade” 思考 🙂", Code.NOISY)
    assert full.score.pitch is not None and full.score.pitch.hz.dtype == np.float32
    np.testing.assert_array_equal(full.score.pitch.hz, np.array([np.nan, 120.25], np.float32))
    assert full.score.snr_db == float(np.float32(17.3)) and full.score.words[0].end == 1e-9
    (ben,) = store.attempts("ben")
    assert ben.score == replace(SINK, text="hi")
    # TH was said with 0.1, 0.1 (the word is there twice in the third) and the 0.1 of the second attempt.
    assert store.state("ana").phones["TH"].n_attempts == 4


def test_a_store_of_the_layout_before_is_brought_to_today_s(tmp_path: Path) -> None:
    """One of today's with its newest tables taken away and its number set back is what 0002 was."""
    path = tmp_path / "learners.db"
    store = SqlStore(f"sqlite:///{path}")
    store.append(attempt("ana"))
    before = store.state("ana")
    store.close()
    with sqlite3.connect(path) as connection:
        for table in ("profiles", "homework", "recordings", "audit"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("UPDATE alembic_version SET version_num = '0002'")
    connection.close()
    again = SqlStore(f"sqlite:///{path}")
    assert again.state("ana") == before and again.homework.tasks() == [] and again.audit.entries() == []
    again.audit.note("show", "ana")
    assert again.delete("ana") == 1


def test_it_goes_on_as_any_other(path: Path) -> None:
    store = SqlStore(f"sqlite:///{path}")
    (before,) = store.attempts("ben")
    store.append(before)
    assert len(list(store.attempts("ben"))) == 1, "the id that it was given is kept"
    store.append(attempt("ben"))
    assert store.state("ben").n_attempts == 2 and store.verify("ben")
    store.close()
    assert len(list(SqlStore(f"sqlite:///{path}").attempts("ben"))) == 2


def test_an_old_store_for_reading_is_brought_up_too(path: Path) -> None:
    assert SqlStore(f"sqlite:///{path}", create=False).learners() == ("ana", "ben")


def test_both_ways_lead_to_the_layout_that_the_models_describe(tmp_path: Path, path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    for place in (path, tmp_path / "new.db"):
        SqlStore(f"sqlite:///{place}").close()
        with sa.create_engine(f"sqlite:///{place}").connect() as connection:
            context = MigrationContext.configure(connection)
            assert context.get_current_revision() == HEAD
            assert compare_metadata(context, Base.metadata) == []
    config = Config()
    config.set_main_option("script_location", "speechtutor.learner:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_a_migration_that_fails_leaves_the_store_as_it_was(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE states (in_the_way)")
    connection.close()
    with pytest.raises(StorageError, match=r"cannot open .*learners\.db: table states already exists"):
        SqlStore(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(attempts)")]
        assert columns == ["id", "format", "learner", "at", "exercise", "score"]
        connection.execute("DROP TABLE states")
    connection.close()
    assert SqlStore(f"sqlite:///{path}").learners() == ("ana", "ben")


def test_a_store_of_a_later_version_is_left_alone(path: Path) -> None:
    SqlStore(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0042'")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StorageError, match=f"layout 0042 of a later version; this one reads {HEAD}"):
        SqlStore(f"sqlite:///{path}")
    assert path.read_bytes() == before
