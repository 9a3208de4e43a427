"""Real processes, real kills: the result is the same bytes whoever computed, and whatever died on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from speechtutor.batch import pools
from speechtutor.batch.judge import Plan
from speechtutor.batch.run import Job, run
from speechtutor.errors import InputError, ServiceError
from tests.batch.conftest import TEXTS, hum, row, write_manifest
from tests.batch.here import inline
from tests.conftest import PROJECT
from tests.support.ports import free_port

FAKE = Plan("fake")
N = 400


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """Enough rows that a process can be killed in their middle."""
    hum(tmp_path / "corpus" / "u.wav", 6)
    rows: list[object] = [row(f"u{i}", TEXTS[i % len(TEXTS)] * 4, audio="u.wav") for i in range(N)]
    return write_manifest(tmp_path / "corpus" / "rows.jsonl", rows)


@pytest.fixture
def expected(long: Path, tmp_path: Path) -> bytes:
    job = Job(long, tmp_path / "expected.jsonl", FAKE)
    run(job, inline(), lambda _: None)
    return job.out.read_bytes()


def n_rows(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def until(true: Callable[[], Any], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(word) for word in found.stdout.split()]


def alive(pid: int) -> bool:
    """Running; what has ended and waits to be reaped is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes as Linux shows them")
def test_the_coordinator_is_killed_and_the_batch_goes_on(long: Path, tmp_path: Path, expected: bytes) -> None:
    out = tmp_path / "s.jsonl"
    command = [sys.executable, "-m", "speechtutor", "batch", str(long), "--out", str(out), "--scorer", "fake"]
    command += ["--processes", "2"]
    with subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL) as first:
        until(lambda: n_rows(out) > N // 8)
        workers = children(first.pid)
        first.send_signal(signal.SIGKILL)
    assert len(workers) >= 2
    until(lambda: not any(map(alive, workers)))  # nobody goes on for a master that is gone
    left = n_rows(out)
    assert 0 < left < N
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{left} of {N} rows were judged before" in done.stderr
    assert out.read_bytes() == expected


@pytest.mark.slow
def test_a_killed_worker_costs_nothing(long: Path, tmp_path: Path, expected: bytes) -> None:
    job = Job(long, tmp_path / "s.jsonl", FAKE)
    killed: list[int] = []

    def progress(found: Any, n: int) -> Any:
        for i, one in enumerate(found):
            if i == N // 8:
                killed.append(max(pool[0].executor._processes))
                os.kill(killed[0], signal.SIGKILL)
            yield one

    pool: list[Any] = []

    def opened() -> Any:
        return _kept(pools.processes(2), pool)

    assert run(job, opened, lambda _: None, progress).n_failed == 0
    assert killed and job.out.read_bytes() == expected


class _kept:
    """Remembers the pool that was opened."""

    def __init__(self, manager: Any, into: list[Any]) -> None:
        self.manager, self.into = manager, into

    def __enter__(self) -> Any:
        self.into[:] = [self.manager.__enter__()]
        return self.into[0]

    def __exit__(self, *error: Any) -> Any:
        return self.manager.__exit__(*error)


@pytest.mark.slow
def test_a_cluster_with_a_worker_killed_in_the_middle(long: Path, tmp_path: Path, expected: bytes) -> None:
    distributed = pytest.importorskip("distributed")
    job = Job(long, tmp_path / "s.jsonl", FAKE)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        pids = [worker.pid for worker in cluster.workers.values()]

        def progress(found: Any, n: int) -> Any:
            for i, one in enumerate(found):
                if i == N // 8:
                    os.kill(pids[0], signal.SIGKILL)
                yield one

        address = cluster.scheduler_address
        done = run(job, lambda: pools.cluster(address), lambda _: None, progress)
    assert done.n_failed == 0
    assert not alive(pids[0])
    assert job.out.read_bytes() == expected


@pytest.mark.slow
def test_a_cluster_that_goes_away_is_one_line_and_the_rows_stay(
    long: Path, tmp_path: Path, expected: bytes, capfd: Any
) -> None:
    pytest.importorskip("distributed")
    job, port = Job(long, tmp_path / "s.jsonl", FAKE), free_port()
    address = f"tcp://127.0.0.1:{port}"
    start = [sys.executable, "-m"]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": PROJECT}
    scheduler = [*start, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port)]
    worker = [*start, "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
    with (
        subprocess.Popen([*scheduler, "--no-dashboard"], **quiet) as first,
        subprocess.Popen([*worker, "--death-timeout", "20"], **quiet) as second,
    ):
        try:

            def progress(found: Any, n: int) -> Any:
                for i, one in enumerate(found):
                    if i == N // 8:
                        first.kill()
                    yield one

            with pytest.raises(ServiceError, match="is gone or has no workers"):
                run(job, lambda: pools.cluster(address), lambda _: None, progress)
        finally:
            first.kill()
            second.kill()
    assert "Traceback" not in capfd.readouterr().err
    assert N // 8 < n_rows(job.out) < N
    assert run(job, inline(), lambda _: None).n_failed == 0  # elsewhere, the same rows go on
    assert job.out.read_bytes() == expected


def test_a_cluster_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(pools, "PATIENCE", 1)
    for address in ("tcp://127.0.0.1:9", "no such thing"):
        with pytest.raises(ServiceError, match="no cluster at"), pools.cluster(address):
            pass


def test_threads_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with pools.processes(1):
        assert {os.environ[name] for name in pools.THREADS} == {"1"}
    assert os.environ["OMP_NUM_THREADS"] == "3" and "MKL_NUM_THREADS" not in os.environ
    with pytest.raises(InputError, match="1 or more"), pools.processes(0):
        pass
