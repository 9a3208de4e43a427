"""How the learner store holds up under many: time of every update and every view, size, memory.

Data      none: made-up learners read sentences of our library; their scores are those of a simulated scorer
Run       python -m recipes.load_store --attempts 100000 --learners 2000
Expect    OUT/load.json and a table; 100,000 attempts take some three minutes of one core and 0.6 GB of disk

Most attempts are put in as rows, a thousand to a transaction, since what is asked is what the next one costs
when they are there; those that are timed go the way of the app: `append`, one transaction with the state
each. With several `--urls` the same rows go into each store, which are then timed one after the other.
Beside the time on the clock stands that of the processor, which others on the machine change less; what a
database server computes is on the clock alone.
"""

from __future__ import annotations

import json
import logging
import resource
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from recipes.shared import attempts
from speechtutor import config
from speechtutor.core import Attempt
from speechtutor.core.profile import Profile
from speechtutor.errors import InputError
from speechtutor.files import disk
from speechtutor.learner import research, summary
from speechtutor.learner.database import Database
from speechtutor.learner.store import SqlStore
from speechtutor.learner.tables import ATTEMPTS
from speechtutor.practice import course
from speechtutor.report import classroom

log = logging.getLogger("load_store")
CHUNK = 1000
IN_A_CLASS = 30


@dataclass(frozen=True)
class Config:
    """How much, where, and how often each thing is timed."""

    out: Path = Path("runs/load_store")
    """Folder for the table and, without a URL, for the store."""
    urls: list[str] | None = None
    """Where the stores are: new SQLite files or empty PostgreSQL databases (one, OUT/load.db)."""
    attempts: int = 100_000
    """Attempts that are there when the timing begins."""
    learners: int = 2000
    """Among whom they are spread evenly."""
    updates: int = 400
    """Attempts whose `append` is timed."""
    views: int = 20
    """How often each view is timed, each time of another learner."""
    filled: bool = False
    """The stores were filled by an earlier run with the same settings: they are timed as they are."""
    seed: int = 0
    """Seed of sentences, scores and learners."""
    smoke: bool = False
    """60 attempts of 6 learners."""


def fill(databases: Sequence[Database], cfg: Config) -> tuple[list[float], list[float]]:
    """Put the attempts into every database as rows; seconds of each, and MB of memory at every tenth part."""
    seconds, used = [0.0] * len(databases), [memory()]
    for first in range(0, cfg.attempts, CHUNK):
        rows = attempts.rows(cfg.seed, cfg.learners, first, min(CHUNK, cfg.attempts - first))
        for i, database in enumerate(databases):
            start = time.perf_counter()
            with database.errors("fill"), database.writing() as connection:
                connection.execute(sa.insert(ATTEMPTS), rows)
            seconds[i] += time.perf_counter() - start
        done = first + len(rows)
        if done * 10 // cfg.attempts >= len(used):
            used.append(memory())
            log.info("%d attempts, %.0f MB", done, used[-1])
    return [round(one, 1) for one in seconds], [round(one) for one in used]


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
    rng = np.random.default_rng(cfg.seed)
    names = [attempts.name_of(i) for i in shown(cfg)]
    now = attempts.START + timedelta(days=400)

    def page(name: str) -> object:
        return summary.of(Profile(name), store.state(name), list(store.attempts(name)), now)

    def group(first: int) -> object:
        who = [attempts.name_of((first + i) % cfg.learners) for i in range(min(IN_A_CLASS, cfg.learners))]
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
    found["all learners, by name"] = timed([store.learners] * 3)
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


def following(cfg: Config, store: SqlStore) -> list[Attempt]:
    """The attempts that come next of learners whose state the views have made already."""
    numbers = shown(cfg)
    first = max(one.n_attempts for one in store.known()) * cfg.learners
    return [
        one
        for i in range(cfg.updates)
        for one in attempts.attempts(
            cfg.seed, cfg.learners, first + i // len(numbers) * cfg.learners + numbers[i % len(numbers)], 1
        )
    ]


