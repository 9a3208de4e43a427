"""What there is to say: sentences, pairs, twisters, openings and pictures of our own, looked at by code.

The texts are data (`content/library.toml`, `content/pairs.toml`); level, phones and skills of each follow
from the text. A sentence's level stands in the data as well, and a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from speechtutor.content.tables import read, sentence_bank
from speechtutor.core.inventory import PHONES
from speechtutor.errors import InputError
from speechtutor.learner import skills
from speechtutor.practice.levels import LEVELS, phones_in, text_level, word_levels, words_of

KINDS = ("sentence", "pair", "twister", "opening", "picture")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to say; `level` is a CEFR level, `topic` "" where it has none.

    `text` is what is said: of an opening an answer to `ask`, of a picture a description; `more` goes on
    from an opening, `points` are what a description names, each by one of its words; `sounds` are the
    phones of a pair's contrast, in the order of its words.
    """

    kind: str
    text: str
    level: str
    topic: str = ""
    ask: str = ""
    more: str = ""
    picture: str = ""
    points: tuple[tuple[str, ...], ...] = ()
    sounds: tuple[str, ...] = ()

    @property
    def phones(self) -> tuple[str, ...]:
        """The phones of the text in the order of the inventory, each once."""
        found = phones_in(self.text)
        return tuple(phone for phone in PHONES if found[phone])

    @property
    def skills(self) -> tuple[str, ...]:
        """The skills that saying it practises, but words."""
        found = [name for name in skills.of_text(self.text) if skills.kind_of(name) != "word"]
        return (*found, *([skills.contrast(*self.sounds)] if self.sounds else []))


@cache
def items() -> tuple[Item, ...]:
    """Everything, in the order of `KINDS`."""
    return (*_sentences(), *_pairs(), *_twisters(), *_openings(), *_pictures())


@cache
def of_kind(kind: str, level: str | None = None, topic: str | None = None) -> tuple[Item, ...]:
    """The items of a kind, of one level and one topic where they are named.

    Raises:
        InputError: naming the kinds, levels or topics there are.
    """
    for what, value, known in (("kind", kind, KINDS), ("level", level, LEVELS), ("topic", topic, topics())):
        if value is not None and value not in known:
            raise InputError(f"there is no {what} {value!r:.60}, only {', '.join(known)}")
    return tuple(
        one
        for one in items()
        if one.kind == kind and level in (None, one.level) and topic in (None, one.topic)
    )


@cache
def topics() -> tuple[str, ...]:
    """What the library is about."""
    return tuple(read("library")["sentence"])


@cache
def _topics_of() -> dict[str, str]:
    return {one.text: one.topic for one in items() if one.topic}


def topic_of(text: str) -> str:
    """What one of our texts is about, "" where nothing says so."""
    return _topics_of().get(text, "")


def words(level: str | None = None, topic: str | None = None) -> dict[str, str]:
    """The words that the sentences need, with their levels, in alphabetical order.

    Raises:
        InputError: for a level or a topic that there is not.
    """
    of_kind("sentence", level, topic)  # says what there is not
    said = {word for one in of_kind("sentence", None, topic) for word in words_of(one.text)}
    known = {word: LEVELS[word_levels()[word]] for word in sorted(said)}
    return {word: own for word, own in known.items() if level in (None, own)}


def drawing(picture: str) -> str:
    """A drawing as SVG.

    Raises:
        InputError: naming those there are.
    """
    known = [row["name"] for row in read("library")["drawing"]]
    if picture not in known:
        raise InputError(f"there is no picture {picture!r:.60}, only {', '.join(known)}")
    return files("speechtutor.content").joinpath(f"pictures/{picture}.svg").read_text(encoding="utf-8")


def _sentences() -> Iterator[Item]:
    for one in sentence_bank():  # made for a sound; some words of theirs are harder than they aimed at
        yield Item("sentence", one.text, max(one.level, _level(one.text), key=LEVELS.index))
    for topic, levels in read("library")["sentence"].items():
        for level, texts in levels.items():
            yield from (Item("sentence", text, level, topic) for text in texts.strip().splitlines())


def _pairs() -> Iterator[Item]:
    for named, texts in read("pairs")["pairs"].items():
        for pair in texts.split(", "):
            text = pair.replace(" ", ", ")
            yield Item("pair", text, _level(text), sounds=tuple(named.split()))


def _twisters() -> Iterator[Item]:
    for row in read("library")["twister"]:
        yield Item("twister", row["text"], _level(row["text"]))


def _openings() -> Iterator[Item]:
    for row in read("library")["opening"]:
        level = max(_level(row["ask"]), _level(row["more"]), _level(row["example"]), key=LEVELS.index)
        yield Item("opening", row["example"], level, row["topic"], row["ask"], row["more"])


def _pictures() -> Iterator[Item]:
    for row in read("library")["drawing"]:
        points = tuple(tuple(point) for point in row["points"])
        level = _level(row["text"])
        yield Item("picture", row["text"], level, row["topic"], picture=row["name"], points=points)


def _level(text: str) -> str:
    """The level of one of our texts, which all have one; a test looks at each."""
    level = text_level(text)
    if level is None:
        raise ValueError(f"no level: {text}")
    return level
