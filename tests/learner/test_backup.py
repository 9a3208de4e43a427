"""A store put away and back in place: whole, private, and never over what is there."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from speechtutor.errors import InputError, StorageError
from speechtutor.learner.backup import backup, restore
from speechtutor.learner.store import SqlStore
from tests.learner.conftest import attempt

OLD = Path(__file__).parent / "data" / "store_0_1.db"


def test_what_was_there_is_there_again(store: SqlStore, tmp_path: Path) -> None:
    store.append(attempt("ana"))
    store.append(attempt("ben", 1))
    out, place = tmp_path / "put away.db", tmp_path / "new" / "learners.db"
    assert backup(store, out) == out.stat().st_size
    if os.name == "posix":
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
    store.append(attempt("cleo", 2))
    assert restore(out, place) == 2
    again = SqlStore(f"sqlite:///{place}")
    assert again.learners() == ("ana", "ben") and again.state("ana") == store.state("ana")
    again.append(attempt("ben", 3))
    assert again.state("ben").n_attempts == 2
    again.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep", "new", "put away.db"]


def test_nothing_is_written_over(store: SqlStore, path: Path, tmp_path: Path) -> None:
    store.append(attempt("ana"))
    out = tmp_path / "one.db"
    backup(store, out)
    with pytest.raises(InputError, match="is there already"):
        backup(store, out)
    store.append(attempt("ana", 1))
    store.close()
    with pytest.raises(InputError, match="there is a learner store at"):
        restore(out, path)
    assert SqlStore(f"sqlite:///{path}").state("ana").n_attempts == 2
    assert restore(out, path, replace=True) == 1
    assert SqlStore(f"sqlite:///{path}").state("ana").n_attempts == 1


def test_a_damaged_backup_replaces_nothing(store: SqlStore, path: Path, tmp_path: Path) -> None:
    store.append(attempt("ana"))
    out = tmp_path / "one.db"
    backup(store, out)
    store.close()
    data = bytearray(out.read_bytes())
    for number in range(2, len(data) // 4096):
        data[4096 * number : 4096 * number + 200] = bytes(200)
    out.write_bytes(bytes(data))
    other = tmp_path / "text.db"
    other.write_text("no database " * 100)
    for source in (out, other):
        with pytest.raises(StorageError, match=r"damaged|not a whole SQLite database"):
            restore(source, path, replace=True)
    with pytest.raises(InputError, match="no such file"):
        restore(tmp_path / "gone.db", path, replace=True)
    assert SqlStore(f"sqlite:///{path}").state("ana").n_attempts == 1
    assert sorted(p.name for p in path.parent.iterdir() if not p.name.endswith(("-wal", "-shm"))) == [
        "learners.db"
    ]


def test_a_backup_of_an_older_layout_is_brought_to_today_s(tmp_path: Path) -> None:
    place = tmp_path / "learners.db"
    source = Path(shutil.copy(OLD, tmp_path / "old.db"))
    assert restore(source, place) == 4
    assert source.read_bytes() == OLD.read_bytes()
    assert SqlStore(f"sqlite:///{place}").learners() == ("ana", "ben")


def test_a_store_in_memory_has_no_backup(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not an SQLite file"):
        backup(SqlStore("sqlite://"), tmp_path / "x.db")
