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
from typing import Any

import numpy as np

from speechtutor.core import Candidate
from speechtutor.errors import ModelError
from speechtutor.scoring.signs import NONE, Array, Indices, Signs
from speechtutor.text.phones import PHONES

STRICTNESS = ("lenient", "standard", "strict")
"""How readily a sound is named: at most 0.3, 1 and 3 % false alarms on well-said phones."""

STANDARD = "standard"

RIGHT, IGNORED, WRONG = -1, -2, -3
"""Labels beside the alternatives: as it should be; not known; wrong, but not known how."""


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
        """(n_phones, 41) and (n_phones + 1, 40): first "as it should be", then the alternatives.

        Raises:
            ModelError: for the signs of another number of ears.
        """
        self._check(found)
        after = np.append(found.canonical, NONE)
        phones, gaps = [], []
        for network in self.phones:
            first, others = network.logits(found.phones, found.around_phones, found.canonical)
            others[np.arange(len(others)), found.canonical] = -np.inf
            phones.append(_softmax(first, others))
        for network in self.gaps:
            gaps.append(_softmax(*network.logits(found.gaps, found.around_gaps, after)))
        return np.mean(phones, axis=0), np.mean(gaps, axis=0)

    def _check(self, found: Signs) -> None:
        """Refuse the signs of another number of ears than the networks learnt from."""
        for networks, own in ((self.phones, found.phones), (self.gaps, found.gaps)):
            known = {len(network.weights["own.mean"]) for network in networks}
            if known != {own.shape[-1]}:
                raise ModelError(
                    "the diagnosis learnt from another number of ears than hear here: train it anew, "
                    "or give it the ear that its config.json names"
                )

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
