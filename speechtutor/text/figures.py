"""How a written form with figures is said: a number, money, a measure, a date, a time, a range.

Each reader takes a `Found` (a match of `speechtutor.text` in its surroundings) and gives readings,
the likeliest first. What speakers choose between (a year or a number, month or day first) is kept.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from speechtutor.errors import TextError
from speechtutor.text import numerals
from speechtutor.text.language import Language
from speechtutor.text.numerals import Readings, Words, unique

FIGURES = r"\d+(?:,\d{3}){0,6}(?:\.\d+)?|\.\d+"
"""A number without its sign."""

FRACTION = r"\d{1,2}/\d{1,2}\b(?!/)|[½¼¾⅓⅔⅛⅜⅝⅞⅕⅖⅗⅘⅙⅚]"
_SHORT = "Jan Feb Mar Apr May Jun Jul Aug Sep Sept Oct Nov Dec".split()
_MONTH = f"(?:{'|'.join((*(name.capitalize() for name in numerals.MONTHS), *_SHORT))})"
SCALES = {
    "k": "thousand",
    "m": "million",
    "mn": "million",
    "bn": "billion",
    "b": "billion",
    "tn": "trillion",
    "t": "trillion",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A match, what stands before and after it, and whether the whole text is in capitals."""

    text: str
    before: str
    after: str
    shouted: bool
    language: Language
    group: Callable[[str], str | None]
    """A named part of the match."""


def amount(figures: str) -> Readings:
    """A counted number, never a year or a telephone number; fractions and "2 1/2" too."""
    figures = _plain_figures(figures)
    if match := re.fullmatch(r"(\d+)?[ -]?(\d{1,2}/\d{1,2}|[^\d.])", figures):
        top, bottom = _parts(match[2])
        return (
            numerals.with_fraction(int(match[1]), top, bottom) if match[1] else numerals.fraction(top, bottom)
        )
    return numerals.decimal(figures) if "." in figures else numerals.cardinal(int(figures))


def _plain_figures(figures: str) -> str:
    """Figures with a decimal point and nothing between thousands; "12,5" is 12.5."""
    return figures.replace(",", ".") if re.fullmatch(r"\d+,\d\d?", figures) else figures.replace(",", "")


def _parts(fraction: str) -> tuple[int, int]:
    top, bottom = unicodedata.normalize("NFKC", fraction).replace("\u2044", "/").split("/")
    return int(top), int(bottom)


def number(found: Found) -> Readings:
    """A number alone: counted, a year, a day, a code or a name, as its neighbours say."""
    sign = found.text[0] if found.text[0] in "-±~" else ""
    before: Words = {"-": ("minus",), "±": ("plus", "or", "minus"), "~": ("about",)}.get(sign, ())
    figures = found.text[len(sign) :]
    if "," in figures or re.match(r"\s+(?:hundred|thousand|million|billion|trillion|percent)\b", found.after):
        readings = amount(figures)
    elif not sign and (day := _day(figures, found)):
        readings = day
    elif "." in figures:
        readings = _decimal(figures, found)
    else:
        readings = _plain(figures, found)
    return tuple((*before, *words) for words in readings)


def _decimal(figures: str, found: Found) -> Readings:
    """A decimal; before "am" it is a time, as the British write it."""
    match = re.fullmatch(r"(\d{1,2})\.([0-5]\d)", figures)
    if match and re.match(r"\s*[ap]\.?m\b", found.after, re.IGNORECASE):
        return numerals.clock(int(match[1]), int(match[2]), bare=True)
    return numerals.decimal(figures)


def _plain(figures: str, found: Found) -> Readings:
    cues, words = found.language.text.cues, re.findall(r"[a-z]+", found.before.lower())[-3:]
    linked = [
        word for word in words if word not in ("is", "was", "no", "number", "the", "code", "at", "on", "a")
    ]
    near = set(words[-1:] + linked[-1:]) | ({"code"} & set(words))
    era = re.match(r"\s+(?:AD|BC|BCE|CE|A\.D|B\.C)\b", found.after)
    if era and len(figures) in (3, 4):
        return unique(*numerals.year(int(figures)), *numerals.number(figures))
    if figures in cues["dialled"] or (len(figures) > 2 and near & cues["codes"]):
        return numerals.in_full(figures)
    if near & cues["names"]:
        return numerals.named(figures)
    if near & cues["numbers"]:
        return unique(*numerals.cardinal(int(figures)), *numerals.number(figures))
    return numerals.number(figures)


