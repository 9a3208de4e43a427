"""What a sound or a word is called: the one place that what is shown and what is said both go by."""

from __future__ import annotations

import re
from enum import StrEnum

from speechtutor.content.tables import sounds, word_set
from speechtutor.core import ErrorType, PhoneScore, WordScore
from speechtutor.core.inventory import VOWELS
from speechtutor.core.score import ERROR_THRESHOLD

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
    if probability is None:
        return Label.UNKNOWN
    if probability >= ERROR_THRESHOLD:
        return Label.MISSING if phone.heard == "" else Label.WRONG
    return Label.UNCLEAR if probability >= UNCLEAR else Label.GOOD


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
        return Label.UNKNOWN
    if Label.UNCLEAR in labels or word.inserted:
        return Label.UNCLEAR
    return Label.GOOD if Label.GOOD in labels else Label.UNKNOWN


def plain(word: str) -> str:
    """A word as it may be quoted: letters, apostrophes and hyphens only, "" when it is not a word.

    The text comes from the user and is data: what is not wordlike, or an insult, is never quoted and
    never shown to a model.
    """
    bare = word.strip().strip('.,;:!?"()[]…“”„«»-–—').replace("’", "'")
    wordlike = re.fullmatch(r"[^\W\d_]+(?:['-][^\W\d_]+)*'?", bare) and len(bare) <= 24
    return bare if wordlike and bare.lower() not in word_set("insults", group="refused") else ""
