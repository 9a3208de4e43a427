"""A small deterministic stand-in for every stage: for tests, docs and working on the app.

None of them listens. What they return is made from the text and from what they were told to say,
and says so: their `model` is "fake". They are in the registry under the name `fake` and are never
a default.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from speechtutor.core import (
    SAMPLE_RATE,
    AlignedPhone,
    Alignment,
    Attempt,
    Candidate,
    CanonicalWord,
    Caution,
    Code,
    Correction,
    Edit,
    Emission,
    ErrorType,
    Feedback,
    GrammarEdit,
    GrammarKind,
    LearnerState,
    PhoneScore,
    Recording,
    Seconds,
    Tip,
    Transcript,
    UtteranceScore,
    Word,
    WordScore,
)
from speechtutor.learner.mastery import replay
from speechtutor.text.phones import PHONES, pronounce

NAME = "fake"
BLANK = "<blank>"
FRAME_SHIFT: Seconds = 0.02
PEAK = 0.98
"""Probability of the phone at its peak; the rest is shared out evenly."""


FOLLOW_UP = 'Try it again. Then say: "I have two cups of tea."'
"""The next step of the tutor, whatever was said."""


def _shares(count: int, duration: Seconds) -> list[tuple[Seconds, Seconds]]:
    """`count` equal intervals that fill [0, duration)."""
    edges = np.linspace(0.0, duration, count + 1)
    return [(float(start), float(end)) for start, end in pairwise(edges)]


@dataclass(frozen=True)
class FakeTranscriber:
    """Hears `text` in every recording, its words spread evenly."""

    text: str = "hello world"
    checkpoint: str | None = None
    device: str | None = None

    def transcribe(self, recording: Recording, *, lang: str | None = None) -> Transcript:
        """The fixed text."""
        words = self.text.split()
        times = _shares(len(words), recording.duration)
        said = tuple(Word(word, *interval, 1.0) for word, interval in zip(words, times, strict=True))
        return Transcript(said, lang or "en", 1.0 if words else None)


@dataclass(frozen=True)
class FakeAcousticModel:
    """Emits `phones` as CTC does: one peak each in the middle of an equal share, blank elsewhere."""

    phones: tuple[str, ...] = ("HH", "AH", "L", "OW")
    checkpoint: str | None = None
    device: str | None = None

    def emit(self, recording: Recording) -> Emission:
        """Peaks for the fixed phones; needs at least two frames a phone."""
        n_frames = max(round(recording.duration / FRAME_SHIFT), 2 * len(self.phones), 1)
        symbols = (BLANK, *PHONES)
        probabilities = np.full((n_frames, len(symbols)), (1 - PEAK) / (len(symbols) - 1))
        winners = np.zeros(n_frames, dtype=np.intp)
        for i, phone in enumerate(self.phones):
            winners[int((i + 0.5) * n_frames / len(self.phones))] = symbols.index(phone)
        probabilities[np.arange(n_frames), winners] = PEAK
        return Emission(np.log(probabilities).astype(np.float32), symbols, FRAME_SHIFT)


@dataclass(frozen=True)
class FakeScorer:
    """Finds every phone well said, except those in `errors`: canonical phone -> what was heard."""

    errors: Mapping[str, str] = field(default_factory=lambda: {"TH": "S"})
    checkpoint: str | None = None
    device: str | None = None

    def align(self, recording: Recording, text: str) -> Alignment:
        """The citation phones of the text spread evenly over the recording."""
        return self._aligned(recording, pronounce(text))

    def _aligned(self, recording: Recording, words: Sequence[CanonicalWord]) -> Alignment:
        said = [(phone, i) for i, word in enumerate(words) for phone in word.pronunciations[0]]
        edges = np.linspace(0, round(recording.duration / FRAME_SHIFT), len(said) + 1).round().astype(int)
        phones = tuple(
            AlignedPhone(phone, word, int(edges[i]), int(edges[i + 1]))
            for i, (phone, word) in enumerate(said)
        )
        return Alignment(tuple(words), (0,) * len(words), phones, 0.0, FRAME_SHIFT)

    def score(
        self, recording: Recording, text: str, *, words: Sequence[CanonicalWord] | None = None
    ) -> UtteranceScore:
        """Fixed scores; none, and a caution, for digital silence."""
        alignment = self._aligned(recording, pronounce(text) if words is None else words)
        if not recording.samples.any():
            silence = Caution(Code.SILENCE, "the recording is silent")
            return UtteranceScore(text, (), duration=recording.duration, model=NAME, cautions=(silence,))
        judged = tuple(self._word(alignment, i, word) for i, word in enumerate(alignment.words))
        mean = float(np.mean([word.score for word in judged if word.score is not None]))
        return UtteranceScore(
            text,
            judged,
            overall=mean,
            accuracy=mean,
            fluency=1.0,
            completeness=1.0,
            confidence=1.0,
            duration=recording.duration,
            model=NAME,
            model_version="0",
        )

    def _word(self, alignment: Alignment, index: int, word: CanonicalWord) -> WordScore:
        phones = tuple(
            self._phone(phone.canonical, *alignment.interval(phone))
            for phone in alignment.phones
            if phone.word == index
        )
        wrong = any(phone.edit is not Edit.MATCH for phone in phones)
        return WordScore(
            word.text,
            float(np.mean([phone.score for phone in phones])),
            phones[0].start,
            phones[-1].end,
            word.char_start,
            word.char_end,
            confidence=1.0,
            error_type=ErrorType.MISPRONUNCIATION if wrong else ErrorType.NONE,
            phones=phones,
        )

    def _phone(self, canonical: str, start: Seconds, end: Seconds) -> PhoneScore:
        heard = self.errors.get(canonical)
        if heard is None:
            return PhoneScore(canonical, 1.0, start, end, confidence=1.0, error_probability=0.0)
        edit = Edit.SUBSTITUTION if heard else Edit.DELETION
        nbest = (Candidate(heard, 0.9), Candidate(canonical, 0.1))
        return PhoneScore(canonical, 0.2, start, end, edit, heard, None, 1.0, 0.9, nbest)


@dataclass(frozen=True)
class FakeTutor:
    """Names the first wrong phone of the score, in a fixed sentence."""

    checkpoint: str | None = None
    device: str | None = None

    def advise(self, score: UtteranceScore, learner: LearnerState) -> Feedback:
        """One tip at most."""
        for word in score.words:
            for phone in word.phones:
                if phone.edit is not Edit.MATCH:
                    advice = f"Say {phone.canonical} in {word.text}."
                    tip = Tip(word.text, phone.canonical, phone.heard, advice)
                    return Feedback("One sound to work on.", (tip,), FOLLOW_UP, NAME)
        return Feedback("Well said.", (), FOLLOW_UP, NAME)

    def stream(self, score: UtteranceScore, learner: LearnerState) -> Generator[str, None, Feedback]:
        """The summary in one piece."""
        feedback = self.advise(score, learner)
        yield feedback.summary
        return feedback


@dataclass(frozen=True)
class FakeCorrector:
    """Says that the first "a" should have been "the"."""

    checkpoint: str | None = None
    device: str | None = None

    def correct(self, text: str) -> Correction:
        """One edit at most; words are what stands between spaces."""
        words = text.split()
        if "a" not in words:
            return Correction(text, text, text, (), NAME)
        place = words.index("a")
        edit = GrammarEdit(place, place + 1, "a", "the", GrammarKind.ARTICLE, 1.0, NAME)
        made = " ".join([*words[:place], "the", *words[place + 1 :]])
        return Correction(text, text, made, (edit,), NAME)


@dataclass(frozen=True)
class FakeSynthesizer:
    """A hum of 120 Hz, a tenth of a second for every letter: sound, but not speech."""

    checkpoint: str | None = None
    device: str | None = None

    def speak(self, text: str, *, rate: float = 1.0, phones: str | None = None) -> Recording:
        """The hum; its length follows `phones` where given, else the text."""
        duration = 0.1 * len(phones or text) / rate
        times = np.arange(round(duration * SAMPLE_RATE)) / SAMPLE_RATE
        return Recording((0.3 * np.sin(2 * np.pi * 120 * times)).astype(np.float32))


@dataclass
class FakeStore:
    """Remembers attempts until the process ends."""

    kept: list[Attempt] = field(default_factory=list)

    def append(self, attempt: Attempt) -> None:
        """Remember an attempt."""
        if all(kept.id != attempt.id for kept in self.kept):
            self.kept.append(attempt)

    def state(self, learner: str) -> LearnerState:
        """What is known of a learner."""
        return replace(replay(self.attempts(learner)), learner=learner)

    def attempts(self, learner: str) -> Iterator[Attempt]:
        """All attempts of a learner, oldest first."""
        return iter(sorted((a for a in self.kept if a.learner == learner), key=lambda a: a.at))

    def delete(self, learner: str) -> int:
        """Forget a learner."""
        before = len(self.kept)
        self.kept[:] = [attempt for attempt in self.kept if attempt.learner != learner]
        return before - len(self.kept)
