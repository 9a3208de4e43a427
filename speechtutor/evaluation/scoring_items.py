"""Rated values and what a system says of them, as columns for figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from speechtutor.core.score import RATED_WRONG
from speechtutor.evaluation.result import Row
from speechtutor.evaluation.sampling import Values
from speechtutor.evaluation.scoring_rows import ASPECTS, WORD_ASPECTS
from speechtutor.schema import fraction

NAMES = {
    "phone": "phone accuracy",
    "word_accuracy": "word accuracy",
    "word_stress": "word stress",
    "word_total": "word total",
    "utterance_accuracy": "sentence accuracy",
    "utterance_fluency": "sentence fluency",
    "utterance_prosody": "sentence prosody",
    "utterance_total": "sentence total",
}
OF = {"phone": "phones", "word": "words", "utterance": "utterances"}


@dataclass(frozen=True, slots=True)
class Item:
    """One rated value: all on 0-1. `place` is (word, phone) in the utterance, -1 where it has none.

    `text` is the word in capitals, or the words of the utterance; `said` what the system gave.
    """

    aspect: str
    rated: float | None
    said: float | None
    speaker: str
    utterance: str
    place: tuple[int, int] = (-1, -1)
    text: tuple[str, ...] = ()
    phone: str = ""
    gop: float | None = None
    error_probability: float | None = None
    heard: str | None = None
    perceived: str | None = None


def of_row(row: Row) -> Iterator[Item]:
    """Every value of an utterance, rated or not."""
    words = [word["text"].upper() for word in row.detail["words"]]
    raters = row.detail["raters"] or {}
    for aspect in ASPECTS:
        name = "utterance_" + ("total" if aspect == "overall" else aspect)
        said = row.detail["model"][aspect]
        yield Item(name, fraction(raters.get(aspect)), fraction(said), row.speaker, row.id, text=tuple(words))
    for w, word in enumerate(row.detail["words"]):
        yield from _of_word(row, w, word)


def _of_word(row: Row, w: int, word: dict[str, Any]) -> Iterator[Item]:
    text = (word["text"].upper(),)
    for aspect in WORD_ASPECTS:
        rated, said = (fraction((word[side] or {}).get(aspect)) for side in ("raters", "model"))
        yield Item(f"word_{aspect}", rated, said, row.speaker, row.id, (w, -1), text)
    for i, p in enumerate(word["phones"]):
        yield Item(
            "phone", fraction(p["rated"]), fraction(p["score"]), row.speaker, row.id, (w, i), text,
            p["expected"], p["gop"], p["error_probability"], p["heard"], p["perceived"],
        )  # fmt: skip


def of_rows(rows: Sequence[Row]) -> list[Item]:
    """Every value of some rows."""
    return [item for row in rows for item in of_row(row)]


@dataclass(frozen=True, slots=True)
class Column:
    """Rated and given values of one aspect, and who spoke them; shape (n,) each."""

    rated: Values
    said: Values
    speakers: tuple[str, ...]

    @property
    def n(self) -> int:
        """How many."""
        return len(self.speakers)


Guess = Callable[[Item], float | None]


def column(items: Sequence[Item], aspect: str, guess: Guess = lambda item: item.said) -> Column:
    """The values of an aspect that people rated and the system gave."""
    return _column((item.rated, guess(item), item.speaker) for item in items if item.aspect == aspect)


def errors(items: Sequence[Item], guess: Guess = lambda item: item.error_probability) -> Column:
    """Phones as wrong (1) or not by the raters' mean, and the probability of an error that was given."""
    return _column(
        (None if i.rated is None else float(i.rated < RATED_WRONG - 1e-9), guess(i), i.speaker)
        for i in items
        if i.aspect == "phone"
    )


def perceived(items: Sequence[Item]) -> list[Item]:
    """The phones of which somebody wrote down what was said, and the system said something."""
    return [
        i
        for i in items
        if i.aspect == "phone" and i.perceived is not None and i.error_probability is not None
    ]


def _column(values: Any) -> Column:
    kept = [(r, s, who) for r, s, who in values if r is not None and s is not None]
    rated, said, speakers = zip(*kept, strict=True) if kept else ((), (), ())
    return Column(np.array(rated, np.float64), np.array(said, np.float64), tuple(speakers))
