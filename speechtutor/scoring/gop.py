"""Goodness of pronunciation without segment boundaries, exact over all CTC alignments.

How much better would the recording fit if phone i of the text were q, or missing, or if q were
said before it? For every position and every phone that is a log-likelihood ratio
`log p(changed text) - log p(text)`, each likelihood summed over all alignments (the
segmentation-free GOP of Cao et al., 2024 and 2025; the ratio itself goes back to Witt and Young,
2000). One forward and one backward pass serve all of them, in O(frames x phones x symbols):

* A change at position i leaves the lattice before and after it alone. All paths cross the changed
  phone exactly once, so its likelihood is the sum, over the frames it may start and end at, of
  what the forward pass brings to its entry, the phone's own emissions, and what the backward pass
  promises at its exit.
* Every candidate keeps a running likelihood of its own. One wildcard state for all candidates
  would let different frames vote for different phones and over-count.
* CTC collapses neighbours that are equal, so a candidate equal to the phone before (after) it may
  be entered (left) through the blank only. The same holds for the two phones that a deletion
  brings together.

The lattice is that of `speechtutor.scoring.ctc`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from speechtutor.core import Alignment, Candidate, Emission
from speechtutor.errors import InputError
from speechtutor.scoring.ctc import Array, Indices, backward, checked, forward, log_likelihood

_BLOCK = 64
"""Frames summed at once: a block of the candidates' likelihoods stays in the cache."""

_ROUNDING = 1e-6
"""Nats below which two texts are equally likely."""

_LOWEST = np.finfo(np.float64).min
"""Stands for -inf in a difference."""

_CERTAIN = 1e6
"""Nats that stand for an infinite ratio where probabilities are compared."""


@dataclass(frozen=True, slots=True)
class Ratios:
    """Log-likelihood ratios (nats) of a changed text against the text, above 0 if the change fits better.

    `log_likelihood` is that of the text, -inf when the frames cannot hold it; a ratio is then inf
    where the changed text is possible and 0 where it is not. Column k of `substitution`, shape
    (n_phones, n_symbols - 1), is the symbol `columns[k]`, all symbols but the blank; the column of
    the phone itself is 0 up to rounding. `deletion`, shape (n_phones,). `occupancy`, shape
    (n_phones,), is the expected number of frames in the phone's own state. `insertion[g, k]`,
    shape (n_phones + 1, n_symbols - 1): symbol k said before phone g (after the last one for
    g = n_phones). `word_deletion`, shape (n_words,): a whole word left out; of
    neighbours that gain both, the one that gains most is missing.
    """

    log_likelihood: float
    columns: Indices
    substitution: Array
    deletion: Array
    occupancy: Array
    insertion: Array | None = None
    word_deletion: Array | None = None


@dataclass(frozen=True, slots=True)
class Goodness:
    """What the recording says about one canonical phone.

    `gop` is the log-likelihood ratio (nats) of the canonical phone against `rival`, the best other
    phone, "" for nothing at all. `probability` is the posterior of the canonical phone among
    itself, all substitutions and the deletion; `nbest` has the most probable of these, best first.
    `heard` is None when nothing is more probable than the canonical phone.
    """

    canonical: str
    gop: float
    rival: str
    probability: float
    heard: str | None
    nbest: tuple[Candidate, ...]


def ratios(
    log_probs: ArrayLike,
    targets: Sequence[int],
    blank: int = 0,
    *,
    words: Sequence[tuple[int, int]] | None = None,
    insertions: bool = False,
) -> Ratios:
    """Every substitution and deletion (on request insertion and word deletion) against the text.

    `log_probs` has shape (n_frames, n_symbols), `targets` are columns of it; `words` are half-open
    ranges of phones.

    Raises:
        InputError: as in `speechtutor.scoring.ctc.forward`.
    """
    frames, phones = checked(log_probs, targets, blank)
    n = len(phones)
    alpha, beta = forward(frames, targets, blank), backward(frames, targets, blank)
    doors = _Doors.of(frames, phones, blank, alpha, beta)
    total = log_likelihood(alpha)
    columns = np.delete(np.arange(frames.shape[1]), blank)
    sounds = frames[:, columns]
    gaps, spoken = np.arange(n + 1), np.arange(n)
    spans = np.asarray(words if words is not None else [], dtype=np.int64).reshape(-1, 2)
    # Both kinds of change walk the same frames, so they walk them together.
    starts = np.append(spoken, gaps) if insertions else spoken
    stops = np.append(spoken + 1, gaps) if insertions else spoken + 1
    changed = doors.through(sounds, starts, stops)
    with np.errstate(over="ignore", under="ignore"):
        occupancy = np.exp(alpha[:, 1::2] + beta[:, 1::2] - (total if total > -np.inf else 0.0)).sum(axis=0)
    return Ratios(
        log_likelihood=total,
        columns=columns,
        substitution=_against(changed[:n], total),
        deletion=_against(doors.past(spoken, spoken + 1), total),
        occupancy=occupancy,
        insertion=_against(changed[n:], total) if insertions else None,
        word_deletion=_against(doors.past(spans[:, 0], spans[:, 1]), total) if words is not None else None,
    )


