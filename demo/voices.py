"""The model voice for many learners at once: said once, heard often, and never before a check."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from speechtutor.core import Alignment, CanonicalWord, Recording, Transcript, UtteranceScore
from speechtutor.errors import TextError
from speechtutor.stages import Scorer, Synthesizer, Transcriber

MOST_BYTES = 64_000_000
"""Of what is remembered: 64 kB a second, so about a quarter of an hour."""
PATIENCE = 5.0
"""Seconds that a voice waits for checks at most, or a busy class would never hear one."""

MOST_TEXT = 8_000
"""Characters that are judged or said at once: more than the thousand words that a scorer takes."""

Key = tuple[str, float, str | None, str | None]


def _check(text: str) -> None:
    """Refuse a text by its length alone, before anything reads it.

    Raises:
        TextError: when it is too long.
    """
    if len(text) > MOST_TEXT:
        raise TextError(f"the text has {len(text)} characters; at most {MOST_TEXT} can be used at once")


class Lane:
    """Checks one after another, and voices one after another while no check is waiting."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self.patience = patience
        self._checks = 0
        self._quiet = threading.Condition()
        self._ear, self._mouth = threading.Lock(), threading.Lock()

    @contextmanager
    def check(self) -> Iterator[None]:
        """The turn of a check."""
        with self._quiet:
            self._checks += 1
        try:
            with self._ear:
                yield
        finally:
            with self._quiet:
                self._checks -= 1
                self._quiet.notify_all()

    @contextmanager
    def voice(self) -> Iterator[None]:
        """The turn of a voice."""
        with self._mouth:
            with self._quiet:
                self._quiet.wait_for(lambda: not self._checks, self.patience)
            yield


class Remembered:
    """A model voice that remembers what it said; the same text asked for twice at once is said once."""

    def __init__(self, voice: Synthesizer, lane: Lane | None = None, most_bytes: int = MOST_BYTES) -> None:
        self.voice, self.lane, self.most_bytes = voice, lane or Lane(), most_bytes
        self._said: OrderedDict[Key, Recording] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def voices(self) -> tuple[str, ...]:
        """The voices that may be asked for; none where the model has one only."""
        return tuple(getattr(self.voice, "voices", ()))

    def speak(
        self, text: str, *, rate: float = 1.0, phones: str | None = None, voice: str | None = None
    ) -> Recording:
        """The text as speech, as `Synthesizer.speak`; a `voice` that it does not have is its usual one.

        Raises:
            SpeechTutorError: as the voice does; a failure is not remembered.
        """
        _check(text)
        voice = voice if voice in self.voices else None
        key = (text, rate, phones, voice)
        if (found := self._found(key)) is not None:
            return found
        with self.lane.voice():
            if (found := self._found(key)) is not None:  # said while this one waited
                return found
            more = {} if voice is None else {"voice": voice}
            made = self.voice.speak(text, rate=rate, phones=phones, **more)
        with self._lock:
            self._said[key] = made
            while sum(one.samples.nbytes for one in self._said.values()) > self.most_bytes:
                self._said.popitem(last=False)
        return made

    def _found(self, key: Key) -> Recording | None:
        with self._lock:
            if key in self._said:
                self._said.move_to_end(key)
            return self._said.get(key)


class FirstScorer:
    """A scorer whose checks go before voices."""

    def __init__(self, scorer: Scorer, lane: Lane) -> None:
        self.scorer, self.lane = scorer, lane

    def align(self, recording: Recording, text: str) -> Alignment:
        """As the scorer."""
        _check(text)
        with self.lane.check():
            return self.scorer.align(recording, text)

    def score(
        self, recording: Recording, text: str, *, words: Sequence[CanonicalWord] | None = None
    ) -> UtteranceScore:
        """As the scorer."""
        _check(text)
        with self.lane.check():
            return self.scorer.score(recording, text, words=words)


class FirstTranscriber:
    """A transcriber whose turn comes before voices."""

    def __init__(self, transcriber: Transcriber, lane: Lane) -> None:
        self.transcriber, self.lane = transcriber, lane

    def transcribe(self, recording: Recording, *, lang: str | None = None) -> Transcript:
        """As the transcriber."""
        with self.lane.check():
            return self.transcriber.transcribe(recording, lang=lang)
