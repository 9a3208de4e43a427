"""The acoustic features that the scoring head sees: numbers per canonical phone and a few per utterance.

All come from one encoder pass (the emission), its exact likelihood ratios and the signal. None is
normalised over the speaker or the corpus, so that a recording's score depends on nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from speechtutor.audio.prosody import PAUSE
from speechtutor.core import Alignment, Emission, Floats, Pitch, Ratings, Recording
from speechtutor.scoring.gop import Ratios
from speechtutor.text.phones import PHONES, VOWELS

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

RATIO_LIMIT = 25.0
"""Nats; beyond it a likelihood ratio says "certain" and only its noise is left."""

LOG_FLOOR = -12.0

PAUSE_FRAMES = int(PAUSE / 0.02)
"""`PAUSE` in frames of 20 ms."""

EDGES = ("only", "first", "inner", "last")
"""Where a phone stands in its word."""


PHONE_BLOCKS = {"ratios": 47, "timing": 5, "posteriors": 44, "energy": 3, "melody": 3, "ratings": 2}
"""The columns of `Features.phones`, in order; the last are missing without the model's own ratings."""

UTTERANCE_BLOCKS = {"rates": 11, "variety": 3, "fit": 4, "ratings": 4}
"""The same for `Features.utterance`."""


@dataclass(frozen=True, slots=True)
class Features:
    """The input of the scoring head.

    `phones` (n_phones, n_numbers), `embedding` (n_phones, n_dims), `canonical` (n_phones,) index in
    `PHONES`, `edge` (n_phones,) index in `EDGES`, `stress` (n_phones,) lexical stress (0, 1, 2; 3
    for consonants), `word` (n_phones,) index of the word, `utterance` (n_numbers,), `moments`
    (2 * n_dims,) mean and deviation of the embedding over the speech frames.
    """

    phones: Floats
    embedding: Floats
    canonical: Indices
    edge: Indices
    stress: Indices
    word: Indices
    utterance: Floats
    moments: Floats


@dataclass(frozen=True, slots=True)
class Seen:
    """What a training keeps of a row: its features, and those of its recording against a wrong text."""

    features: Features
    mutant: Features
    wrong: tuple[int, ...]
    """Which phones of the mutant's text are not what was said."""
    own: float
    """Nats per phone by which the free decoding beats the row's own text."""
    other: float
    """The same for the text of another row; infinite when the recording is too short for it."""


def extract(
    emission: Emission,
    alignment: Alignment,
    ratios: Ratios,
    recording: Recording,
    pitch: Pitch,
    ratings: Ratings | None = None,
) -> Features:
    """All features of an aligned utterance, the acoustic model's own ratings among them when there are any.

    Raises:
        ValueError: when the emission has no embedding or not the 39 ARPAbet phones.
    """
    if emission.embedding is None:
        raise ValueError("the scoring head needs an acoustic model with an embedding")
    columns = [emission.symbols.index(phone) for phone in PHONES]
    spans = np.array([(p.start_frame, p.end_frame) for p in alignment.phones])
    canonical = np.array([PHONES.index(p.canonical) for p in alignment.phones])
    word = np.array([p.word for p in alignment.phones])
    order = np.searchsorted(ratios.columns, columns)
    energy, tone = _energy(emission, recording), _tone(emission, pitch)
    numbers = [
        _likelihoods(ratios, order, canonical, len(emission.log_probs)),
        _timing(spans, word),
        _posteriors(emission, columns, spans, canonical),
        np.array([(e.mean(), e.std(), e.max()) for e in (energy[a:b] for a, b in spans)]),
        _melody(tone, spans),
    ]
    speech = emission.embedding[spans[0, 0] : spans[-1, 1]]
    whole = [
        _rates(spans, word, canonical),
        _variety(spans, energy, tone),
        _fit(emission, ratios, spans, word),
    ]
    if ratings is not None:
        # Unlike the embedding they mean the same whichever model gave them, so that a head trained on
        # one model's serves another's.
        numbers.append(2.0 * np.stack([ratings.phones, ratings.words[word]], axis=1).astype(np.float64))
        whole.append(2 * np.asarray(ratings.utterance, np.float64))
    return Features(
        phones=np.concatenate(numbers, axis=1).astype(np.float32),
        embedding=np.stack([emission.embedding[a:b].mean(0) for a, b in spans]).astype(np.float32),
        canonical=canonical,
        edge=_edges(word),
        stress=_stress(alignment, canonical),
        word=word,
        utterance=np.concatenate(whole).astype(np.float32),
        moments=np.concatenate([speech.mean(0), speech.std(0)]).astype(np.float32),
    )


def without_embedding(features: Features) -> Features:
    """The same features, `embedding` and `moments` of width 0."""
    return replace(features, embedding=features.embedding[:, :0], moments=features.moments[:0])


def _likelihoods(ratios: Ratios, order: Indices, canonical: Indices, n_frames: int) -> Array:
    """Every substitution, the deletion, the insertion on either side, the best rival and all together."""
    substitution = np.clip(ratios.substitution[:, order], -RATIO_LIMIT, RATIO_LIMIT)
    deletion = np.clip(ratios.deletion, -RATIO_LIMIT, RATIO_LIMIT)
    rivals = substitution.copy()
    rivals[np.arange(len(canonical)), canonical] = -RATIO_LIMIT
    total = np.logaddexp(np.logaddexp.reduce(rivals, axis=1), deletion)
    columns = [deletion, np.maximum(rivals.max(1), deletion), total]
    if ratios.insertion is not None:
        inserted = np.clip(ratios.insertion.max(1), -RATIO_LIMIT, RATIO_LIMIT)
        columns += [inserted[:-1], inserted[1:]]
    same = np.ones(len(canonical))
    columns += [
        ratios.log_likelihood / n_frames * 10 * same,
        ratios.log_likelihood / len(canonical) * same,
        ratios.occupancy,
    ]
    return np.concatenate([substitution / 5, np.stack(columns, axis=1) / 5], axis=1)


def _timing(spans: Indices, word: Indices) -> Array:
    """Duration (100 ms, and against the utterance's mean), the silence before and after, the position."""
    length = (spans[:, 1] - spans[:, 0]) / 5
    before = np.append(0, np.maximum(spans[1:, 0] - spans[:-1, 1], 0)) / 5
    after = np.append(before[1:], 0)
    position = np.arange(len(word)) / 20
    return np.stack(
        [length, np.log(length / length.mean()), np.minimum(before, 10), np.minimum(after, 10), position],
        axis=1,
    )


def _posteriors(emission: Emission, columns: list[int], spans: Indices, canonical: Indices) -> Array:
    """Log mean posterior of every symbol over the span; of the phone itself mean log, peak and margin."""
    log_probs = emission.log_probs[:, [emission.blank, *columns]].astype(np.float64)
    probs = np.exp(log_probs)
    mean = np.stack([probs[a:b].mean(0) for a, b in spans])
    rows = []
    for (a, b), c in zip(spans, canonical, strict=True):
        own = np.maximum(log_probs[a:b, c + 1], LOG_FLOOR)
        others = np.maximum(np.delete(log_probs[a:b, 1:], c, axis=1).max(1), LOG_FLOOR)
        entropy = -(probs[a:b] * log_probs[a:b]).sum(1).mean()
        rows.append((own.mean() / 4, own.max(), (own - others).max() / 5, entropy))
    return np.concatenate([np.maximum(np.log(mean + 1e-9), LOG_FLOOR) / 4, np.array(rows)], axis=1)


def _energy(emission: Emission, recording: Recording) -> Array:
    """Level per frame in units of 10 dB against the utterance's loudest tenth, shape (n_frames,)."""
    hop = round(emission.frame_shift * recording.sample_rate)
    shift = round(emission.origin * recording.sample_rate)
    wanted = len(emission.log_probs) * hop
    samples = recording.samples[max(shift, 0) : max(shift, 0) + wanted].astype(np.float64)
    samples = np.pad(samples, (max(-shift, 0), 0))
    samples = np.pad(samples[:wanted], (0, max(wanted - len(samples), 0)))
    level = 10 * np.log10((samples.reshape(-1, hop) ** 2).mean(1) + 1e-9)
    against: Array = (level - np.quantile(level, 0.9)) / 10
    return np.maximum(against, -6.0)


