"""What needs no ear, or an oracle, or one person: the figures beside which a scorer's must be read.

constant             the mean of the train rows (or of these rows): no correlation, but a squared error
text-only prior      the mean rating of this phone in this word, shrunk to that of the phone anywhere
scalar GOP           the likelihood ratio alone, no training on scores (Witt and Young, 2000)
speaker's own mean   an oracle: the true mean of each speaker's ratings
single rater         one of the five against the mean of the other four, averaged over the five

What a model is held against is what the corpus gives. In speechocean762 that is the mean of the five
raters for phones, and their median for words and sentences (of the totals without its decimals).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from speechtutor.core.score import RATED_WRONG
from speechtutor.evaluation import sampling, scoring_items
from speechtutor.evaluation.labelled import Labelled
from speechtutor.evaluation.result import Metric
from speechtutor.evaluation.sampling import Figure, Speakers, Values
from speechtutor.evaluation.scoring_items import NAMES, OF, Guess, Item
from speechtutor.files import jsonio
from speechtutor.files.jsonio import Number

SHRINK = 5
"""Tokens elsewhere that weigh as much as the tokens in this very word."""
GOP_LIMIT = 25.0
"""Nats beyond which a likelihood ratio says no more."""
N_RATERS = 5
PHONE = re.compile(r"\[[^\]]*\]|\{[^}]*\}|\([^)]*\)|[^\s\[\](){}]+")
RATED = {"{": 1.0, "(": 0.0}
"""A rater's mark before a phone; none is 2, and `[` is a phone that was put in."""
Metrics = dict[str, Metric]


def baselines(
    every: Sequence[Item], train: Sequence[Item], raters: Mapping[str, Any] | None, speakers: Speakers
) -> dict[str, Metrics]:
    """The figures of every baseline that these rows allow; `train` and `raters` may be missing."""
    found = {"constant": _of_guess(every, constant(train or every), speakers, correlate=False)}
    if any(item.rated is not None for item in train):
        found["text-only prior"] = _of_guess(every, prior(train), speakers)
    found["scalar GOP"] = _of_guess(every, likelihood_ratio(every), speakers, on_scale=False)
    found["speaker's own mean (oracle)"] = _of_guess(every, speaker_mean(every), speakers)
    if raters is not None:
        found["single rater against the other four"] = single_rater(every, raters, speakers)
    return {name: metrics for name, metrics in found.items() if metrics}


def _metric(
    figure: Figure, label: str, who: Sequence[str], of: str, speakers: Speakers, unit: str, better: str
) -> Metric:
    return Labelled(label, figure, who, len(who), of, unit, better).measured(speakers)[0]


def _of_guess(
    every: Sequence[Item], guess: Guess, speakers: Speakers, *, correlate: bool = True, on_scale: bool = True
) -> Metrics:
    found: Metrics = {}
    for aspect, name in NAMES.items():
        column = scoring_items.column(every, aspect, guess)
        if not column.n:
            continue
        of = OF[aspect.partition("_")[0]]
        if correlate:
            figure = sampling.pcc(column.rated, column.said)
            found[f"{aspect}_pcc"] = _metric(
                figure, f"{name}, PCC", column.speakers, of, speakers, "correlation", "higher"
            )
        if on_scale:
            error = sampling.mse(column.rated, column.said, scale=2)
            found[f"{aspect}_mse"] = _metric(
                error, f"{name}, MSE on 0-2", column.speakers, of, speakers, "points²", "lower"
            )
    wrong = scoring_items.errors(every, guess)
    if correlate and wrong.n:
        area = sampling.auc(wrong.rated > 0.5, -wrong.said)
        label = "MDD, area under the ROC curve"
        found["mdd_auc"] = _metric(area, label, wrong.speakers, "phones", speakers, "share", "higher")
    return found


def _means(values: Mapping[Any, Sequence[float]]) -> dict[Any, float]:
    return {key: float(np.mean(group)) for key, group in values.items()}


def _by(every: Sequence[Item], key: Callable[[Item], Any]) -> dict[Any, list[float]]:
    grouped: dict[Any, list[float]] = defaultdict(list)
    for item in every:
        if item.rated is not None:
            grouped[key(item)].append(item.rated)
    return grouped


def constant(train: Sequence[Item]) -> Guess:
    """The mean rating of each aspect."""
    means = _means(_by(train, lambda item: item.aspect))
    return lambda item: means.get(item.aspect)


def prior(train: Sequence[Item]) -> Guess:
    """What the text alone says: of a phone in a word, of a word, and of a sentence by its words."""
    coarse = _means(_by(train, lambda item: (item.aspect, item.phone)))
    whole = _means(_by(train, lambda item: item.aspect))
    fine: dict[Any, list[float]] = defaultdict(list)
    for item in train:
        if item.rated is not None:
            for word in item.text:
                fine[item.aspect, word, item.phone].append(item.rated)
    sums = {key: (sum(values), len(values)) for key, values in fine.items()}

    def guess(item: Item) -> float | None:
        if item.aspect not in whole or not item.text:
            return None
        base = coarse.get((item.aspect, item.phone), whole[item.aspect])
        said = [sums.get((item.aspect, word, item.phone), (0.0, 0)) for word in item.text]
        return float(np.mean([(SHRINK * base + total) / (SHRINK + n) for total, n in said]))

    return guess


