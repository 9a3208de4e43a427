"""What a sound or a word is called: the one place that what is shown and what is said both go by."""

from __future__ import annotations

import re
from enum import StrEnum

from speechtutor.content.tables import sounds, word_set
from speechtutor.core import ErrorType, PhoneScore, WordScore
from speechtutor.core.inventory import VOWELS
from speechtutor.core.score import ERROR_THRESHOLD
from speechtutor.text.written import APOSTROPHES

UNCLEAR = 0.1
"""Error probability from which a sound is shown as unclear, twice what is usual; from `ERROR_THRESHOLD`
on as wrong. In readings of 75 points and more one sound in a hundred is, below 60 one in eight."""


class Label(StrEnum):
    """What is said about a sound or a word."""

    GOOD = "good"
    UNCLEAR = "unclear"
    WRONG = "wrong"
    MISSING = "left out"
    EXTRA = "extra"
    UNKNOWN = "not judged"


def error_probability(phone: PhoneScore) -> float | None:
    """The calibrated error probability, or what the score leaves of 1 where there is none (raters)."""
    if phone.error_probability is not None:
        return phone.error_probability
    return None if phone.score is None else 1.0 - phone.score


def is_wrong(phone: PhoneScore) -> bool:
    """Whether a sound is called wrong: by the diagnosis where there is one, else as raters would."""
    if phone.said_probability is not None:
        return phone.heard is not None
    return (error_probability(phone) or 0.0) >= ERROR_THRESHOLD


def wrong_probability(phone: PhoneScore) -> float | None:
    """How probable it is that another sound was said, or, without a diagnosis, that raters mark it."""
    return error_probability(phone) if phone.said_probability is None else 1.0 - phone.said_probability


def diagnosed(word: WordScore) -> bool:
    """Whether there is a diagnosis of the sounds of a word."""
    return any(phone.said_probability is not None for phone in word.phones)


def heard_as(phone: PhoneScore) -> str | None:
    """What may be said to have been heard: "" for nothing, None where no other sound may be named.

    A vowel is never said to be like a consonant, or the reverse: such a pair comes of a boundary that
    the aligner misplaced far more often than of a tongue.
    """
    if phone.heard == "":
        return ""
    if phone.heard not in sounds() or phone.heard == phone.canonical:
        return None
    return phone.heard if (phone.heard in VOWELS) == (phone.canonical in VOWELS) else None


def phone_label(phone: PhoneScore) -> Label:
    """What to say about a sound."""
    probability = error_probability(phone)
    if probability is None and phone.said_probability is None:
        return Label.UNKNOWN
    if is_wrong(phone):
        return Label.MISSING if phone.heard == "" else Label.WRONG
    return Label.UNCLEAR if (probability or 0.0) >= UNCLEAR else Label.GOOD


def word_label(word: WordScore) -> Label:
    """What to say about a word: left out, extra, or the worst of its sounds."""
    if word.error_type is ErrorType.OMISSION:
        return Label.MISSING
    if word.error_type in (ErrorType.INSERTION, ErrorType.REPETITION):
        return Label.EXTRA
    labels = {phone_label(phone) for phone in word.phones}
    if labels & {Label.WRONG, Label.MISSING} or word.error_type is ErrorType.MISPRONUNCIATION:
        return Label.WRONG
    if word.error_type is ErrorType.UNSURE:
        return Label.UNCLEAR if Label.UNCLEAR in labels and diagnosed(word) else Label.UNKNOWN
    if Label.UNCLEAR in labels or word.inserted:
        return Label.UNCLEAR
    return Label.GOOD if Label.GOOD in labels else Label.UNKNOWN


def plain(word: str) -> str:
    """A word as it may be quoted: letters, apostrophes and hyphens only, "" when it is not a word.

    The text comes from the user and is data: what is not wordlike, or an insult, is never quoted and
    never shown to a model.
    """
    bare = word.strip().strip('.,;:!?"()[]…“”„«»-–—').translate(APOSTROPHES)
    wordlike = re.fullmatch(r"[^\W\d_]+(?:['-][^\W\d_]+)*'?", bare) and len(bare) <= 24
    return bare if wordlike and bare.lower() not in word_set("insults", group="refused") else ""
