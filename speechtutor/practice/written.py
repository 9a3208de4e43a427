"""Sentences to say that a language model writes: several for some words, checked by code, the best is given.

What the model may say is cut to the words of a level before it chooses; what it wrote must then hold the
sounds, be of speakable length, safe, right by our grammar rules, as likely as what people write, and new to
the learner. What fails is not mended: another version is taken, and where none holds the bank of our own
sentences stays.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from speechtutor.content.tables import read, sentence_bank, word_set
from speechtutor.errors import InputError
from speechtutor.grammar.corrector import rule_edits
from speechtutor.grammar.edits import tokens
from speechtutor.practice.levels import LEVELS, phones_in, problems, word_levels, words_of
from speechtutor.stages import Choosing, Message, Tutor, Worded

DRAWS = 8
"""Versions that are written for one that is given."""

MAX_TOKENS = 26
SHORTEST = 4
"""Words of a sentence worth saying."""

ENOUGH = 2
"""Times that a sentence holds the sound it is for, as those of the bank do."""

LEAST = -5.2
"""Mean log-probability of a token, in nats, below which a sentence is left out. Ours, and stricter than the
bank would need (nine in ten of its own are above -7.5): the model writes more nonsense than people do."""

SYSTEM = "Write one short English sentence of the level with the words."

EXAMPLES = (
    (("bread", "kitchen"), "There is some fresh bread on the kitchen table."),
    (("brother", "football"), "My brother plays football with his friends on Sunday."),
    (("rain", "bus"), "We took the bus because of the rain."),
    (("cheap", "shop"), "Is there a cheap shop near your house?"),
)
"""Words and what may be said with them; no reply may be one of these."""

_CHAT = ("sorry", "sentence", "help you", "thank you for")
"""What a chat model says of its task and no learner needs."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a sentence is for: a level, sounds (at least one is to be there often), words, an interest."""

    level: str
    sounds: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    about: str = ""


def topics() -> tuple[str, ...]:
    """The interests that there are words for."""
    return tuple(read("interests")["topic"])


def check_topic(about: str) -> None:
    """Refuse an interest that there are no words for; none at all is none.

    Raises:
        InputError: naming those there are.
    """
    if about and about not in topics():
        raise InputError(f"there are no words about {about!r:.60}, only {', '.join(topics())}")


def note(words: Sequence[str], level: str) -> str:
    """What is asked for."""
    return f"{level}: {', '.join(words)}"


def prompt(words: Sequence[str], level: str) -> tuple[Message, ...]:
    """The chat that asks for a sentence with some words, after a few that show what is wanted."""
    turns = [Message("system", SYSTEM)]
    for given, text in EXAMPLES:
        turns += [Message("user", note(given, level)), Message("assistant", text)]
    return (*turns, Message("user", note(words, level)))


@cache
def vocabulary(level: str) -> frozenset[str]:
    """The words of a level and below."""
    return frozenset(word for word, n in word_levels().items() if n <= LEVELS.index(level))


def seeds(wish: Wish, rng: np.random.Generator) -> tuple[str, ...]:
    """Two words to write about: those asked for, else of the interest and with the sounds where there are.

    Raises:
        InputError: for an interest without words.
    """
    check_topic(wish.about)
    own = vocabulary(wish.level) - word_set("function")
    told = str(read("interests")["topic"][wish.about]).split() if wish.about else sorted(own)
    topical = [word for word in told if word in own and len(word) > 2]
    with_sound = [word for word in sorted(own) if len(word) > 2 and _holds(word, wish.sounds)]
    rich = [word for word in topical if word in set(with_sound)]
    chosen = list(wish.words)
    for pool in (rich or topical, with_sound):
        left = [word for word in pool if word not in chosen]
        if len(chosen) < 2 and left:
            chosen.append(left[int(rng.integers(len(left)))])
    return tuple(chosen)


def _holds(word: str, sounds: Sequence[str]) -> bool:
    return any(phones_in(word)[phone] for phone in sounds)


def objections(text: str, wish: Wish, seen: Collection[str] = ()) -> list[str]:
    """Why a sentence is not to be given; an empty list when it may be. `seen` are sentences given before."""
    words = words_of(text)
    found = problems(text, wish.level)
    if not re.fullmatch(r"[A-Z][^.!?]*[.!?]", text):
        found.append("not one whole sentence")
    if len(words) < SHORTEST:
        found.append(f"only {len(words)} words")
    content = [word for word in words if word not in word_set("function")]
    if len(set(content)) < len(content):
        found.append("a word twice")
    if any(phrase in text.lower() for phrase in _CHAT):
        found.append("speaks of the task")
    lacking = [word for word in wish.words if word not in words]
    if lacking:
        found.append(f"without {', '.join(lacking)}")
    # A word that is not of the level may not be in the lexicon either.
    if wish.sounds and not found and max(phones_in(text)[phone] for phone in wish.sounds) < ENOUGH:
        found.append(f"too little of {', '.join(wish.sounds)}")
    found += [f"grammar: {edit.before!r} for {edit.after!r}" for edit in rule_edits(tokens(text))]
    if key(text) in {key(one) for one in (*seen, *_bank())}:
        found.append("seen before")
    return found


def first_sentence(text: str) -> str:
    """What was written up to its first final mark: the model goes on where it should stop."""
    return re.split(r"(?<=[.!?])\s", text.strip(), maxsplit=1)[0]


def key(text: str) -> str:
    """By what two sentences are the same."""
    return " ".join(words_of(text))


@cache
def _bank() -> tuple[str, ...]:
    return (*(one.text for one in sentence_bank()), *(text for _, text in EXAMPLES))


@dataclass(frozen=True, slots=True)
class Drawn:
    """A sentence as the model wrote it, how likely it is, and what speaks against it."""

    text: str
    likelihood: float
    objections: tuple[str, ...]


def writer_of(tutor: Tutor) -> Writer | None:
    """What writes sentences with a tutor's model; None where it has none, or one that cannot.

    A model that was trained on notes alone does not follow examples, and one must give several replies.
    """
    if isinstance(tutor, Worded) and tutor.general and isinstance(tutor.engine, Choosing):
        return Writer(tutor.engine)
    return None


class Writer:
    """Writes sentences with an engine that gives several replies."""

    def __init__(self, engine: Choosing) -> None:
        """Write with `engine`."""
        self.engine = engine

    def drawn(self, wish: Wish, seed: int, seen: Collection[str] = (), n: int = DRAWS) -> list[Drawn]:
        """`n` versions as they come, those that are alike once; `seed` chooses the words they are about.

        Raises:
            InputError: for an interest without words.
        """
        words = seeds(wish, np.random.default_rng(seed))
        texts = self.engine.alternatives(
            prompt(words, wish.level), n, max_tokens=MAX_TOKENS, words=vocabulary(wish.level)
        )
        texts = [text for text in dict.fromkeys(map(first_sentence, texts)) if text]
        likely = self.engine.likelihoods(texts)
        return [
            Drawn(text, value, (*objections(text, wish, seen), *(["unlikely"] if value < LEAST else [])))
            for text, value in zip(texts, likely, strict=True)
        ]

    def sentence(self, wish: Wish, seed: int, seen: Collection[str] = ()) -> str | None:
        """The likeliest sentence that holds; None where none does.

        Raises:
            InputError: for an interest without words.
        """
        good = [one for one in self.drawn(wish, seed, seen) if not one.objections]
        return max(good, key=lambda one: one.likelihood).text if good else None
