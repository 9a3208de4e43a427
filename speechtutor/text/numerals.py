"""English number words: cardinals, ordinals, decimals, years, clock times and money.

Every function returns *readings*: all the ways a careful reader may say the number, the plainest
first, each a tuple of lower-case words without hyphens. All are written here: the permissive
library for it (inflect) takes 1.7 s to import, the others are LGPL.
"""

from __future__ import annotations

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

CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "sen", "sen"),
}


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

    Four figures from 1100 to 2099 are read as a year first and as a cardinal second, figures with
    a leading zero and seven or more figures one by one.
    """
    if "." in figures:
        return decimal(figures)
    if len(figures) > 1 and figures[0] == "0":
        return digits(figures)
    if len(figures) >= 7:
        return digits(figures)
    n = int(figures)
    return unique(*year(n), *cardinal(n)) if len(figures) == 4 and 1100 <= n < 2100 else cardinal(n)


def year(n: int) -> Readings:
    """`1999` is "nineteen ninety nine", `2005` "two thousand five", `1905` "nineteen oh five"."""
    century, rest = divmod(n, 100)
    if century % 10 == 0 and rest < 10:
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


def money(sign: str, figures: str, scale: str = "") -> Readings:
    """`$5.20` is "five dollars and twenty cents"; `$2 million` is "two million dollars"."""
    one, many, cent, cents = CURRENCIES[sign]
    whole, _, fraction = figures.partition(".")
    if scale or len(fraction) not in (0, 2):
        amount = decimal(figures) if fraction else cardinal(int(whole))
        return unique(*((*words, *((scale,) if scale else ()), many) for words in amount))
    units = one if int(whole or 0) == 1 else many
    head = unique(*((*words, units) for words in cardinal(int(whole or 0))))
    if not int(fraction or 0):
        return head
    small = (*_below_100(int(fraction)), cent if int(fraction) == 1 else cents)
    if not int(whole or 0):
        return (small,)
    return unique((*head[0], "and", *small), (*head[0], *small), (*head[0], *small[:-1]))


def fraction(top: int, bottom: int) -> Readings:
    """`1/2` is "one half", `3/4` "three quarters", `2/3` "two thirds", `24/7` "twenty four seven"."""
    head, over = cardinal(top)[0], (*cardinal(top)[0], "over", *cardinal(bottom)[0])
    if not (0 < top < bottom and bottom <= 20):
        return unique((*head, *cardinal(bottom)[0]), over)  # 24/7
    special = {2: ("half", "halves"), 4: ("quarter", "quarters")}
    one, many = special.get(bottom, (ordinal(bottom)[0][-1], ordinal(bottom)[0][-1] + "s"))
    named = (*head, one if top == 1 else many)
    article = (("a", one),) if top == 1 else ()
    return unique(named, *article, over)


def date(year_number: int, month: int, day: int) -> Readings:
    """`2024-05-17` is "may seventeenth twenty twenty four"; the caller checks the ranges."""
    months = "january february march april may june july august september october november december".split()
    name, said, when = months[month - 1], ordinal(day)[0], year(year_number)[0]
    return unique((name, *said, *when), ("the", *said, "of", name, *when))


def roman(numeral: str) -> int | None:
    """The value of a Roman numeral of I, V and X, or None when it is not a proper one."""
    values = {"I": 1, "V": 5, "X": 10}
    if not numeral or any(letter not in values for letter in numeral):
        return None
    total = 0
    for letter, following in zip(numeral, numeral[1:] + " ", strict=True):
        value = values[letter]
        total += -value if value < values.get(following, 0) else value
    tens, ones = divmod(total, 10)
    proper = "X" * tens + ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")[ones]
    return total if tens < 4 and proper == numeral else None
