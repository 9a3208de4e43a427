"""What every Whisper backend shares: windows, silence, loops, and tokens grouped into words.

Whisper hears windows of at most 30 s and always writes something. So silence is taken out before
it by the voice activity detector, a long recording is split at its pauses, and a text that repeats
itself is known by how well it compresses (Radford et al., 2022, section 4.5).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from speechtutor.audio.vad import Interval, activity, split
from speechtutor.core import SAMPLE_RATE, Floats, Recording, Seconds, Transcript, Word
from speechtutor.core.watching import each
from speechtutor.errors import AudioError

LONGEST: Seconds = 30.0
"""A window of Whisper."""
MARGIN: Seconds = 1.0
"""Silence after a clip that the encoder really hears; the rest of the window is ready-made."""
VOICE: Seconds = 3.0
"""Length of the artificial voice before the ready-made silence."""
MAX_COMPRESSION, MIN_LOGPROB, MAX_NO_SPEECH = 2.4, -1.0, 0.6
"""Whisper's own limits for a repetitive, a doubtful and an empty window."""
TOKENS_AT_ONCE, TOKENS_PER_SECOND = 10, 12
"""Nobody says more than this; a longer text is a loop."""
UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Languages written without spaces between words."""
SHORTEST: Seconds = 0.02
MISSED: Seconds = 0.8
"""Speech without a word from which a window is heard again in parts: a short sentence is longer."""
NEAR: Seconds = 0.3
"""How far beside a word speech still belongs to it, for the times of words are rough."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What was heard in one window.

    `logprob` is the mean per token, the end of text included. `no_speech` is the model's probability
    that nobody speaks; it cannot be trusted where the silence is ready-made, so it is 0 there.
    """

    words: tuple[Word, ...]
    logprob: float
    no_speech: float = 0.0
    lang: str = "en"
    looped: bool = False

    @property
    def doubtful(self) -> bool:
        """Whether the window should be heard again with real padding."""
        return self.looped or self.logprob < MIN_LOGPROB

    @property
    def empty(self) -> bool:
        """Whether the model itself says that nobody spoke, and doubts what it wrote."""
        return not self.words or (self.no_speech > MAX_NO_SPEECH and self.logprob < MIN_LOGPROB)


def looped(text: str) -> bool:
    """Whether a text repeats itself as speech does not."""
    data = text.encode()
    return bool(data) and len(data) / len(zlib.compress(data)) > MAX_COMPRESSION


def voice() -> Floats:
    """An artificial voice: 19 harmonics of a gliding pitch that swell four times a second, as syllables do.

    The encoder's states of silence depend on what was said before. In Whisper base those behind this
    voice are seven times nearer (in squared error) to those behind a learner than the states of a
    window that is silent throughout, which make the decoder doubt that anybody speaks.
    """
    time = np.arange(round(VOICE * SAMPLE_RATE)) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(120 + 40 * np.sin(2 * np.pi * 1.3 * time)) / SAMPLE_RATE
    wave = np.sum([np.sin(k * phase) / k for k in range(1, 20)], axis=0)
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * 4 * time)
    return np.asarray(0.3 * swell * wave / np.abs(wave).max(), dtype=np.float32)


def token_budget(duration: Seconds, longest: int) -> int:
    """How many tokens a window may hold, at most `longest`."""
    return min(longest, TOKENS_AT_ONCE + math.ceil(TOKENS_PER_SECOND * duration))


def settle(attempt: Callable[..., Hypothesis], *, crop: bool) -> Hypothesis:
    """One window's text: cropped where that is sure, else padded, else padded and kept from repeating.

    `attempt(crop=..., **options)` hears the window once; it takes `no_repeat_ngram_size`, too.
    """
    heard = attempt(crop=crop)
    if crop and heard.doubtful:
        padded = attempt(crop=False)
        if heard.looped or not padded.looped:
            heard = padded
    if heard.looped:
        heard = attempt(crop=False, no_repeat_ngram_size=3)
    return heard


def glance(attempt: Callable[..., Hypothesis], *, crop: bool) -> Hypothesis:
    """One window's text as it is heard at once; none where it is a loop."""
    heard = attempt(crop=crop)
    return replace(heard, words=()) if heard.looped else heard


def transcribe(
    recording: Recording, hear: Callable[[Recording], Hypothesis], *, lang: str, longest: Seconds = LONGEST
) -> Transcript:
    """Let `hear` write down each window of a recording that has speech in it.

    `lang` is the transcript's language when nothing was heard.

    Raises:
        AudioError: when the recording is not at `SAMPLE_RATE`.
    """
    if recording.sample_rate != SAMPLE_RATE:
        raise AudioError(f"expected a recording at {SAMPLE_RATE} Hz, not {recording.sample_rate}")
    speech = activity(recording)
    heard: list[Hypothesis] = []
    for offset, piece in each(split(recording, longest, speech=speech)):
        inside = _within(speech, offset, offset + piece.duration)
        if inside:
            heard += _listened(piece, offset, inside, hear)
    words = tuple(word for hypothesis in heard for word in hypothesis.words)
    if not words:
        return Transcript((), lang)
    weights = [len(hypothesis.words) for hypothesis in heard]
    logprob = float(np.average([hypothesis.logprob for hypothesis in heard], weights=weights))
    return Transcript(words, heard[0].lang, math.exp(min(logprob, 0.0)))


