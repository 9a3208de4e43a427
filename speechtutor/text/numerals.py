"""English number words: cardinals, ordinals, decimals, years, clock times and money.

Every function returns *readings*: all the ways a careful reader may say the number, the plainest
first, each a tuple of lower-case words without hyphens. All are written here: the permissive
library for it (inflect) takes 1.7 s to import, the others are LGPL.
"""

from __future__ import annotations

import re

Words = tuple[str, ...]
Readings = tuple[Words, ...]

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ("", "thousand", "million", "billion", "trillion", "quadrillion")
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
LIMIT = 1000 ** len(_SCALES)
"""Numbers from here on are read digit by digit."""

MONTHS = "january february march april may june july august september october november december".split()


def unique(*readings: Words) -> Readings:
    """The readings in order, each once."""
    return tuple(dict.fromkeys(readings))


def _below_100(n: int) -> Words:
    if n < 20:
        return (_SMALL[n],)
    tens, ones = divmod(n, 10)
    return (_TENS[tens - 2],) if ones == 0 else (_TENS[tens - 2], _SMALL[ones])


def _below_1000(n: int, link: Words) -> Words:
    hundreds, rest = divmod(n, 100)
    if hundreds == 0:
        return _below_100(rest)
    head = (_SMALL[hundreds], "hundred")
    return head if rest == 0 else head + link + _below_100(rest)


def _spell(n: int, link: Words) -> Words:
    if n == 0:
        return ("zero",)
    words: Words = ()
    last = n % 1000
    for scale in reversed(range(len(_SCALES))):
        part = n // 1000**scale % 1000
        if part == 0:
            continue
        if scale == 0 and 0 < last < 100 and words:
            words += link
        words += _below_1000(part, link) + ((_SCALES[scale],) if scale else ())
    return words


def cardinal(n: int) -> Readings:
    """`105` is "one hundred five", and "one hundred and five" in British English."""
    if n >= LIMIT:
        return digits(str(n))
    return unique(_spell(n, ()), _spell(n, ("and",)))


def ordinal(n: int) -> Readings:
    """`21` is "twenty first"."""

    def last(words: Words) -> Words:
        word = words[-1]
        stem = word[:-1] + "ie" if word.endswith("y") else word
        return (*words[:-1], _ORDINALS.get(word, stem + "th"))

    return unique(*map(last, cardinal(n)))


def digits(figures: str) -> Readings:
    """Figure by figure, as in a telephone number; 0 is "zero" or "oh"."""
    plain = tuple(_SMALL[int(figure)] for figure in figures)
    return unique(plain, tuple("oh" if word == "zero" else word for word in plain))


def decimal(figures: str) -> Readings:
    """`3.14` is "three point one four"; `figures` holds a point and may lack the whole part."""
    whole, _, fraction = figures.partition(".")
    tail = ("point", *digits(fraction)[0])
    if not whole:
        return unique(tail, ("zero", *tail))
    return unique(*((*head, *tail) for head in cardinal(int(whole))))


def number(figures: str) -> Readings:
    """A plain number in figures, without separators.

    Four figures from 1010 to 2099 are read as a year first and as a cardinal second, figures with
    a leading zero and seven or more figures one by one. Three and more are also read in pairs
    ("seven forty seven") and one by one, as in the names of things.
    """
    if "." in figures:
        return decimal(figures)
    if len(figures) > 1 and figures[0] == "0":
        return digits(figures)
    if len(figures) >= 7:
        return unique(*digits(figures), *cardinal(int(figures)))
    n = int(figures)
    if len(figures) < 3:
        return cardinal(n)
    first = year(n) if len(figures) == 4 and 1010 <= n < 2100 else ()
    return unique(*first, *cardinal(n), *pairs(figures), *digits(figures))


def pairs(figures: str) -> Readings:
    """Three or four figures as a name: 305 is "three oh five", 747 "seven forty seven"; else ()."""
    if len(figures) not in (3, 4) or figures[0] == "0" or figures.endswith("00"):
        return ()
    head, rest = int(figures[:-2]), int(figures[-2:])
    if head % 10 == 0 and rest < 10:
        return ()
    return ((*_below_100(head), *(("oh",) if rest < 10 else ()), *_below_100(rest)),)


def named(figures: str) -> Readings:
    """Figures that name a thing (room 305, flight 212): in pairs first."""
    return unique(*pairs(figures), *number(figures))


def in_full(figures: str) -> Readings:
    """Figures that are a code (PIN 4321): one by one first, 0 as "oh"."""
    plain = digits(figures)
    return unique(plain[-1], *plain, *number(figures))


def year(n: int) -> Readings:
    """`1999` is "nineteen ninety nine", `2005` "two thousand five", `1905` "nineteen oh five"."""
    century, rest = divmod(n, 100)
    if century % 10 == 0 and rest < 10:
        return cardinal(n)
    if century == 0:
        return cardinal(n)
    head = _below_100(century)
    if rest == 0:
        return ((*head, "hundred"),)
    paired = (*head, *(("oh",) if rest < 10 else ()), *_below_100(rest))
    return unique(paired, *cardinal(n)) if century % 10 == 0 else (paired,)


def decade(n: int) -> Readings:
    """`1990` (written 1990s) is "nineteen nineties", `90` is "nineties"."""
    *head, last = year(n)[0] if n >= 100 else _below_100(n)
    return ((*head, last[:-1] + "ies" if last.endswith("y") else last + "s"),)


