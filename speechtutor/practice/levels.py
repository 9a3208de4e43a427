"""How hard a text is, and whether it may be given to a learner of a level."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from speechtutor.content.tables import read, word_set
from speechtutor.learner.skills import grammar_in
from speechtutor.text.phones import pronounce
from speechtutor.text.written import folded

LEVELS = ("A1", "A2", "B1", "B2", "C1")
"""CEFR levels of what is to be said; C1 is what the word list, which ends at B2, does not have."""

MAX_WORDS = {"A1": 12, "A2": 14, "B1": 20, "B2": 26, "C1": 30}
"""Of a sentence, by level: our choice for one breath of a learner."""


_WORD = re.compile(r"[a-z]+(?:['-][a-z]+)*")


def words_of(text: str) -> list[str]:
    """The words of a text in lower case."""
    return _WORD.findall(folded(text))


@cache
def word_levels() -> dict[str, int]:
    """Index in `LEVELS` of every word of our own texts (CEFR-J Wordlist; see `content/levels.txt`)."""
    table = files("speechtutor.content").joinpath("levels.txt").read_text(encoding="utf-8")
    rows = [line.split() for line in table.splitlines() if not line.startswith("#")]
    return {word: LEVELS.index(level) for level, *words in rows for word in words}


def level_of(text: str) -> str | None:
    """The level of the hardest word; None where a word is not known."""
    known = [word_levels().get(word) for word in words_of(text)]
    if not known or any(level is None for level in known):
        return None
    return LEVELS[max(level for level in known if level is not None)]


def text_level(text: str) -> str | None:
    """The level at which a text may be given: of its hardest word, grammar point and longest sentence.

    None where a word has no level, or a sentence is longer than any level takes.
    """
    words = level_of(text)
    if words is None:
        return None
    longest = _longest(text)
    length = next((level for level in LEVELS if longest <= MAX_WORDS[level]), None)
    points = [str(read("skills")["grammar"][name.partition(":")[2]]["level"]) for name in grammar_in(text)]
    return None if length is None else max(words, length, *points, key=LEVELS.index)


def _longest(text: str) -> int:
    """Words of the longest sentence of a text."""
    return max(len(words_of(part)) for part in re.split(r"[.!?]+\s*", text))


@cache
def phones_in(text: str) -> Counter[str]:
    """How often each phone is in a text, in its citation form."""
    return Counter(phone for word in pronounce(text) for phone in word.pronunciations[0])


def problems(text: str, level: str, phones: Sequence[str] = ()) -> list[str]:
    """Why a text is not to be given at a level for these phones; an empty list when it may be."""
    found = []
    if not words_of(text):
        return ["there is nothing to say"]
    ceiling = LEVELS.index(level)
    hard = [word for word in words_of(text) if word_levels().get(word, len(LEVELS)) > ceiling]
    if hard:
        found.append(f"above {level} or unknown: {', '.join(hard)}")
    longest = _longest(text)
    if longest > MAX_WORDS[level]:
        found.append(f"a sentence of {longest} words")
    if re.search(r"[^A-Za-z .,;:!?'\-]", text):
        found.append("more than words and marks")
    unsafe = set(words_of(text)) & (word_set("insults", group="refused") | _unsafe())
    if unsafe:
        found.append(f"unsafe: {', '.join(sorted(unsafe))}")
    lacking = [phone for phone in phones if not phones_in(text)[phone]] if not hard else []
    return found + ([f"without {', '.join(lacking)}"] if lacking else [])


@cache
def _unsafe() -> frozenset[str]:
    return frozenset(str(read("exercises")["unsafe"]).split())
