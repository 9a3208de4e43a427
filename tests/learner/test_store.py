"""The store: what goes in comes out, nothing is lost, and every refusal is one line."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random

import pytest

from speechtutor.core import Attempt, Exercise, LearnerState, PhoneScore, UtteranceScore, WordScore
from speechtutor.errors import StorageError
from speechtutor.files import jsonio
from speechtutor.learner.mastery import replay
from speechtutor.learner.store import SqlStore, open_store
from tests.conftest import need
from tests.learner.conftest import attempt, bytes_of, change
from tests.support.built import build, same
from tests.support.judged import SINK


def test_what_goes_in_comes_out(store: SqlStore) -> None:
    before = replace(build(Attempt), learner="ana")
    store.append(before)
    (after,) = store.attempts("ana")
    assert same(after, before)


def test_an_attempt_that_is_sent_twice_is_kept_once(store: SqlStore) -> None:
    one = attempt()
    for _ in range(3):
        store.append(one)
    assert list(store.attempts("ana")) == [one] and store.state("ana").n_attempts == 1
    others = replace(one, learner="ben"), replace(one, score=replace(SINK, overall=0.1))
    for other in others:
        with pytest.raises(StorageError, match=f"the id {one.id} is already that of another attempt"):
            store.append(other)
    assert list(store.attempts("ana")) == [one] and store.learners() == ("ana",)


def test_an_attempt_is_found_by_its_id(store: SqlStore, path: Path) -> None:
    one, other = attempt(), attempt("ben", minute=2)
    store.append(one)
    store.append(other)
    assert (store.attempt(one.id), store.attempt(other.id), store.attempt("no such id")) == (one, other, None)
    change(path, "score", "{", row=2)
    with pytest.raises(StorageError, match="attempt 2 is damaged"):
        store.attempt(other.id)


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


def test_export_is_plain_json_in_full(store: SqlStore, path: Path) -> None:
    before = replace(build(Attempt), learner="ana")
    store.append(before)
    store.append(attempt(minute=1))
    store.give("ana", 7, "x", Exercise("given"))
    change(path, "score", "{", 2)
    exported = json.loads(json.dumps(store.export("ana"), allow_nan=False))
    assert exported["learner"] == "ana"
    assert same(jsonio.convert(exported["attempts"][0], Attempt, "it"), before)
    assert jsonio.convert(exported["state"], LearnerState, "it") == store.state("ana")
    assert exported["unreadable"][0]["row"]["score"] == "{", "what cannot be read is the learner's too"
    assert json.loads(exported["given"][0]["exercise"])["text"] == "given"
    assert store.export("nobody")["attempts"] == []


def test_delete_forgets_one_learner_for_good(store: SqlStore, path: Path) -> None:
    secret = replace(SINK, text="unmistakablesecret")
    for minute in range(30):
        store.append(attempt("anamaria", minute, secret))
        store.append(attempt("ben", minute))
    store.give("anamaria", 7, "x", Exercise("unmistakablesecret too"))
    assert b"unmistakablesecret" in bytes_of(path.parent)
    assert store.delete("anamaria") == 30
    # The store is still open: neither the file nor its log holds the name or the words.
    assert b"unmistakablesecret" not in bytes_of(path.parent) and b"anamaria" not in bytes_of(path.parent)
    assert store.delete("anamaria") == 0 and store.learners() == ("ben",)
    store.close()
    assert b"anamaria" not in bytes_of(path.parent)
    again = SqlStore(f"sqlite:///{path}")
    assert len(list(again.attempts("ben"))) == 30 and again.verify("ben")


def test_delete_says_when_another_process_still_reads_the_old_bytes(store: SqlStore, path: Path) -> None:
    store.append(attempt())
    other = sqlite3.connect(path)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM attempts").fetchone()
    with pytest.raises(StorageError, match=r"learners\.db-wal holds the old bytes until it ends"):
        store.delete("ana")
    assert list(store.attempts("ana")) == []
    other.close()
    assert store.delete("ana") == 0 and b"weather" not in bytes_of(path.parent)


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


# --- the state beside the attempts ----------------------------------------------------------------------


def observed(minute: int, rng: Random) -> Attempt:
    """An attempt of one word whose sounds came out with any probability."""
    errors = ((rng.choice("ABCD"), rng.random()) for _ in range(rng.randrange(6)))
    phones = tuple(PhoneScore(name, 1 - error, error_probability=error) for name, error in errors)
    return attempt("ana", minute, UtteranceScore("x", (WordScore("x", 0.5, phones=phones),)))


def test_the_state_is_the_fold_in_any_order_of_arrival(tmp_path: Path) -> None:
    rng = Random(11)
    tries = [observed(minute, rng) for minute in range(40)]
    states = []
    for number in range(4):
        store = SqlStore(f"sqlite:///{tmp_path / f'{number}.db'}")
        for one in tries:
            store.append(one)
            if rng.random() < 0.2:
                store.append(one)  # sent again
        assert store.verify("ana")
        states.append(store.state("ana"))
        assert states[-1] == replay(store.attempts("ana"))
        store.close()
        rng.shuffle(tries)
    assert states[0].n_attempts == 40 and states[1:] == states[:-1], "equal to the last bit"


def test_a_state_that_is_wrong_is_found_and_made_again(store: SqlStore, path: Path) -> None:
    store.append(attempt())
    right = store.state("ana")
    assert right.n_attempts == 1 and store.verify("ana") and store.verify("nobody")
    for text in ('{"learner": "ana", "n_attempts": 9}', "damaged", "[" * 50_000):
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE states SET state = ?", (text,))
        connection.close()
        assert store.verify("ana") is not text.startswith("{"), "what cannot be read is made anew"
        assert store.rebuild("ana") == right == store.state("ana") and store.verify("ana")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE states SET rule = 0, state = ''")
    connection.close()
    assert store.state("ana") == right, "another rule's state is not taken for one of today's"
    store.append(attempt(minute=1))
    assert store.state("ana").n_attempts == 2 and store.verify("ana")
    assert store.rebuild("nobody") == LearnerState("nobody") and store.learners() == ("ana",)


def test_what_was_given_is_given_again(store: SqlStore) -> None:
    first, other = Exercise("one", ("TH",), "sound", "A2", "Read."), Exercise("two")
    assert store.given("ana", 7, "x") is None
    assert store.give("ana", 7, "x", first) == first == store.give("ana", 7, "x", other)
    assert store.given("ana", 7, "x") == first
    assert store.given("ben", 7, "x") is store.given("ana", 8, "x") is store.given("ana", 7, "y") is None
    assert store.learners() == ("ana",) and store.known()[0].n_attempts == 0
