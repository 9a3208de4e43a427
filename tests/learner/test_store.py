"""The store: what goes in comes out, nothing is lost, and every refusal is one line."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from speechtutor.core import (
    Attempt,
    Candidate,
    Caution,
    Code,
    Exercise,
    Fluency,
    Pitch,
    UtteranceScore,
)
from speechtutor.errors import StorageError
from speechtutor.learner.codec import decode, encode
from speechtutor.learner.mastery import replay
from speechtutor.learner.store import SqlStore, open_store
from tests.conftest import need
from tests.support.judged import SINK, phone, utterance, word

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def attempt(learner: str = "ana", minute: int = 0, score: UtteranceScore = SINK) -> Attempt:
    return Attempt(learner, Exercise(score.text, ("TH",)), score, NOON + timedelta(minutes=minute))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "learners.db"


@pytest.fixture
def store(path: Path) -> SqlStore:
    return SqlStore(f"sqlite:///{path}", timeout=0.1)


def full_score() -> UtteranceScore:
    """A score with every field of every type filled with something that is easy to lose."""
    phones = (
        phone("TH", 0.9, "", nbest=(Candidate("", 0.5), Candidate("S", 0.1)), start=0.0, end=0.1, gop=0.0),
    )
    pitch = Pitch(
        np.array([0.0, 0.1], np.float32), np.array([np.nan, 120.25], np.float32), np.array([False, True])
    )
    return UtteranceScore(
        "naïve “façade” 思考 🙂",
        (word("façade", phones, start=0.0, end=1e-9, char_start=0, char_end=0, stress=0.0, total=None),),
        overall=0.0,
        accuracy=1.0,
        snr_db=float(np.float32(17.3)),
        timing=Fluency(0.0, 3.5, 0, 0.0, 2.5),
        pitch=pitch,
        cautions=(Caution(Code.NOISY, "a fan"),),
        model="gop",
        elapsed=0.1,
    )


def test_what_goes_in_comes_out(store: SqlStore) -> None:
    before = attempt(score=full_score())
    store.append(before)
    (after,) = store.attempts("ana")
    for field in fields(before.score):
        if field.name != "pitch":
            assert getattr(after.score, field.name) == getattr(before.score, field.name), field.name
    assert after.score.pitch is not None
    assert before.score.pitch is not None
    for name in ("times", "hz", "voiced"):
        one, two = getattr(after.score.pitch, name), getattr(before.score.pitch, name)
        assert one.dtype == two.dtype
        np.testing.assert_array_equal(one, two)
    assert (after.exercise, after.at, after.learner) == (before.exercise, before.at, before.learner)


def test_zero_none_and_empty_stay_apart() -> None:
    for heard in ("", None, "S"):
        assert (
            decode(UtteranceScore, encode(utterance(word("x", (phone("TH", 0.0, heard),)))))
            .words[0]
            .phones[0]
            .heard
            == heard
        )
    assert decode(UtteranceScore, encode(replace(SINK, overall=0.0))).overall == 0.0
    assert decode(UtteranceScore, encode(replace(SINK, overall=None))).overall is None


def test_a_field_added_later_takes_its_default_and_an_unknown_one_is_refused() -> None:
    old = encode(SINK)
    del old["snr_db"]
    assert decode(UtteranceScore, old) == SINK
    with pytest.raises(TypeError, match="Exercise has no field stars"):
        decode(Exercise, {"text": "x", "stars": 3})


@pytest.mark.parametrize(
    "value",
    [
        [],
        "x",
        None,
        {"text": 7},
        {"text": None},
        {"text": "x", "focus": "TH"},
        {"text": "x", "focus": [1]},
        {},
    ],
)
def test_values_of_the_wrong_shape_are_refused(value: object) -> None:
    with pytest.raises(TypeError):
        decode(Exercise, value)


def test_attempts_come_by_time_and_learner(store: SqlStore) -> None:
    for minute in (3, 1, 2):
        store.append(attempt(minute=minute))
    store.append(attempt("ben"))
    assert [a.at.minute for a in store.attempts("ana")] == [1, 2, 3]
    assert store.learners() == ("ana", "ben")
    assert list(store.attempts("nobody")) == []


def test_time_zones_do_not_disturb_the_order(store: SqlStore) -> None:
    east = timezone(timedelta(hours=9))
    store.append(replace(attempt(), at=datetime(2026, 5, 1, 20, tzinfo=east)))  # 11:00 UTC
    store.append(attempt())
    assert [a.at.hour for a in store.attempts("ana")] == [11, 12]


def test_replay_from_the_store(store: SqlStore) -> None:
    for minute in range(3):
        store.append(attempt(minute=minute))
    state = replay(store.attempts("ana"))
    assert state.n_attempts == 3
    assert state.phones["TH"].mean < 0.5 < state.phones["K"].mean


def test_another_process_sees_it(store: SqlStore, path: Path) -> None:
    store.append(attempt())
    store.close()
    assert len(list(SqlStore(f"sqlite:///{path}").attempts("ana"))) == 1


def test_export_is_plain_json_in_full(store: SqlStore) -> None:
    store.append(attempt(score=full_score()))
    exported = json.loads(json.dumps(store.export("ana"), allow_nan=False))
    assert exported["learner"] == "ana"
    assert decode(Attempt, exported["attempts"][0]).exercise.focus == ("TH",)
    assert store.export("nobody")["attempts"] == []


def test_delete_forgets_one_learner_for_good(store: SqlStore, path: Path) -> None:
    secret = replace(SINK, text="unmistakablesecret")
    for minute in range(2):
        store.append(attempt("ana", minute, secret))
    store.append(attempt("ben"))
    assert b"unmistakablesecret" in path.read_bytes()
    assert store.delete("ana") == 2
    assert store.delete("ana") == 0
    store.close()
    assert b"unmistakablesecret" not in path.read_bytes()
    assert list(SqlStore(f"sqlite:///{path}").attempts("ben"))


def test_only_the_owner_may_read_the_file(store: SqlStore, path: Path) -> None:
    del store
    need(os.name == "posix", "file modes are a POSIX matter")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.writes_home
def test_the_default_store_is_in_the_home() -> None:
    from speechtutor import hub

    open_store().append(attempt())
    assert (hub.home() / "learners.db").is_file()


def test_names_are_data(store: SqlStore) -> None:
    odd = "'; DROP TABLE attempts; --"
    store.append(attempt(odd))
    assert store.delete("' OR 1=1 --") == 0
    assert len(list(store.attempts(odd))) == 1


def test_threads_may_share_it(path: Path) -> None:
    store = SqlStore(f"sqlite:///{path}")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda minute: store.append(attempt(minute=minute)), range(20)))
    assert len(list(store.attempts("ana"))) == 20


# --- refusals -------------------------------------------------------------------------------------------


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
    with store._engine.connect() as connection:  # a limit in pages stands for a full disk
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


def change(path: Path, column: str, value: object) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE attempts SET {column} = ?", (value,))
    connection.close()


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("format", 99, "has format 99, this version reads 1"),
        ("score", "{}", "damaged"),
        ("score", "not json", "damaged"),
        ("score", "[]", "damaged"),
        ("exercise", '{"text": "x", "stars": 1}', "damaged"),
        ("at", "yesterday", "damaged"),
        ("at", "2026-01-01T00:00:00", "timezone-aware"),
    ],
)
def test_rows_that_cannot_be_read(store: SqlStore, path: Path, column: str, value: object, says: str) -> None:
    store.append(attempt())
    change(path, column, value)
    with pytest.raises(StorageError, match=says) as error:
        list(store.attempts("ana"))
    assert "learners.db: attempt 1" in str(error.value)
    assert "\n" not in str(error.value)
