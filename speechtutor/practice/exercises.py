"""Exercises to speak: made from our own sentences and patterns, and checked by code before they are given.

A drill says what to do in a language of explanation; what is to be said is English, at a CEFR level,
of speakable length, with the sounds asked for and nothing unsafe.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from speechtutor.content.tables import contrasts, known_language, message, read, sentences
from speechtutor.core import Exercise, LearnerState
from speechtutor.core.inventory import VOWELS
from speechtutor.errors import InputError
from speechtutor.learner.mastery import choose, weakest
from speechtutor.practice.levels import LEVELS, level_of, phones_in, problems, words_of
from speechtutor.text.phones import PHONES, pronounce

KINDS = ("sound", "pair", "vocabulary", "paraphrase", "translate", "retell")
READ_KINDS = frozenset({"sound", "pair"})
"""Kinds whose text is read as it stands; the others are answered in the learner's own words."""


ENOUGH = 2
"""Times that a sentence holds a sound which it practises."""

FILLED = 6
"""Sentences made of each pattern, from which one is chosen."""

_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Drill:
    """What to do, and what a good answer is.

    `exercise.text` is what to say, or a model answer where the learner's own words are wanted;
    `answers` are all model answers; of each of `points` a retelling holds one of its words. `given` is
    the English that the learner sees and is to say otherwise.
    """

    kind: str
    level: str
    prompt: str
    exercise: Exercise
    answers: tuple[str, ...] = ()
    points: tuple[tuple[str, ...], ...] = ()
    given: str = ""

    @property
    def is_read(self) -> bool:
        """Whether the text is to be read, and so scored, as it stands."""
        return self.kind in READ_KINDS


def fillers() -> list[str]:
    """All words that patterns are filled with, a text for each list."""
    return [text for lists in read("exercises")["fill"].values() for text in lists.values()]


def next_drill(
    learner: LearnerState,
    rng: np.random.Generator,
    *,
    level: str = "A2",
    sounds: Sequence[str] = (),
    words: Sequence[str] = (),
    kinds: Sequence[str] = ("sound",),
    lang: str = "en",
) -> Drill:
    """The drill that this learner most needs, among those with the sounds and words asked for.

    Without sounds it is the learner's weakest that count, and without a record every sound.

    Raises:
        InputError: for an unknown level, kind, sound or language, or when nothing fits.
    """
    _check(level, sounds, kinds)
    lang = known_language(lang)
    wanted = tuple(sounds)
    if not wanted and any(kind in READ_KINDS for kind in kinds):
        wanted = weakest(learner)
    found = [drill for kind in kinds for drill in _drills(kind, level, wanted, words, lang, rng)]
    if not found and not sounds:
        found = [drill for kind in kinds for drill in _drills(kind, level, (), words, lang, rng)]
    if not found:
        asked = " with ".join(
            [f"{' or '.join(kinds)} at level {level}", ", ".join([*sounds, *words]) or "these"]
        )
        raise InputError(f"there is no exercise {asked}")
    chosen = choose(learner, [drill.exercise for drill in found], rng)
    return next(drill for drill in found if drill.exercise is chosen)


def _check(level: str, sounds: Sequence[str], kinds: Sequence[str]) -> None:
    for what, given, known in (("level", [level], LEVELS), ("sound", sounds, PHONES), ("kind", kinds, KINDS)):
        for value in given:
            if value not in known:
                raise InputError(f"there is no {what} {value!r}, only {', '.join(known)}")


def _drills(
    kind: str, level: str, sounds: Sequence[str], words: Sequence[str], lang: str, rng: np.random.Generator
) -> Iterator[Drill]:
    """Drills of a kind that hold the words and at least one of the sounds."""
    for drill in _all(kind, level, sounds, words, lang, rng):
        said = drill.answers or (drill.exercise.text,)
        if not {word.lower() for word in words} <= {word for text in said for word in words_of(text)}:
            continue
        if not sounds or set(drill.exercise.focus) & set(sounds):
            yield drill


def _all(
    kind: str, level: str, sounds: Sequence[str], words: Sequence[str], lang: str, rng: np.random.Generator
) -> Iterator[Drill]:
    if kind == "sound":
        yield from _sound(level, sounds, words, lang, rng)
    elif kind == "pair":
        yield from _pairs(level, lang)
    else:
        for row in read("exercises")["story" if kind == "retell" else kind]:
            if row["level"] == level:
                yield _own_words(kind, row, lang)


def _sound(
    level: str, sounds: Sequence[str], words: Sequence[str], lang: str, rng: np.random.Generator
) -> Iterator[Drill]:
    """Sentences of the bank, and patterns filled with words that have the sounds."""
    texts = [s.exercise.text for s in sentences() if s.level == level]
    patterns = [row["text"] for row in read("exercises")["pattern"] if row["level"] == level]
    texts += [fill(text, level, sounds, words, rng) for text in patterns for _ in range(FILLED)]
    for text in dict.fromkeys(texts):
        if not problems(text, level):
            yield Drill(
                "sound", level, message("exercise", "sound", lang), Exercise(text, _focus(text, sounds))
            )


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


def _pairs(level: str, lang: str) -> Iterator[Drill]:
    for contrast in contrasts().values():
        if contrast.words and LEVELS.index(level_of(" ".join(contrast.words)) or "B2") <= LEVELS.index(level):
            text = f"{contrast.words[0]}, {contrast.words[1]}"
            yield Drill("pair", level, message("exercise", "pair", lang), Exercise(text, contrast.phones))


def _own_words(kind: str, row: dict[str, object], lang: str) -> Drill:
    """A drill that is answered in the learner's own words."""
    level, text = str(row["level"]), str(row.get("text", ""))
    answers = tuple(str(answer) for answer in _list(row.get("answers"))) or (text,)
    points = tuple(tuple(str(word) for word in _list(point)) for point in _list(row.get("points")))
    values = {"vocabulary": {"word": str(row.get("word"))}, "paraphrase": {"text": text}}.get(kind, {})
    if kind == "translate":
        # Who is explained to in English is given a situation: the sentence itself would be the answer.
        prompt = str(row["en"]) if lang == "en" else message("exercise", kind, lang, text=str(row[lang]))
    else:
        prompt = message("exercise", kind, lang, **values)
    if kind == "vocabulary":
        points = ((str(row["word"]),),)
    given = text if kind == "paraphrase" else ""
    return Drill(kind, level, prompt, Exercise(answers[0], _focus(answers[0])), answers, points, given)


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []
