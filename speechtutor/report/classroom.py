"""What a class should work on: beliefs about each learner's sounds, with their uncertainty.

The belief is that of `practice`: a Beta distribution over the probability that a sound comes out
right, from the diagnosis's calibrated probabilities as soft evidence. A verdict needs enough of it: a sound
heard a few times, or a learner heard in a few attempts, gets none.
"""

from __future__ import annotations

import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain

import numpy as np

from speechtutor.content.tables import functional_load, hint, minimal_pair, sentence_bank, sounds
from speechtutor.core import Attempt, ErrorType, Exercise, Mastery, PhoneScore, UtteranceScore
from speechtutor.learner import mastery as model
from speechtutor.tutor.labels import is_wrong, plain

TARGET = 0.75
"""A sound that comes out right less often than this is worth a lesson."""
SURE = 0.9
"""Belief from which a verdict is given."""
LEAST_ATTEMPTS = 5
"""Attempts below which nothing is said about a learner's sounds."""
LEAST_HEARD = 5
"""Times a sound must have been heard, in at least `LEAST_ATTEMPTS - 2` attempts."""
MOST_PLANS = 3
DRAWS = 4000


class Verdict(StrEnum):
    """What is said of a sound."""

    WORK = "work on it"
    MAYBE = "perhaps: listen again"
    FINE = "fine"
    FEW = "too little heard"


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known of one learner's sound.

    `mean` is the believed share that comes out right, [`low`, `high`] its 95 % credible interval.
    `instead` are the sounds heard in its place with how often, "" for nothing; `words` are examples.
    """

    phone: str
    n: int
    n_attempts: int
    mean: float
    low: float
    high: float
    verdict: Verdict
    instead: Sequence[tuple[str, int]] = ()
    words: Sequence[str] = ()

    @property
    def weight(self) -> float:
        """What there is to win: how much the mix-up costs understanding x how far the sound is off."""
        heard = self.instead[0][0] if self.instead else None
        return functional_load(self.phone, heard) * (1 - self.mean)


@dataclass(frozen=True, slots=True)
class Learner:
    """One learner: sounds to work on come first, the costliest first."""

    name: str
    n_attempts: int
    n_judged: int
    first: str
    last: str
    overall: tuple[float, float, float] | None
    sounds: Sequence[Heard]

    @property
    def to_do(self) -> list[Heard]:
        """The sounds to work on, at most three: more is no plan."""
        return [s for s in self.sounds if s.verdict is Verdict.WORK][:MOST_PLANS]

    @property
    def enough(self) -> bool:
        """Whether anything may be said about this learner."""
        return self.n_judged >= LEAST_ATTEMPTS


@dataclass(frozen=True, slots=True)
class Advice:
    """How to practise one sound: for one learner, or for several at once."""

    phone: str
    label: str
    how: str
    pair: tuple[str, str] | None
    exercises: Sequence[Exercise]


@dataclass(frozen=True, slots=True)
class Group:
    """Learners who share a sound to work on."""

    phone: str
    learners: Sequence[str]
    heard: str | None
    advice: Advice | None


@dataclass(frozen=True, slots=True)
class Classroom:
    """Everything that the class report says."""

    learners: Sequence[Learner]
    groups: Sequence[Group]
    phones: Sequence[str] = field(default=())
    """The sounds that are anybody's to work on, the most widespread first: the columns of the table."""


def classroom(attempts: Mapping[str, Sequence[Attempt]]) -> Classroom:
    """The class's report; learners stand in alphabetical order, since they are not ranked."""
    learners = [learner(name, attempts[name]) for name in sorted(attempts, key=_alphabetical)]
    shared: dict[str, list[tuple[str, Heard]]] = {}
    for one in learners:
        for sound in one.sounds:
            if sound.verdict is Verdict.WORK:
                shared.setdefault(sound.phone, []).append((one.name, sound))
    order = sorted(shared, key=lambda p: (-len(shared[p]), -sum(s.weight for _, s in shared[p]), p))
    groups = [_group(phone, shared[phone]) for phone in order if len(shared[phone]) > 1]
    return Classroom(learners, groups, order)


def _alphabetical(name: str) -> tuple[str, str]:
    """Letters with marks beside those without."""
    return unicodedata.normalize("NFKD", name).casefold(), name


def _group(phone: str, members: Sequence[tuple[str, Heard]]) -> Group:
    instead: Counter[str] = Counter()
    for _, sound in members:
        instead.update(dict(sound.instead))
    heard = instead.most_common(1)[0][0] if instead else None
    return Group(phone, [name for name, _ in members], heard, advice(phone, heard))


