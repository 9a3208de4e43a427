"""Judging that is watched: its steps and shares in order, its errors, and an end that keeps nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from demo import practice_view
from demo.practice import Screen, judged
from demo.working import Share, Work
from speechtutor import audio
from speechtutor.core import CanonicalWord, Recording, UtteranceScore
from speechtutor.core.watching import each
from speechtutor.errors import InputError
from speechtutor.learner.store import SqlStore
from speechtutor.models import fake
from tests.demo.test_practice import EN, GOOD, SCREEN, coach


def test_steps_and_shares_come_in_order() -> None:
    def make() -> Iterator[str]:
        yield from each(["a", "b"])

    assert list(Work().steps(make)) == ["a", Share(0.5), "b", Share(1.0)]
    assert list(Work().steps(make, tells=False)) == ["a", "b"]


def test_an_error_of_the_work_is_that_of_the_steps() -> None:
    def make() -> Iterator[str]:
        yield "a"
        raise InputError("no")

    steps = Work().steps(make)
    assert next(steps) == "a"
    with pytest.raises(InputError, match="no"):
        next(steps)


@pytest.mark.parametrize("how", ["called off", "left"])
def test_work_ends_where_it_is(how: str) -> None:
    """The second piece is not begun, whether somebody calls it off or nobody listens any more."""
    begun, go, ended = [], threading.Event(), threading.Event()

    def make() -> Iterator[str]:
        try:
            for one in each("abc"):
                begun.append(one)
                yield one
                go.wait(60)
        finally:
            ended.set()

    work = Work()
    steps = work.steps(make)
    assert next(steps) == "a"
    if how == "left":
        steps.close()  # type: ignore[attr-defined]
    else:
        Work.call_off(work.id)
    go.set()
    assert ended.wait(60) and begun == ["a"]
    if how == "called off":
        assert not [one for one in steps if not isinstance(one, Share)]
    Work.call_off(work.id)
    Work.call_off("what there never was")


def test_what_is_called_off_before_it_begins_never_begins() -> None:
    begun: list[str] = []
    work = Work()
    Work.call_off(work.id)
    assert not list(work.steps(lambda: iter([begun.append("a")]))) and not begun


class Slow(fake.FakeScorer):
    """Hears in four pieces, and waits after the first until it may go on."""

    begun, go = threading.Event(), threading.Event()

    def score(
        self, recording: Recording, text: str, *, words: Sequence[CanonicalWord] | None = None
    ) -> UtteranceScore:
        for k in each(range(4)):
            if k == 1:
                self.begun.set()
                self.go.wait(60)
        return super().score(recording, text, words=words)


@pytest.fixture
def slow() -> Slow:
    Slow.begun, Slow.go = threading.Event(), threading.Event()
    return Slow()


def long_take(tmp_path: Path) -> str:
    path = tmp_path / "long.wav"
    audio.save(Recording(np.tile(audio.load(GOOD).samples, 5)), path)
    return str(path)


def test_a_long_take_says_how_far_it_is(slow: Slow, tmp_path: Path) -> None:
    slow.go.set()
    screens = list(judged(coach(scorer=slow), SCREEN, long_take(tmp_path), SCREEN.id, "ana", EN))
    shares = [one.share for one in screens if one.share is not None]
    assert shares == [0.25, 0.5, 0.75, 1.0]
    assert 'value="25"' in practice_view.shown(screens[1], EN).message
    assert screens[-1].share is None and screens[-1].take is not None and not screens[-1].waiting


def test_a_short_take_says_no_numbers(slow: Slow) -> None:
    slow.go.set()
    assert all(one.share is None for one in judged(coach(scorer=slow), SCREEN, GOOD, SCREEN.id, "ana", EN))


def test_a_take_that_is_called_off_is_not_kept(slow: Slow, tmp_path: Path) -> None:
    store = SqlStore(f"sqlite:///{tmp_path / 'l.db'}")
    steps = judged(coach(scorer=slow, store=store), SCREEN, long_take(tmp_path), SCREEN.id, "ana", EN)
    waiting: Screen = next(steps)
    assert waiting.waiting and next(steps) == replace(waiting, share=0.25)
    assert slow.begun.wait(60)
    Work.call_off(waiting.work)
    slow.go.set()
    assert all(one.take is None for one in steps)
    assert not list(store.attempts("ana"))
    store.close()


def test_what_was_said_of_an_earlier_take_is_gone_with_the_next() -> None:
    *_, last = judged(coach(), replace(SCREEN, note="Stopped.", problem="<p>"), GOOD, SCREEN.id, "ana", EN)
    assert last.take is not None and last.note == last.problem == ""
