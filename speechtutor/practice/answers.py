"""What was said in answer to an exercise, by words alone; how it was said is the scorer's affair.

An answer in the learner's own words may be right in more ways than we know, so nothing is called
wrong here: what is too far from every model answer is said to be that, and an example is given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np

from speechtutor.content.tables import listed, message
from speechtutor.core import Exercise, Outcome
from speechtutor.practice.levels import words_of
from speechtutor.text.tokens import normalize
from speechtutor.text.written import fold

ALIKE = 0.6
"""Share of common words from which an answer is held against the nearest model answer, word by word."""

SAME = 0.8
"""Likeness to the given sentence from which a paraphrase is none."""

SENTENCE = 3
"""Words that make a word into a sentence."""

ENOUGH = {"A1": 5, "A2": 8, "B1": 12, "B2": 16, "C1": 20}
"""Words that answer a question at a level; what they say is the learner's affair. Our choice: about half of
our own examples."""

SPELLING = 0.85
"""Likeness of letters from which two long words are one, such as cancelled and canceled."""

_SHORT = (("can't", "can not"), ("cannot", "can not"), ("won't", "will not"), ("n't", " not"), ("'m", " am"),
          ("'re", " are"), ("'ll", " will"), ("'ve", " have"), ("let's", "let us"))  # fmt: skip
_IS = re.compile(r"\b(it|he|she|that|there|here|what|where|who|how)'s\b")


class Note:
    """Why an answer was not held against a model answer; keys of the group `exercise` of the messages."""

    NOTHING = "nothing"
    SAME = "same"
    SHORT = "whole_sentence"
    OTHER = "other_words"
    BRIEF = "brief"


def outcome(exercise: Exercise, heard: str) -> Outcome:
    """What of an exercise was said."""
    said = _plain(heard)
    if not said:
        return Outcome(0.0, exercise.text, note=Note.NOTHING)
    if exercise.kind == "question":
        share = min(1.0, len(said) / ENOUGH.get(exercise.level, SENTENCE))
        return Outcome(share, exercise.text, note=Note.BRIEF if share < 1 else "")
    if exercise.kind in ("retell", "vocabulary", "picture"):
        missing = tuple(point[0] for point in exercise.points if not any(_has(said, word) for word in point))
        short = exercise.kind == "vocabulary" and not missing and len(said) < SENTENCE
        share = 1.0 - len(missing) / len(exercise.points)
        return Outcome(share, exercise.text, missing, Note.SHORT if short else "")
    return _compared(exercise, said)


def _compared(exercise: Exercise, said: Sequence[str]) -> Outcome:
    answers = exercise.answers or (exercise.text,)
    shares = [_likeness(answer, said) for answer in answers]
    best = int(np.argmax(shares))
    share, nearest = shares[best], answers[best]
    given = _likeness(exercise.given, said) if exercise.given else 0.0
    if given >= SAME and given > share:
        return Outcome(share, nearest, note=Note.SAME)
    if share < ALIKE:
        return Outcome(share, nearest, note=Note.OTHER)
    wanted = dict.fromkeys(_plain(nearest))
    # A word in another form is there; that the form is wrong is a matter of grammar.
    return Outcome(share, nearest, tuple(word for word in wanted if not _has(said, word)))


def _likeness(text: str, said: Sequence[str]) -> float:
    """Of two lists of words, in [0, 1]: twice the words they share in order, over all of them."""
    return SequenceMatcher(None, _plain(text), list(said), autojunk=False).ratio()


def told(found: Outcome, lang: str = "en") -> str:
    """An outcome in a language of explanation; what was missing is told in English words."""
    if found.note:
        return message("exercise", found.note, lang)
    if found.missing:
        return message("exercise", "missing", lang, words=listed(found.missing, lang))
    return message("exercise", "all_there", lang)


def example(exercise: Exercise, found: Outcome, lang: str = "en") -> str:
    """The nearest model answer, to be shown after the answer and never before; "" for a story."""
    return "" if exercise.kind == "retell" else message("exercise", "example", lang, text=found.nearest)


def _plain(text: str) -> list[str]:
    """The words of a text as they are said in full: figures as words, don't as do not."""
    plain = fold(text).lower()
    if re.search(r"\d", plain):
        plain = normalize(plain.encode("ascii", "ignore").decode())
    plain = _IS.sub(r"\1 is", plain)
    for short, full in _SHORT:
        plain = plain.replace(short, full)
    return words_of(plain)


def _has(said: Sequence[str], word: str) -> bool:
    """Whether a word was said in any of its regular forms; a small word has none."""
    if len(word) < 3:
        return word in said
    stem = word.removesuffix("e").removesuffix("y")
    endings = ("", "s", "es", "ed", "ing", "e", "y", "ies", "ied", "d", "ly", "'s")
    return any(_spelled(said, stem + ending) for ending in endings)


def _spelled(said: Sequence[str], word: str) -> bool:
    """Whether a word was said, perhaps in another spelling."""
    return any(
        form == word or (len(word) > 5 and SequenceMatcher(None, form, word).ratio() >= SPELLING)
        for form in said
    )
