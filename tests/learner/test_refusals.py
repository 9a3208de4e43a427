"""What the learner store refuses, and what it passes over: every refusal is one line."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from speechtutor.core import Exercise
from speechtutor.errors import InputError, StorageError
from speechtutor.learner.rows import Unreadable
from speechtutor.learner.store import SqlStore, open_store
from tests.learner.conftest import attempt, change
from tests.support.judged import SINK


def test_locked(store: SqlStore, path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StorageError, match=r"cannot write to .*learners\.db: database is locked"):
        store.append(attempt())
    other.rollback()
    other.close()
    store.append(attempt())
    assert len(list(store.attempts("ana"))) == 1


def test_full(store: SqlStore) -> None:
    store.append(attempt())
    with store._database.engine.connect() as connection:  # a limit in pages stands for a full disk
        raw = connection.connection.driver_connection
        assert raw is not None
        pages = raw.execute("PRAGMA page_count").fetchone()[0]
        raw.execute(f"PRAGMA max_page_count = {pages}")
    big = replace(SINK, text="word " * 20_000)
    with pytest.raises(StorageError, match="full"):
        store.append(attempt(score=big))
    assert len(list(store.attempts("ana"))) == 1, "nothing half-written"


def test_read_only(store: SqlStore, path: Path) -> None:
    store.append(attempt())
    store.close()
    shut = SqlStore(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert len(list(shut.attempts("ana"))) == 1
    with pytest.raises(StorageError, match="readonly"):
        shut.append(attempt())


def test_damaged(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database " * 100)
    with pytest.raises(StorageError, match=r"cannot open .*learners\.db: file is not a database"):
        SqlStore(f"sqlite:///{path}")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot open the learner store"):
        SqlStore(f"sqlite:///{tmp_path / 'file' / 'learners.db'}")


@pytest.mark.parametrize("url", ["no url at all", "nosuchdb://host/x", ""])
def test_no_database_url(url: str) -> None:
    with pytest.raises(StorageError, match="not a database URL"):
        SqlStore(url)


BAD = [
    ("format", 99, "has format 99, this version reads 1"),
    ("format", 0, "has format 0"),
    ("format", 2, "has format 2"),
    ("format", "x", "has format 'x'"),
    ("score", "{}", "damaged: score: object missing required field `text`"),
    ("score", "not json", "damaged: score: not JSON"),
    ("score", "[]", "damaged: score: expected `object`, got `array`"),
    ("score", b"\xff\xfe", "damaged"),
    ("score", b'{"text": "na\xefve", "words": []}', "damaged"),
    ("score", '{"text": "x", "words": [], "later": ' + "[" * 50_000, "damaged: score: nested too deeply"),
    (
        "score",
        '{"text": "x", "words": [{"text": "x", "score": "y"}]}',
        "score: words[0].score: expected",
    ),
    ("score", '{"text": "x", "words": [], "overall": ' + "9" * 5000 + "}", "damaged: score: "),
    ("exercise", '{"text": 7}', "damaged: exercise: text: expected `str`, got `int`"),
    ("exercise", '{"text": "x", "focus": "TH"}', "damaged: exercise: focus: expected `array`"),
    ("exercise", '{"text": null}', "damaged: exercise: text"),
    ("outcome", '{"share": 1}', "damaged: outcome: object missing required field `nearest`"),
    ("at", "yesterday", "damaged"),
    ("at", 7, "damaged"),
    ("at", "2026-01-01T00:00:00", "timezone-aware"),
]


@pytest.mark.parametrize(("column", "value", "says"), BAD, ids=lambda value: repr(value)[:30])
def test_a_row_that_cannot_be_read_is_named_and_passed_over(
    path: Path, column: str, value: object, says: str
) -> None:
    told: list[str] = []
    store = SqlStore(f"sqlite:///{path}", tell=told.append)
    for minute in range(3):
        store.append(attempt(minute=minute))
    change(path, column, value, row=2)
    assert [one.at.minute for one in store.attempts("ana")] == [0, 2]
    (line,) = told
    assert "learners.db: attempt 2 " in line and says in line and "\n" not in line and len(line) < 400
    (bad,) = [one for one in store.rows("ana") if isinstance(one, Unreadable)]
    assert (bad.row, bad.why) == (2, line)
    store.append(attempt(minute=3))
    assert store.rebuild("ana").n_attempts == 3 and store.verify("ana")
    json.dumps(store.export("ana"), allow_nan=False)
    assert store.delete("ana") == 4


@pytest.mark.parametrize("name", [b"\xff", "an\udcffa", 7, "a\nb", b"\x00"])
def test_a_row_whose_name_is_damaged_ends_nothing(path: Path, name: object) -> None:
    told: list[str] = []
    store = SqlStore(f"sqlite:///{path}", tell=told.append)
    for learner in ("ana", "ben"):
        store.append(attempt(learner))
    value = name.encode("utf-8", "surrogateescape") if isinstance(name, str) else name
    with sqlite3.connect(path) as connection:
        text = isinstance(name, str)
        changed = "CAST(? AS TEXT)" if text else "?"
        connection.execute(f"UPDATE attempts SET learner = {changed} WHERE id = 1", (value,))
        connection.execute("UPDATE attempts SET at = x'ff' WHERE id = 2")
    connection.close()
    if name == 7:  # SQLite keeps a number as text in such a column
        assert store.learners() == ("7", "ben")
        return
    assert store.learners() == ("ben",)
    assert len(told) == 1 and "attempt 1 is damaged: its learner's name is" in told[0] and told[0].isascii()
    assert json.dumps([one.last for one in store.known()])


@pytest.mark.parametrize("name", ["", "  ", "a" * 201, "a\0b", "a\nb", "\udcff", "a\u2028"])
def test_a_name_that_cannot_be_kept(store: SqlStore, name: str) -> None:
    for refused in (lambda: store.append(attempt(name)), lambda: store.give(name, 1, "", Exercise("x"))):
        with pytest.raises(InputError, match="name") as error:
            refused()
        assert len(str(error.value)) < 200 and str(error.value).isascii()
    assert store.learners() == ()
    for kept in ("ä" * 200, "می\u200cخواهم", "Ana\xa0María", "思考 🙂"):
        store.append(attempt(kept))
    assert len(store.learners()) == 4


@pytest.mark.parametrize("text", ["\udcff", "a\ud800b"])
def test_what_could_not_be_read_again_is_refused(store: SqlStore, text: str) -> None:
    with pytest.raises(InputError, match="of ana: not JSON"):
        store.append(attempt(score=replace(SINK, text=text)))
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.append(attempt(score=replace(SINK, overall=float("inf"))))
    assert store.learners() == ()


def test_an_id_that_cannot_be_kept(store: SqlStore) -> None:
    for id_ in ("", "x" * 65):
        with pytest.raises(InputError, match="the id of an attempt has 1 to 64 characters, not"):
            store.append(replace(attempt(), id=id_))
    assert store.learners() == ()


def test_a_store_that_is_not_there_is_not_made_by_reading(tmp_path: Path) -> None:
    for place in (tmp_path / "none.db", tmp_path / "no" / "none.db"):
        with pytest.raises(StorageError, match=r"there is no learner store at .*none\.db"):
            SqlStore(f"sqlite:///{place}", create=False)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE notes (x)")
    connection.close()
    before = other.read_bytes()
    with pytest.raises(StorageError, match=r"other\.db holds no learners"):
        SqlStore(f"sqlite:///{other}", create=False)
    assert other.read_bytes() == before and sorted(tmp_path.iterdir()) == [other]


@pytest.mark.parametrize("name", ["a?b", "a%20b", "a#b", "a&b=c", "a b", "思考"])
def test_a_home_of_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("SPEECHTUTOR_HOME", str(tmp_path / name))
    store = open_store()
    store.append(attempt())
    store.close()
    assert (tmp_path / name / "learners.db").is_file() and [p.name for p in tmp_path.iterdir()] == [name]


def test_a_driver_that_is_missing_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StorageError, match="needs the package psycopg: pip install it"):
        SqlStore("postgresql+psycopg://localhost/x")


def test_a_folder_that_may_not_be_written(
    store: SqlStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append(attempt())
    store.close()
    monkeypatch.setattr(os, "access", lambda *asked: False)  # root may write everywhere
    shut = SqlStore(f"sqlite:///{path}", create=False)
    assert len(list(shut.attempts("ana"))) == 1 and shut.state("ana").n_attempts == 1
    assert [file.name for file in path.parent.iterdir()] == ["learners.db"], "nothing is written beside it"
    with pytest.raises(StorageError, match="readonly"):
        shut.append(attempt())
