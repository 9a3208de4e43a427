"""What the tutor knows: sounds, contrasts, sentences and wording, as data.

The numbers and words live in the TOML files beside this module, each with its source on top; the
functions only read them once and type them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from speechtutor.core import Exercise, LearnerState
from speechtutor.core.inventory import VOWELS
from speechtutor.errors import InputError


@dataclass(frozen=True, slots=True)
class Sound:
    """A phone for learners: its respelling, a word that has it, and how to make it."""

    phone: str
    label: str
    example: str
    how: str

    def __str__(self) -> str:
        return f'"{self.label}" as in "{self.example}"'


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two sounds that learners mix up.

    `load` is Brown's (1988) functional load over ten, in [0, 1]; `words` is a minimal pair in the
    order of `phones`, or None; `hints` maps the phone that should have come out to what to do.
    """

    phones: tuple[str, str]
    load: float
    words: tuple[str, str] | None
    hints: dict[str, str]


@cache
def read(name: str) -> dict[str, Any]:
    """One of the TOML files of this folder, by its stem."""
    return tomllib.loads(files(__package__ or "").joinpath(f"{name}.toml").read_text(encoding="utf-8"))


@cache
def sounds() -> dict[str, Sound]:
    """The 39 phones with their learner's description."""
    return {
        phone: Sound(phone, row["label"], row["example"], row["how"]) for phone, row in read("phones").items()
    }


@cache
def contrasts() -> dict[frozenset[str], Contrast]:
    """Contrasts by their unordered pair of phones."""
    table = read("contrasts")
    rows = {}
    for row in table["pair"]:
        first, second = row["phones"]
        words = (row["words"][0], row["words"][1]) if row["words"] else None
        load = row.get("load", table["default_load"]) / 10
        rows[frozenset(row["phones"])] = Contrast((first, second), load, words, dict(row.get("hints", {})))
    return rows


def functional_load(canonical: str, heard: str | None) -> float:
    """How much the mix-up costs understanding, in [0, 1] (Brown, 1988; see `contrasts.toml`).

    `heard` is "" for a sound that was left out and None where no other sound fits better.
    """
    table = read("contrasts")
    if heard is None:
        return float(table["unclear_load"]) / 10
    if heard == "":
        return float(table["deletion_load"]["vowel" if canonical in VOWELS else "consonant"]) / 10
    contrast = contrasts().get(frozenset({canonical, heard}))
    return contrast.load if contrast else float(table["default_load"]) / 10


def hint(canonical: str, heard: str | None, lang: str = "en") -> str:
    """How to make the canonical sound, against the one that was heard where a hint for that exists."""
    contrast = contrasts().get(frozenset({canonical, heard or ""}))
    general = sounds()[canonical].how
    text = contrast.hints.get(canonical, general) if contrast else general
    return text if lang == "en" else str(catalogue(lang)["hints"][text])


def named(phone: str, lang: str = "en") -> str:
    """A sound by its respelling and an English word that has it."""
    sound = sounds()[phone]
    return message("sound", "named", lang, label=sound.label, example=sound.example)


def minimal_pair(canonical: str, heard: str | None) -> tuple[str, str] | None:
    """Two real words that differ in these sounds only, the canonical one first."""
    contrast = contrasts().get(frozenset({canonical, heard or ""}))
    if contrast is None or contrast.words is None:
        return None
    first, second = contrast.words
    return (first, second) if contrast.phones[0] == canonical else (second, first)


@cache
def sentence_bank(level: str | None = None) -> tuple[Exercise, ...]:
    """The practice sentences, all of them or those of one CEFR level."""
    return tuple(
        Exercise(row["text"], tuple(row["focus"]), "sound", row["level"])
        for row in read("sentences")["sentence"]
        if level in (None, row["level"])
    )


@cache
def languages() -> dict[str, str]:
    """The languages of explanation by ISO 639-1 code with their own names, English first."""
    found = sorted(
        path.name.split(".")[1]
        for path in files(__package__ or "").iterdir()
        if path.name.startswith("messages.")
    )
    codes = ["en", *(code for code in found if code != "toml")]
    return {code: catalogue(code)["language"]["name"] for code in codes}