def _listened(
    piece: Recording, offset: Seconds, speech: Sequence[Interval], hear: Callable[[Recording], Hypothesis]
) -> list[Hypothesis]:
    """What was heard in a piece, in the recording's time; in parts where a stretch of speech has no words.

    Whisper often writes a sentence that is said twice only once, sure of it all the same. The parts are
    kept when something surely was said where there had been no words, else (a cough, noise) the whole is.
    """
    whole = hear(piece)
    found = [] if whole.empty else [replace(whole, words=_placed(whole.words, speech, offset))]
    missed = _missed(found[0].words, speech) if found else None
    if missed is None:
        return found
    cuts = _around(missed, found[0].words, offset, offset + piece.duration)
    edges = [
        offset,
        *(cut for cut in cuts if offset < cut < offset + piece.duration),
        offset + piece.duration,
    ]
    parts: list[Hypothesis] = []
    for start, end in pairwise(edges):
        first, last = (round((edge - offset) * SAMPLE_RATE) for edge in (start, end))
        inside = _within(speech, start, end)
        heard = _listened(Recording(piece.samples[first:last]), start, inside, hear) if inside else []
        if (start, end) == tuple(cuts) and not any(h.words and not h.doubtful for h in heard):
            return found
        parts += heard
    return parts


def _missed(words: Sequence[Word], speech: Sequence[Interval]) -> Interval | None:
    """The longest stretch of speech between two words, or beside all, if it is long enough to hold some."""
    bounds = [-math.inf, *(edge for word in words for edge in (word.start, word.end)), math.inf]
    stretches = []
    for before, after in zip(bounds[::2], bounds[1::2], strict=True):
        inside = _within(speech, before + NEAR, after - NEAR)
        if sum(end - start for start, end in inside) >= MISSED:
            stretches.append((inside[0][0], inside[-1][1]))
    return max(stretches, key=lambda stretch: stretch[1] - stretch[0], default=None)


def _around(missed: Interval, words: Sequence[Word], first: Seconds, last: Seconds) -> Interval:
    """Where to cut a stretch out: half way to the words beside it, or where the piece begins and ends."""
    before = [word.end for word in words if word.end <= missed[0]]
    after = [word.start for word in words if word.start >= missed[1]]
    start = (max(before) + missed[0]) / 2 if before else first
    return start, (min(after) + missed[1]) / 2 if after else last


def _within(speech: Sequence[Interval], start: Seconds, end: Seconds) -> list[Interval]:
    return [(max(a, start), min(b, end)) for a, b in speech if a < end and b > start]


def _placed(words: Sequence[Word], speech: Sequence[Interval], offset: Seconds) -> tuple[Word, ...]:
    """Words in the recording's time, without the silence that attention gives to the words beside it."""
    placed = []
    for word in words:
        start, end = word.start + offset, word.end + offset
        if touched := _within(speech, start, end):
            start, end = touched[0][0], touched[-1][1]
        placed.append(replace(word, start=start, end=max(end, start)))
    return tuple(placed)


def group(pieces: Sequence[str], *, spaced: bool = True) -> list[tuple[int, int]]:
    """Half-open ranges of pieces that make a word; punctuation stays with the word before it.

    A piece is the text of one token, or of several where one holds only part of a character. A word
    begins at a space, or at every letter in a language without spaces. What comes before the first
    letter is left out, so that a text of punctuation has no words.

    >>> group([" It", "'s", " ", "5", ",", " -", " Lee", "."])
    [(0, 2), (2, 6), (6, 8)]
    """
    ranges: list[tuple[int, int]] = []
    for i, piece in enumerate(pieces):
        begins = piece[:1].isspace() if spaced else any(c.isalnum() for c in piece)
        if begins or not ranges:
            ranges.append((i, i + 1))
        else:
            ranges[-1] = (ranges[-1][0], i + 1)
    words: list[tuple[int, int]] = []
    for first, last in ranges:
        if any(c.isalnum() for piece in pieces[first:last] for c in piece):
            words.append((first, last))
        elif words:
            words[-1] = (words[-1][0], last)
    return words


def monotone_path(affinity: NDArray[np.floating]) -> NDArray[np.intp]:
    """First frame of each row on the best path through `affinity`, shape (n_rows, n_frames).

    The path starts in the first row, ends in the last, and from one frame to the next stays or goes
    one row down: dynamic time warping (Sakoe and Chiba, 1978) without vertical steps, one vector
    operation per frame (librosa's takes seconds to compile at its first use). With fewer frames
    than rows the rows share them evenly.
    """
    n_rows, n_frames = affinity.shape
    if n_frames < n_rows:
        return np.asarray(np.arange(n_rows) * n_frames // n_rows, dtype=np.intp)
    best = np.full(n_rows, -np.inf)
    best[0] = affinity[0, 0]
    came_down = np.zeros((n_frames, n_rows), dtype=bool)
    for t in range(1, n_frames):
        above = np.concatenate([[-np.inf], best[:-1]])
        came_down[t] = above > best
        best = np.maximum(above, best) + affinity[:, t]
    starts = np.zeros(n_rows, dtype=np.intp)
    row = n_rows - 1
    for t in range(n_frames - 1, 0, -1):
        if came_down[t, row]:
            starts[row] = t
            row -= 1
    return starts