def _day(figures: str, found: Found) -> Readings:
    """A day of a month: "May 5" is "may fifth", "14 July" "the fourteenth of july"; else ()."""
    if not re.fullmatch(r"[1-9]|[12]\d|3[01]", figures):
        return ()
    plain, said = numerals.cardinal(int(figures))[0], numerals.ordinal(int(figures))[0]
    if re.search(rf"\b{_MONTH}\.?\s+$", found.before):
        return (said, ("the", *said), plain)
    if re.match(rf"\s+(?:of\s+)?{_MONTH}\b", found.after):
        of = () if re.match(r"\s+of\b", found.after) else ("of",)
        article = () if re.search(r"\bthe\s+$", found.before) else ("the",)
        return unique((*article, *said, *of), (*said, *of), said, plain)
    return ()


def money(found: Found) -> Readings:
    """`$5.20`, `€3.5M`, `20€`, `$5/kg`; "20 to 30 dollars" is a range."""
    sign = found.group("coin") or found.group("behind") or ""
    names = tuple(found.language.text.currencies[sign].split(", "))
    if len(names) != 4:
        raise TextError(f"the currency {sign} has {len(names)} names, not 4")
    scale = (found.group("scale") or found.group("scale2") or "").strip().lower()
    figures = _plain_figures(found.group("sum") or found.group("sum2") or "")
    readings = numerals.money(names, figures, SCALES.get(scale, scale))
    if scale == "k":
        readings = unique(*readings, (*amount(figures)[0], "k.", names[1]))
    # A name of several words is written with "_".
    readings = tuple(tuple(part for word in words for part in word.split("_")) for words in readings)
    per = found.group("per")
    return _per(readings, per, found) if per else readings


def measure(found: Found) -> Readings:
    """`5 km`, `80 m²`, `50 km/h`, `20 °C`, `2 1/2 h`."""
    one, *others = unit(found.group("unit") or "", found.language) or ("",)
    figures = (found.group("size") or "").strip()
    minus: Words = ("minus",) if figures.startswith("-") else ()
    figures = figures.lstrip("-").strip()
    single = figures == "1" or found.group("hyphen") or bool(re.fullmatch(FRACTION, figures))
    names = [one, *others] if single else [*others, one]
    said = amount(figures)
    readings = unique(
        *((*minus, *words, *names[0].split()) for words in said),
        *((*minus, *said[0], *name.split()) for name in names[1:]),
    )
    per = found.group("per2")
    return _per(readings, per, found) if per else readings


def _per(readings: Readings, per: str, found: Found) -> Readings:
    names = unit(per, found.language)
    if not names:
        raise TextError(f"the unit {per!r} is not known")
    one = names[0].split()
    article = "an" if one[0] in ("hour", "ounce", "inch") else "a"
    return unique(*((*words, link, *one) for link in ("per", article) for words in readings))


def unit(sign: str, language: Language) -> tuple[str, ...]:
    """Names of a unit: of one, of more, others; () when it is not known."""
    units = language.text.units
    names = units.get(sign) or units.get(sign.rstrip("."))
    if names:
        return tuple(names.split(", "))
    if sign[-1:] in "²³" and (names := units.get(sign[:-1])):
        one, many, *_ = names.split(", ")
        kind, power = ("square", "squared") if sign[-1] == "²" else ("cubic", "cubed")
        return f"{kind} {one}", f"{kind} {many}", f"{many} {power}"
    return ()


def height(found: Found) -> Readings:
    """`5'10"` is "five foot ten", `5 ft 10 in` first "five feet ten inches"."""
    feet, inches = map(int, re.findall(r"\d+", found.text))
    tall, more = numerals.cardinal(feet)[0], numerals.cardinal(inches)[0]
    ends: tuple[Words, ...] = ((), ("inch" if inches == 1 else "inches",))
    said = unique(*((*tall, foot, *more, *end) for end in ends for foot in ("foot", "feet")), (*tall, *more))
    return (
        unique((*tall, "foot" if feet == 1 else "feet", *more, *ends[1]), *said)
        if "f" in found.text
        else said
    )


def scaled(found: Found) -> Readings:
    """`20k` and `5M`: thousands and millions, or the letter."""
    figures = found.text.rstrip("kKmMbnt ")
    letter = found.text[len(figures) :].strip()
    said = amount(figures)
    named = tuple((*words, SCALES[letter.lower()]) for words in said)
    spelt = ((*said[0], *(f"{sign}." for sign in letter.lower())),)
    return unique(*spelt, *named) if letter == "K" else unique(*named, *spelt)


