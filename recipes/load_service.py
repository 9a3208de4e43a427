"""Load the JSON API with real recordings: throughput, latencies, errors, memory, and what a kill loses.

Data      data_manifests/speechocean762.jsonl and its recordings (dev)
Needs     speechtutor[serve,load] (locust)
Run       python -m recipes.load_service
Expect    see recipes/results/service.md

A real server in its own process; locust with 1 to 32 learners, each of whom sends the next attempt when the
last is answered and waits as long as Retry-After says; then a kill -9 under load, after which every attempt
that was acknowledged must be in the store; then recordings spoken in real time into /v1/stream; then what a
batch of clips would gain over one after another. Times are wall clock: run it on an idle machine.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import speechtutor
from recipes.shared import live_speech, synthetic, watching
from speechtutor import config
from speechtutor.errors import MissingExtraError, ServiceError
from speechtutor.evaluation import job, provenance
from speechtutor.files import disk
from speechtutor.learner.store import open_store

USERS = Path(__file__).parent / "shared" / "load_users.py"
START = 180.0
"""Seconds in which a server must be ready."""
FAKES = [w for s in ("transcriber", "scorer", "tutor", "grammar", "voice") for w in (f"--{s}", "fake")]


@dataclass(frozen=True)
class Config:
    """How many learners, for how long, against which server."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Rows with texts."""
    root: Path = Path("../shared/data/speechocean762")
    """Folder that the manifest's audio paths are relative to."""
    out: Path = Path("runs/load_service")
    """Folder for report.md, figures.json and locust's own tables."""
    learners: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    """Learners at once, one level after another."""
    seconds: int = 15
    """Length of each level."""
    waiting: int = 16
    """Requests that may wait at the server."""
    workers: int = 1
    """Processes of the server."""
    store: str | None = None
    """URL of the store; None is an SQLite file in `out`."""
    clips: int = 40
    """Recordings that are sent, evenly chosen from dev."""
    streams: int = 8
    """Recordings that are spoken into /v1/stream, half of them with their text."""
    batch: int = 8
    """Clips in the batch that is held against one after another; 0 leaves it out."""
    smoke: bool = False
    """Made-up recordings and a server that does not listen, for a few seconds."""


@dataclass(frozen=True)
class Level:
    """What so many learners saw; times in milliseconds, memory in MB (the server's peak)."""

    learners: int
    answered_per_second: float
    p50: float
    p95: float
    p99: float
    errors: int
    told_later: int
    memory: float


@dataclass(frozen=True)
class Result:
    """All figures of a run."""

    levels: list[Level]
    acknowledged: int
    lost: int
    killed_acknowledged: int
    killed_lost: int
    streams: dict[str, Any] = field(default_factory=dict)
    batching: dict[str, Any] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)


def run(cfg: Config) -> Result:
    """Load, kill, speak, and write the report.

    Raises:
        SpeechTutorError: when there is nothing to send, or no server.
    """
    if importlib.util.find_spec("locust") is None:  # importing it would patch this process
        raise MissingExtraError("locust is not installed: pip install 'speechtutor[load]'")
    if cfg.smoke:
        rows_file = synthetic.corpus(cfg.out / "corpus")
        cfg = replace(
            cfg, manifest=rows_file, root=rows_file.parent, learners=(2,), seconds=2, streams=0, batch=0
        )
    cfg.out.mkdir(parents=True, exist_ok=True)
    for path in cfg.out.glob("*.kept.jsonl"):  # of an earlier run
        path.unlink()
    rows = job.choose(cfg.manifest, "dev", cfg.clips)
    sent = [{"path": str((cfg.root / row.audio).resolve()), "text": row.text} for row in rows]
    (cfg.out / "clips.json").write_text(json.dumps(sent), encoding="utf-8")
    with _server(cfg) as (base, process, key):
        levels = [_level(cfg, n, base, process, key) for n in cfg.learners]
        acknowledged = _acknowledged(cfg)
        spoken = asyncio.run(live_speech.measured(base, key, sent[: cfg.streams])) if cfg.streams else {}
    lost = _lost(cfg, acknowledged)
    killed = _killed(cfg)
    killed_lost = _lost(cfg, killed)
    gain = live_speech.batching([Path(one["path"]) for one in sent], cfg.batch) if cfg.batch else {}
    about = {
        "command": provenance.command(sys.argv),
        "settings": json.loads(json.dumps(asdict(cfg), default=str)),
    }
    found = Result(levels, len(acknowledged), lost, len(killed), killed_lost, spoken, gain, about)
    disk.write_text(cfg.out / "figures.json", json.dumps(asdict(found), indent=1))
    disk.write_text(cfg.out / "report.md", report(found))
    return found


def report(found: Result) -> str:
    """The figures as Markdown."""
    lines = [
        "| learners | answers a second | p50 | p95 | p99 (ms) | errors | told to come again | memory (MB) |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in found.levels:
        cells = (
            one.learners, f"{one.answered_per_second:.2f}", f"{one.p50:.0f}", f"{one.p95:.0f}",
            f"{one.p99:.0f}", one.errors, one.told_later, f"{one.memory:.0f}",
        )  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    lines += [
        "",
        f"Acknowledged {found.acknowledged}, of them not in the store {found.lost}. With kill -9 under load: "
        f"acknowledged {found.killed_acknowledged}, of them not in the store {found.killed_lost}.",
        "",
        *(f"Streams, {name}: {value}" for name, value in found.streams.items()),
        *(f"Batching, {name}: {value}" for name, value in found.batching.items()),
    ]
    return "\n".join(lines) + "\n"


def _store(cfg: Config) -> str:
    return cfg.store or f"sqlite:///{(cfg.out / 'learners.db').resolve()}"


@contextmanager
def _server(cfg: Config) -> Iterator[tuple[str, subprocess.Popen[bytes], str]]:
    """A server of its own with a key; its address, its process and the key."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    key = secrets.token_urlsafe(24)
    words = [
        "--port",
        str(port),
        "--waiting",
        str(cfg.waiting),
        "--workers",
        str(cfg.workers),
        "--rate",
        "none",
    ]
    words += ["--store", _store(cfg)] + (FAKES if cfg.smoke else ["--voice", "none"])
    own = str(Path(speechtutor.__file__).parent.parent)  # the server is of the code that this recipe is of
    path = os.pathsep.join(filter(None, (own, os.environ.get("PYTHONPATH"))))
    environ = os.environ | {"SPEECHTUTOR_API_KEYS": key, "PYTHONPATH": path}
    with (cfg.out / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "speechtutor", "serve", *words], env=environ, stderr=log
        )
    base = f"http://127.0.0.1:{port}"
    try:
        _ready(base, process)
        _warm(cfg, base, key)
        yield base, process, key
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ready(base: str, process: subprocess.Popen[bytes]) -> None:
    import httpx

    end = time.monotonic() + START
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{base}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise ServiceError("the server did not get ready: server.log says why")


def _warm(cfg: Config, base: str, key: str) -> None:
    """One recording that is not measured: without a voice a server first works when it is first asked."""
    import httpx

    clip = json.loads((cfg.out / "clips.json").read_text("utf-8"))[0]
    files = {"audio": ("a", Path(clip["path"]).read_bytes())}
    for form in ({"text": clip["text"]}, {}):
        httpx.post(f"{base}/v1/score", files=files, data=form, headers={"x-api-key": key}, timeout=120)


def _locust(cfg: Config, n: int, base: str, key: str, name: str) -> subprocess.Popen[bytes]:
    environ = os.environ | {
        "LOAD_CLIPS": str((cfg.out / "clips.json").resolve()),
        "LOAD_KEPT": str((cfg.out / f"{name}.kept.jsonl").resolve()),
        "LOAD_STATS": str((cfg.out / f"{name}.stats.json").resolve()),
        "LOAD_KEY": key,
    }
    words = [
        "-f", str(USERS), "--headless", "-u", str(n), "-r", str(n), "-t", f"{cfg.seconds}s", "-s", "60",
        "--host", base, "--only-summary", "--exit-code-on-error", "0",
    ]  # fmt: skip
    with (cfg.out / "locust.log").open("ab") as log:
        return subprocess.Popen([sys.executable, "-m", "locust", *words], env=environ, stdout=log, stderr=log)


def _level(cfg: Config, n: int, base: str, process: subprocess.Popen[bytes], key: str) -> Level:
    name = f"load-{n}"
    with watching.peak_memory(process.pid) as peak:
        _locust(cfg, n, base, key, name).wait()
    rows = json.loads((cfg.out / f"{name}.stats.json").read_text("utf-8"))
    own = {"per_second": 0.0, "p50": 0, "p95": 0, "p99": 0, "errors": 0} | rows.get("/v1/attempts", {})
    later = rows.get("told to come again", {}).get("n", 0)
    p50, p95, p99 = (float(own[column] or 0) for column in ("p50", "p95", "p99"))
    return Level(n, own["per_second"], p50, p95, p99, own["errors"], later, peak[0])


def _acknowledged(cfg: Config, pattern: str = "load-*.kept.jsonl") -> list[str]:
    """The ids of attempts that a client was told are kept."""
    lines = [line for path in sorted(cfg.out.glob(pattern)) for line in path.read_text("utf-8").splitlines()]
    return [row["id"] for row in map(json.loads, lines) if row["kept"]]


def _lost(cfg: Config, ids: list[str]) -> int:
    store = open_store(_store(cfg))
    try:
        return sum(store.attempt(one) is None for one in ids)
    finally:
        store.close()


def _killed(cfg: Config) -> list[str]:
    """Load a fresh server, kill it in the middle; what had been acknowledged."""
    with _server(cfg) as (base, process, key):
        load = _locust(cfg, max(2, min(8, max(cfg.learners))), base, key, "killed")
        time.sleep(max(cfg.seconds / 2, 1.5) + 2.0)  # locust takes a moment to begin
        for one in watching.descendants(process.pid):
            one.kill()
        process.kill()
        load.wait()
    return _acknowledged(cfg, "killed.kept.jsonl")


if __name__ == "__main__":
    config.main(run, Config, report)
