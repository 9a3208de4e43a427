"""What waits is heard together, and judged in its turn as it would be alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from speechtutor import registry
from speechtutor.core import Emission, Recording
from speechtutor.models.acoustic import Acoustic
from speechtutor.models.fake import FakeScorer
from speechtutor.service.ahead import Ahead, hearing
from speechtutor.service.queue import Queue
from speechtutor.service.settings import Settings
from tests.conftest import EXAMPLES
from tests.service.conftest import client, hum, recording, silence

DINNER = "We like rice and chips for dinner."


def waiting_behind(queue: Queue, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
    """The results of calls that all wait while a first one runs."""
    go = threading.Event()

    async def story() -> list[Any]:
        first = asyncio.create_task(queue.run(go.wait))
        await asyncio.sleep(0)
        others = [asyncio.create_task(queue.run(*call)) for call in calls]
        await asyncio.sleep(0)
        go.set()
        await first
        return await asyncio.gather(*others, return_exceptions=True)

    return asyncio.run(story())


def test_what_waits_is_foreseen_once_and_so_many_at_a_time() -> None:
    queue, told = Queue(16, 30, together=3), []
    queue.foresee = lambda sounds: told.append(list(sounds))
    sounds = [bytes([i]) for i in range(5)]
    calls = [(lambda data: data, one) for one in sounds[:2]]
    calls += [(lambda: "no sound",)]  # type: ignore[list-item]
    calls += [(lambda data: data, one) for one in sounds[2:]]
    assert waiting_behind(queue, calls) == [*sounds[:2], "no sound", *sounds[2:]]
    assert told == [sounds[:3], sounds[3:]]
    asyncio.run(queue.run(lambda data: data, b"alone"))
    assert len(told) == 2, "one by itself is heard in its turn"


def test_who_has_gone_is_not_heard() -> None:
    queue, told, go = Queue(16, 30, together=8), [], threading.Event()
    queue.foresee = lambda sounds: told.append(list(sounds))

    async def story() -> None:
        first = asyncio.create_task(queue.run(go.wait))
        await asyncio.sleep(0)
        others = [asyncio.create_task(queue.run(lambda data: data, bytes([i]))) for i in range(3)]
        await asyncio.sleep(0)
        others[1].cancel()
        while not others[1].done():
            await asyncio.sleep(0)
        go.set()
        await asyncio.gather(first, *others, return_exceptions=True)

    asyncio.run(story())
    assert told == [[b"\0", b"\2"]]


class Eared(FakeScorer):
    """A scorer with an ear, whose first judgement waits for `go`; `breaks` when it hears many."""

    breaks = False
    heard: list[int]
    go: threading.Event

    @property
    def acoustic(self) -> Any:
        return self

    def hearing_with(self, acoustic: Any) -> FakeScorer:
        return self

    def having_heard(self, recordings: Sequence[Recording]) -> FakeScorer:
        self.heard.append(len(recordings))
        if self.breaks:
            raise MemoryError
        return self

    def score(self, recording: Recording, text: str, **options: Any) -> Any:
        assert self.go.wait(60)
        return super().score(recording, text, **options)


@pytest.mark.parametrize("breaks", [False, True])
def test_of_many_at_once_each_is_answered(tmp_path: Path, breaks: bool) -> None:
    scorer = Eared()
    scorer.breaks, scorer.heard, scorer.go = breaks, [], threading.Event()
    sounds = [hum(), silence(), b"this is no recording", hum(0.5)] * 3
    settings = Settings(hosts=("testserver",), together=4)
    with client(tmp_path, settings, scorer=scorer) as api, ThreadPoolExecutor(len(sounds)) as people:

        def asked(data: bytes) -> Any:
            return api.post("/v1/score", files=recording(data), data={"text": "I think so"})

        first = people.submit(asked, hum())
        while "speechtutor_inside 1.0" not in api.get("/metrics").text:
            assert not first.done()
        waiting = [people.submit(asked, data) for data in sounds[1:]]
        while "speechtutor_inside 12.0" not in api.get("/metrics").text:
            assert not first.done()
        scorer.go.set()
        answers = [one.result() for one in (first, *waiting)]
        assert [answer.status_code for answer in answers] == [200, 200, 422, 200] * 3
        assert [answer.json()["scores"]["overall"] is None for answer in answers if answer.is_success] == [
            False, True, False,
        ] * 3  # fmt: skip
    # The first was alone when its turn came; eleven waited, four at a time, three of them no recordings.
    assert len(scorer.heard) == 3 and sum(scorer.heard) == 8


def test_heard_ahead_the_real_scorer_says_the_same(
    models_home: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from speechtutor import audio
    from speechtutor.models.scorer import PronunciationScorer

    scorer = registry.load("scorer", device="cpu")
    assert isinstance(scorer, PronunciationScorer)
    files = [(EXAMPLES / f"dinner-{kind}.flac").read_bytes() for kind in ("errors", "good")]
    every = [audio.decode(data) for data in files]
    alone = [scorer.score(one, DINNER) for one in every]
    ahead = Ahead(scorer)
    hearing(ahead, audio.decode)([*files, b"this is no recording"])

    def never(self: object, recording: Recording) -> Emission:
        raise AssertionError("it was heard already")

    monkeypatch.setattr(Acoustic, "emit", never)
    again = [ahead.score(one, DINNER) for one in every]
    assert [[p.heard for w in one.words for p in w.phones] for one in again] == [
        [p.heard for w in one.words for p in w.phones] for one in alone
    ]
    assert [one.overall for one in again] == pytest.approx([one.overall for one in alone], abs=1e-4)