def language(learner: LearnerState) -> str:
    """The language to explain in: the one asked for, else the first language, else English.

    Raises:
        InputError: when the one asked for has no catalogue.
    """
    if learner.explain is not None:
        return known_language(learner.explain)
    first = _primary(learner.l1 or "")
    return first if first in languages() else "en"


def known_language(code: str) -> str:
    """A language of explanation by its code, whatever the region, as in zh-CN.

    Raises:
        InputError: naming those there are.
    """
    if _primary(code) not in languages():
        have = ", ".join(f"{known} ({name})" for known, name in languages().items())
        raise InputError(f"there are no explanations in {code!r}, only in {have}")
    return _primary(code)


def _primary(code: str) -> str:
    return re.split("[-_]", code.strip().lower())[0]


def catalogue(lang: str = "en") -> dict[str, Any]:
    """All messages of a language of explanation."""
    return read("messages" if lang == "en" else f"messages.{lang}")


def join(parts: Iterable[str], lang: str = "en") -> str:
    """Sentences one after another, those that are empty left out."""
    space: str = catalogue(lang)["language"]["space"]
    return space.join(part for part in parts if part)


def listed(parts: Iterable[str], lang: str = "en") -> str:
    """Things of one kind one after another, such as words."""
    return mark("list", lang).join(parts)


def headed(head: str, body: str, lang: str = "en") -> str:
    """What something is called, a colon, and what is said of it."""
    return (head + mark("colon", lang) + body).rstrip()


def ended(text: str, lang: str = "en") -> str:
    """Words that are no sentence by themselves, with a full stop."""
    return text + mark("stop", lang)


def aside(text: str, more: str, lang: str = "en") -> str:
    """A text with something more in brackets."""
    return text + mark("open", lang) + more + mark("close", lang)


def mark(name: str, lang: str = "en") -> str:
    """A mark (list, comma, colon, stop, open, close) with its spaces, as a language writes it."""
    known: dict[str, str] = catalogue(lang)["language"]
    return known[name]


_FIELD = re.compile(r"\{(\w+)(?::([^|{}]*)\|([^|{}]*))?\}")


def _filled(field: re.Match[str], values: Mapping[str, str]) -> str:
    value = values[field[1]]
    return value if field[2] is None else field[2] if value == "1" else field[3]


def message(group: str, name: str, lang: str = "en", **values: str) -> str:
    """A sentence of the catalogue; in it `{n:word|words}` is the word that goes with `{n}`."""
    text: str = catalogue(lang)[group][name]
    # One pass, so that a word of the learner's text that looks like a field stays a word.
    filled = _FIELD.sub(lambda match: _filled(match, values), text)
    # A full-width mark brings its own space.
    return re.sub(r" *([，。：；、（）]) *", r"\1", filled)


@cache
def word_set(name: str, *, group: str | None = None) -> frozenset[str]:
    """A list of `words.toml` as a set."""
    table = read("words")
    text: str = table[group][name] if group else table[name]
    return frozenset(text.split())


@cache
def vocabulary() -> frozenset[str]:
    """Every word a tutor may use whatever the evidence: grammar, coaching talk, and our own hints."""
    messages = read("messages")
    own = [
        text
        for group in ("praise", "problem", "how", "position", "follow_up")
        for text in messages[group].values()
    ]
    own += [sound.how for sound in sounds().values()]
    own += [text for contrast in contrasts().values() for text in contrast.hints.values()]
    own += [row[part] for row in read("prompts").values() if "ask" in row for part in ("reply", "question")]
    own += [*read("prompts")["praise"]["reply"].values(), *read("words")["claims"]]
    found = {word for text in own for word in re.findall(r"[a-z']+", re.sub(r"\{\w+\}", "", text.lower()))}
    return frozenset(found | word_set("function") | word_set("talk"))