def clock(found: Found) -> Readings:
    """`3:30`, `22:00` and `1:45:30`."""
    hours, minutes, *seconds = map(int, found.text.split(":"))
    if seconds:
        return numerals.hms(hours, minutes, *seconds)
    return numerals.clock(hours, minutes, bare=bool(re.match(r"\s*[ap]\.?m\b", found.after, re.IGNORECASE)))


def iso_date(found: Found) -> Readings:
    """`2024-05-17`."""
    year, month, day = map(int, found.text.split("-"))
    return numerals.date(year, month, day)


def slash_date(found: Found) -> Readings:
    """`12/25/2024` as Americans say it first, as the British say it where it can be theirs."""
    first, second, year = map(int, re.split(r"[/.]", found.text))
    if year < 100:
        year += 1900 if year > 50 else 2000
    american = numerals.date(year, first, second) if 1 <= first <= 12 and 1 <= second <= 31 else ()
    british = (
        numerals.date(year, second, first, day_first=True) if 1 <= second <= 12 and 1 <= first <= 31 else ()
    )
    if american and british:
        return unique(*american[:2], *british[:2], *american[2:], *british[2:])
    # No day and no month: three numbers.
    plain = tuple(word for part in (first, second, year) for word in numerals.cardinal(part)[0])
    return american or british or (plain,)


def fraction(found: Found) -> Readings:
    """`3/4`; `9/11` and "on 5/6" are days."""
    top, bottom = _parts(found.text)
    readings = numerals.fraction(top, bottom)
    bare = (*numerals.cardinal(top)[0], *numerals.cardinal(bottom)[0])
    dates: Readings = ()
    if "/" in found.text and 0 < top <= 12 and 0 < bottom <= 31:
        dates = numerals.date(None, top, bottom)[:2]
    if "/" in found.text and 0 < bottom <= 12 and 0 < top <= 31:
        dates = unique(*dates, *numerals.date(None, bottom, top, day_first=True)[:1])
    if dates and re.search(r"\b(?:on|since|until|till|by|before|after|from)\s+$", found.before):
        return unique(*dates, bare, *readings)
    if ("/" in found.text and bottom in (7, 9, 11)) or bottom > 12:
        return unique(bare, *readings, *dates)
    return unique(*readings, *dates)


def mixed_number(found: Found) -> Readings:
    """`2½`, `1 1/2`."""
    return amount(found.text)


def phone(found: Found) -> Readings:
    """Telephone numbers figure by figure; two years are a range."""
    plus = ("plus",) if found.text.startswith("+") else ()
    return tuple((*plus, *words) for words in numerals.digits(re.sub(r"\D", "", found.text)))


def version(found: Found) -> Readings:
    """`2.0.1`; "1.000.000" may be a million."""
    if re.fullmatch(r"\d{1,3}(?:\.\d{3}){2}", found.text):
        return unique(*numerals.cardinal(int(found.text.replace(".", ""))), *numerals.version(found.text))
    return numerals.version(found.text)


def spaced(found: Found) -> Readings:
    """`1 000 000`."""
    return numerals.cardinal(int(found.text.replace(" ", "")))


def ordinal(found: Found) -> Readings:
    """`21st`; before a month also "twenty first of"."""
    said = numerals.ordinal(int(re.sub(r"\D", "", found.text)))
    if re.match(rf"\s+{_MONTH}\b", found.after):
        return unique(*said, (*said[0], "of"), ("the", *said[0], "of"), ("the", *said[0]))
    if re.search(rf"\b{_MONTH}\.?\s+$", found.before):
        return unique(*said, ("the", *said[0]))
    return said


def decade(found: Found) -> Readings:
    """`1980s`, `'60s`."""
    return numerals.decade(int(re.sub(r"\D", "", found.text)))


def percent(found: Found) -> Readings:
    """`20%` and `5‰`."""
    name = ("percent",) if found.text.endswith("%") else ("per", "thousand")
    minus: Words = ("minus",) if found.text.startswith("-") else ()
    return tuple((*minus, *words, *name) for words in amount(found.text.strip("-%‰ ")))


READERS: dict[str, Callable[[Found], Readings]] = {
    "money": money,
    "date": iso_date,
    "slashes": slash_date,
    "clock": clock,
    "phone": phone,
    "version": version,
    "spaced": spaced,
    "ordinal": ordinal,
    "decade": decade,
    "height": height,
    "measure": measure,
    "scaled": scaled,
    "mixed_number": mixed_number,
    "fraction": fraction,
    "percent": percent,
    "number": number,
}
"""Reader by kind; the kinds are groups of the pattern in `speechtutor.text`."""
