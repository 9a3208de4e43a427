"""The numbers that the diagnosis of an utterance rests on, from the emissions of all that hear it.

They are the exact likelihood ratios (`gop.py`) of every ear, in context: the neighbours' ratios, posteriors,
durations, which phone it is and where it stands, and how well the ears hear the eight phones to each side.
Nothing further away goes in, so that neither the speaker's nor the utterance's level is a way out for a
fluent speaker's wrong sound. Arrays in, arrays out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from speechtutor.core import Alignment, Emission
from speechtutor.core.inventory import distance
from speechtutor.scoring import gop
from speechtutor.scoring.clearness import clearness
from speechtutor.text.phones import PHONES, VOWELS
from speechtutor.text.speech_plan import FUNCTION_WORDS

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

LIMIT = 25.0
"""Nats; beyond it a likelihood ratio says "certain" and only its noise is left."""

FLOOR = -12.0
"""Nats; the least log-posterior."""

LEFT_OUT = len(PHONES)
"""The alternative "left out" beside the phones."""

NONE = len(PHONES)
"""No phone: what stands before the first and after the last one of the text."""


@dataclass(frozen=True, slots=True)
class Signs:
    """The numbers that the diagnosis of one utterance rests on.

    `phones` (n_phones, 40, n_own): of each phone's alternatives, the last one "left out";
    `around_phones` (n_phones, n_context); `gaps` (n_phones + 1, 39, n_own) of each sound that may have been
    put in before a phone (the last row: at the end), `around_gaps` (n_phones + 1, n_context). `canonical`
    (n_phones,) index in `PHONES`; its own alternative in `phones` is no alternative.
    """

    phones: Array
    around_phones: Array
    gaps: Array
    around_gaps: Array
    canonical: Indices


@dataclass(frozen=True, slots=True)
class Evidence:
    """One acoustic model's ratios and posteriors of an utterance, columns in the order of `PHONES`."""

    changed: Array
    """(n_phones, 40) every substitution and the deletion; the phone's own column is -LIMIT."""
    inserted: Array
    """(n_phones + 1, 39)."""
    mean: Array
    """(n_phones, 40) log mean posterior over the phone's frames; last the blank."""
    peak: Array
    """(n_phones, 40) largest log posterior there; last the blank's smallest."""
    own: Array
    """(n_phones, 3) of the canonical phone: mean and largest log posterior, and expected frames."""
    between: Array
    """(n_phones + 1, 39) largest log posterior from the middle of one phone to the middle of the next."""


def evidence(emission: Emission, alignment: Alignment, ratios: gop.Ratios | None = None) -> Evidence:
    """Measure an aligned text on one acoustic model's emission; `ratios` where they are there already.

    Raises:
        InputError: when the frames cannot hold the text.
    """
    ratios = gop.measure(emission, alignment, insertions=True) if ratios is None else ratios
    columns = [emission.symbols.index(phone) for phone in PHONES]
    order = np.searchsorted(ratios.columns, columns)
    canonical = np.array([PHONES.index(p.canonical) for p in alignment.phones])
    rows = np.arange(len(canonical))
    changed = np.column_stack([ratios.substitution[:, order], ratios.deletion])
    changed[rows, canonical] = -LIMIT
    log_probs = np.maximum(emission.log_probs[:, [*columns, emission.blank]].astype(np.float64), FLOOR)
    spans = [(p.start_frame, p.end_frame) for p in alignment.phones]
    mean = np.stack([np.log(np.exp(log_probs[a:b]).mean(0)) for a, b in spans])
    peak = np.stack([np.append(log_probs[a:b, :-1].max(0), log_probs[a:b, -1].min()) for a, b in spans])
    own = np.column_stack([mean[rows, canonical], peak[rows, canonical], np.minimum(ratios.occupancy, 20)])
    assert ratios.insertion is not None
    return Evidence(
        np.clip(changed, -LIMIT, LIMIT),
        np.clip(ratios.insertion[:, order], -LIMIT, LIMIT),
        mean,
        peak,
        own,
        _between(log_probs[:, :-1], spans),
    )


