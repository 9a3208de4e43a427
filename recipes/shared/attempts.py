"""Made-up attempts of many learners at our own sentences: as values, and as the rows of a store."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np

from speechtutor.core import Attempt, Exercise, PhoneScore, UtteranceScore, WordScore
from speechtutor.files import jsonio
from speechtutor.learner.rows import row_of
from speechtutor.practice import library
from speechtutor.text.phones import pronounce

START = datetime(2026, 1, 1, 8, tzinfo=UTC)
_HOLE = re.compile(r"(?<=[:\[,])-77(\d+)\.25(?=[,\]}])")
"""A number that stands for a value by its place; no score is negative."""


def name_of(who: int) -> str:
    """The name of a learner by number."""
    return f"learner-{who:05d}"


def attempts(seed: int, learners: int, first: int, n: int) -> Iterator[Attempt]:
    """Attempts number `first` and on, spread evenly over the learners: the same ones for the same seed."""
    for i in range(first, first + n):
        text, level, values = _drawn(seed, learners, i)
        exercise = Exercise(text, (), "sound", level)
        yield Attempt(
            name_of(i % learners), exercise, _score(text, values), _at(learners, i), id=f"{seed:04d}{i:012d}"
        )


def rows(seed: int, learners: int, first: int, n: int) -> list[dict[str, Any]]:
    """`row_of` each of `attempts`, made with a tenth of the work: the values are put into the text's row."""
    found = []
    for i in range(first, first + n):
        text, level, values = _drawn(seed, learners, i)
        row, parts, places = _pattern(text, level)
        told = [parts[0]]
        for place, part in zip(places, parts[1:], strict=True):
            told += (repr(values[place]), part)
        at = _at(learners, i).isoformat(timespec="microseconds")
        found.append(
            row
            | {
                "learner": name_of(i % learners),
                "at": at,
                "score": "".join(told),
                "key": f"{seed:04d}{i:012d}",
            }
        )
    return found


def _at(learners: int, i: int) -> datetime:
    return START + timedelta(minutes=7 * (i // learners), seconds=i % learners % 60)


def _drawn(seed: int, learners: int, i: int) -> tuple[str, str, list[float]]:
    """The text of an attempt, its level, and what a scorer might say of a reading.

    Ten abilities, each the probability that a sound comes out right. The values stand in the order of
    `_score`: each word with its phones, score and probability of an error, then the whole.
    """
    rng = np.random.default_rng([seed, i])
    text, level = _texts()[int(rng.integers(len(_texts())))]
    ability = 0.6 + 0.35 * (i % learners % 10) / 10
    said = _spoken(text)
    wrongs = rng.beta(8 * (1 - ability), 8 * ability, size=sum(len(own) for _, own in said)).tolist()
    values, scores, begin = list[float](), list[float](), 0
    for _, own in said:
        wrong = wrongs[begin : begin + len(own)]
        begin += len(own)
        scores.append(1 - _mean(wrong))
        values.append(scores[-1])
        for one in wrong:
            values += (1 - one, one)
    return text, level, [*values, _mean(scores)]


def _mean(values: Sequence[float]) -> float:
    return float(np.add.reduce(np.array(values, np.float64))) / len(values)


@cache
def _texts() -> list[tuple[str, str]]:
    return [(one.text, one.level) for one in library.of_kind("sentence") if one.topic]


@cache
def _spoken(text: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The words of a text with their phones; our library has few texts, so each is read once."""
    return tuple((word.text, word.pronunciations[0]) for word in pronounce(text))


def _score(text: str, values: Sequence[float]) -> UtteranceScore:
    """The score that some values are of."""
    told, words = iter(values), []
    for word, own in _spoken(text):
        score = next(told)
        phones = tuple(
            PhoneScore(
                phone,
                next(told),
                confidence=0.9,
                error_probability=next(told),
                start=0.1 * i,
                end=0.1 * (i + 1),
            )
            for i, phone in enumerate(own)
        )
        words.append(WordScore(word, score, phones=phones))
    value = next(told)
    return UtteranceScore(text, tuple(words), overall=value, fluency=value, duration=3.0)


@cache
def _pattern(text: str, level: str) -> tuple[dict[str, Any], list[str], list[int]]:
    """The row of a text: what is the same in all, the parts of its score, and which value stands between."""
    n = sum(1 + 2 * len(own) for _, own in _spoken(text)) + 1
    score = _score(text, [-float(f"77{i}.25") for i in range(n)])
    row = row_of(Attempt(name_of(0), Exercise(text, (), "sound", level), score, START))
    pieces = _HOLE.split(jsonio.dumps(score))
    return row, pieces[::2], [int(place) for place in pieces[1::2]]