def _tone(emission: Emission, pitch: Pitch) -> Array:
    """Pitch per frame in octaves from the utterance's median, nan where unvoiced."""
    times = emission.origin + (np.arange(len(emission.log_probs)) + 0.5) * emission.frame_shift
    if not pitch.voiced.any():
        return np.full(len(times), np.nan)
    nearest = np.clip(np.searchsorted(pitch.times, times), 0, len(pitch.times) - 1)
    octaves = np.where(pitch.voiced, np.log2(np.where(pitch.voiced, pitch.hz, 1.0)), np.nan)
    found: Array = np.clip(octaves[nearest] - np.nanmedian(octaves), -1.5, 1.5)
    return found


def _melody(tone: Array, spans: Indices) -> Array:
    """Mean, slope and voiced share of the pitch over each phone."""
    rows = []
    for a, b in spans:
        part = tone[a:b][~np.isnan(tone[a:b])]
        slope = (part[-1] - part[0]) if len(part) > 1 else 0.0
        rows.append((part.mean() if len(part) else 0.0, slope, len(part) / (b - a)))
    return np.array(rows)


def _edges(word: Indices) -> Indices:
    first = np.append(True, word[1:] != word[:-1])
    last = np.append(first[1:], True)
    return np.where(first & last, 0, np.where(first, 1, np.where(last, 3, 2)))


def _stress(alignment: Alignment, canonical: Indices) -> Indices:
    """Lexical stress of the variant that was heard; 3 for consonants."""
    digits = [d for word, v in zip(alignment.words, alignment.variants, strict=True) for d in word.stress[v]]
    vowels = np.array([PHONES[c] in VOWELS for c in canonical])
    return np.where(vowels, np.clip(digits, 0, 2), 3)


def _rates(spans: Indices, word: Indices, canonical: Indices) -> Array:
    """Rates of phones and words, pauses, runs, and the rhythm of the vowels (nPVI, Grabe and Low, 2002)."""
    n_frames, n_words = spans[-1, 1] - spans[0, 0], word[-1] + 1
    edges = np.flatnonzero(word[1:] != word[:-1])
    gaps = np.array([spans[i + 1, 0] - spans[i, 1] for i in edges] or [0])
    pauses = gaps[gaps > PAUSE_FRAMES]
    vowels = np.array([PHONES[c] in VOWELS for c in canonical])
    lengths = (spans[:, 1] - spans[:, 0])[vowels].astype(float)
    pairs = [abs(a - b) / ((a + b) / 2) for a, b in pairwise(lengths)]
    return np.array(
        [
            len(word) / n_frames * 5,
            len(word) / np.sum(spans[:, 1] - spans[:, 0]) * 5,
            n_words / n_frames * 20,
            len(pauses) / n_words,
            pauses.sum() / 50,
            gaps.max() / 50,
            len(word) / (len(pauses) + 1) / 10,
            np.mean(pairs) if pairs else 0.0,
            lengths.std() / max(lengths.mean(), 1.0) if len(lengths) else 0.0,
            np.log(n_frames / 100),
            np.log(len(word) / 15),
        ]
    )


def _variety(spans: Indices, energy: Array, tone: Array) -> Array:
    """Range and deviation of the pitch, deviation of the level."""
    voiced = tone[~np.isnan(tone)]
    spread = np.quantile(voiced, 0.9) - np.quantile(voiced, 0.1) if len(voiced) else 0.0
    return np.array([spread, voiced.std() if len(voiced) else 0.0, energy[spans[0, 0] : spans[-1, 1]].std()])


def _fit(emission: Emission, ratios: Ratios, spans: Indices, word: Indices) -> Array:
    """How well the text fits the recording at all."""
    blank = np.exp(emission.log_probs[spans[0, 0] : spans[-1, 1], emission.blank]).mean()
    per_phone, per_frame = ratios.log_likelihood / len(word), ratios.log_likelihood / len(emission.log_probs)
    return np.array([per_phone / 5, per_frame * 2, np.mean(ratios.deletion > 0), blank])
