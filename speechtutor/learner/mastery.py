"""What a learner knows, and what to practise next.

The attempts are the truth; the state is a pure fold over them. Each phone has a Beta belief about
the probability that it comes out right, updated with the calibrated probability that it was said
(without a diagnosis: that raters would not mark it) as a soft observation (a fractional success, as in
Bayesian knowledge tracing with soft evidence).
Skills (`learner.belief`) are folded in the order in which they happened, whatever the order of arrival:
`late` tells an attempt that came after a later one, from which the state has to be folded again. So the
result does not depend on the order of the attempts, not even in its last bit, and a state that is kept
beside them can be compared with the fold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from speechtutor.core import (
    Attempt,
    ErrorType,
    Exercise,
    LearnerState,
    Mastery,
    UtteranceScore,
    WordScore,
)
from speechtutor.errors import InputError
from speechtutor.learner import belief, evidence, skills
from speechtutor.learner.evidence import Evidence

PRIOR_MEAN = 0.5
"""Belief about a sound nobody has heard yet."""

PRIOR_STRENGTH = 2.0
"""How many observations the prior is worth; 2 at a mean of 0.5 is the uniform Beta(1, 1)."""

MIN_CONFIDENCE = 0.3
"""Phones heard with less confidence than this teach nothing about the learner."""

RULE = 4
"""Version of the fold: a kept state that another version made is made again."""

GRAIN = 2.0**24
"""Evidence is summed in whole units of 1 / GRAIN: sums of whole numbers are the same in any order, and exact
for the first 2^28 observations of a phone."""

_UNHEARD = frozenset({ErrorType.OMISSION, ErrorType.INSERTION, ErrorType.UNSURE})


def observations(score: UtteranceScore) -> Iterator[tuple[str, float]]:
    """Phones of an utterance with the probability that each came out right.

    Words that were left out, added or not understood tell nothing about their sounds.
    """
    for word in score.words:
        if word.error_type in _UNHEARD and not _only_marked(word):
            continue
        for phone in word.phones:
            right = evidence.right_of(phone)
            if right is not None and (phone.confidence is None or phone.confidence >= MIN_CONFIDENCE):
                yield phone.canonical, right


def _only_marked(word: WordScore) -> bool:
    """Whether a word is Unsure although it was heard well: raters might mark it, the diagnosis does not."""
    diagnosed = all(phone.said_probability is not None for phone in word.phones)
    return word.error_type is ErrorType.UNSURE and bool(word.phones) and diagnosed


def place(attempt: Attempt) -> str:
    """Where an attempt stands among a learner's: by time, then by id, compared as text."""
    return f"{attempt.at.astimezone(UTC).isoformat(timespec='microseconds')} {attempt.id}"


def late(state: LearnerState, attempt: Attempt) -> bool:
    """Whether an attempt belongs before the last one that the state knows."""
    return bool(state.latest) and place(attempt) < state.latest


def update(state: LearnerState, attempt: Attempt) -> LearnerState:
    """The state after one more attempt, which is not `late`; the state given is not changed.

    Raises:
        InputError: when the attempt is another learner's.
        ValueError: for a late attempt: what skills it leads to, only `replay` of all attempts tells.
    """
    _same(state.learner, attempt)
    if late(state, attempt):
        raise ValueError(f"the attempt {attempt.id} is older than the last one of the state")
    return _updated(state, _light(attempt))


_Light = tuple[str, datetime, tuple[tuple[str, float], ...], tuple[Evidence, ...]]


def _light(attempt: Attempt, sounds_only: bool = False) -> _Light:
    """What the fold needs of an attempt: place, time, phones, evidence for skills."""
    phones, found = tuple(observations(attempt.score)), evidence.of_attempt(attempt)
    if sounds_only:
        found = tuple(one for one in found if skills.kind_of(one.skill) == "sound")
    return place(attempt), attempt.at.astimezone(UTC), phones, found


def _same(learner: str, attempt: Attempt) -> None:
    if attempt.learner != learner:
        raise InputError(f"an attempt of {attempt.learner!r} cannot update the state of {learner!r}")


def _updated(state: LearnerState, seen: _Light) -> LearnerState:
    latest, at, heard, found = seen
    phones = counted(state.phones, heard)
    state = replace(state, phones=phones, n_attempts=state.n_attempts + 1, latest=latest)
    return belief.learn(state, at, found)


def counted(phones: Mapping[str, Mastery], heard: Iterable[tuple[str, float]]) -> dict[str, Mastery]:
    """The Beta beliefs of phones after some observations."""
    found = dict(phones)
    for phone, right in heard:
        known = found.get(phone, Mastery(PRIOR_MEAN, 0))
        weight = PRIOR_STRENGTH + known.n_attempts
        evidence_so_far = (round(known.mean * weight * GRAIN) + round(right * GRAIN)) / GRAIN
        found[phone] = Mastery(evidence_so_far / (weight + 1), known.n_attempts + 1)
    return found


def replay(
    attempts: Iterable[Attempt], start: LearnerState | None = None, *, sounds_only: bool = False
) -> LearnerState:
    """The state that a learner's attempts lead to, in whatever order they come; of nobody without any.

    `start` is what is known of the learner beside them: first language, level (`priors.begin`). With
    `sounds_only` other skills are left out, which takes a fourth of the time and changes nothing of sounds.

    Raises:
        InputError: when the attempts are of more than one learner.
    """
    seen: list[_Light] = []
    learner: str | None = None
    for attempt in attempts:
        learner = learner or attempt.learner
        _same(learner, attempt)
        seen.append(_light(attempt, sounds_only))
    state = start or LearnerState()
    state = state if learner is None else replace(state, learner=learner)
    for one in sorted(seen, key=lambda light: light[0]):
        state = _updated(state, one)
    return state


def choose(state: LearnerState, bank: Sequence[Exercise], rng: np.random.Generator) -> Exercise:
    """The exercise whose sounds most need practice, by Thompson sampling.

    One draw per phone from its Beta belief: sounds known to be weak come first, unknown ones get
    their turn, mastered ones come back now and then (Thompson, 1933; Chapelle and Li, 2011).

    Raises:
        InputError: when the bank is empty.
    """
    if not bank:
        raise InputError("there is no exercise to choose from")
    phones = sorted({phone for exercise in bank for phone in exercise.focus})
    drawn = {phone: float(rng.beta(*_beta(state.phones.get(phone)))) for phone in phones}
    unknown = float(rng.beta(*_beta(None)))
    known = [float(np.mean([drawn[phone] for phone in exercise.focus] or [unknown])) for exercise in bank]
    lowest = min(known)
    return bank[int(rng.choice([i for i, value in enumerate(known) if value == lowest]))]


def weakest(state: LearnerState, n_phones: int = 3, *, min_attempts: int = 3) -> tuple[str, ...]:
    """The phones this learner masters least, worst first; those heard too seldom are left out."""
    known = [(m.mean, phone) for phone, m in state.phones.items() if m.n_attempts >= min_attempts]
    return tuple(phone for _, phone in sorted(known)[:n_phones])


def _beta(mastery: Mastery | None) -> tuple[float, float]:
    """Parameters of a phone's Beta belief."""
    known = mastery or Mastery(PRIOR_MEAN, 0)
    weight = PRIOR_STRENGTH + known.n_attempts
    # A mean of exactly 0 or 1 cannot come from update(), but may from a state made by hand.
    mean = min(max(known.mean, 1e-3), 1 - 1e-3)
    return mean * weight, (1.0 - mean) * weight
