"""Engines for measuring: one that times another, one that answers all that will be asked at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from time import perf_counter

from speechtutor.core import LearnerState, UtteranceScore
from speechtutor.stages import Batching, Message, TextEngine
from speechtutor.tutor.evidence import gather
from speechtutor.tutor.phrasing import LlmTutor


class Timed:
    """An engine that remembers when its first piece came."""

    def __init__(self, engine: TextEngine) -> None:
        """Time `engine`."""
        self.engine = engine
        self.first: float | None = None

    @property
    def name(self) -> str:
        """The engine's."""
        return self.engine.name

    def generate(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
        """The engine's pieces."""
        start = perf_counter()
        self.first = None
        for piece in self.engine.generate(messages, max_tokens=max_tokens):
            if self.first is None:
                self.first = perf_counter() - start
            yield piece


class Recorded:
    """An engine whose replies were written before, many at a time; of their times nothing is known."""

    def __init__(self, engine: Batching, chats: Sequence[Sequence[Message]], max_tokens: int) -> None:
        """Let `engine` answer all chats now."""
        self.engine, self.name = engine, engine.name
        known = list(dict.fromkeys(map(tuple, chats)))
        self._replies = dict(zip(known, engine.answers(known, max_tokens=max_tokens), strict=True))

    def generate(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
        """The reply at once, or by the engine itself where it was not foreseen."""
        known = self._replies.get(tuple(messages))
        return iter([known]) if known is not None else self.engine.generate(messages, max_tokens=max_tokens)


def ahead(tutor: LlmTutor, scores: Iterable[UtteranceScore]) -> LlmTutor:
    """The tutor with its replies about all scores written ahead in batches, where its engine can do that."""
    if not isinstance(tutor.engine, Batching):
        return tutor
    state = LearnerState()
    chats = [chat for one in scores if (chat := tutor.asked(gather(one, state), state)) is not None]
    engine = Recorded(tutor.engine, chats, tutor.max_tokens)
    return LlmTutor(
        engine, tutor.fallback, max_tokens=tutor.max_tokens, shots=tutor.shots, starts=tutor.starts
    )
