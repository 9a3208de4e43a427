"""What an attempt says of each skill: a probability that it came out right, and what that is worth.

Nothing is cut off: an unsure phone counts little, and never as right or wrong. Two questions have two
answers: whether the sound came out is the diagnosis's, and moves the skill; what raters would give is the
scorer's, and moves the ability, since what is expected and the levels stand on their scale. The weight is
the scorer's confidence times how reliable scorers are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from speechtutor.core import Attempt, ErrorType, PhoneScore, UtteranceScore, WordScore
from speechtutor.learner import skills

RELIABILITY = 0.58
"""Weight of a model's judgement; people's is 1. The square of the scorer's correlation with the raters per
phone (0.76 on dev): the share of what they see that it sees."""

_UNHEARD = frozenset({ErrorType.OMISSION, ErrorType.INSERTION, ErrorType.UNSURE})


@dataclass(frozen=True, slots=True)
class Evidence:
    """One observation: `right` and `weight` in [0, 1]; `word` is where a sound was heard, lower case.

    `rated` is the mean score in [0, 1] that raters would give, where that is known apart from `right`.
    """

    skill: str
    right: float
    weight: float = 1.0
    word: str = ""
    rated: float | None = None


def of_attempt(attempt: Attempt) -> tuple[Evidence, ...]:
    """Everything an attempt says; sounds come first, in the order they were said."""
    found = list(of_score(attempt.score))
    if attempt.outcome is not None and not attempt.exercise.is_read:
        points = skills.grammar_in(attempt.outcome.nearest)
        # How much of the model answer was said: a hint at its grammar, no more.
        found += [Evidence(point, attempt.outcome.share, RELIABILITY) for point in points]
    return tuple(found)


def of_score(score: UtteranceScore) -> Iterator[Evidence]:
    """What a judged utterance says; words that were left out, added or not understood say nothing."""
    words = [word for word in score.words if word.error_type not in _UNHEARD and word.phones]
    for word in words:
        yield from _sounds(word)
    for word in words:
        yield from _beyond(word)


def right_of(phone: PhoneScore) -> float | None:
    """The probability that a phone came out right, by the diagnosis where there is one.

    Without one it is the probability that raters would not mark it, or what they gave; None where nothing
    was measured.
    """
    value = phone.said_probability
    if value is None:
        value = phone.score if phone.error_probability is None else 1.0 - phone.error_probability
    return None if value is None else _bounded(value)


def _bounded(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _weight(phone: PhoneScore) -> float:
    trust = 1.0 if phone.error_probability is None else RELIABILITY
    return trust * _bounded(1.0 if phone.confidence is None else phone.confidence)


def _named(word: WordScore) -> tuple[str, ...]:
    return skills.in_context(tuple(phone.canonical for phone in word.phones))


def _sounds(word: WordScore) -> Iterator[Evidence]:
    text = word.text.lower()
    for skill, phone in zip(_named(word), word.phones, strict=True):
        right = right_of(phone)
        if right is not None:
            is_rated = phone.error_probability is None  # by people: their score is all there is
            rated = None if is_rated or phone.score is None else _bounded(phone.score)
            yield Evidence(skill, right, _weight(phone), text, rated)


def _beyond(word: WordScore) -> Iterator[Evidence]:
    phones = word.phones
    for name, group in skills.clusters(tuple(phone.canonical for phone in phones)):
        yield from _whole(name, [phones[i] for i in group])
    for phone in phones:
        yield from _contrasts(phone)
    yield from _whole(skills.word_skill(word.text), phones)
    if word.stress is not None and (stress := skills.stress_of(word.text)):
        yield Evidence(stress, _bounded(word.stress), RELIABILITY)


def _whole(skill: str, phones: tuple[PhoneScore, ...] | list[PhoneScore]) -> Iterator[Evidence]:
    """All of several phones right: the product of their probabilities, as sure as the least sure."""
    rights = [right_of(phone) for phone in phones]
    known = [right for right in rights if right is not None]
    if len(known) == len(rights):
        yield Evidence(skill, prod(known), min(map(_weight, phones)))


def _contrasts(phone: PhoneScore) -> Iterator[Evidence]:
    """Whether the other sound of a pair was said; only a diagnosis knows."""
    if phone.error_probability is None:
        return
    said = {one.phone: one.probability for one in phone.nbest}
    if not said and phone.heard:
        said = {phone.heard: 1.0 - (right_of(phone) or 0.0)}
    for name, other in skills.contrasts_of(phone.canonical):
        yield Evidence(name, 1.0 - _bounded(said.get(other, 0.0)), _weight(phone))
