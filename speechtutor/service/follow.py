"""Following somebody who speaks: words as they come, scores as they become sure, and the whole at the end.

With a text, the acoustic model says how far the reading has come (`scoring.progress`). Free speech is
transcribed again and again, and a word is told as sure once two hypotheses in a row agree on it (local
agreement, Liu et al., 2020); the first of them are drafts, where the transcriber makes any. A word's score
is told once it is a moment past; the end judges all anew, as if the recording had come at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import takewhile

from speechtutor.audio.live import Live
from speechtutor.audio.quality import quality as measure
from speechtutor.core import CanonicalWord, ErrorType, Recording, Transcript, UtteranceScore, Word
from speechtutor.errors import InputError, SpeechTutorError
from speechtutor.pipeline import Coach
from speechtutor.schema import Json, feedback_json, number, score_json, transcript_json
from speechtutor.scoring.align import align
from speechtutor.scoring.observe import listen
from speechtutor.scoring.progress import n_said
from speechtutor.stages import Drafting, Listening
from speechtutor.text.phones import pronounce

SURE = 0.35
"""Seconds that a word must be past before it is judged: its last sound may still be going on."""
LONGEST = 10.0
"""Seconds of sound that are heard again at each step; what is sure before is not."""
EDGE = 0.12
"""Seconds kept behind the last word that is judged."""
LEAST = 0.3
"""Seconds of sound without which there is nothing to hear."""
SHORT = 1.5
"""Seconds of speech until which a draft is told: what little is there is often heard twice otherwise."""
STILL = 0.1
"""Seconds that speech must end before a hypothesis was made for it to hold everything."""


@dataclass
class Follower:
    """One speaker; its methods are called one at a time (`alone` is held where two could meet).

    `text` is None for free speech. `judged` is told the score at the end.
    """

    coach: Coach
    live: Live
    text: str | None
    advise: bool
    longest: float
    judged: Callable[[UtteranceScore], None]
    alone: threading.Lock = field(default_factory=threading.Lock)
    n_scored: int = 0
    ending: bool = False
    """The end has been asked for: a look that is being taken leaves the scores to it."""
    _words: tuple[CanonicalWord, ...] | None = None
    _base: float = 0.0
    _heard: tuple[Word, ...] = ()
    _confidence: float | None = None
    _n_gone: int = 0
    _until: float = 0.0
    """Where the sound ended for which the last hypothesis was made; 0 for a draft."""

    def __post_init__(self) -> None:
        """Read the text.

        Raises:
            TextError: when it cannot be turned into phones.
        """
        if self.text is not None and isinstance(self.coach.scorer, Listening):
            self._words = pronounce(self.text)

    def step(self) -> list[Json]:
        """What is to be told by now; nothing where nothing has changed."""
        with self.alone:
            recording = self.live.so_far()
            if recording is None or recording.duration < LEAST:
                return []
            window = recording.crop(self._base, recording.duration)
            if not measure(window).judgeable:
                return []
            try:
                if self._words is not None:
                    return self._reading(window, recording.duration, self._words)
                return self._speaking(window, recording.duration)
            except SpeechTutorError:  # too little for the models yet; the end says what is wrong
                return []

    def end(self) -> Json:
        """The whole, judged with everything that a recording is judged with.

        Raises:
            SpeechTutorError: when it cannot be.
        """
        with self.alone:
            recording = self.live.whole(self.longest)
            heard = None if self.text is not None else self._transcript(recording)
            if heard is None:
                score = self.coach.scorer.score(recording, self.text or "")
            else:
                score = self.coach.assess_free(recording, heard)
            self.judged(score)
            found: Json = {"type": "final", "score": score_json(score)}
            if heard is not None:
                found["transcript"] = transcript_json(heard)
            if self.advise:
                found["feedback"] = feedback_json(
                    self.coach.tutor.advise(score, self.coach.learner("stream"))
                )
            return found

    def _reading(self, window: Recording, now: float, words: tuple[CanonicalWord, ...]) -> list[Json]:
        """How far a reading has come, and scores of the words that are past."""
        assert isinstance(self.coach.scorer, Listening)
        acoustic, left = self.coach.scorer.acoustic, words[self.n_scored :]
        emission = listen(acoustic, window, measure(window))
        n = n_said(emission, left)
        if not n:
            return []
        alignment = align(emission, left[:n])
        times = [
            [alignment.interval(phone) for phone in alignment.phones if phone.word == i] for i in range(n)
        ]
        spans = [(self._base + one[0][0], self._base + one[-1][1]) for one in times]
        told: list[Json] = [
            {
                "type": "words", "at": number(now, 3), "first": self.n_scored,
                "words": [
                    _word(w.text, start, min(end, now)) for w, (start, end) in zip(left, spans, strict=False)
                ],
            }
        ]  # fmt: skip
        n_sure = len(list(takewhile(lambda span: span[1] < now - SURE, spans)))
        if n_sure:
            part = window.crop(0.0, spans[n_sure - 1][1] - self._base + EDGE)
            scored = self._scored(part, self.text or "", self._base, now, left[:n_sure])
            if scored or window.duration > LONGEST:  # else they are judged with the next ones
                told += scored
                self.n_scored += n_sure
                self._base = spans[n_sure - 1][1]
        return told

    def _speaking(self, window: Recording, now: float) -> list[Json]:
        """What was heard of free speech, and scores of what two hypotheses agree on."""
        found, early = self._hypothesis(window)
        shifted = tuple(replace(w, start=w.start + self._base, end=w.end + self._base) for w in found.words)
        before, self._heard = self._heard, shifted
        self._confidence, self._until = found.confidence, 0.0 if early else now
        same = takewhile(lambda pair: _alike(*pair), zip(before, shifted, strict=False))
        agreed = [word for _, word in same if word.end < now - SURE]
        told: list[Json] = [
            {
                "type": "words", "at": number(now, 3), "first": self._n_gone,
                "words": [_word(w.text, w.start, w.end) for w in shifted],
            }
        ]  # fmt: skip
        if new := agreed[self.n_scored - self._n_gone :]:
            start = max(new[0].start - self._base - EDGE, 0.0)
            part = window.crop(start, new[-1].end - self._base + EDGE)
            told += self._scored(part, " ".join(word.text for word in new), self._base + start, now)
            self.n_scored += len(new) * (len(told) > 1)
        if now - self._base > LONGEST and agreed:
            self._n_gone += len(agreed)
            self.n_scored = max(self.n_scored, self._n_gone)
            self._heard, self._base = self._heard[len(agreed) :], agreed[-1].end
        return told

    def _hypothesis(self, window: Recording) -> tuple[Transcript, bool]:
        """What was said in a window, and whether that is a draft."""
        spoken, transcriber = (
            sum(end - start for start, end in measure(window).speech),
            self.coach.transcriber,
        )
        if isinstance(transcriber, Drafting) and not self._n_gone and spoken < SHORT:
            return transcriber.draft(window, lang="en"), True
        return transcriber.transcribe(window, lang="en"), False

    def _scored(
        self,
        part: Recording,
        text: str,
        base: float,
        now: float,
        words: tuple[CanonicalWord, ...] | None = None,
    ) -> list[Json]:
        """The scores of words that are past, by the clock of the whole; none while they cannot be judged."""
        if self.ending:
            return []
        try:
            score = self.coach.scorer.score(part, text, words=words)
        except InputError:
            return []
        if score.overall is None and score.accuracy is None:
            return []
        # What is more than the text at a cut may be the beginning of the next word: the end tells.
        rows = [row for row in score_json(score)["words"] if row["error_type"] not in _EXTRA]
        for item in (item for row in rows for item in (row, *row["phones"])):
            for edge in ("start", "end"):
                item[edge] = None if item[edge] is None else number(item[edge] + base, 3)
        return [{"type": "scores", "at": number(now, 3), "first": self.n_scored, "words": rows}]

    def _transcript(self, recording: Recording) -> Transcript:
        """What was said: what the last step heard, where nobody spoke since and nothing was let go before."""
        speech = measure(recording).speech
        if self._heard and not self._n_gone and speech and speech[-1][1] < self._until - STILL:
            return Transcript(self._heard, "en", self._confidence)
        return self.coach.transcribe(recording)


_EXTRA = (ErrorType.INSERTION.value, ErrorType.REPETITION.value)


def _alike(one: Word, other: Word) -> bool:
    a, b = ("".join(letter for letter in word.text.lower() if letter.isalnum()) for word in (one, other))
    return a == b


def _word(text: str, start: float, end: float) -> Json:
    return {"text": text, "start": number(start, 3), "end": number(end, 3)}
