"""What a language is made of: one file `languages/xx.toml` each.

    code, name, example, example_phones       the example must come out as example_phones
    symbols, stress                            phones; how stress is marked ("digits" or "none")
    lexicon, g2p                               data files beside the toml, and the G2P backend
    extra                                      words the lexicon lacks or has wrong, a line each
    homographs                                 words whose sound depends on their sense, see
                                               `homographs.py`
    [words] [also]                             pronunciations that replace or follow the lexicon's
    [[variants]]                               accepted pronunciations by rule, see `variants.py`
    [[spellings]]                              other spellings of known words (organise, organize)
    [text]                                     abbreviations, acronyms and units of the normaliser

Adding a language needs no code unless its numbers or its G2P backend are new.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from speechtutor.errors import InputError, TextError
from speechtutor.text.homographs import Homograph, read_homographs

FOLDER = Path(__file__).resolve().parent / "languages"

_PHONE = re.compile(r"([A-Z]+)([012]?)")
_KEYS = frozenset(
    "code name example example_phones symbols vowels stress numbers lexicon g2p "
    "words also variants text extra homographs spellings".split()
)
_BACKENDS = {"stress": ("digits", "none"), "numbers": ("en",)}
_G2P_BACKENDS = ("pairs",)


@dataclass(frozen=True, slots=True)
class Rule:
    """A regular rewrite of phones, each followed by one space, for words spelt like `spelling`."""

    name: str
    accent: str
    find: re.Pattern[str]
    replace: str
    spelling: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Normaliser:
    """Tables of the text normaliser, keys in lower case."""

    abbreviations: Mapping[str, str]
    dotted: Mapping[str, str]
    titles: Mapping[str, str]
    counted: Mapping[str, str]
    calendar: Mapping[str, str]
    streets: Mapping[str, str]
    spelled: frozenset[str]
    short: frozenset[str]
    acronyms: frozenset[str]
    regnal: frozenset[str]
    cues: Mapping[str, frozenset[str]]
    chat: Mapping[str, str]
    units: Mapping[str, str]
    currencies: Mapping[str, str]
    signs: Mapping[str, str]
    endings: Mapping[str, str]
    apostrophe_words: frozenset[str]


@dataclass(frozen=True, slots=True)
class Language:
    """A checked language file."""

    code: str
    name: str
    example: str
    example_phones: str
    symbols: tuple[str, ...]
    vowels: frozenset[str]
    stress: str
    numbers: str
    lexicon: Path
    extra: Path
    g2p: Path
    homographs: Mapping[str, Homograph]
    spellings: tuple[tuple[re.Pattern[str], str], ...]
    words: Mapping[str, tuple[str, ...]]
    also: Mapping[str, tuple[str, ...]]
    rules: tuple[Rule, ...]
    text: Normaliser


def languages(folder: Path = FOLDER) -> tuple[str, ...]:
    """Codes of the languages that are there."""
    return tuple(sorted(path.stem for path in folder.glob("*.toml") if "_" not in path.stem))


@lru_cache(maxsize=16)
def load_language(code: str, folder: Path = FOLDER) -> Language:
    """Read and check a language file.

    Raises:
        TextError: when there is no such language.
        InputError: when its file breaks a rule; the message names file, key and cause.
    """
    if code not in languages(folder):
        raise TextError(f"no language {code!r}; there is: {', '.join(languages(folder)) or 'none'}")
    path = folder / f"{code}.toml"
    try:
        row = tomllib.loads(path.read_text(encoding="utf-8"))
        return _build(row, folder, code)
    except (tomllib.TOMLDecodeError, ValueError, re.error) as error:
        raise InputError(f"{path.name}: {error}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path.name}: missing or of the wrong kind: {error}") from None


def _build(row: dict[str, Any], folder: Path, code: str) -> Language:
    unknown = set(row) - _KEYS
    if unknown:
        raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
    if row["code"] != code:
        raise ValueError(f"code must be {code!r}, not {row['code']!r}")
    symbols, vowels = tuple(row["symbols"].split()), frozenset(row["vowels"].split())
    if len(set(symbols)) != len(symbols) or not vowels <= set(symbols):
        raise ValueError("symbols must be unique and include every vowel")
    for key, allowed in _BACKENDS.items():
        if row[key] not in allowed:
            raise ValueError(f"{key} must be one of {', '.join(allowed)}, not {row[key]!r}")
    if row["g2p"]["backend"] not in _G2P_BACKENDS:
        raise ValueError(f"g2p.backend must be one of {', '.join(_G2P_BACKENDS)}")
    tables = {
        key: {word: _pronunciations(word, line, symbols, vowels) for word, line in row.get(key, {}).items()}
        for key in ("words", "also")
    }
    return Language(
        code=code,
        name=row["name"],
        example=row["example"],
        example_phones=row["example_phones"],
        symbols=symbols,
        vowels=vowels,
        stress=row["stress"],
        numbers=row["numbers"],
        lexicon=_file(folder, row["lexicon"]),
        extra=_file(folder, row["extra"]),
        g2p=_file(folder, row["g2p"]["file"]),
        homographs=read_homographs(_file(folder, row["homographs"])),
        spellings=tuple((re.compile(find), other) for find, other in row["spellings"]),
        words=tables["words"],
        also=tables["also"],
        rules=tuple(_rule(rule, symbols, vowels) for rule in row.get("variants", ())),
        text=_normaliser(row["text"]),
    )


def _file(folder: Path, name: str) -> Path:
    if not (folder / name).is_file():
        raise ValueError(f"{name} is not beside it")
    return folder / name


def _pronunciations(
    word: str, line: str, symbols: tuple[str, ...], vowels: frozenset[str]
) -> tuple[str, ...]:
    parts = tuple(" ".join(part.split()) for part in line.split(","))
    for phone in " ".join(parts).split():
        match = _PHONE.fullmatch(phone)
        if not match or match[1] not in symbols or bool(match[2]) != (match[1] in vowels):
            raise ValueError(f"{word}: {phone!r} is not a phone with stress on vowels only")
    if "" in parts:
        raise ValueError(f"{word}: an empty pronunciation")
    return parts


def _rule(row: dict[str, str], symbols: tuple[str, ...], vowels: frozenset[str]) -> Rule:
    consonants = "|".join(s for s in symbols if s not in vowels)
    vowel = "|".join(sorted(vowels))
    places = {"{V}": f"(?:{vowel})[012]", "{V0}": f"(?:{vowel})0", "{C}": f"(?:{consonants})"}
    find = row["find"]
    for place, pattern in places.items():
        find = find.replace(place, pattern)
    spelling = re.compile(row["spelling"]) if "spelling" in row else None
    # A phone may only be matched from its first letter on.
    anchored = re.compile(rf"(?<![A-Z0-9])(?:{find})")
    return Rule(row["name"], row["accent"], anchored, row["replace"], spelling)


def _normaliser(row: dict[str, Any]) -> Normaliser:
    """The tables as they are, lists of words as sets."""
    sets = {key: frozenset(words.split()) for key, words in row.items() if isinstance(words, str)}
    cues = {key: frozenset(words.split()) for key, words in row["cues"].items()}
    return Normaliser(**{**row, **sets, "cues": cues})
