"""A corpus overnight: how fast `speechtutor batch` is one way and another, and what kills cost.

Data      data_manifests/speechocean762.jsonl and its recordings (train and dev)
Needs     speechtutor[load,cluster] (psutil, dask.distributed)
Run       python -m recipes.load_batch
Expect    OUT/report.md and OUT/figures.json; see recipes/results/service.md

The command itself, as it is typed: one process, two processes, a dask cluster of two workers, each with its
scheduler and workers as processes of their own. Where there are two, one is killed with -9 after 0.4 of the
rows and the command itself after 0.7; then it is started again and goes on. The rate is that before the first
kill, from the first row that was written on, so that the loading of models is told apart. Every file must
have the bytes of the first one. Rates are of the clock: run it on an idle machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import speechtutor
from recipes.shared import synthetic, watching
from speechtutor import config
from speechtutor.corpora import manifest
from speechtutor.errors import InputError, ServiceError, require
from speechtutor.evaluation import provenance
from speechtutor.files import disk

PATIENCE = 4 * 3600.0
"""Seconds in which a batch must come to the next kill, or to its end."""
WORKER_DIES, COMMAND_DIES = 0.4, 0.7
"""After which share of the rows."""


@dataclass(frozen=True)
class Config:
    """Which corpus, and which scorer."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Rows with texts."""
    root: Path = Path("../shared/data/speechocean762")
    """Folder that the manifest's audio paths are relative to."""
    out: Path = Path("runs/load_batch")
    """Folder for report.md, figures.json and the results."""
    limit: int | None = None
    """Only this many rows, evenly chosen; None takes all."""
    scorer: str | None = None
    """A name from `speechtutor models`; None is the default."""
    smoke: bool = False
    """Noise and a scorer that does not listen."""


@dataclass(frozen=True)
class Arm:
    """One way to judge the corpus; times in seconds, memory in MB, `rate` in clips a second."""

    name: str
    rows: int
    first_row: float
    rate: float
    per_second_of_audio: float
    memory: float
    before: int
    """Rows that were there when the command was started again; 0 where it was not killed."""
    sha256: str


def run(cfg: Config) -> list[Arm]:
    """Judge the corpus each way, and write the report.

    Raises:
        SpeechTutorError: when rows fail, or a cluster does not come up.
    """
    require("psutil", extra="load")
    require("distributed", extra="cluster")
    if cfg.smoke:
        made = synthetic.corpus(cfg.out / "corpus", n_train=400, n_dev=100)
        cfg = replace(cfg, manifest=made, root=made.parent, scorer="fake")
    cfg.out.mkdir(parents=True, exist_ok=True)
    rows = manifest.read(cfg.manifest)
    n = len(rows) if cfg.limit is None else min(cfg.limit, len(rows))
    if n < 10:
        raise InputError(f"{cfg.manifest} has {n} rows: ten are the fewest of which some can be lost")
    audio = _seconds(cfg)
    arms = [_arm(cfg, "one process", n, audio, ["--processes", "1"])]
    arms.append(_arm(cfg, "two processes", n, audio, ["--processes", "2"], _own_worker))
    with _cluster() as (address, workers):
        arms.append(
            _arm(cfg, "a dask cluster of two", n, audio, ["--cluster", address], lambda _: workers[0])
        )
    about = {"command": provenance.command(sys.argv), "commit": config.commit(), "load": os.getloadavg()}
    figures = {**about, "audio_seconds": audio, "arms": [asdict(arm) for arm in arms]}
    disk.write_text(cfg.out / "figures.json", json.dumps(figures, indent=1) + "\n")
    disk.write_text(cfg.out / "report.md", report(arms))
    return arms


