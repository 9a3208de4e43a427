"""Replies are remembered and do not keep anyone waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest

from speechtutor.core import LearnerState
from speechtutor.errors import InputError, ServiceError
from speechtutor.stages import Message
from speechtutor.tutor.engine import ReplyCache, timed
from speechtutor.tutor.phrasing import MAX_CHARACTERS, LlmTutor
from speechtutor.tutor.rules import RuleTutor
from tests.support.judged import LEARNER, SINK, said, utterance

GOOD = 'Great work on "weather"! In "think", the "th" sounded a little closer to "s".'
LONG = 60.0
"""Seconds that no test waits."""


class Slow:
    """Writes some pieces, then hangs until it is let go; says when it was closed."""

    name = "slow"

    def __init__(self, *pieces: str) -> None:
        self.pieces = pieces
        self.go, self.closed = threading.Event(), threading.Event()
        self.asked = 0

    def generate(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
        self.asked += 1
        try:
            yield from self.pieces
            self.go.wait(LONG)
            yield " More."
        finally:
            self.closed.set()


# --- the cache ------------------------------------------------------------------------------------


def test_the_one_unused_longest_goes_first() -> None:
    cache = ReplyCache(2)
    cache.put("a", "1")
    cache.put("b", "2")
    assert cache.get("a") == "1"
    cache.put("c", "3")
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == ("1", None, "3")
    cache.put("a", "4")
    assert cache.get("a") == "4" and len(cache) == 2
    cache.clear()
    assert len(cache) == 0


def test_a_cache_of_nothing_and_of_less() -> None:
    cache = ReplyCache(0)
    cache.put("a", "1")
    assert cache.get("a") is None
    with pytest.raises(InputError, match="-1"):
        ReplyCache(-1)


def test_a_shared_cache_keeps_models_apart() -> None:
    class Named(Slow):
        def __init__(self, name: str) -> None:
            super().__init__(GOOD + "\n")
            self.name = name
            self.go.set()

    cache, first, second = ReplyCache(), Named("one"), Named("two")
    for engine in (first, second, first, second):
        LlmTutor(engine, cache=cache).advise(SINK, LEARNER)
    assert (first.asked, second.asked, len(cache)) == (1, 1, 2)


def test_the_cache_is_bounded() -> None:
    engine = Slow(GOOD)
    engine.go.set()
    tutor = LlmTutor(engine, cache=ReplyCache(3))
    for extra in ("garden", "window", "table", "morning", "summer"):
        tutor.advise(utterance("I", said("think", "TH IH NG K", 0, "S"), "weather", extra), LEARNER)
    assert len(tutor.cache) == 3


# --- the time -------------------------------------------------------------------------------------


def test_pieces_come_one_by_one_and_in_order() -> None:
    written: list[int] = []

    def pieces() -> Iterator[str]:
        for i in range(3):
            written.append(i)
            yield str(i)

    reader = timed(pieces(), LONG)
    assert next(reader) == "0" and written == [0], "nothing is written ahead"
    assert list(reader) == ["1", "2"]


def test_a_writer_that_hangs_is_left_alone_and_closed_later() -> None:
    engine = Slow("One.")
    reader = timed(engine.generate((), max_tokens=1), 0.2)
    assert next(reader) == "One."
    with pytest.raises(ServiceError, match=r"took longer than 0\.2 s"):
        next(reader)
    assert not engine.closed.is_set()
    engine.go.set()
    assert engine.closed.wait(LONG)


def test_the_first_word_has_a_time_of_its_own() -> None:
    late = Slow()
    with pytest.raises(ServiceError, match=r"the first word took longer than 0\.2 s"):
        next(timed(late.generate((), max_tokens=1), LONG, 0.2))
    late.go.set()
    # Once it is there, the whole reply's time counts; and a first word may not take longer than the whole.
    early = Slow("One.")
    reader = timed(early.generate((), max_tokens=1), 0.4, 0.2)
    assert next(reader) == "One."
    with pytest.raises(ServiceError, match=r"the reply took longer than 0\.4 s"):
        next(reader)
    early.go.set()
    with pytest.raises(ServiceError, match=r"the reply took longer than 0\.2 s"):
        next(timed(Slow().generate((), max_tokens=1), 0.2, LONG))


def test_a_model_that_nobody_asked_for_makes_no_excuses() -> None:
    rules = RuleTutor().advise(SINK, LEARNER)
    for pieces in ((), ("You are bad. ",)):
        assert LlmTutor(Slow(*pieces), first=0.1, timeout=0.2, quiet=True).advise(SINK, LEARNER) == rules
    spanish = LearnerState(explain="es")
    told = LlmTutor(Slow(), quiet=True).advise(SINK, spanish)
    assert told == RuleTutor().advise(SINK, spanish) and not told.warnings


def test_a_closed_reader_closes_the_writer() -> None:
    engine = Slow("One.", "Two.")
    reader = timed(engine.generate((), max_tokens=1), LONG)
    next(reader)
    reader.close()
    assert engine.closed.is_set()


@pytest.mark.parametrize("error", [ZeroDivisionError(), TimeoutError("its own"), ServiceError("gone")])
def test_the_writers_own_errors_pass(error: Exception) -> None:
    def pieces() -> Iterator[str]:
        yield "a"
        raise error

    with pytest.raises(type(error)) as caught:
        list(timed(pieces(), LONG))
    assert caught.value is error


# --- what the learner sees ------------------------------------------------------------------------


def test_when_time_is_up_the_rules_finish_what_was_shown() -> None:
    rules = RuleTutor().advise(SINK, LEARNER)
    for pieces, shown in ((("Great",), ""), (('Great work on "weather"! ',), 'Great work on "weather"!')):
        tutor = LlmTutor(Slow(*pieces), timeout=0.3)
        stream = tutor.stream(SINK, LEARNER)
        text = "".join(stream)
        assert text.startswith(shown), "what was shown stays"
        assert text == (rules.summary if not shown else f"{shown} {rules.summary.split(' clearly. ')[1]}")
        assert tutor.last is not None and tutor.last.violations[0].code == "service"
        assert LlmTutor(Slow(*pieces), timeout=0.3).advise(SINK, LEARNER) == rules


def test_what_came_too_late_is_not_remembered() -> None:
    engine = Slow("Great")
    tutor = LlmTutor(engine, timeout=0.1)
    tutor.advise(SINK, LEARNER)
    tutor.advise(SINK, LEARNER)
    assert engine.asked == 2 and len(tutor.cache) == 0


def test_an_endless_reply_without_a_full_stop_is_not_read_on() -> None:
    read: list[str] = []

    class Endless:
        name = "endless"

        def generate(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
            while True:
                read.append("word ")
                yield read[-1]

    tutor = LlmTutor(Endless())
    assert tutor.advise(SINK, LEARNER) == RuleTutor().advise(SINK, LEARNER)
    assert len("".join(read)) <= MAX_CHARACTERS + 10