def clock(hours: int, minutes: int, *, bare: bool = False) -> Readings:
    """`3:30` is "three thirty"; `bare` leaves out "o'clock", as before "p.m."."""
    head = cardinal(hours)[0]
    if minutes == 0:
        if hours > 12 or hours == 0:
            return unique((*head, "hundred"), head, (*head, "o'clock"))
        return unique(head, (*head, "o'clock")) if bare else unique((*head, "o'clock"), head)
    plain = (*head, *(("oh",) if minutes < 10 else ()), *_below_100(minutes))
    hour = hours % 12 or 12
    past, to = _below_100(hour), _below_100(hour % 12 + 1)
    spoken = {15: ("quarter", "past", *past), 30: ("half", "past", *past), 45: ("quarter", "to", *to)}
    return unique(plain, spoken[minutes]) if minutes in spoken else (plain,)


def money(names: tuple[str, str, str, str], figures: str, scale: str = "") -> Readings:
    """`$5.20` is "five dollars and twenty cents"; `$2 million` is "two million dollars".

    `names` are those of one and of more units, and of one and of more hundredths.
    """
    one, many, cent, cents = names
    whole, _, fraction = figures.partition(".")
    if scale or len(fraction) not in (0, 2):
        amount = decimal(figures) if fraction else cardinal(int(whole))
        scaled = [(*words, *((scale,) if scale else ())) for words in amount]
        return unique(*((*words, many) for words in scaled), (*scaled[0], one))
    units = one if int(whole or 0) == 1 else many
    head = unique(*((*words, units) for words in cardinal(int(whole or 0))))
    if not int(fraction or 0):
        return unique(*head, (*head[0][:-1], one))  # a five dollar bill
    small = (*_below_100(int(fraction)), cent if int(fraction) == 1 else cents)
    if not int(whole or 0):
        return (small,)
    return unique(
        (*head[0], "and", *small), (*head[0], *small), (*head[0], *small[:-1]), (*head[0][:-1], *small[:-1])
    )


def fraction(top: int, bottom: int) -> Readings:
    """`1/2` is "one half", `3/4` "three quarters", `2/3` "two thirds", `24/7` "twenty four seven"."""
    head, below = cardinal(top)[0], cardinal(bottom)[0]
    over = (*head, "over", *below)
    if not (0 < top < bottom and bottom <= 20):
        return unique((*head, *below), over)  # 24/7
    special = {2: ("half", "halves"), 4: ("quarter", "quarters")}
    one, many = special.get(bottom, (ordinal(bottom)[0][-1], ordinal(bottom)[0][-1] + "s"))
    named = (*head, one if top == 1 else many)
    article = (("a", one), (one,)) if top == 1 else ()
    return unique(named, *article, over, (*head, *below))


def with_fraction(whole: int, top: int, bottom: int) -> Readings:
    """`2 1/2` is "two and a half" or "two and one half"."""
    parts = fraction(top, bottom)
    after = (parts[1], parts[0]) if top == 1 else parts[:1]
    return tuple((*head, "and", *part) for head in cardinal(whole)[:1] for part in after)


def date(year_number: int | None, month: int, day: int, *, day_first: bool = False) -> Readings:
    """`2024-05-17` is "may seventeenth twenty twenty four"; the caller checks the ranges."""
    name, said = MONTHS[month - 1], ordinal(day)[0]
    whens = year(year_number) if year_number is not None else ((),)
    orders = [(name, *said), (name, "the", *said), ("the", *said, "of", name)]
    if day_first:
        orders = [orders[2], *orders[:2]]
    return unique(*((*order, *when) for when in whens[:2] for order in orders))


def version(figures: str) -> Readings:
    """`2.0.1` is "two point oh point one": each part a number, "point" or "dot" between."""
    parts = [cardinal(int(part))[0] for part in figures.split(".")]
    ohs = [("oh",) if part == ("zero",) else part for part in parts[1:]]

    def joined(between: str, rest: list[Words]) -> Words:
        return (*parts[0], *(word for part in rest for word in (between, *part)))

    return unique(
        joined("point", ohs), joined("point", parts[1:]), joined("dot", ohs), joined("dot", parts[1:])
    )


def hms(hours: int, minutes: int, seconds: int) -> Readings:
    """`1:45:30` is "one forty five thirty", or with hours, minutes and seconds."""
    parts = [cardinal(n)[0] for n in (hours, minutes, seconds)]
    short = [("oh", *part) if n < 10 else part for n, part in zip((minutes, seconds), parts[1:], strict=True)]
    units = [
        unit + ("" if n == 1 else "s")
        for n, unit in ((hours, "hour"), (minutes, "minute"), (seconds, "second"))
    ]
    named = [(*part, unit) for part, unit in zip(parts, units, strict=True)]
    return unique(
        (*parts[0], *short[0], *short[1]),
        (*named[0], *named[1], "and", *named[2]),
        (*named[0], *named[1], *named[2]),
    )


_ROMAN = re.compile("M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")


def roman(numeral: str) -> int | None:
    """The value of a Roman numeral below 4000 in capitals, or None when it is not a proper one."""
    values = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
    if not numeral or not _ROMAN.fullmatch(numeral):
        return None
    pairs_of = zip(numeral, numeral[1:] + " ", strict=True)
    return sum(-values[a] if values[a] < values.get(b, 0) else values[a] for a, b in pairs_of)
