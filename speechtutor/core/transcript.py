"""What was said, and where each canonical phone is."""

from __future__ import annotations

from dataclasses import dataclass

from speechtutor.core.recording import (
    Seconds,
)


@dataclass(frozen=True, slots=True)
class Word:
    """A recognised word; `confidence` is a probability or None."""

    text: str
    start: Seconds
    end: Seconds
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a recogniser heard."""

    words: tuple[Word, ...]
    lang: str = "en"
    confidence: float | None = None

    @property
    def text(self) -> str:
        """The words, separated by spaces."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class CanonicalWord:
    """A word of the text with its accepted pronunciations, the citation form first.

    `pronunciations` are tuples of phones without stress digits; `stress` is parallel to it: per
    pronunciation one digit per phone (0, 1, 2 for vowels, -1 for consonants). `text` is the word
    as written, at `[char_start, char_end)` of the text.
    """

    text: str
    char_start: int
    char_end: int
    pronunciations: tuple[tuple[str, ...], ...]
    stress: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class AlignedPhone:
    """A canonical phone at frames [start_frame, end_frame); `word` indexes the text's words."""

    canonical: str
    word: int
    start_frame: int
    end_frame: int


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where each canonical phone is; `variants[i]` says which pronunciation of word i was heard."""

    words: tuple[CanonicalWord, ...]
    variants: tuple[int, ...]
    phones: tuple[AlignedPhone, ...]
    log_likelihood: float
    frame_shift: Seconds
    origin: Seconds = 0.0

    def interval(self, phone: AlignedPhone) -> tuple[Seconds, Seconds]:
        """Start and end of a phone in seconds of the recording, never below 0."""
        start, end = phone.start_frame * self.frame_shift, phone.end_frame * self.frame_shift
        return max(start + self.origin, 0.0), max(end + self.origin, 0.0)
