"""How good corrections are: edits in the manner of ERRANT, and GLEU.

Edits count as right when span and correction are those of an edit between the source and the
reference (Bryant et al., 2017), both found by the same alignment. F0.5 weighs precision twice as
much as recall, since a wrong correction costs a learner more than a missed one (Ng et al., 2014).
GLEU for corrections is that of Napoles et al. (2015, in its 2016 form without tuning): n-gram
precision against the reference, less the n-grams that should have been changed and were not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

from speechtutor.core import GrammarEdit
from speechtutor.grammar.edits import edits_between

ORDER = 4
"""Longest n-gram of GLEU."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Edits of one text: right, wrong (made but not in the reference) and missed."""

    right: int
    wrong: int
    missed: int

    def __add__(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)

    @property
    def precision(self) -> float:
        """Share of the edits made that are right; nan when none was made."""
        made = self.right + self.wrong
        return self.right / made if made else float("nan")

    @property
    def recall(self) -> float:
        """Share of the edits wanted that were made; nan when none was wanted."""
        wanted = self.right + self.missed
        return self.right / wanted if wanted else float("nan")

    def f_score(self, beta: float = 0.5) -> float:
        """F with recall weighed beta times as much as precision; 0 when nothing is right."""
        if not self.right:
            return 0.0
        weight = beta * beta
        return (1 + weight) * self.right / ((1 + weight) * self.right + weight * self.missed + self.wrong)


def keys(edits: Sequence[GrammarEdit]) -> Counter[tuple[int, int, str]]:
    """What makes two edits the same."""
    return Counter((edit.start, edit.end, edit.after) for edit in edits)


def count(source: Sequence[str], hypothesis: Sequence[str], reference: Sequence[str]) -> Counts:
    """The edits of a hypothesis against those of the reference."""
    made, wanted = keys(edits_between(source, hypothesis)), keys(edits_between(source, reference))
    right = sum((made & wanted).values())
    return Counts(right, sum(made.values()) - right, sum(wanted.values()) - right)


@dataclass(frozen=True, slots=True)
class Grams:
    """What GLEU adds up over texts: lengths, and per order the n-grams matched and all there are."""

    n_hypothesis: int
    n_reference: int
    matched: tuple[int, ...]
    total: tuple[int, ...]


def grams(source: Sequence[str], hypothesis: Sequence[str], reference: Sequence[str]) -> Grams:
    """The counts of one text."""
    matched, total = [], []
    for n in range(1, ORDER + 1):
        s, h, r = (_ngrams(words, n) for words in (source, hypothesis, reference))
        stale = Counter({gram: k for gram, k in s.items() if gram not in r})
        matched.append(max(sum((h & r).values()) - sum((h & stale).values()), 0))
        total.append(max(len(hypothesis) - n + 1, 0))
    return Grams(len(hypothesis), len(reference), tuple(matched), tuple(total))


def _ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def gleu(items: Sequence[Grams]) -> float:
    """GLEU of a corpus, in [0, 1]; nan when it holds no words."""
    n_hypothesis, n_reference = sum(g.n_hypothesis for g in items), sum(g.n_reference for g in items)
    if not n_hypothesis:
        return float("nan")
    logs = 0.0
    for n in range(ORDER):
        matched, total = sum(g.matched[n] for g in items), sum(g.total[n] for g in items)
        if total == 0:
            continue
        if matched == 0:
            return 0.0
        logs += log(matched / total) / ORDER
    return exp(min(0.0, 1 - n_reference / n_hypothesis) + logs)
