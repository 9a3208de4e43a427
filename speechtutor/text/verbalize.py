"""How one written form is said: a number, a time, an abbreviation, capitals, a plain word.

Each reader takes a `Found` (a match of `speechtutor.text` in its surroundings) and gives readings,
the likeliest first. Spoken words are in lower case; a letter is a word with a full stop ("b.").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

from speechtutor.text import numerals
from speechtutor.text.language import Language
from speechtutor.text.lexicon import load_lexicon
from speechtutor.text.numerals import Readings, unique

FIGURES = r"\d+(?:,\d{3})*(?:\.\d+)?|\.\d+"
"""A number without its sign."""

FRACTIONS = {"½": (1, 2), "¼": (1, 4), "¾": (3, 4), "⅓": (1, 3), "⅔": (2, 3)}

STRAIGHT = str.maketrans(dict.fromkeys("’‘`´ʼ＇", "'") | dict.fromkeys("‑‐−–", "-") | {"—": " "})
"""Quotation marks and dashes as on a typewriter; lengths, and so places in the text, stay."""

_UNFOLDED = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "th", "þ": "th", "ı": "i"}
_PHRASES = {"e.g": ("for", "example"), "i.e": ("that", "is")}


@dataclass(frozen=True, slots=True)
class Found:
    """A match, what stands before and after it, and whether the whole text is in capitals."""

    text: str
    before: str
    after: str
    shouted: bool
    language: Language


def fold(word: str) -> str:
    """Latin letters without their accents, straight quotes: "Café" is "Cafe"."""
    plain = unicodedata.normalize("NFKD", word.translate(STRAIGHT))
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return "".join(_UNFOLDED.get(sign.lower(), sign) for sign in plain)


def _letters(word: str) -> tuple[str, ...]:
    return tuple(f"{letter}." for letter in word.lower() if letter.isalpha())


def _amount(figures: str) -> Readings:
    """A counted number, never a year or a telephone number."""
    figures = figures.replace(",", "")
    return numerals.decimal(figures) if "." in figures else numerals.cardinal(int(figures))


def _number(found: Found) -> Readings:
    minus = ("minus",) if found.text.startswith("-") else ()
    figures = found.text.removeprefix("-")
    counted = "," in figures or re.match(r"\s+(?:hundred|thousand|million|billion|percent)\b", found.after)
    readings = _amount(figures) if counted else numerals.number(figures)
    return tuple((*minus, *words) for words in readings)


def _money(found: Found) -> Readings:
    match = re.fullmatch(rf"(.) ?({FIGURES}) ?([a-z]*)", found.text)
    assert match, found.text
    return numerals.money(match[1], match[2].replace(",", ""), match[3])


def _clock(found: Found) -> Readings:
    hours, minutes = map(int, found.text.split(":"))
    return numerals.clock(hours, minutes, bare=bool(re.match(r"\s*[ap]\.?m\b", found.after, re.IGNORECASE)))


def _date(found: Found) -> Readings:
    year, month, day = map(int, found.text.split("-"))
    return numerals.date(year, month, day)


def _phone(found: Found) -> Readings:
    if re.fullmatch(r"(?:1[1-9]|20)\d\d-(?:1[1-9]|20)\d\d", found.text):
        first, second = (numerals.year(int(part))[0] for part in found.text.split("-"))
        return ((*first, "to", *second),)
    plus = ("plus",) if found.text.startswith("+") else ()
    return tuple((*plus, *words) for words in numerals.digits(re.sub(r"\D", "", found.text)))


def _ordinal(found: Found) -> Readings:
    return numerals.ordinal(int(found.text[:-2].replace(",", "")))


def _decade(found: Found) -> Readings:
    return numerals.decade(int(re.sub(r"\D", "", found.text)))


def _fraction(found: Found) -> Readings:
    top, bottom = FRACTIONS.get(found.text) or map(int, found.text.split("/"))
    return numerals.fraction(top, bottom)


def _measure(found: Found) -> Readings:
    match = re.fullmatch(rf"({FIGURES}) ?([a-z]+)", found.text)
    assert match, found.text
    one, many = found.language.text.units[match[2]].split()
    return tuple((*words, one if match[1] == "1" else many) for words in _amount(match[1]))


def _percent(found: Found) -> Readings:
    return tuple((*words, "percent") for words in _amount(found.text.rstrip("% ")))


def _dotted(found: Found) -> Readings:
    phrase = _PHRASES.get(found.text.lower().rstrip("."))
    return unique(phrase, _letters(found.text)) if phrase else (_letters(found.text),)


def abbreviation(found: Found) -> Readings:
    """A word with a full stop; () when the full stop only ends a sentence."""
    tables, word = found.language.text, found.text[:-1].lower()
    if word == "st":
        return (("saint",) if re.match(r"\s+[A-Z]", found.after) else ("street",),)
    if word == "no":
        return (("number",),) if re.match(r"\s*\d", found.after) else ()
    expansion = tables.abbreviations.get(word)
    if expansion is None and found.text[0].isupper():
        expansion = tables.dotted.get(word)
    return (tuple(expansion.split()),) if expansion else ()


def _domain(found: Found) -> Readings:
    return (("dot", found.text[1:]),)


def _mixed(found: Found) -> Readings:
    """Letters and figures in one word: "MP3", "H2O"; a longer part in lower case is a word."""
    parts: list[Readings] = []
    for part in re.findall(r"\d+|[A-Za-z]+", found.text):
        if part.isdigit():
            parts.append(numerals.number(part))
        elif part.lower() not in found.language.text.acronyms and (part.isupper() or len(part) < 3):
            parts.append((_letters(part),))
        else:
            parts.append(((part.lower(),),))
    return unique(*(tuple(word for words in chosen for word in words) for chosen in product(*parts)))


def _sign(found: Found) -> Readings:
    return (tuple(found.language.text.signs[found.text].split()),)


def _word(found: Found) -> Readings:
    word = fold(found.text)
    tables = found.language.text
    if word.lower() in tables.apostrophe_words:
        return ((word.lower(),),)
    lower = word.lower().strip("'")
    if expansion := tables.abbreviations.get(lower):
        return (tuple(expansion.split()),)
    after_time = lower in ("am", "pm") and re.search(r"\d\s?$", found.before)
    if after_time or (len(lower) == 1 and lower not in ("a", "i", "o")):
        return (_letters(lower),)
    capitals = re.fullmatch(r"([A-Z]{2,})('?s|'S)?", word.strip("'"))
    return _capitals(capitals[1], bool(capitals[2]), found) if capitals else ((lower,),)


def _capitals(word: str, with_s: bool, found: Found) -> Readings:
    """A word of capitals: an acronym, letters, or simply shouted."""
    lower, tables = word.lower(), found.language.text
    ending = "'s" if with_s else ""
    said, spelt = (lower + ending,), _letters(word)
    spelt = (*spelt[:-1], spelt[-1] + ending)
    has_vowel = bool(re.search("[aeiouy]", lower))
    known = lower in tables.acronyms or bool(load_lexicon(found.language.code).listed(lower))
    if found.shouted:
        return (said,) if known or has_vowel else (spelt,)
    value = numerals.roman(word)
    if value is not None and re.search(r"[A-Za-z]\s+$", found.before):
        return unique(numerals.cardinal(value)[0], ("the", *numerals.ordinal(value)[0]), spelt)
    if lower in tables.spelled:
        return unique(spelt, said)
    if known:
        return (said,)
    if not has_vowel:
        return (spelt,)
    return unique(spelt, said) if len(word) <= 4 else unique(said, spelt)


READERS: dict[str, Callable[[Found], Readings]] = {
    "money": _money,
    "date": _date,
    "clock": _clock,
    "phone": _phone,
    "ordinal": _ordinal,
    "decade": _decade,
    "fraction": _fraction,
    "measure": _measure,
    "percent": _percent,
    "number": _number,
    "dotted": _dotted,
    "abbreviation": abbreviation,
    "domain": _domain,
    "mixed": _mixed,
    "word": _word,
    "sign": _sign,
}
"""Reader by kind; the kinds are the groups of the pattern in `speechtutor.text`."""
