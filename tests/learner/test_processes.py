"""Many processes at one store: what was acknowledged is there, whatever was killed, and nothing half there."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from speechtutor.errors import StorageError
from speechtutor.learner.store import SqlStore
from tests.conftest import PROJECT, need
from tests.learner.conftest import attempt

WRITER = """
import sys, time
from dataclasses import replace
from pathlib import Path
from speechtutor.learner.store import SqlStore
from tests.learner.conftest import attempt
path, learner, n, go = sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
print("ready", flush=True)
while not go.exists():
    time.sleep(0.001)
store = SqlStore(f"sqlite:///{path}", timeout=60)
for minute in range(n):
    one = replace(attempt(learner, minute), id=f"{learner}-{minute}")
    store.append(one)
    print(one.id, flush=True)
"""
"""Acknowledges each attempt on its output once it is kept."""


def start(path: Path, learner: str, n: int) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", WRITER, str(path), learner, str(n), str(path.parent / "go")]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT)


def together(writers: list[subprocess.Popen[str]], path: Path) -> list[str]:
    """Let all begin at once; returns what they acknowledged."""
    for writer in writers:
        assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
    (path.parent / "go").touch()
    done = [writer.communicate(timeout=240) for writer in writers]
    assert [(writer.returncode, err) for writer, (_, err) in zip(writers, done, strict=True)] == [
        (0, "")
    ] * len(writers)
    return [line for out, _ in done for line in out.splitlines()]


def whole(path: Path) -> SqlStore:
    """The store, after SQLite has found no damage in it."""
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    return SqlStore(f"sqlite:///{path}", create=False)


@pytest.mark.parametrize(("n_writers", "n"), [(10, 1), (8, 15)])
def test_a_first_start_and_writers_at_once(tmp_path: Path, n_writers: int, n: int) -> None:
    """All find no store, so all make one; then they write at once, half of them for one learner."""
    path = tmp_path / "learners.db"
    names = [f"w{number}" for number in range(n_writers)]
    acknowledged = together([start(path, name, n) for name in names], path)
    store = whole(path)
    kept = [one.id for name in store.learners() for one in store.attempts(name)]
    assert sorted(kept) == sorted(acknowledged) and len(kept) == n_writers * n
    assert all(store.verify(name) and store.state(name).n_attempts == n for name in names)


def test_two_that_write_for_the_same_learner(tmp_path: Path) -> None:
    """The same ids come from both: each is kept once, and counted once."""
    path = tmp_path / "learners.db"
    together([start(path, "ana", 20) for _ in range(3)], path)
    store = whole(path)
    assert len(list(store.attempts("ana"))) == 20 == store.state("ana").n_attempts and store.verify("ana")


def kill_one(path: Path, after: int, delay: float) -> None:
    """Kill a writer a moment after an attempt that it acknowledged; what it acknowledged must be there."""
    before = {one.id for one in SqlStore(f"sqlite:///{path}").attempts("ana")}
    (path.parent / "go").touch()
    writer = start(path, "ana", 10_000)
    assert writer.stdout is not None
    acknowledged = [writer.stdout.readline().strip() for _ in range(after + 1)][1:]
    time.sleep(delay)
    writer.kill()
    rest, _ = writer.communicate()
    acknowledged += [line for line in rest.split("\n")[:-1] if line]
    store = whole(path)
    kept = {one.id for one in store.attempts("ana")}
    assert before <= kept and set(acknowledged) <= kept
    assert len(kept | before) - len(set(acknowledged) | before) <= 1, "one may be kept and not yet told"
    assert store.verify("ana") and store.state("ana").n_attempts == len(kept)
    store.close()


def kill(path: Path, times: int) -> None:
    for number in range(times):
        kill_one(path, after=1 + number % 4, delay=0.0007 * (number % 9))


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
    need(mounted.returncode == 0, "no right to mount a small disk")
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
