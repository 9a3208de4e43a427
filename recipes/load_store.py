"""How the learner store holds up under many: time of every update and every view, size, memory.

Data      none: made-up learners read sentences of our library; their scores are those of a simulated scorer
Run       python -m recipes.load_store --attempts 100000 --learners 2000 --url sqlite:///runs/load_store/load.db
Expect    OUT/load.json and a table; 100,000 attempts take some ten minutes of one core and 0.5 GB of disk

Most attempts are put in as rows, a thousand to a transaction, since what is asked is what the next one costs
when they are there; those that are timed go the way of the app: `append`, one transaction with the state
each. Beside the time on the clock stands that of the processor, which others on the machine change less.
"""

from __future__ import annotations

import json
import logging
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from speechtutor import config
from speechtutor.core import Attempt, Exercise, PhoneScore, UtteranceScore, WordScore
from speechtutor.core.profile import Profile
from speechtutor.errors import InputError
from speechtutor.files import disk
from speechtutor.learner import research, summary
from speechtutor.learner.database import Database
from speechtutor.learner.rows import row_of
from speechtutor.learner.store import SqlStore
from speechtutor.learner.tables import ATTEMPTS
from speechtutor.practice import course, library
from speechtutor.report import classroom
from speechtutor.text.phones import pronounce

log = logging.getLogger("load_store")
START = datetime(2026, 1, 1, 8, tzinfo=UTC)
CHUNK = 1000
IN_A_CLASS = 30


@dataclass(frozen=True)
class Config:
    """How much, where, and how often each thing is timed."""

    out: Path = Path("runs/load_store")
    """Folder for the table and, without a URL, for the store."""
    url: str | None = None
    """Where the store is: a new SQLite file or an empty PostgreSQL database (OUT/load.db)."""
    attempts: int = 100_000
    """Attempts that are there when the timing begins."""
    learners: int = 2000
    """Among whom they are spread evenly."""
    updates: int = 400
    """Attempts whose `append` is timed."""
    views: int = 20
    """How often each view is timed, each time of another learner."""
    seed: int = 0
    """Seed of sentences, scores and learners."""
    smoke: bool = False
    """60 attempts of 6 learners."""


def score_of(text: str, rng: np.random.Generator, ability: float) -> UtteranceScore:
    """What a scorer might say of a reading by somebody who says sounds right with probability `ability`."""
    words = []
    for word in pronounce(text):
        phones = tuple(
            PhoneScore(
                phone, 1 - wrong, confidence=0.9, error_probability=wrong, start=0.1 * i, end=0.1 * (i + 1)
            )
            for i, (phone, wrong) in enumerate(
                (phone, float(rng.beta(8 * (1 - ability), 8 * ability))) for phone in word.pronunciations[0]
            )
        )
        words.append(
            WordScore(word.text, 1 - float(np.mean([p.error_probability for p in phones])), phones=phones)
        )
    value = float(np.mean([word.score for word in words]))
    return UtteranceScore(text, tuple(words), overall=value, fluency=value, duration=3.0)


