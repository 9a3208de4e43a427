"""What the learner store loses when its writers are killed, crowd in, start together, or fill the disk.

Data      none: made-up learners read sentences of our library
Run       python -m recipes.crash_store --crashes 50
Expect    OUT/crashes.json and a table whose columns `lost` and `half` are 0; some two minutes of one core

A writer says the id of each attempt once `append` has come back, and only then; what it said is what must be
there. `half` counts stores that SQLite finds damaged and learners whose state is not what their attempts lead
to. One attempt a kill may be kept and not yet said. A disk is full when a process may write no more bytes to
a file (RLIMIT_FSIZE): a small stand-in that needs no rights. With `--url` the same is done to an empty
PostgreSQL database, whose disk is the server's and is not filled.
"""

from __future__ import annotations

import json
import multiprocessing
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from recipes.shared import attempts
from speechtutor import config
from speechtutor.errors import InputError, StorageError
from speechtutor.files import disk
from speechtutor.learner.store import SqlStore

SERVER = multiprocessing.get_context("forkserver")
WAIT = 600.0
"""Seconds that a process waits for another before it gives up; nothing is measured by it."""
SHARED = "everybody"
"""The learner for whom all writers write at once."""
DISK = (250_000, 900_000)
"""Bytes of the smallest and the largest full disk."""


@dataclass(frozen=True)
class Config:
    """How often each thing is done."""

    out: Path = Path("runs/crash_store")
    """Folder for the table and the SQLite files."""
    url: str | None = None
    """An empty PostgreSQL database, where it is to be done as well."""
    crashes: int = 50
    """Writers that are killed in the middle of their work."""
    writers: int = 8
    """Processes that write at once."""
    each: int = 40
    """Attempts of each of them."""
    starters: int = 10
    """Processes that find no store at the same time, and all make one."""
    rounds: int = 5
    """How often they do."""
    disks: int = 10
    """Full disks, each of another size."""
    seed: int = 0
    """Seed of the attempts and of the moments at which writers are killed."""
    smoke: bool = False
    """Two of each, with two writers."""


@dataclass
class Tally:
    """What became of the attempts of one trial."""

    times: int = 0
    said: int = 0
    lost: int = 0
    half: int = 0
    unsaid: int = 0
    milliseconds: float = 0.0
    """Median of an `append` as its writer sees it."""


def write(url: str, who: tuple[str, ...], first: int, n: int, most: int, said: Connection, go: Event) -> None:
    """Write attempts for some learners in turn and say each one's id and milliseconds once it is kept."""
    go.wait(WAIT)
    if most:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    with closing(SqlStore(url, timeout=WAIT)) as store, suppress(StorageError):
        for i, one in enumerate(attempts.attempts(0, 1, first, n)):
            start = time.perf_counter()
            store.append(replace(one, learner=who[i % len(who)], at=datetime.now(UTC)))
            said.send((one.id, 1000 * (time.perf_counter() - start)))


def begin(
    url: str, who: tuple[str, ...], first: int, n: int, go: Event, most: int = 0
) -> tuple[BaseProcess, Connection]:
    """A writer that waits for a sign, and where it is heard."""
    heard, said = SERVER.Pipe(duplex=False)
    writer = SERVER.Process(target=write, args=(url, who, first, n, most, said, go))
    writer.start()
    said.close()  # so that its end is seen
    return writer, heard


def rest(heard: Connection) -> Iterator[tuple[str, float]]:
    """What a writer says until it ends."""
    with suppress(EOFError):
        while True:
            yield heard.recv()