def _between(log_probs: Array, spans: Sequence[tuple[int, int]]) -> Array:
    middles = [(a + b) // 2 for a, b in spans]
    edges = [max(spans[0][0] - 5, 0), *middles, min(spans[-1][1] + 5, len(log_probs))]
    return np.stack([log_probs[a : max(b, a + 1)].max(0) for a, b in pairwise(edges)])


def views(emissions: Sequence[Emission]) -> list[Emission]:
    """Everything that hears the utterance: each emission, and what its lower layer says where it has one."""
    found = []
    for emission in emissions:
        found.append(emission)
        if emission.lower is not None:
            found.append(replace(emission, log_probs=emission.lower, lower=None))
    return found


def signs(emissions: Sequence[Emission], alignment: Alignment, ratios: gop.Ratios | None = None) -> Signs:
    """The numbers of an aligned utterance, heard by one or more acoustic models on the same frames.

    `ratios` (with insertions) are those of the first emission, where they are known already.

    Raises:
        InputError: when the frames cannot hold the text.
    """
    first, *others = views(emissions)
    ears = [evidence(first, alignment, ratios), *(evidence(other, alignment) for other in others)]
    canonical = np.array([PHONES.index(p.canonical) for p in alignment.phones])
    word = np.array([p.word for p in alignment.phones])
    where = _where(alignment, canonical, word)
    return Signs(
        phones=_alternatives(ears, canonical),
        around_phones=_around_phones(ears, where, canonical),
        gaps=_additions(ears, canonical),
        around_gaps=_around_gaps(ears, where, canonical, word),
        canonical=canonical,
    )


def _relative(values: Array) -> Array:
    """Each alternative against the best of the others of its row."""
    top = np.sort(values, axis=1)[:, -2:]
    best = np.where(values == top[:, 1:], top[:, :1], top[:, 1:])
    return np.clip(values - best, -LIMIT, LIMIT)


def _distances() -> Array:
    """(39, 40) how unlike two phones are; to nothing, as unlike as can be."""
    table = np.ones((len(PHONES), len(PHONES) + 1))
    table[:, :-1] = [[distance(a, b) for b in PHONES] for a in PHONES]
    return table


_DISTANCES = _distances()


def _alternatives(ears: Sequence[Evidence], canonical: Indices) -> Array:
    parts = []
    for ear in ears:
        parts += [ear.changed / 5, _relative(ear.changed) / 5, ear.mean / 4, ear.peak / 4]
    mean = np.mean([ear.changed for ear in ears], axis=0)
    least = np.min([ear.changed for ear in ears], axis=0)
    parts += [mean / 5, _relative(mean) / 5, least / 5, _DISTANCES[canonical]]
    return np.stack(parts, axis=-1)


def _additions(ears: Sequence[Evidence], canonical: Indices) -> Array:
    parts = []
    for ear in ears:
        parts += [ear.inserted / 5, _relative(ear.inserted) / 5, ear.between / 4]
    mean = np.mean([ear.inserted for ear in ears], axis=0)
    parts += [mean / 5, _relative(mean) / 5, np.min([ear.inserted for ear in ears], axis=0) / 5]
    one_hot = np.eye(len(PHONES) + 1)[:, :-1]
    parts += [one_hot[np.append(NONE, canonical)], one_hot[np.append(canonical, NONE)]]
    return np.stack(parts, axis=-1)


def _beside(values: Array, step: int) -> Array:
    """The values of the row `step` further, -LIMIT beyond the ends."""
    moved = np.full_like(values, -LIMIT)
    if step > 0:
        moved[:-step] = values[step:]
    else:
        moved[-step:] = values[:step]
    return moved


def _where(alignment: Alignment, canonical: Indices, word: Indices) -> Array:
    """(n_phones, 15) length, pauses, place in the word, stress, and what kind of word it is."""
    spans = np.array([(p.start_frame, p.end_frame) for p in alignment.phones])
    pause = np.append(0, np.clip(spans[1:, 0] - spans[:-1, 1], 0, 50))
    first = np.append(True, word[1:] != word[:-1])
    last = np.append(first[1:], True)
    chosen = zip(alignment.words, alignment.variants, strict=True)
    digits = np.array([digit for entry, variant in chosen for digit in entry.stress[variant]])
    vowel = np.array([phone in VOWELS for phone in PHONES])[canonical]
    names = [entry.text.lower().replace("’", "'") for entry in alignment.words]
    function = np.array([name in FUNCTION_WORDS for name in names])[word]
    counts = np.bincount(word)[word]
    return np.column_stack(
        [
            np.log((spans[:, 1] - spans[:, 0]) / 5),
            pause / 10,
            np.append(pause[1:], 0) / 10,
            first,
            last,
            first & last,
            vowel,
            vowel & (digits == 0),
            vowel & (digits > 0),
            function,
            np.log(counts),
            np.arange(len(word)) == 0,
            np.arange(len(word)) == len(word) - 1,
            np.append(True, pause[1:] > 12),
            np.append(pause[1:] > 12, True),
        ]
    ).astype(np.float64)


def _one_hot(values: Indices) -> Array:
    return np.eye(len(PHONES) + 1)[values]


def _around_phones(ears: Sequence[Evidence], where: Array, canonical: Indices) -> Array:
    parts = [where]
    for ear in [*ears, _mean(ears)]:
        best = ear.changed.max(1)
        added = ear.inserted.max(1)
        parts += [
            np.column_stack(
                [
                    best / 5,
                    np.logaddexp.reduce(ear.changed, axis=1) / 5,
                    ear.changed[:, LEFT_OUT] / 5,
                    added[:-1] / 5,
                    added[1:] / 5,
                    *(_beside(best, step) / 5 for step in (-2, -1, 1, 2)),
                    *(_beside(ear.changed[:, LEFT_OUT], step) / 5 for step in (-1, 1)),
                    ear.own / 4,
                ]
            )
        ]
    parts += [_one_hot(canonical), _one_hot(np.append(NONE, canonical[:-1]))]
    parts += [_one_hot(np.append(canonical[1:], NONE))]
    parts += [clearness(ear.own[:, 0] / 4, np.clip(ear.changed.max(1), -10, 5) / 5) for ear in ears]
    return np.concatenate(parts, axis=1)


def _mean(ears: Sequence[Evidence]) -> Evidence:
    names = ("changed", "inserted", "mean", "peak", "own", "between")
    return Evidence(*(np.mean([getattr(ear, name) for ear in ears], axis=0) for name in names))


def _around_gaps(ears: Sequence[Evidence], where: Array, canonical: Indices, word: Indices) -> Array:
    inside = np.append(np.append(False, word[1:] == word[:-1]), False)
    pause = np.append(where[:, 1], 0.0)
    parts = [np.column_stack([inside, pause])]
    nothing = np.full(1, -LIMIT)
    for ear in [*ears, _mean(ears)]:
        added = ear.inserted.max(1)
        best, missing = ear.changed.max(1), ear.changed[:, LEFT_OUT]
        columns = [added, np.logaddexp.reduce(ear.inserted, axis=1)]
        columns += [_beside(added, step) for step in (-1, 1)]
        for values in (best, missing):
            columns += [np.append(nothing, values), np.append(values, nothing)]
        parts.append(np.column_stack(columns) / 5)
    parts += [_one_hot(np.append(NONE, canonical)), _one_hot(np.append(canonical, NONE))]
    return np.concatenate(parts, axis=1)