def learner(name: str, attempts: Sequence[Attempt]) -> Learner:
    """What is known of one learner."""
    # The sums of sounds alone: the whole fold costs ten times as much, and a class has thousands of attempts.
    heard = chain.from_iterable(model.observations(attempt.score) for attempt in attempts)
    phones, tally = model.counted({}, heard), _Tally()
    overall = []
    for i, attempt in enumerate(attempts):
        tally.add(i, attempt.score)
        if attempt.score.overall is not None:
            overall.append(attempt.score.overall)
    judged = {i for seen in tally.attempts.values() for i in seen}
    enough = len(judged) >= LEAST_ATTEMPTS
    found = [_heard(name, phone, mastery, tally, enough) for phone, mastery in phones.items()]
    rank = {Verdict.WORK: 0, Verdict.MAYBE: 1, Verdict.FINE: 2, Verdict.FEW: 3}
    found.sort(key=lambda s: (rank[s.verdict], -s.weight, s.phone))
    # A year 1 stands for a time that nobody wrote down.
    days = sorted(attempt.at.date().isoformat() for attempt in attempts if attempt.at.year > 1)
    return Learner(
        name, len(attempts), len(judged), days[0] if days else "", days[-1] if days else "",
        _mean(overall, name) if len(overall) >= LEAST_ATTEMPTS else None, found,
    )  # fmt: skip


class _Tally:
    """Per sound: the attempts it was heard in, what was heard instead, and in which words."""

    def __init__(self) -> None:
        self.attempts: dict[str, set[int]] = {}
        self.instead: dict[str, Counter[str]] = {}
        self.words: dict[str, Counter[str]] = {}

    def add(self, number: int, score: UtteranceScore) -> None:
        for name, _ in model.observations(score):
            self.attempts.setdefault(name, set()).add(number)
        for word, phone in _wrong(score):
            self.words.setdefault(phone.canonical, Counter())[word] += 1
            if phone.heard is not None and phone.heard != phone.canonical:
                self.instead.setdefault(phone.canonical, Counter())[phone.heard] += 1


def _wrong(score: UtteranceScore) -> Iterator[tuple[str, PhoneScore]]:
    """Sounds that came out wrong with their word; words that were not said tell nothing."""
    for word in score.words:
        if word.error_type in (ErrorType.OMISSION, ErrorType.INSERTION, ErrorType.UNSURE):
            continue
        for phone in word.phones:
            sure = phone.confidence is None or phone.confidence >= model.MIN_CONFIDENCE
            if is_wrong(phone) and sure:
                yield plain(word.text), phone


def _heard(name: str, phone: str, mastery: Mastery, tally: _Tally, enough: bool) -> Heard:
    draws = _belief(mastery, f"{name}/{phone}")
    low, high = (float(x) for x in np.percentile(draws, [2.5, 97.5]))
    n_attempts = len(tally.attempts.get(phone, ()))
    words = [word for word, _ in tally.words.get(phone, Counter()).most_common(4) if word]
    known = enough and mastery.n_attempts >= LEAST_HEARD and n_attempts >= LEAST_ATTEMPTS - 2
    return Heard(
        phone, mastery.n_attempts, n_attempts, mastery.mean, low, high,
        _verdict(float(np.mean(draws < TARGET))) if known else Verdict.FEW,
        tally.instead.get(phone, Counter()).most_common(3), words,
    )  # fmt: skip


def _verdict(below: float) -> Verdict:
    """What a belief that the sound is below the target amounts to."""
    if below >= SURE:
        return Verdict.WORK
    return Verdict.FINE if below <= 1 - SURE else Verdict.MAYBE


def _belief(mastery: Mastery, key: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Draws from the Beta belief that `practice` holds, the same ones for the same learner and sound."""
    weight = model.PRIOR_STRENGTH + mastery.n_attempts
    mean = min(max(mastery.mean, 1e-3), 1 - 1e-3)
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    return rng.beta(mean * weight, (1 - mean) * weight, DRAWS)


def _mean(scores: Sequence[float], name: str) -> tuple[float, float, float]:
    """The mean score with its 95 % bootstrap interval over attempts."""
    values = np.asarray(scores)
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    means = values[rng.integers(len(values), size=(1000, len(values)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(values.mean()), float(low), float(high)


def advice(phone: str, heard: str | None, n_exercises: int = 3) -> Advice | None:
    """How to practise a sound; None for one that the tutor has no description of."""
    if phone not in sounds():
        return None
    bank = [exercise for exercise in sentence_bank() if phone in exercise.focus]
    # Sentences about few sounds first: they practise this one more.
    bank.sort(key=lambda exercise: (len(exercise.focus), len(exercise.text)))
    pair = minimal_pair(phone, heard) if heard is not None else None
    return Advice(phone, str(sounds()[phone]), hint(phone, heard), pair, bank[:n_exercises])
