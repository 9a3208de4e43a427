"""What the crash recipe counts, and that it would see a loss."""

from __future__ import annotations

import json
from pathlib import Path

import sqlalchemy as sa

from recipes import crash_store
from recipes.crash_store import Tally, judge
from recipes.shared import attempts
from speechtutor.learner.store import SqlStore
from speechtutor.learner.tables import ATTEMPTS, STATES


def test_a_loss_and_a_half_are_counted(tmp_path: Path) -> None:
    url, tally = f"sqlite:///{tmp_path / 'store.db'}", Tally()
    store = SqlStore(url)
    ids = []
    for one in attempts.attempts(0, 2, 0, 6):
        store.append(one)
        ids.append(one.id)
    store.close()
    judge(url, set(ids[:5]), tally)
    assert (tally.lost, tally.half, tally.unsaid) == (0, 0, 1)
    judge(url, {*ids, "never kept"}, tally)
    assert (tally.lost, tally.half, tally.unsaid) == (1, 0, 1)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.delete(ATTEMPTS).where(ATTEMPTS.c.key == ids[0]))
    judge(url, set(ids), tally)
    assert (tally.lost, tally.half) == (2, 1), "the attempt is gone, and its learner's state is of before"
    with engine.begin() as connection:
        connection.execute(sa.delete(STATES))
    engine.dispose()
    judge(url, set(ids), tally)
    assert (tally.lost, tally.half) == (3, 1), "a state that is not there is made again"


def test_a_small_round_loses_nothing(tmp_path: Path) -> None:
    crash_store.run(crash_store.Config(out=tmp_path, smoke=True))
    found = json.loads((tmp_path / "crashes.json").read_text(encoding="utf-8"))["sqlite"]
    assert len(found) == 4 and all(one["said"] > 0 for one in found.values())
    assert all(one["lost"] == one["half"] == 0 for one in found.values())
