"""Saying it again: what has changed since the last take of the same text, as far as that can be told.

A word is better when its label is (`tutor.labels`), never for a few points: one take differs from the next by
chance. The whole sentence is called better or worse only beyond the noise of one sentence (`learner.change`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from speechtutor.core import UtteranceScore, WordScore
from speechtutor.learner.change import overall_change
from speechtutor.tutor.labels import Label, word_label

_ORDER = {Label.MISSING: 0, Label.WRONG: 1, Label.UNCLEAR: 2, Label.GOOD: 3}
"""From the worst to the best; other labels say nothing of how a word came out."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Words by the label they had and have: `better` and `worse`, in the order of the text.

    `overall` is 1 where the sentence came out better beyond chance, -1 where worse, else 0.
    """

    better: tuple[str, ...] = ()
    worse: tuple[str, ...] = ()
    overall: int = 0

    @property
    def none(self) -> bool:
        """Whether nothing can be told apart."""
        return not (self.better or self.worse or self.overall)


def changes(before: UtteranceScore, after: UtteranceScore) -> Changes | None:
    """What changed between two takes; None where they are of different words or one could not be judged."""
    first, last = _spelled(before), _spelled(after)
    if not first or [word.text for word in first] != [word.text for word in last]:
        return None
    better: list[str] = []
    worse: list[str] = []
    for old, new in zip(first, last, strict=True):
        was, now = (_ORDER.get(word_label(word)) for word in (old, new))
        if was is None or now is None or was == now:
            continue
        (better if now > was else worse).append(new.text)
    return Changes(tuple(better), tuple(worse), _overall(before, after))


def _spelled(score: UtteranceScore) -> Sequence[WordScore]:
    """The words of the text itself: what was said beyond it has no place in it."""
    return [
        word for word in score.words if word.char_start is not None or word_label(word) is not Label.EXTRA
    ]


def _overall(before: UtteranceScore, after: UtteranceScore) -> int:
    if before.overall is None or after.overall is None:
        return 0
    change = overall_change([before.overall], [after.overall])
    return 0 if not change.real else 1 if change.value > 0 else -1
