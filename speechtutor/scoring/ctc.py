"""Connectionist temporal classification (Graves et al., 2006): all paths, the best path, free decoding.

A text of N phones is a lattice of 2N + 1 states: blank g (before phone g) at 2g, phone i at
2i + 1. A path takes one state per frame; equal neighbours need the blank between them, since a
run of one symbol counts once. Everything is exact, in float64 and natural logarithms; hard zeros
(-inf) are welcome. Arrays in, arrays out: what the numbers mean for a learner is said elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import ArrayLike, NDArray

from speechtutor.core import Emission
from speechtutor.errors import InputError

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Span = tuple[int, int]

MAX_SUM_CELLS = 20_000_000
"""Most frames x states of a forward table (float64, 160 MB): about two minutes of speech."""

MAX_PATH_CELLS = 100_000_000
"""Most frames x states of a best path (one byte each): about five minutes of speech."""


@dataclass(frozen=True, slots=True)
class Path:
    """The best CTC path of a phone sequence.

    `symbols`, shape (n_frames,), is the column taken in each frame; `spans[i]` are the half-open
    frames in which target i itself is taken (its peak, blanks left out); `score` is the path's
    log-probability.
    """

    symbols: Indices
    spans: tuple[Span, ...]
    score: float


@dataclass(frozen=True, slots=True)
class Decoded:
    """A phone of the free decoding at frames [start_frame, end_frame)."""

    phone: str
    start_frame: int
    end_frame: int


def forward(log_probs: ArrayLike, targets: Sequence[int], blank: int = 0) -> Array:
    """Log-probability of all ways to be in a state at a frame, emission of that frame included.

    Takes (n_frames, n_symbols), returns (n_frames, 2 * n_phones + 1). The likelihood of the text
    is the log-sum of the last row's last two states (Graves et al., 2006).

    Raises:
        InputError: when there are no frames, or so many that the table would not fit in memory.
    """
    frames, phones = checked(log_probs, targets, blank)
    alpha = _table(frames, phones)
    repeated = _repeated(phones)
    silent, own = frames[:, blank], frames[:, phones]
    blanks = np.full(len(phones) + 1, -np.inf)
    blanks[0] = 0.0  # before the first frame all mass waits at the start
    voiced = np.full(len(phones), -np.inf)
    for t, row in enumerate(alpha):
        reached = blanks.copy()
        np.logaddexp(blanks[1:], voiced, out=reached[1:])
        entry = np.where(repeated, blanks[:-1], reached[:-1])
        np.add(reached, silent[t], out=blanks)
        voiced = np.logaddexp(voiced, entry) + own[t]
        row[0::2], row[1::2] = blanks, voiced
    return alpha


def backward(log_probs: ArrayLike, targets: Sequence[int], blank: int = 0) -> Array:
    """Log-probability of all ways to finish from a state, emission of that frame excluded.

    Shapes and errors as in `forward`; `forward + backward` sums to the likelihood at every frame.
    """
    frames, phones = checked(log_probs, targets, blank)
    beta = _table(frames, phones)
    repeated = np.append(_repeated(phones)[1:], False)[: len(phones)]
    silent, own = frames[:, blank], frames[:, phones]
    blanks = np.full(len(phones) + 1, -np.inf)
    blanks[-1] = 0.0  # after the last frame only the end is left
    voiced = np.full(len(phones), -np.inf)
    for t in range(len(frames) - 1, -1, -1):
        ahead = blanks.copy()
        np.logaddexp(blanks[:-1], voiced, out=ahead[:-1])
        after = np.logaddexp(voiced, np.where(repeated, blanks[1:], ahead[1:]))
        beta[t, 0::2], beta[t, 1::2] = ahead, after
        np.add(ahead, silent[t], out=blanks)
        voiced = after + own[t]
    return beta


def log_likelihood(alpha: Array) -> float:
    """Log-likelihood of the whole text from the forward table."""
    return float(np.logaddexp.reduce(alpha[-1, -2:]))


def forced_align(log_probs: ArrayLike, targets: Sequence[int], blank: int = 0) -> Path:
    """The best path of one phone sequence; `log_probs` has shape (n_frames, n_symbols).

    Raises:
        InputError: when the frames cannot hold the targets (equal neighbours need a blank between).
    """
    frames, phones = checked(log_probs, targets, blank)
    lattice = Lattice.of([[phones.tolist()]] if len(phones) else [], blank)
    states, score = lattice.require_path(frames)
    return Path(lattice.symbols[states], tuple(span for _, span in lattice.runs(states)), score)


def decode(emission: Emission) -> tuple[Decoded, ...]:
    """The best phone of every frame, repeats merged and blanks dropped, with its frames."""
    decoded, frame = [], 0
    for symbol, run in groupby(emission.log_probs.argmax(axis=1).tolist()):
        start, frame = frame, frame + len(list(run))
        if symbol != emission.blank:
            decoded.append(Decoded(emission.symbols[symbol], start, frame))
    return tuple(decoded)


def greedy(emission: Emission) -> list[str]:
    """The phones of the free decoding, as the phone error rate takes them."""
    return [found.phone for found in decode(emission)]


@dataclass(frozen=True, slots=True)
class Lattice:
    """All states of a text: `symbols`, shape (n_states,), is what each one emits; 0 is the start.

    `before`, shape (n_states, n_edges), lists the states each one may come from, itself first,
    filled up with n_states, which is never reached. `owners` maps a phone's state to (word,
    variant). A path ends in one of `finals`.
    """

    symbols: Indices
    before: Indices
    owners: dict[int, tuple[int, int]]
    finals: Indices

    @classmethod
    def of(cls, words: Sequence[Sequence[Sequence[int]]], blank: int) -> Lattice:
        """The lattice of words, each a choice of pronunciations, each of these one or more columns."""
        symbols: list[int] = []
        before: list[list[int]] = []
        owners: dict[int, tuple[int, int]] = {}

        def add(symbol: int, sources: Sequence[int]) -> int:
            state = len(symbols)
            symbols.append(symbol)
            # CTC merges equal neighbours: they stay two phones only with the blank between them
            before.append([state, *(source for source in sources if symbols[source] != symbol)])
            return state

        ends: list[int] = []
        junction = add(blank, ends)
        for word, variants in enumerate(words):
            entries, ends = [junction, *ends], []
            for variant, phones in enumerate(variants):
                state = add(phones[0], entries)
                owners[state] = (word, variant)
                for phone in phones[1:]:
                    state = add(phone, [add(blank, [state]), state])
                    owners[state] = (word, variant)
                ends.append(state)
            junction = add(blank, ends)
        width = max(map(len, before))
        filled = [row + [len(symbols)] * (width - len(row)) for row in before]
        return cls(np.array(symbols), np.array(filled), owners, np.array([junction, *ends]))

    def best_path(self, frames: Array, *, whole: bool = True) -> tuple[Indices, float]:
        """The state of every frame and the log-probability of the path (Viterbi), -inf if there is none.

        Without `whole` the path may end anywhere in the text.

        Raises:
            InputError: when the table of all frames and states would not fit in memory.
        """
        n_frames, n_states = len(frames), len(self.symbols)
        if n_frames * n_states > MAX_PATH_CELLS:
            raise InputError(f"{n_frames} frames are too many to align at once: split the recording")
        best = np.full(n_states + 1, -np.inf)
        best[0] = 0.0
        back = np.empty((n_frames, n_states), np.uint8)
        rows = np.arange(n_states)
        for frame, taken in zip(frames, back, strict=True):
            arriving = best[self.before]
            taken[:] = edge = arriving.argmax(axis=1)
            best[:-1] = arriving[rows, edge] + frame[self.symbols]
        ends = self.finals if whole else rows
        state = int(ends[best[ends].argmax()])
        score = float(best[state])
        states = np.empty(n_frames, np.int64)
        for t in range(n_frames - 1, -1, -1):
            states[t] = state
            state = int(self.before[state, back[t, state]])
        return states, score

    def require_path(self, frames: Array) -> tuple[Indices, float]:
        """The best path.

        Raises:
            InputError: when there is none, or as in `best_path`.
        """
        states, score = self.best_path(frames)
        if score == -np.inf:
            n_phones = sum(variant == 0 for _, variant in self.owners.values())
            message = f"the recording cannot hold the text: {len(frames)} frames for {n_phones} phones"
            raise InputError(message)
        return states, score

    def runs(self, states: Indices) -> list[tuple[int, Span]]:
        """The phone states of a path in order, each with its half-open frames."""
        found, frame = [], 0
        for state, run in groupby(states.tolist()):
            start, frame = frame, frame + len(list(run))
            if state in self.owners:
                found.append((state, (start, frame)))
        return found


def checked(log_probs: ArrayLike, targets: Sequence[int], blank: int) -> tuple[Array, Indices]:
    """Log-probabilities and targets as float64 and int64 arrays, refused where they make no sense."""
    frames = np.asarray(log_probs, dtype=np.float64)
    phones = np.asarray(targets, dtype=np.int64)
    if frames.ndim != 2 or not 0 <= blank < frames.shape[1]:
        raise ValueError(f"log_probs must be (n_frames, n_symbols) with column {blank}, not {frames.shape}")
    if not (frames < np.inf).all():
        raise ValueError("log_probs hold nan or +inf")
    if ((phones < 0) | (phones >= frames.shape[1]) | (phones == blank)).any():
        raise ValueError(f"targets must be columns of log_probs other than the blank, not {list(targets)}")
    if not len(frames):
        raise InputError("the recording is too short: it holds no frames")
    return frames, phones


def _table(frames: Array, phones: Indices) -> Array:
    """An empty table of all frames and states."""
    shape = len(frames), 2 * len(phones) + 1
    if shape[0] * shape[1] > MAX_SUM_CELLS:
        counted = f"{shape[0]} frames with {len(phones)} phones"
        raise InputError(f"{counted} are too many at once: split the recording")
    return np.full(shape, -np.inf)


def _repeated(phones: Indices) -> NDArray[np.bool_]:
    """Whether a phone equals the one before it, so that CTC needs a blank between them."""
    return np.asarray(np.append(-1, phones)[: len(phones)] == phones)
