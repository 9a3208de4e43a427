"""Requests that wait are heard together: what a graphics card hears at once costs little more than one.

queue ──▶ bytes of this request and of those behind it ──▶ Ahead.hear ──▶ each judged in its turn
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from speechtutor.core import Alignment, CanonicalWord, Recording, UtteranceScore
from speechtutor.errors import InputError
from speechtutor.stages import AcousticModel, Foresighted, Scorer

log = logging.getLogger("speechtutor.service")


class Ahead:
    """A scorer that may hear several recordings before they are its turn; it keeps the last batch alone."""

    def __init__(self, scorer: Foresighted) -> None:
        """Around a scorer that can."""
        self._scorer = self._now = scorer

    def hear(self, recordings: Sequence[Recording]) -> None:
        """Hear these at once; whatever fails, each is heard by itself in its turn."""
        self._now = self._scorer
        try:
            self._now = self._scorer.having_heard(recordings)
        except Exception as error:  # such as too little memory for all at once
            log.warning('{"heard_together": %d, "failed": "%s"}', len(recordings), type(error).__name__)

    @property
    def acoustic(self) -> AcousticModel:
        """What it hears with."""
        return self._now.acoustic

    def hearing_with(self, acoustic: AcousticModel) -> Scorer:
        """The scorer with another acoustic model, which has heard nothing."""
        return self._scorer.hearing_with(acoustic)

    def align(self, recording: Recording, text: str) -> Alignment:
        """When each word and phone of the text was said."""
        return self._now.align(recording, text)

    def score(
        self, recording: Recording, text: str, *, words: Sequence[CanonicalWord] | None = None
    ) -> UtteranceScore:
        """How well a text was said."""
        return self._now.score(recording, text, words=words)


def hearing(ahead: Ahead, decode: Callable[[bytes], Recording]) -> Callable[[Sequence[bytes]], None]:
    """What a queue calls with the sound of the requests whose turn comes next."""

    def hear(sounds: Sequence[bytes]) -> None:
        recordings = []
        for data in sounds:
            with suppress(InputError):  # said to whoever sent it, in their turn
                recordings.append(decode(data))
        ahead.hear(recordings)

    return hear