def likelihood_ratio(every: Sequence[Item]) -> Guess:
    """The phone's own ratio; a word's is the mean of its phones, a sentence's that of its phones."""
    grouped: dict[tuple[str, int], list[float]] = defaultdict(list)
    for item in every:
        if item.aspect == "phone" and item.gop is not None:
            value = float(np.clip(item.gop, -GOP_LIMIT, GOP_LIMIT))
            grouped[item.utterance, item.place[0]].append(value)
            grouped[item.utterance, -1].append(value)
    means = _means(grouped)

    def guess(item: Item) -> float | None:
        if item.aspect == "phone":
            return None if item.gop is None else float(np.clip(item.gop, -GOP_LIMIT, GOP_LIMIT))
        return means.get((item.utterance, item.place[0]))

    return guess


def speaker_mean(every: Sequence[Item]) -> Guess:
    """The true mean of each speaker, which nobody can know beforehand."""
    means = _means(_by(every, lambda item: (item.aspect, item.speaker)))
    return lambda item: means.get((item.aspect, item.speaker))


# One of the five raters


Given = list[Number | None] | None
RatedWord = TypedDict(
    "RatedWord",
    {
        "accuracy": NotRequired[Given],
        "stress": NotRequired[Given],
        "total": NotRequired[Given],
        "phones": NotRequired[list[str | None] | None],
        "ref-phones": NotRequired[str | None],
    },
)


class RatedUtterance(TypedDict):
    """What the five raters gave one utterance, each list in the order of the raters."""

    accuracy: NotRequired[Given]
    fluency: NotRequired[Given]
    prosodic: NotRequired[Given]
    total: NotRequired[Given]
    words: NotRequired[list[RatedWord]]


def read_raters(path: Path) -> dict[str, Any]:
    """The content of a raters file: utterance id -> the five raters' own scores.

    Raises:
        InputError: when it cannot be read, or a value is of another kind.
    """
    return dict(jsonio.read(path, dict[str, RatedUtterance]))


def marks(line: str) -> list[float]:
    """A rater's phone string as scores 0-2: plain is 2, `{}` 1, `()` 0; inserted phones are no scores.

    >>> marks("B (EH0) [L] {R}")
    [2.0, 0.0, 1.0]
    """
    return [RATED.get(part[0], 2.0) for part in PHONE.findall(line) if part[0] != "["]


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of several figures of the same items."""

    figures: Sequence[Figure]

    def over(self, weights: Values, codes: NDArray[np.intp]) -> Values:
        """One value a draw."""
        return np.asarray(np.mean([figure.over(weights, codes) for figure in self.figures], axis=0))


def single_rater(every: Sequence[Item], raters: Mapping[str, Any], speakers: Speakers) -> Metrics:
    """Each rater against the mean of the other four, averaged; only what all five rated."""
    found: Metrics = {}
    for aspect, name in NAMES.items():
        rows = [(i.speaker, one) for i in every if i.aspect == aspect for one in _rated(i, raters)]
        if not rows:
            continue
        who, table = [speaker for speaker, _ in rows], np.array([scores for _, scores in rows])
        others = [(np.delete(table, r, axis=1).mean(axis=1), table[:, r]) for r in range(N_RATERS)]
        of = OF[aspect.partition("_")[0]]
        correlation = Mean([sampling.pcc(rest, own) for rest, own in others])
        error = Mean([sampling.mse(rest, own, scale=2) for rest, own in others])
        found[f"{aspect}_pcc"] = _metric(
            correlation, f"{name}, PCC", who, of, speakers, "correlation", "higher"
        )
        found[f"{aspect}_mse"] = _metric(error, f"{name}, MSE on 0-2", who, of, speakers, "points²", "lower")
        if aspect == "phone":
            limit = RATED_WRONG - 1e-9
            f1 = Mean([sampling.detection(rest < limit, own < limit)["f1"] for rest, own in others])
            found["mdd_f1"] = _metric(f1, "MDD, f1", who, "phones", speakers, "share", "higher")
    return found


def _rated(item: Item, raters: Mapping[str, Any]) -> Iterator[list[float]]:
    """The five ratings of one value, as 0-1; none where they could not be matched."""
    row = raters.get(item.utterance)
    if row is None:
        return
    level, _, aspect = item.aspect.partition("_")
    if level == "utterance":
        scores = row.get({"prosody": "prosodic"}.get(aspect, aspect))
        scale = 10.0
    else:
        words = row.get("words") or []
        if item.place[0] >= len(words):
            return
        word = words[item.place[0]]
        if level == "word":
            scores, scale = word.get(aspect), 10.0
            if aspect == "stress" and scores:
                # The corpus gives stress as 5 (wrong) or 10 (right).
                scores, scale = [2 * (score - 5) for score in scores], 10.0
        else:
            scores, scale = _phone_marks(word, item.place[1]), 2.0
    if scores and len(scores) == N_RATERS and None not in scores:
        yield [score / scale for score in scores]


def _phone_marks(word: Mapping[str, Any], i: int) -> list[float] | None:
    lines = [marks(line) for line in word.get("phones") or () if line]
    n = len(str(word.get("ref-phones") or "").split())
    if len(lines) != N_RATERS or any(len(line) != n for line in lines) or i >= n:
        return None
    return [line[i] for line in lines]
