"""Exercises to speak: made from our own sentences and patterns, and checked by code before they are given.

An exercise says what to do in a language of explanation; what is to be said is English, at a CEFR level,
of speakable length, with the sounds asked for and nothing unsafe.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from speechtutor.content.tables import contrasts, known_language, message, read
from speechtutor.core import Exercise, LearnerState
from speechtutor.core.inventory import VOWELS
from speechtutor.core.lesson import READ_KINDS
from speechtutor.errors import InputError
from speechtutor.learner import belief
from speechtutor.learner.mastery import choose, weakest
from speechtutor.practice import library, path
from speechtutor.practice.bank import Bank
from speechtutor.practice.levels import LEVELS, level_of, phones_in, problems, words_of
from speechtutor.practice.path import Step
from speechtutor.text.phones import PHONES, pronounce

KINDS = (
    "sound", "pair", "vocabulary", "paraphrase", "translate", "retell",
    "repeat", "shadow", "listen", "twister", "question", "picture",
)  # fmt: skip
OF_LIBRARY = frozenset(KINDS[6:])
"""Kinds whose exercises are all in the library."""

BREATH = 12
"""Words of a sentence that can be said along with somebody."""

ENOUGH = 2
"""Times that a sentence holds a sound which it practises."""

FILLED = 6
"""Sentences made of each pattern, from which one is chosen."""

_SLOT = re.compile(r"\{(\w+)\}")


def fillers() -> list[str]:
    """All words that patterns are filled with, a text for each list."""
    return [text for lists in read("exercises")["fill"].values() for text in lists.values()]


def next_step(
    learner: LearnerState,
    rng: np.random.Generator,
    now: datetime | None,
    *,
    level: str = "A2",
    sounds: Sequence[str] = (),
    words: Sequence[str] = (),
    kinds: Sequence[str] = ("sound",),
    lang: str = "en",
    recent: Sequence[Exercise] = (),
    topic: str = "",
) -> Step:
    """The exercise that this learner most needs now, and why, with the sounds and words asked for.

    Without a time nothing has faded and nothing is due. Without sounds it is the learner's weakest that
    count, and without a record every sound. `recent` are the exercises given before, the last
    one last. Of what fits, what is about the `topic` is taken where there is any.

    Raises:
        InputError: for an unknown level, kind, sound or language, or when nothing fits.
    """
    check(level, sounds, kinds)
    lang = known_language(lang)
    wanted = tuple(sounds)
    if not wanted and any(kind in READ_KINDS for kind in kinds):
        wanted = tuple(p for p in weakest(learner) if learner.phones[p].mean < belief.MASTERED)
    found = [one for kind in kinds for one in _fitting(kind, level, wanted, words, lang, rng)]
    if not found and not sounds:
        found = [one for kind in kinds for one in _fitting(kind, level, (), words, lang, rng)]
    if not found:
        asked = " with ".join(
            [f"{' or '.join(kinds)} at level {level}", ", ".join([*sounds, *words]) or "these"]
        )
        raise InputError(f"there is no exercise {asked}")
    found = [one for one in found if topic and library.topic_of(one.text) == topic] or found
    if not learner.skills:
        # Nothing is known: any exercise teaches something of the learner, and Thompson sampling draws one.
        return path.explained(learner, choose(learner, _others(found, recent), rng), now)
    return path.choose(learner, Bank(found), rng, now, recent)


def _others(found: list[Exercise], recent: Sequence[Exercise]) -> list[Exercise]:
    """Those not given lately; where all were, those that were not for the longest time."""
    for n in range(path.LAST, 0, -1):
        given = {one.text for one in recent[-n:]}
        if left := [one for one in found if one.text not in given]:
            return left
    return found


def in_language(exercise: Exercise, lang: str) -> Exercise:
    """An exercise of ours with what to do in another language of explanation.

    Raises:
        InputError: when there are no explanations in that language.
    """
    lang = known_language(lang)
    if exercise.kind not in KINDS:
        return exercise
    rows = read("exercises")["translate"] if exercise.kind == "translate" else ()
    row = next((row for row in rows if tuple(row["answers"]) == exercise.answers), None)
    if exercise.kind == "translate" and row is None:
        return exercise  # a version of ours had it that no longer has its sentence
    word = exercise.points[0][0] if exercise.kind == "vocabulary" else ""
    return replace(exercise, prompt=_prompt(exercise.kind, lang, word, exercise.given, row))


def _prompt(
    kind: str, lang: str, word: str = "", text: str = "", row: Mapping[str, Any] | None = None
) -> str:
    """What to do; `word`, `text` and `row` are what a vocabulary, paraphrase or translate exercise has."""
    if kind == "translate" and row is not None:
        # Who is explained to in English is given a situation: the sentence itself would be the answer.
        return str(row["en"]) if lang == "en" else message("exercise", kind, lang, text=str(row[lang]))
    return message("exercise", kind, lang, word=word, text=text)


def check(level: str, sounds: Sequence[str], kinds: Sequence[str]) -> None:
    """Refuse what there is not.

    Raises:
        InputError: for an unknown level, kind or sound.
    """
    for what, given, known in (("level", [level], LEVELS), ("sound", sounds, PHONES), ("kind", kinds, KINDS)):
        for value in given:
            if value not in known:
                raise InputError(f"there is no {what} {value!r}, only {', '.join(known)}")


def all_of(kind: str, level: str, rng: np.random.Generator) -> list[Exercise]:
    """Every exercise of a kind at a level; `rng` fills the patterns of sentences."""
    return list(_all(kind, level, (), (), "en", rng))


def _fitting(
    kind: str, level: str, sounds: Sequence[str], words: Sequence[str], lang: str, rng: np.random.Generator
) -> Iterator[Exercise]:
    """Exercises of a kind that hold the words and at least one of the sounds."""
    for exercise in _all(kind, level, sounds, words, lang, rng):
        said = exercise.answers or (exercise.text,)
        if not {word.lower() for word in words} <= {word for text in said for word in words_of(text)}:
            continue
        if not sounds or set(exercise.focus) & set(sounds):
            yield exercise


def _all(
    kind: str, level: str, sounds: Sequence[str], words: Sequence[str], lang: str, rng: np.random.Generator
) -> Iterator[Exercise]:
    if kind == "sound":
        yield from _sound(level, sounds, words, lang, rng)
    elif kind == "pair":
        yield from _pairs(level, lang)
    elif kind in OF_LIBRARY:
        yield from _of_library(kind, level, sounds, lang)
    else:
        for row in read("exercises")["story" if kind == "retell" else kind]:
            if row["level"] == level:
                yield _own_words(kind, row, lang)


def sound_exercise(text: str, level: str, sounds: Sequence[str], lang: str) -> Exercise:
    """A sentence to read for its sounds."""
    return Exercise(text, _focus(text, sounds), "sound", level, _prompt("sound", lang))


def _sound(
    level: str, sounds: Sequence[str], words: Sequence[str], lang: str, rng: np.random.Generator
) -> Iterator[Exercise]:
    """Sentences of the bank, and patterns filled with words that have the sounds."""
    texts = [sentence.text for sentence in library.of_kind("sentence", level)]
    patterns = [row["text"] for row in read("exercises")["pattern"] if row["level"] == level]
    texts += [fill(text, level, sounds, words, rng) for text in patterns for _ in range(FILLED)]
    for text in dict.fromkeys(texts):
        if not problems(text, level):
            yield sound_exercise(text, level, sounds, lang)


def fill(
    pattern: str, level: str, sounds: Sequence[str], words: Sequence[str], rng: np.random.Generator
) -> str:
    """A pattern with a word in each slot: those asked for first, then those rich in the sounds."""
    used: set[str] = set()

    def word(slot: re.Match[str]) -> str:
        rows = read("exercises")["fill"][slot[1]]
        pool = [
            w
            for name in LEVELS[: LEVELS.index(level) + 1]
            for w in rows.get(name, "").split()
            if w not in used
        ]
        asked = [w for w in pool if w.lower() in {wanted.lower() for wanted in words}]
        rich = [w for w in pool if any(phones_in(w)[phone] for phone in sounds)]
        choices = asked or rich or pool
        chosen: str = choices[int(rng.integers(len(choices)))]
        used.add(chosen)
        return chosen

    return re.sub(r"\b([Aa]) (?=(\w+))", _article, _SLOT.sub(word, pattern))


def _article(match: re.Match[str]) -> str:
    vowel = pronounce(match[2])[0].pronunciations[0][0] in VOWELS
    return f"{match[1]}{'n' if vowel else ''} "


def _focus(text: str, sounds: Sequence[str] = ()) -> tuple[str, ...]:
    """The sounds that a text practises: those asked for that it holds often enough, else all such."""
    counts = phones_in(text)
    often = sorted(phone for phone, n in counts.items() if n >= ENOUGH)
    return tuple(phone for phone in often if not sounds or phone in sounds)


def _pairs(level: str, lang: str) -> Iterator[Exercise]:
    known = [(one.text, one.sounds) for one in library.of_kind("pair") if _up_to(one.level, level)]
    for contrast in contrasts().values():
        if contrast.words and LEVELS.index(level_of(" ".join(contrast.words)) or "B2") <= LEVELS.index(level):
            known.append((f"{contrast.words[0]}, {contrast.words[1]}", contrast.phones))
    for text, phones in dict.fromkeys(known):
        yield Exercise(text, phones, "pair", level, _prompt("pair", lang))


def _up_to(own: str, level: str) -> bool:
    return LEVELS.index(own) <= LEVELS.index(level)


def _of_library(kind: str, level: str, sounds: Sequence[str], lang: str) -> Iterator[Exercise]:
    """Exercises that are made of an item of the library each, two of each pair."""
    prompt = _prompt(kind, lang)
    for one in _items(kind, level):
        if kind == "listen":
            for word in one.text.split(", "):
                yield Exercise(word, one.sounds, kind, level, prompt, given=one.text)
        elif kind == "question":
            asked = _prompt(kind, lang, text=one.ask)
            yield Exercise(one.text, _focus(one.text), kind, level, asked, (one.text,), given=one.ask)
        elif kind == "picture":
            yield Exercise(
                one.text, _focus(one.text), kind, level, prompt, (one.text,), one.points, picture=one.picture
            )
        else:
            yield Exercise(one.text, _focus(one.text, sounds), kind, level, prompt)


def _items(kind: str, level: str) -> Iterator[library.Item]:
    """The items of the library from which a kind is made at a level.

    Pictures are for any level: everybody describes with what words one has.
    """
    if kind in ("repeat", "shadow"):
        found = library.of_kind("sentence", level)
        yield from (one for one in found if kind == "repeat" or len(words_of(one.text)) <= BREATH)
    elif kind == "question":
        yield from library.of_kind("opening", level)
    else:
        found = library.of_kind("pair" if kind == "listen" else kind)
        yield from (one for one in found if kind == "picture" or _up_to(one.level, level))


def _own_words(kind: str, row: Mapping[str, Any], lang: str) -> Exercise:
    """An exercise that is answered in the learner's own words."""
    text, word = str(row.get("text", "")), str(row.get("word", ""))
    answers = tuple(row.get("answers", ())) or (text,)
    points = ((word,),) if kind == "vocabulary" else tuple(tuple(point) for point in row.get("points", ()))
    given = text if kind == "paraphrase" else ""
    prompt = _prompt(kind, lang, word, text, row)
    return Exercise(answers[0], _focus(answers[0]), kind, str(row["level"]), prompt, answers, points, given)
