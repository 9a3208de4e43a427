"""What was said at each phone of the text: something else, nothing, or more; with calibrated probabilities.

The score says what raters would say; this says which sounds were there. It reads the exact likelihood
ratios (`gop.py`) of one or more acoustic models, in context: the neighbours' ratios, posteriors,
durations, which phone it is and where it stands, and how well the ears hear the eight phones to each
side: where they are sure of all others, a ratio says more. Nothing further away goes in, so that neither
the speaker's nor the utterance's level is a way out for a fluent speaker's wrong sound.

For a phone the model is a softmax over "said as it should be", every other phone, and "left out"; for a
gap between phones over "nothing" and every phone. Each alternative gets a logit from its own numbers, the
first one from the context; what either weighs was learnt from speech whose sounds are known
(`recipes.train_diagnosis`). Arrays in, arrays out; nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechtutor.core import Alignment, Candidate, Emission
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

STRICTNESS = ("lenient", "standard", "strict")
"""How readily a sound is named: at most 0.3, 1 and 3 % false alarms on well-said phones."""

STANDARD = "standard"

LEFT_OUT = len(PHONES)
"""The alternative "left out" beside the phones."""

RIGHT, IGNORED, WRONG = -1, -2, -3
"""Labels beside the alternatives: as it should be; not known; wrong, but not known how."""

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


def signs(emissions: Sequence[Emission], alignment: Alignment, ratios: gop.Ratios | None = None) -> Signs:
    """The numbers of an aligned utterance, heard by one or more acoustic models on the same frames.

    `ratios` (with insertions) are those of the first emission, where they are known already.

    Raises:
        InputError: when the frames cannot hold the text.
    """
    first, *others = emissions
    ears = [evidence(first, alignment, ratios), *(evidence(other, alignment) for other in others)]
    canonical = np.array([PHONES.index(p.canonical) for p in alignment.phones])
    word = np.array([p.word for p in alignment.phones])
    where = _where(alignment, canonical, word)
    return Signs(
        phones=_alternatives(ears, canonical),
        around_phones=_around_phones(ears, where, canonical, word),
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


def _around_phones(ears: Sequence[Evidence], where: Array, canonical: Indices, word: Indices) -> Array:
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
    del word
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


@dataclass(frozen=True, slots=True)
class Network:
    """Two perceptrons and a table: logits of the alternatives, and of there being none.

    Arrays by name: `own.0.weight` … of the alternatives' perceptron, `context.…` of the context's, and
    `table` (40, n_alternatives), how often each alternative is said for each canonical phone (row 39: none).
    """

    weights: Mapping[str, Array]

    def logits(self, own: Array, context: Array, rows: Indices) -> tuple[Array, Array]:
        """(n,) logit of "as it should be" and (n, n_alternatives) those of the alternatives."""
        each = self._through("own", own)[..., 0] + self.weights["table"][rows]
        return self._through("context", context)[:, 0], each

    def _through(self, name: str, values: Array) -> Array:
        normal = (values - self.weights[f"{name}.mean"]) / self.weights[f"{name}.deviation"]
        hidden = normal @ self.weights[f"{name}.0.weight"].T + self.weights[f"{name}.0.bias"]
        hidden = np.maximum(hidden, 0.0)
        result: Array = hidden @ self.weights[f"{name}.1.weight"].T + self.weights[f"{name}.1.bias"]
        return result


def _softmax(first: Array, others: Array) -> Array:
    logits = np.column_stack([first, others])
    powers = np.exp(logits - logits.max(1, keepdims=True))
    probabilities: Array = powers / powers.sum(1, keepdims=True)
    return probabilities


@dataclass(frozen=True, slots=True)
class Finding:
    """What was said at one place.

    `probability` that it is not what the text wants, calibrated. `heard` is what is named: None where
    nothing is, "" for left out. `nbest` are the most probable alternatives with calibrated
    probabilities that add up to at most `probability`.
    """

    probability: float
    heard: str | None
    nbest: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`phones` has one finding per canonical phone, `gaps` one more: a sound put in before that phone."""

    phones: tuple[Finding, ...]
    gaps: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """From the network's probability to one that is right on average, and the thresholds.

    `slope` and `offset` act on the log-odds (Platt, 1999). `thresholds` are calibrated probabilities by
    strictness.
    """

    slope: float
    offset: float
    thresholds: Mapping[str, float]

    def __call__(self, probability: Array) -> Array:
        """Calibrated probabilities."""
        odds = np.log(np.clip(probability, 1e-9, 1 - 1e-9)) - np.log(np.clip(1 - probability, 1e-9, 1))
        calibrated: Array = 1 / (1 + np.exp(-(self.slope * odds + self.offset)))
        return calibrated

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Calibration:
        """As kept in a config.json."""
        return cls(float(settings["slope"]), float(settings["offset"]), dict(settings["thresholds"]))


@dataclass(frozen=True, slots=True)
class Model:
    """The networks of phones and gaps, several seeds of each, and their calibration."""

    phones: Sequence[Network]
    gaps: Sequence[Network]
    phone_calibration: Calibration
    gap_calibration: Calibration

    def posteriors(self, found: Signs) -> tuple[Array, Array]:
        """(n_phones, 41) and (n_phones + 1, 40): first "as it should be", then the alternatives."""
        after = np.append(found.canonical, NONE)
        phones, gaps = [], []
        for network in self.phones:
            first, others = network.logits(found.phones, found.around_phones, found.canonical)
            others[np.arange(len(others)), found.canonical] = -np.inf
            phones.append(_softmax(first, others))
        for network in self.gaps:
            gaps.append(_softmax(*network.logits(found.gaps, found.around_gaps, after)))
        return np.mean(phones, axis=0), np.mean(gaps, axis=0)

    def diagnose(self, found: Signs, strictness: str = "standard", n_best: int = 5) -> Diagnosis:
        """What was said, place by place; a sound is named from the threshold of the strictness on."""
        phones, gaps = self.posteriors(found)
        names = (*PHONES, "")
        return Diagnosis(
            _findings(phones, names, self.phone_calibration, strictness, n_best),
            _findings(gaps, PHONES, self.gap_calibration, strictness, n_best),
        )


def _findings(
    posteriors: Array, names: Sequence[str], calibration: Calibration, strictness: str, n_best: int
) -> tuple[Finding, ...]:
    wrong = calibration(1 - posteriors[:, 0])
    threshold = calibration.thresholds[strictness]
    findings = []
    for row, probability in zip(posteriors[:, 1:], wrong, strict=True):
        share = row / max(row.sum(), 1e-12)
        order = np.argsort(-share, kind="stable")[:n_best]
        nbest = tuple(Candidate(names[k], float(probability * share[k])) for k in order)
        heard = nbest[0].phone if probability >= threshold else None
        findings.append(Finding(float(probability), heard, nbest))
    return tuple(findings)