def shown(cfg: Config) -> list[int]:
    """The learners whose views are timed, by number."""
    drawn = np.random.default_rng(cfg.seed + 1).integers(cfg.learners, size=cfg.views)
    return list(dict.fromkeys(int(i) for i in drawn))


def measured(store: SqlStore, database: Database, cfg: Config) -> dict[str, Any]:
    """The size, the views and the updates of a store that is filled."""
    found: dict[str, Any] = {"bytes": size_of(database), "memory_before": round(memory())}
    found["views"] = views(store, cfg)
    last = following(cfg, store)
    found["update"] = timed([lambda one=one: store.append(one) for one in last])  # type: ignore[misc]
    gone = last[0].learner
    found["views"]["forget a learner"] = timed([lambda: store.delete(gone)])
    found["memory_end"] = round(memory())
    return found


def run(cfg: Config) -> str:
    """Fill, time, and return the table.

    Raises:
        InputError: when there is nobody, nothing to time, or a store is filled that should be empty.
    """
    if cfg.smoke:
        cfg = replace(cfg, attempts=60, learners=6, updates=6, views=2)
    if min(cfg.attempts, cfg.learners, cfg.updates, cfg.views) < 1:
        raise InputError("attempts, learners, updates and views must be 1 or more")
    cfg.out.mkdir(parents=True, exist_ok=True)
    urls = cfg.urls or [f"sqlite:///{cfg.out / 'load.db'}"]
    with ExitStack() as opened:
        databases = [opened.enter_context(closing(Database(url, timeout=30, create=True))) for url in urls]
        stores = [opened.enter_context(closing(SqlStore(url, timeout=30))) for url in urls]
        for store in stores:
            if bool(store.known()) != cfg.filled:
                wrong = (
                    "is empty: fill it first" if cfg.filled else "holds learners already: name an empty one"
                )
                raise InputError(f"{store.where} {wrong}")
        start = time.perf_counter()
        seconds, used = ([0.0] * len(urls), [round(memory())]) if cfg.filled else fill(databases, cfg)
        found: dict[str, Any] = {
            "fill_seconds": round(time.perf_counter() - start),
            "memory_filling": used,
            "stores": {},
        }
        for database, store, spent in zip(databases, stores, seconds, strict=True):
            name = database.engine.dialect.name
            log.info("%s is timed; %s s of the filling were its own", name, spent)
            told = {"fill_seconds": spent, **measured(store, database, cfg)}
            found["stores"][name if name not in found["stores"] else store.where] = told
    settings = {key: str(value) if isinstance(value, Path) else value for key, value in asdict(cfg).items()}
    record = {"settings": settings, "commit": config.commit(), **found}
    config.save(cfg, cfg.out)
    disk.write_text(cfg.out / "load.json", json.dumps(record, indent=1) + "\n")
    return table(found)


def table(found: dict[str, Any]) -> str:
    """The figures as a Markdown table, a store to a group of columns."""
    stores = found["stores"]
    heads = "".join(f" {name}: p50 (ms) | p95 | processor |" for name in stores)
    lines = [f"| what | n |{heads}", f"| --- | --- |{' --- | --- | --- |' * len(stores)}"]
    rows = [{"update (append with its state)": one["update"], **one["views"]} for one in stores.values()]
    for what, first in rows[0].items():
        cells = "".join(f" {own[what]['p50']} | {own[what]['p95']} | {own[what]['cpu']} |" for own in rows)
        lines.append(f"| {what} | {first['n']} |{cells}")
    lines.append("")
    for name, one in stores.items():
        lines.append(
            f"{name}: {one['bytes'] / 1e6:.0f} MB on disk, {one['fill_seconds']} s of the filling;"
            f" memory {one['memory_before']} MB before, {one['memory_end']} MB after the timing."
        )
    lines.append(
        f"Filling took {found['fill_seconds']} s; memory (MB) at every tenth: {found['memory_filling']}."
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    config.main(run, Config, str)