def made(cfg: Config, first: int, n: int) -> Iterator[Attempt]:
    """Attempts number `first` and on: the same ones for the same seed."""
    texts = [one for one in library.of_kind("sentence") if one.topic]
    for i in range(first, first + n):
        rng = np.random.default_rng([cfg.seed, i])
        who = i % cfg.learners
        item = texts[int(rng.integers(len(texts)))]
        at = START + timedelta(minutes=7 * (i // cfg.learners), seconds=who % 60)
        score = score_of(item.text, rng, 0.6 + 0.35 * (who % 10) / 10)
        exercise = Exercise(item.text, (), "sound", item.level)
        yield Attempt(f"learner-{who:05d}", exercise, score, at, id=f"{cfg.seed:04d}{i:012d}")


def fill(database: Database, cfg: Config) -> None:
    """Put the attempts in as rows."""
    for first in range(0, cfg.attempts, CHUNK):
        rows = [row_of(one) for one in made(cfg, first, min(CHUNK, cfg.attempts - first))]
        with database.errors("fill"), database.writing() as connection:
            connection.execute(sa.insert(ATTEMPTS), rows)
        if first % (20 * CHUNK) == 0:
            log.info("%d attempts, %.0f MB", first + len(rows), memory())


def memory() -> float:
    """The most memory that this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(calls: list[Callable[[], Any]]) -> dict[str, float]:
    """Milliseconds of some calls: median and 95th percentile on the clock, median of the processor's."""
    told = []
    for call in calls:
        start, busy = time.perf_counter(), time.process_time()
        call()
        told.append((1000 * (time.perf_counter() - start), 1000 * (time.process_time() - busy)))
    clock, cpu = np.array(told).T
    p50, p95 = (round(float(x), 1) for x in np.percentile(clock, [50, 95]))
    return {"n": len(told), "p50": p50, "p95": p95, "cpu": round(float(np.median(cpu)), 1)}


def views(store: SqlStore, cfg: Config) -> dict[str, dict[str, float]]:
    """Every question that a page, a teacher or the path asks."""
    rng = np.random.default_rng(cfg.seed + 1)
    names = [f"learner-{int(i):05d}" for i in rng.integers(cfg.learners, size=cfg.views)]
    now = START + timedelta(days=400)

    def page(name: str) -> object:
        return summary.of(Profile(name), store.state(name), list(store.attempts(name)), now)

    def group(first: int) -> object:
        who = [f"learner-{(first + i) % cfg.learners:05d}" for i in range(min(IN_A_CLASS, cfg.learners))]
        return classroom.classroom({name: list(store.attempts(name)) for name in who})

    each: dict[str, Callable[[str], object]] = {
        "rebuild a state": store.rebuild,
        "state": store.state,
        "last five exercises": lambda name: store.recent(name, 5),
        "a session of ten minutes": lambda name: course.plan(store.state(name), Profile(name), 10, now, rng),
        "all attempts": lambda name: list(store.attempts(name)),
        "summary and changes": page,
        "verify": store.verify,
        "everything, as JSON": store.export,
    }
    found = {}
    for what, view in each.items():
        found[what] = timed([lambda view=view, name=name: view(name) for name in names])  # type: ignore[misc]
        log.info("%s: %s", what, found[what])
    found["all learners, counted"] = timed([store.known] * 3)
    found["class of thirty"] = timed([lambda i=i: group(i) for i in range(3)])  # type: ignore[misc]
    cells = lambda: research.cells((Profile(name, research=True), store.state(name)) for name in names)  # noqa: E731
    found["export for research, of the learners above"] = timed([cells])
    return found


def size_of(database: Database) -> int:
    """Bytes of the database."""
    if database.path is not None:
        return sum(p.stat().st_size for p in database.path.parent.glob(f"{database.path.name}*"))
    with database.errors("measure"), database.reading() as connection:
        return int(connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar() or 0)


def run(cfg: Config) -> str:
    """Fill, time, and return the table.

    Raises:
        InputError: when there is nobody, nothing to time, or the store has learners already.
    """
    if cfg.smoke:
        cfg = replace(cfg, attempts=60, learners=6, updates=6, views=2)
    if min(cfg.attempts, cfg.learners, cfg.updates, cfg.views) < 1:
        raise InputError("attempts, learners, updates and views must be 1 or more")
    cfg.out.mkdir(parents=True, exist_ok=True)
    url = cfg.url or f"sqlite:///{cfg.out / 'load.db'}"
    database = Database(url, timeout=30, create=True)
    store = SqlStore(url, timeout=30)
    if store.known():
        raise InputError(f"{store.where} holds learners already: name an empty one")
    start = time.perf_counter()
    fill(database, cfg)
    found: dict[str, Any] = {
        "fill_seconds": round(time.perf_counter() - start),
        "memory_filled": round(memory()),
    }
    found["bytes"] = size_of(database)
    found["views"] = views(store, cfg)
    last = list(made(cfg, cfg.attempts, cfg.updates))
    for name in {one.learner for one in last}:
        store.rebuild(name)
    found["update"] = timed([lambda one=one: store.append(one) for one in last])  # type: ignore[misc]
    found["memory_end"] = round(memory())
    store.close()
    database.close()
    settings = {key: str(value) if isinstance(value, Path) else value for key, value in asdict(cfg).items()}
    record = {"settings": settings, "commit": config.commit(), **found}
    config.save(cfg, cfg.out)
    disk.write_text(cfg.out / "load.json", json.dumps(record, indent=1) + "\n")
    return table(found)


def table(found: dict[str, Any]) -> str:
    """The figures as a Markdown table."""
    rows = {"update (append with its state)": found["update"], **found["views"]}
    lines = ["| what | p50 (ms) | p95 (ms) | processor (ms) | n |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {name} | {row['p50']} | {row['p95']} | {row['cpu']} | {row['n']} |" for name, row in rows.items()
    ]
    lines.append(f"\n{found['bytes'] / 1e6:.0f} MB on disk; memory {found['memory_filled']} MB when filled,")
    lines.append(f"{found['memory_end']} MB at the end.")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    config.main(run, Config, str)
