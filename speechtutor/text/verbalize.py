"""How one written form is said: an abbreviation, capitals, a sign, a plain word.

Each reader takes a `Found` (a match of `speechtutor.text` in its surroundings) and gives readings,
the likeliest first. Spoken words are in lower case; a letter is a word with a full stop ("b.").
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product

from speechtutor.text import figures, numerals
from speechtutor.text.figures import Found, unit
from speechtutor.text.language import Language
from speechtutor.text.lexicon import load_lexicon
from speechtutor.text.numerals import Readings, unique
from speechtutor.text.written import fold

_PHRASES = {"e.g": ("for", "example"), "i.e": ("that", "is")}


def _letters(word: str) -> tuple[str, ...]:
    return tuple(f"{letter}." for letter in word.lower() if letter.isalpha())


def _dotted(found: Found) -> Readings:
    phrase = _PHRASES.get(found.text.lower().rstrip("."))
    return unique(phrase, _letters(found.text)) if phrase else (_letters(found.text),)


def abbreviation(found: Found) -> Readings:
    """A word with a full stop; () when the full stop only ends a sentence."""
    tables, word = found.language.text, found.text[:-1].lower()
    capital_next = bool(re.match(r"\s+[A-Z]", found.after))
    capital_before = bool(
        re.search(
            r"(?:^|\s)(?!In |At |On |To |The |From |And |Near |For |But |Is )[A-Z0-9][\w'-]*\s+$",
            found.before,
        )
    )
    if word in tables.streets:
        return _street(word, capital_before, capital_next, found)
    if word in tables.counted and re.match(r"\s*#?(?:\d|[IVX]+\b|[A-Z]\b)", found.after):
        return (tuple(tables.counted[word].split()),)
    if word in tables.titles and capital_next:
        return (tuple(tables.titles[word].split()),)
    if word in tables.calendar and found.text[0].isupper():
        dated = re.match(
            r"\s*,?\s*(?:\d|[A-Z][a-z]{2}|at\b|the\b|to\b|through\b|-)", found.after
        ) or re.search(
            r"\b(?:on|in|of|to|through|since|until|by|next|last|and|closed|open|every|each)\s+$", found.before
        )
        return (
            (tuple(tables.calendar[word].split()),)
            if dated or not load_lexicon(found.language.code).listed(word)
            else ()
        )
    expansion = tables.abbreviations.get(word) or tables.dotted.get(word)
    return (tuple(expansion.split()),) if expansion else ()


def _street(word: str, capital_before: bool, capital_next: bool, found: Found) -> Readings:
    """`St.` and `Dr.`: a title before a name, a street behind one, both where both can be."""
    title, street = ((part,) for part in found.language.text.streets[word].split())
    if capital_next and capital_before:
        return (street, title)
    if capital_next:
        return (title, street)
    return (street, title) if capital_before or word == "st" else (title, street)


def _days(found: Found) -> Readings:
    """`Mon-Fri` is "monday to friday"."""
    first, last = (found.language.text.calendar[day.lower()] for day in re.findall(r"[A-Za-z]+", found.text))
    return (first, "to", last), (first, "through", last)


def _domain(found: Found) -> Readings:
    """`.com` is "dot com", `.js` "dot J S" or "J S"."""
    ending = found.text[1:].lower()
    said = found.language.text.endings[ending]
    name = _letters(ending) if said == "letters" else tuple(said.split())
    return unique(name, ("dot", *name)) if ending == "js" else (("dot", *name),)


def _www(found: Found) -> Readings:
    """`www.` before a name."""
    return ((*_letters("www"), "dot"), _letters("www"))


def _initials(found: Found) -> Readings:
    """`AT&T`, `R&B`: letters with "and" between."""
    first, second = re.sub("'?s$", "", found.text).split("&")
    if found.text.endswith("s"):
        return ((*_letters(first), "and", *_letters(second[:-1]), f"{second[-1].lower()}.'s"),)
    return ((*_letters(first), "and", *_letters(second)), (*_letters(first), "n'", *_letters(second)))


def _slashed(found: Found) -> Readings:
    """`w/o`, `w/` and `A/C`."""
    if found.text[0] == "w":
        return (("without",) if found.text == "w/o" else ("with",),)
    return (_letters(found.text),)


def _dot(found: Found) -> Readings:
    return (("dot",),)


def _slash(found: Found) -> Readings:
    return (("slash",),)


def _mixed(found: Found) -> Readings:
    """Letters and figures in one word: "MP3", "H2O"; a longer part in lower case is a word."""
    if chat := found.language.text.chat.get(found.text.lower()):
        return (tuple(chat.split()),)
    if re.fullmatch(r"\d+x\d+", found.text):
        sides = [numerals.cardinal(int(side))[0] for side in found.text.split("x")]
        return ((*sides[0], "by", *sides[1]), (*sides[0], "x.", *sides[1]))
    parts: list[Readings] = []
    for part in re.findall(r"[\d.]*\d|[A-Za-z]+", found.text):
        if part[-1].isdigit():
            parts.append(numerals.named(part) if part.isdigit() else numerals.decimal(part))
        elif (
            (names := unit(part, found.language)) and parts and len(part) > 1 and len(found.text) > len(part)
        ):
            parts.append((tuple(names[1].split()), _letters(part)))
        elif part.lower() not in found.language.text.acronyms and (part.isupper() or len(part) < 3):
            parts.append((_letters(part),))
        else:
            parts.append(((part.lower(),),))
    return unique(*(tuple(word for words in chosen for word in words) for chosen in product(*parts)))


def _sign(found: Found) -> Readings:
    if found.text == "#" and found.after[:1].isalpha():
        return (("hashtag",),)
    if found.text == "#" and re.search(r"\b[A-Z]$", found.before):
        return (("sharp",),)
    if names := found.language.text.currencies.get(found.text):
        return (tuple(names.split(", ")[1].split("_")),)
    return tuple(tuple(words.split()) for words in found.language.text.signs[found.text.strip()].split(", "))


def _link(found: Found) -> Readings:
    """A dash between two counted things, with spaces: minus in a sum, else "to"."""
    summed = "=" in found.after or "=" in found.before
    return (("minus",), ("to",)) if summed else (("to",), ("minus",), ("through",))


def _per_unit(found: Found) -> Readings:
    """`km/h` without a number."""
    one, other = (unit(part, found.language) for part in found.text.split("/"))
    return tuple(
        (*one[1].split(), link, *other[0].split()) for link in ("per", "an" if other[0] == "hour" else "a")
    )


def _stretched(word: str, language: Language) -> str:
    """`soooo` is "so", `goood` "good": whichever makes a known word, at the end one letter before two."""
    one, two = (re.sub(r"(.)\1{2,}", kept, word) for kept in (r"\1", r"\1\1"))
    tried = (one, two) if re.search(r"(.)\1{2,}$", word) else (two, one)
    known = load_lexicon(language.code)
    return next((shorter for shorter in tried if known.listed(shorter)), word)


def _word(found: Found) -> Readings:
    word = fold(found.text)
    lower = word.lower().strip("'")
    if readings := _listed(word, lower, found):
        return readings
    if re.search(r"(.)\1\1", lower) and not load_lexicon(found.language.code).listed(lower):
        lower = _stretched(lower, found.language)
    if value := _page(lower, found):
        return unique(*numerals.cardinal(value), (lower,))
    capitals = re.fullmatch(r"([A-Z]{2,})('?s|'S)?", word.strip("'"))
    if capitals:
        return _capitals(capitals[1], bool(capitals[2]), found)
    return _first(found) if word == "I" else ((lower,),)


def _listed(word: str, lower: str, found: Found) -> Readings:
    """Words that the tables name, and single letters; () for any other."""
    tables = found.language.text
    if word.lower() in tables.apostrophe_words or word.endswith("in'"):
        return ((word.lower(),),)
    if expansion := tables.abbreviations.get(lower):
        return (tuple(expansion.split()),)
    dated = re.match(r" \d", found.after) or re.search(r"\d(?:st|nd|rd|th)? $", found.before)
    if word[0].isupper() and dated and tables.calendar.get(lower) in numerals.MONTHS:
        return ((tables.calendar[lower],),)
    if chat := tables.chat.get(lower):
        said, spelt = tuple(chat.split()), _letters(lower)
        return unique(spelt, said) if word.isupper() else unique(said, spelt)
    if word == "A" and not found.shouted and re.search(r"[\w-] ?$", found.before):
        return (("a.",), ("a",))
    if word[0].isupper() and lower in tables.streets and re.match(r" [A-Z]", found.after):
        return tuple((name,) for name in tables.streets[lower].split())
    if len(lower) == 2 and found.after[:1] in "²³" and found.after:
        return (_letters(lower),)
    if camel := re.fullmatch(r"([a-z]+)([A-Z]{2,})", word):
        return ((camel[1] if len(camel[1]) > 1 else f"{camel[1]}.", *_letters(camel[2])), (lower,))
    after_time = lower in ("am", "pm") and re.search(r"\d\s?$", found.before)
    if after_time or (len(lower) == 1 and lower not in ("a", "i", "o")):
        return unique(*_single(word, found), _letters(lower))
    return ()


def _first(found: Found) -> Readings:
    """`I`: oneself, but a number in "World War I", and "the first" in "Charles I was king"."""
    tables, king = found.language.text, ("the", "first")
    if _named_before(found, tables.cues["parts"]):
        return (("one",), ("i",))
    if not _named_before(found, tables.regnal):
        return (("i",),)
    ruler = re.match(r"(?:\s+(?:was|is|of|ruled|died|became|had)\b|\s*[.,;])", found.after)
    return (king, ("i",)) if ruler else (("i",), king)


def _named_before(found: Found, names: frozenset[str]) -> bool:
    before = re.search(r"([A-Z][A-Za-z]+)\s+$", found.before)
    return bool(before and before[1].lower() in names)


def _single(word: str, found: Found) -> Readings:
    """Henry V and Pope Pius X: one capital as a number behind a ruler's name."""
    value = numerals.roman(word)
    tables = found.language.text
    if value and _named_before(found, tables.regnal | tables.cues["parts"]):
        return _roman_readings(value, found)
    return ()