def judge(url: str, said: set[str], tally: Tally) -> None:
    """Hold what was said against what is there; `said` are all ids that the store ever acknowledged."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(parsed.database))) as connection:
            tally.half += connection.execute("PRAGMA integrity_check").fetchone() != ("ok",)
    with closing(SqlStore(url, create=False)) as store:
        kept = list[str]()
        for name in store.learners():
            own = [one.id for one in store.attempts(name)]
            kept += own
            tally.half += not store.verify(name) or store.state(name).n_attempts != len(own)
    tally.half += len(kept) - len(set(kept))
    tally.lost += len(said - set(kept))
    tally.unsaid += len(set(kept) - said)
    said |= set(kept)  # so that it is told once


def killed(url: str, cfg: Config) -> Tally:
    """Kill a writer at any moment of its work, again and again, on one store."""
    rng, tally, said, spent = np.random.default_rng(cfg.seed), Tally(), set[str](), list[float]()
    for number in range(cfg.crashes):
        go = SERVER.Event()
        go.set()
        writer, heard = begin(url, (f"killed-{number % 5}",), 10_000 * number, 10_000, go)
        told = [heard.recv() for _ in range(1 + number % 4)]
        time.sleep(float(rng.uniform(0, 2 * told[-1][1] / 1000)))
        writer.kill()
        told += rest(heard)
        writer.join(WAIT)
        said |= {id_ for id_, _ in told}
        spent += [ms for _, ms in told]
        tally.times, tally.said = tally.times + 1, tally.said + len(told)
        judge(url, said, tally)
    return replace(tally, milliseconds=round(float(np.median(spent)), 1))


def together(url: str, n: int, each: int, first: int, tally: Tally, said: set[str]) -> None:
    """Writers that begin at once, half of their attempts for one learner that all write for."""
    go = SERVER.Event()
    writers = [begin(url, (SHARED, f"writer-{i}"), first + 10_000 * i, each, go) for i in range(n)]
    go.set()
    told = [one for _, heard in writers for one in rest(heard)]
    for writer, _ in writers:
        writer.join(WAIT)
    said |= {id_ for id_, _ in told}
    tally.times, tally.said = tally.times + 1, tally.said + len(told)
    tally.lost += n * each - len(told)  # nobody was killed: all must have been said
    tally.milliseconds = round(float(np.median([ms for _, ms in told] or [0.0])), 1)
    judge(url, said, tally)


def crowd(url: str, cfg: Config) -> Tally:
    """Many writers at once on a store that is there."""
    tally = Tally()
    together(url, cfg.writers, cfg.each, 5_000_000, tally, _ids(url))
    return tally


def first_starts(url: Callable[[int], str], cfg: Config) -> Tally:
    """Processes that all find nothing, make the store and write to it; `url` names one that is not there."""
    tally = Tally()
    for number in range(cfg.rounds):
        together(url(number), cfg.starters, 2, 0, tally, set())
    return tally


def full(cfg: Config) -> Tally:
    """Write until the disk is full; then there is room again, and the next one writes on."""
    tally, spent = Tally(), list[float]()
    for number, most in enumerate(np.linspace(*DISK, cfg.disks).astype(int)):
        url, go, said = _file(cfg, f"full-{number}"), SERVER.Event(), set[str]()
        SqlStore(url).close()
        go.set()
        for first, n, limit in ((0, 5000, int(most)), (10_000, 3, 0)):
            writer, heard = begin(url, ("ana",), first, n, go, limit)
            told = list(rest(heard))
            writer.join(WAIT)
            if limit:
                spent += [ms for _, ms in told]
            said |= {id_ for id_, _ in told}
            tally.said += len(told)
            tally.lost += n - len(told) if not limit else len(told) == n  # it must fill, and then be free
            judge(url, said, tally)
        tally.times += 1
    return replace(tally, milliseconds=round(float(np.median(spent)), 1))


def _ids(url: str) -> set[str]:
    with closing(SqlStore(url)) as store:
        return {one.id for name in store.learners() for one in store.attempts(name)}


def _file(cfg: Config, name: str) -> str:
    return f"sqlite:///{cfg.out / f'{name}.db'}"


def run(cfg: Config) -> str:
    """Do all of it and return the table.

    Raises:
        InputError: when nothing is asked for, or a store is not empty.
    """
    if cfg.smoke:
        cfg = replace(cfg, crashes=2, writers=2, each=4, starters=2, rounds=2, disks=2)
    if min(cfg.crashes, cfg.writers, cfg.each, cfg.starters, cfg.rounds, cfg.disks) < 1:
        raise InputError("crashes, writers, each, starters, rounds and disks must be 1 or more")
    cfg.out.mkdir(parents=True, exist_ok=True)
    if any(cfg.out.glob("*.db")):
        raise InputError(f"{cfg.out} holds stores already: choose another --out")
    SERVER.set_forkserver_preload([__name__])
    found: dict[str, dict[str, Tally]] = {}
    for url in filter(None, [_file(cfg, "store"), cfg.url]):
        kind = sa.make_url(url).get_backend_name()
        if kind != "sqlite" and _ids(url):
            raise InputError(f"{kind}: the database holds learners already: name an empty one")
        found[kind] = {"killed while writing": killed(url, cfg), "writers at once": crowd(url, cfg)}
    found["sqlite"]["first starts at once"] = first_starts(lambda i: _file(cfg, f"first-{i}"), cfg)
    found["sqlite"]["a full disk"] = full(cfg)
    record = {kind: {what: asdict(one) for what, one in own.items()} for kind, own in found.items()}
    config.save(cfg, cfg.out)
    disk.write_text(cfg.out / "crashes.json", json.dumps(record, indent=1) + "\n")
    return table(record)


def table(record: dict[str, dict[str, dict[str, Any]]]) -> str:
    """The tallies as a Markdown table."""
    lines = [
        "| store | what | times | acknowledged | lost | half there | kept, not yet told | append, p50 (ms) |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for kind, own in record.items():
        for what, one in own.items():
            lines.append(f"| {kind} | {what} | {' | '.join(str(value) for value in one.values())} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    config.main(run, Config, str)