def report(arms: Sequence[Arm]) -> str:
    """The figures as Markdown."""
    lines = [
        "| how | rows | first row (s) | clips a second | real-time factor | MB | killed with | same bytes |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for arm in arms:
        killed = f"{arm.before} rows there, went on" if arm.before else "-"
        same = "yes" if arm.sha256 == arms[0].sha256 else "NO"
        cells = (
            arm.name, arm.rows, f"{arm.first_row:.1f}", f"{arm.rate:.2f}", f"{arm.per_second_of_audio:.3f}",
            f"{arm.memory:.0f}", killed, same,
        )  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


def _seconds(cfg: Config) -> float:
    """Mean length of the recordings."""
    import soundfile

    rows = manifest.read(cfg.manifest)
    return float(np.mean([soundfile.info(cfg.root / row.audio).duration for row in rows]))


def _arm(
    cfg: Config,
    name: str,
    n: int,
    audio: float,
    words: Sequence[str],
    victim: Callable[[int], int] | None = None,
) -> Arm:
    """Run the command; `victim` says which process dies first, given the command's."""
    out = cfg.out / f"{name.replace(' ', '-')}.jsonl"
    for path in cfg.out.glob(f"{out.name}*"):
        path.unlink()
    command = [sys.executable, "-m", "speechtutor", "batch", str(cfg.manifest), "--root", str(cfg.root)]
    command += ["--out", str(out), *words]
    command += [] if cfg.limit is None else ["--limit", str(cfg.limit)]
    command += [] if cfg.scorer is None else ["--scorer", cfg.scorer]
    start, before = time.monotonic(), 0
    with _started(command, cfg.out / "batch.log") as process, watching.peak_memory() as peak:
        _until(process, lambda: _lines(out) > 0)
        first, there = time.monotonic(), _lines(out)
        timed = n if victim is None else round(WORKER_DIES * n)
        _until(process, lambda: _lines(out) >= timed)
        rate = (_lines(out) - there) / (time.monotonic() - first)
        if victim is not None:
            os.kill(victim(process.pid), signal.SIGKILL)
            _until(process, lambda: _lines(out) >= round(COMMAND_DIES * n))
            process.kill()
            process.wait()
            before = _lines(out)
    with _started(command, cfg.out / "batch.log") as again:  # nothing to do where it was not killed
        if again.wait(PATIENCE):
            raise ServiceError(f"{name}: rows failed or the batch did not end; {cfg.out}/batch.log says why")
    if _lines(out) != n:
        raise ServiceError(f"{name}: {_lines(out)} of {n} rows are there")
    return Arm(
        name, n, first - start, rate, 1 / (rate * audio), peak[0], before,
        hashlib.sha256(out.read_bytes()).hexdigest(),
    )  # fmt: skip


@contextmanager
def _started(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program of this code whose end is the end of the block."""
    own = str(Path(speechtutor.__file__).parent.parent)
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (own, os.environ.get("PYTHONPATH"))))}
    with log.open("ab") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told, env=environ)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


@contextmanager
def _cluster() -> Iterator[tuple[str, list[int]]]:
    """A scheduler and two workers of one thread each; the address, and the workers' processes."""
    distributed = require("distributed", extra="cluster")
    with ExitStack() as stack:
        cluster = stack.enter_context(
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
            )
        )
        yield cluster.scheduler_address, [worker.pid for worker in cluster.workers.values()]


def _own_worker(pid: int) -> int:
    """The worker with the most memory: it has the models."""
    found = watching.descendants(pid)
    return int(max(found, key=lambda one: one.memory_info().rss).pid)


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _until(process: subprocess.Popen[Any], true: Callable[[], bool]) -> None:
    """Wait for something that a process does, which may also have ended with it done.

    Raises:
        ServiceError: when it ended without, or nothing came for long.
    """
    end = time.monotonic() + PATIENCE
    while not true():
        if process.poll() is not None and not true():
            raise ServiceError("the batch ended early: batch.log says why")
        if time.monotonic() > end:
            raise ServiceError("the batch does not end")
        time.sleep(0.1)


if __name__ == "__main__":
    config.main(run, Config, report)
