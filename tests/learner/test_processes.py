"""Many processes at one store: what was acknowledged is there, whoever was killed, nothing is half there."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from speechtutor.errors import StorageError
from speechtutor.learner.store import SqlStore
from tests.conftest import need
from tests.learner.conftest import attempt

SERVER = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
SERVER.set_forkserver_preload([__name__])


def write(path: Path, learner: str, tag: str, n: int, said: Connection, go: Event) -> None:
    """Acknowledge each attempt once it is kept."""
    go.wait(60)
    store = SqlStore(f"sqlite:///{path}", timeout=60)
    for minute in range(n):
        one = replace(attempt(learner, minute), id=f"{tag}-{minute}")
        store.append(one)
        said.send(one.id)
    store.close()


def start(path: Path, learner: str, tag: str, n: int, go: Event) -> tuple[BaseProcess, Connection]:
    heard, said = SERVER.Pipe(duplex=False)
    writer = SERVER.Process(target=write, args=(path, learner, tag, n, said, go))
    writer.start()
    said.close()  # so that its end is seen
    return writer, heard


def rest(heard: Connection) -> Iterator[str]:
    with suppress(EOFError):
        while True:
            yield heard.recv()


def together(path: Path, n: int, *names: tuple[str, str]) -> list[str]:
    """Let writers for these learners, with these tags, begin at once; returns what they acknowledged."""
    go = SERVER.Event()
    writers = [start(path, learner, tag, n, go) for learner, tag in names]
    go.set()
    acknowledged = [id_ for _, heard in writers for id_ in rest(heard)]
    for writer, _ in writers:
        writer.join(60)
    assert [writer.exitcode for writer, _ in writers] == [0] * len(writers)
    return acknowledged


def whole(path: Path) -> SqlStore:
    """The store, after SQLite has found no damage in it."""
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    return SqlStore(f"sqlite:///{path}", create=False)


@pytest.mark.parametrize(("n_writers", "n"), [(10, 1), (8, 15)])
def test_a_first_start_and_writers_at_once(tmp_path: Path, n_writers: int, n: int) -> None:
    """All find no store, so all make one; then they write at once."""
    path = tmp_path / "learners.db"
    names = [f"w{number}" for number in range(n_writers)]
    acknowledged = together(path, n, *zip(names, names, strict=True))
    store = whole(path)
    kept = [one.id for name in store.learners() for one in store.attempts(name)]
    assert sorted(kept) == sorted(acknowledged) and len(kept) == n_writers * n
    assert all(store.verify(name) and store.state(name).n_attempts == n for name in names)


def test_many_that_write_for_the_same_learner(tmp_path: Path) -> None:
    """Two send the same ids: each is kept once, and counted once."""
    path = tmp_path / "learners.db"
    together(path, 20, ("ana", "a"), ("ana", "a"), ("ana", "b"))
    store = whole(path)
    assert len(list(store.attempts("ana"))) == 40 == store.state("ana").n_attempts and store.verify("ana")


def kill_one(path: Path, tag: str, after: int, delay: float) -> None:
    """Kill a writer a moment after an attempt that it acknowledged; what it acknowledged must be there."""
    go = SERVER.Event()
    go.set()
    writer, heard = start(path, "ana", tag, 10_000, go)
    acknowledged = {heard.recv() for _ in range(after)}
    time.sleep(delay)
    writer.kill()
    acknowledged |= set(rest(heard))
    writer.join(60)
    assert writer.exitcode == -signal.SIGKILL
    store = whole(path)
    kept = {one.id for one in store.attempts("ana")}
    mine = {id_ for id_ in kept if id_.startswith(f"{tag}-")}
    assert acknowledged <= mine and len(mine - acknowledged) <= 1, "one may be kept and not yet told"
    assert store.verify("ana") and store.state("ana").n_attempts == len(kept)
    store.close()


def kill(path: Path, times: int) -> None:
    for number in range(times):
        kill_one(path, f"t{number}", after=1 + number % 4, delay=0.0007 * (number % 9))
    assert len({id_.id[:2] for id_ in SqlStore(f"sqlite:///{path}").attempts("ana")}) > 1


def test_a_writer_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    need(os.name == "posix", "SIGKILL is a POSIX matter")
    kill(tmp_path / "learners.db", 5)


@pytest.mark.slow
def test_twenty_writers_that_are_killed_lose_nothing(tmp_path: Path) -> None:
    need(os.name == "posix", "SIGKILL is a POSIX matter")
    kill(tmp_path / "learners.db", 20)


def test_a_full_disk(tmp_path: Path) -> None:
    """A file system of 300 kB fills up: a line says so, and what was acknowledged before is there."""
    disk = tmp_path / "small"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount a small disk; test_full in test_refusals.py stands in for it")
    try:
        path, kept = disk / "learners.db", 0
        store = SqlStore(f"sqlite:///{path}")
        with pytest.raises(StorageError, match=r"cannot write to .*learners\.db: .*(full|I/O)"):
            for minute in range(1000):
                store.append(attempt(minute=minute))
                kept += 1
        store.close()
        assert 0 < kept < 1000
        again = whole(path)
        assert len(list(again.attempts("ana"))) == kept == again.state("ana").n_attempts
        assert again.verify("ana")
        again.close()
    finally:
        subprocess.run(["umount", str(disk)], check=False)