def measure(emission: Emission, alignment: Alignment, *, insertions: bool = False) -> Ratios:
    """The ratios of an aligned text; `word_deletion` has one entry per word of the text."""
    edges = np.searchsorted([phone.word for phone in alignment.phones], range(len(alignment.words) + 1))
    spans = [(int(start), int(end)) for start, end in pairwise(edges)]
    targets = [emission.symbols.index(phone.canonical) for phone in alignment.phones]
    return ratios(emission.log_probs, targets, emission.blank, words=spans, insertions=insertions)


def in_context(
    log_probs: ArrayLike,
    targets: Sequence[int],
    blank: int = 0,
    *,
    min_gain: float = 0.0,
    max_changes: int = 20,
) -> Ratios:
    """The ratios of each phone where the others are taken as they were heard, not as they should be.

    In `ratios` a wrong phone weakens its neighbours: the sound that is in its place can also be
    explained as a substitution next door. Here the change that gains most (more than `min_gain`
    nats) is made first and everything measured again, until nothing gains: every change raises
    the likelihood, and each phone is then judged in the text that fits best. One pass of `ratios`
    a change. `log_likelihood` stays that of the text itself; insertions and words are not measured.

    Raises:
        InputError: as in `speechtutor.scoring.ctc.forward`, or when the frames cannot hold the text.
    """
    canonical = np.asarray(targets, dtype=np.int64)
    heard: list[int | None] = canonical.tolist()
    original: float | None = None
    for _ in range(max_changes + 1):
        said = np.array([phone is not None for phone in heard], dtype=bool)
        text = [phone for phone in heard if phone is not None]
        found = ratios(log_probs, text, blank, insertions=not said.all())
        if original is None:
            original = found.log_likelihood
            _require_likelihood(original, len(canonical))
        scores = np.zeros((len(heard), len(found.columns) + 1))
        scores[said] = np.column_stack([found.substitution, found.deletion])
        if found.insertion is not None:  # a phone left out: said after all, or not (0)
            scores[~said, :-1] = found.insertion[np.cumsum(said)[~said]]
        if not scores.size or scores.max() <= max(min_gain, _ROUNDING):
            break
        i, k = np.unravel_index(scores.argmax(), scores.shape)
        heard[i] = int(found.columns[k]) if k < len(found.columns) else None
    own = np.searchsorted(found.columns, canonical)
    for row, column in zip(scores, own, strict=True):
        row[:] = _against(row, row[column])
    occupancy = np.zeros(len(heard))
    occupancy[said] = found.occupancy
    return Ratios(original or 0.0, found.columns, scores[:, :-1], scores[:, -1], occupancy)


def _require_likelihood(log_likelihood: float, n_phones: int) -> None:
    if log_likelihood == -np.inf:
        raise InputError(f"the recording is too short for the {n_phones} phones of the text")


def gop(
    ratios: Ratios,
    targets: Sequence[int],
    symbols: Sequence[str],
    *,
    prior: ArrayLike | None = None,
    n_best: int = 5,
) -> tuple[Goodness, ...]:
    """What was heard at each phone: the posterior over the phone, every substitution and the deletion.

    `symbols` names the columns of the emission. `prior`, shape (n_symbols - 1, n_symbols), holds for
    each canonical phone (rows, in the order of `ratios.columns`) how probable each phone and, in
    the last column, the deletion is beforehand; flat when None.

    Raises:
        InputError: when the frames cannot hold the text, so that there is nothing to compare with.
    """
    _require_likelihood(ratios.log_likelihood, len(targets))
    names = [symbols[column] for column in ratios.columns] + [""]
    log_prior = _log_prior(prior, len(names))
    evidence = []
    for i, row in enumerate(np.searchsorted(ratios.columns, np.asarray(targets, dtype=np.int64))):
        scores = np.append(ratios.substitution[i], ratios.deletion[i])
        scores[row] = 0.0
        evidence.append(_judge(scores, int(row), log_prior[row], names, n_best))
    return tuple(evidence)


def _judge(scores: Array, own: int, log_prior: Array, names: Sequence[str], n_best: int) -> Goodness:
    """One phone's evidence from the ratios of all that may stand in its place."""
    rivals = scores.copy()
    rivals[own] = -np.inf
    best = int(rivals.argmax())
    weighted = np.minimum(scores, _CERTAIN) + log_prior
    posterior = np.exp(weighted - weighted.max())
    posterior /= posterior.sum()
    order = sorted(range(len(names)), key=lambda k: (-posterior[k], k != own))
    return Goodness(
        canonical=names[own],
        gop=-float(rivals[best]),
        rival=names[best],
        probability=float(posterior[own]),
        heard=None if order[0] == own else names[order[0]],
        nbest=tuple(Candidate(names[k], float(posterior[k])) for k in order[:n_best]),
    )