def _page(lower: str, found: Found) -> int | None:
    """The value of a small Roman numeral behind "page" and the like (page xii)."""
    behind = re.search(
        r"\b(?:page|pages|pp?\.|chapter|verse|section|note|part|plate)\s+$", found.before, re.IGNORECASE
    )
    if not behind or not (len(lower) > 1 or lower in "vx"):
        return None
    return numerals.roman(lower.upper())


def _roman_readings(value: int, found: Found) -> Readings:
    """Of rulers an ordinal, of wars and chapters a number; of any other name both."""
    plain, order = numerals.cardinal(value)[0], ("the", *numerals.ordinal(value)[0])
    before = re.search(r"([A-Za-z]+)\s+$", found.before)
    name = before[1] if before else ""
    counted = name.lower() in found.language.text.cues["parts"] or not name[:1].isupper()
    return (plain, order) if counted else (order, plain)


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
    counted = _named_before(found, tables.cues["parts"] | tables.regnal)
    value = numerals.roman(word) if counted or not set(word) - set("IVX") else None
    if value is not None and re.search(r"[A-Za-z]\s+$", found.before):
        return unique(*_roman_readings(value, found), spelt)
    if lower in tables.acronyms:
        return (said,)
    plural = with_s and "'" not in found.text and found.text.endswith("s")
    initials = (
        lower in tables.spelled or not has_vowel or plural or (len(word) < 4 and lower not in tables.short)
    )
    if initials:
        return unique(spelt, said) if known else (spelt,)
    if known:
        return unique(said, spelt) if len(word) <= 4 else (said,)
    return unique(spelt, said) if len(word) <= 4 else unique(said, spelt)


READERS: dict[str, Callable[[Found], Readings]] = {
    **figures.READERS,
    "dotted": _dotted,
    "abbreviation": abbreviation,
    "days": _days,
    "domain": _domain,
    "www": _www,
    "initials": _initials,
    "by": _sign,
    "slash": _slash,
    "slashed": _slashed,
    "dot": _dot,
    "per_unit": _per_unit,
    "link": _link,
    "mixed": _mixed,
    "word": _word,
    "sign": _sign,
}
"""Reader by kind; the kinds are the groups of the pattern in `speechtutor.text`."""