def _log_prior(prior: ArrayLike | None, n_names: int) -> Array:
    shape = (n_names - 1, n_names)
    if prior is None:
        return np.zeros(shape)
    table = np.asarray(prior, dtype=np.float64)
    if table.shape != shape or not (table >= 0).all() or not (table.diagonal() > 0).all():
        raise ValueError(f"a prior must be probabilities of shape {shape}, above 0 for the phone itself")
    with np.errstate(divide="ignore"):
        return np.log(table)


@dataclass(frozen=True, slots=True)
class _Doors:
    """Where a detour may leave the lattice of the text and come back to it.

    `enter[t, g]`, shape (n_frames + 1, n_phones + 1): phones before g are done and the next may
    start at frame t; `enter_blank`: the same with a blank just before. `leave[t, g]`, shape
    (n_frames, n_phones + 1): after frame t the text goes on at gap g; `leave_blank`: through the
    blank. `onset[t, i]`, shape (n_frames, n_phones): phone i goes on from frame t to the end.
    """

    phones: Indices
    columns: Indices
    enter: Array
    enter_blank: Array
    leave: Array
    leave_blank: Array
    onset: Array

    @classmethod
    def of(cls, frames: Array, phones: Indices, blank: int, alpha: Array, beta: Array) -> _Doors:
        n_frames, n = len(frames), len(phones)
        enter_blank = np.full((n_frames + 1, n + 1), -np.inf)
        enter_blank[0, 0] = 0.0
        enter_blank[1:] = alpha[:, 0::2]
        enter = enter_blank.copy()
        enter[1:, 1:] = np.logaddexp(alpha[:, 2::2], alpha[:, 1::2])
        onset = beta[:, 1::2] + frames[:, phones]
        leave_blank = np.full((n_frames, n + 1), -np.inf)
        leave_blank[-1, n] = 0.0
        leave_blank[:-1] = beta[1:, 0::2] + frames[1:, blank, None]
        leave = leave_blank.copy()
        leave[:-1, :-1] = np.logaddexp(leave_blank[:-1, :-1], onset[1:])
        columns = phones - (phones > blank)
        return cls(phones, columns, enter, enter_blank, leave, leave_blank, onset)

    def through(self, sounds: Array, starts: Indices, stops: Indices) -> Array:
        """Log-likelihoods of the text with phones [start, stop) replaced by each single symbol.

        `sounds` has shape (n_frames, n_symbols - 1); returns (len(starts), n_symbols - 1).
        """
        left, right = np.flatnonzero(starts > 0), np.flatnonzero(stops < len(self.phones))
        left_column, right_column = self.columns[starts[left] - 1], self.columns[stops[right]]
        shape = (len(starts), sounds.shape[1])
        inside, total, space = np.full(shape, -np.inf), np.full(shape, -np.inf), np.empty(shape)
        for first in range(0, len(sounds), _BLOCK):
            block = slice(first, min(first + _BLOCK, len(sounds)))
            table = np.repeat(self.enter[block, starts, None], shape[1], axis=2)
            table[:, left, left_column] = self.enter_blank[block, starts[left]]
            for row, sound in zip(table, sounds[block], strict=True):
                log_add(inside, row, space)
                inside += sound
                row[...] = inside
            last = table[:, right, right_column] + self.leave_blank[block, stops[right]]
            table += self.leave[block, stops, None]
            table[:, right, right_column] = last
            np.logaddexp(total, _log_sum(table), out=total)
        return total

    def past(self, starts: Indices, stops: Indices) -> Array:
        """Log-likelihoods of the text without the phones [start, stop); returns (len(starts),)."""
        total: Array = self.enter[-1, starts]  # nothing follows: the text ends where the gap starts
        inner = np.flatnonzero(stops < len(self.phones))
        start, stop = starts[inner], stops[inner]
        meets_itself = (start > 0) & (self.phones[start - 1] == self.phones[stop])
        entry = np.where(meets_itself, self.enter_blank[:-1, start], self.enter[:-1, start])
        total[inner] = _log_sum(entry + self.onset[:, stop])
        return total


def log_add(total: Array, more: Array, space: Array) -> None:
    """`np.logaddexp(total, more, out=total)` in a third of its time; `more` and `space` are overwritten.

    NumPy has vector instructions for `exp` and `log1p`, not for `logaddexp`.
    """
    np.minimum(total, more, out=space)
    np.maximum(total, more, out=total)
    np.maximum(total, _LOWEST, out=more)  # else -inf would be taken from -inf
    space -= more
    np.exp(space, out=space)
    np.log1p(space, out=space)
    total += space


def _log_sum(table: Array) -> Array:
    """`log(sum(exp(table)))` over the first axis, -inf where everything is."""
    peak = table.max(axis=0)
    finite = np.where(peak == -np.inf, 0.0, peak)
    with np.errstate(divide="ignore", under="ignore"):
        total: Array = finite + np.log(np.exp(table - finite).sum(axis=0))
    return total


def _against(changed: Array, total: float) -> Array:
    """Ratios as `Ratios` defines them, also for a text that is impossible."""
    ratio: Array = changed - total if total > -np.inf else np.where(changed > -np.inf, np.inf, 0.0)
    return ratio
