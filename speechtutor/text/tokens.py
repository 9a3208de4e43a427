"""Written text to the words a reader says, each tied to its place in the text.

`tokenize` is for scoring: it knows numbers, times, money, abbreviations and acronyms, and refuses
what cannot be said in the language. `words_for_wer` is for counting recognition errors verbatim.

Decisions that are not obvious:

- A token is one written word; hyphens and slashes separate words ("well-known" is two). A range
  ("9am-5pm", "10-15") is one token, since its hyphen is said as "to" or not at all.
- A text without any lower-case letter is shouted, not abbreviated: "US" and "IT" are words in it,
  "BBC" is not because the lexicon spells it. In mixed case such words are letters first, words second.
- Seven or more figures in a row are read one by one; with thousands separators they are a number.
- Emoji and other pictures are not read. Letters of other scripts and signs without a reading are
  refused, never dropped.
- No normaliser from elsewhere: those that know this much (NeMo text processing) need pynini, 165 MB for
  Linux only, and give one reading without its place in the text; here every reading a speaker may
  choose is needed, and where it stands.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import regex

from speechtutor.errors import TextError
from speechtutor.text import numerals
from speechtutor.text.figures import FIGURES, FRACTION, Found
from speechtutor.text.language import Language, load_language
from speechtutor.text.lexicon import load_lexicon
from speechtutor.text.numerals import Readings, unique
from speechtutor.text.verbalize import READERS, abbreviation
from speechtutor.text.written import STRAIGHT, fold, plain

MAX_WORDS = 2400
"""More words than this are not one exercise, but over 15 minutes of reading; split the text."""

MAX_SIGNS = 60_000
"""Most characters of a text: 25 a word."""

MAX_LETTERS = 60
"""Longest word that is taken for one; the longest in English dictionaries has 45 letters."""

WORDS_PER_READ = 4
"""Runs of letters or figures that one read word may hold at most on average (1,234,567): above it, no
work is begun."""

MAX_READINGS = 8
"""Readings kept per word."""

_A = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
_L = f"{_A}\u0300-\u036f"
_N = f"(?:{FIGURES})"
_BREAK = rf"(?![{_L}\d])"
_MONEY = r"(?:US|A|C)?\$|[£€¥₹₽₩₺₴₪₫₱₦฿₿]"
_SCALE = r"[ ]?(?:thousand|million|billion|trillion)\b|[ ]?(?:mn|bn|tn)\b|[kKmMbB]\b"
_APM = r"(?:[ ]?[ap]\.?m\b\.?)"
_SIDE = rf"(?:{_MONEY})?[ ]?\d[\d,]{{0,15}}(?:[.:]\d{{1,6}})?(?:{_APM}|[ ]?[%€£¢]|(?:st|nd|rd|th)\b|[kK]\b)?"


def _pattern(language: Language) -> re.Pattern[str]:
    """The forms of a language's text, each a named group, tried in this order."""
    units = sorted(language.text.units, key=len, reverse=True)
    unit = rf"(?:{'|'.join(map(re.escape, units))})[²³]?"
    per, per2 = (rf"(?:/(?P<{name}>{unit}){_BREAK})?" for name in ("per", "per2"))
    signs = re.escape(
        "".join(
            sign
            for sign in (*language.text.signs, *language.text.currencies)
            if len(sign) == 1 and sign not in "-_*<>~x"
        )
    )
    days = "|".join(
        name.capitalize() for name, full in language.text.calendar.items() if full.endswith("day")
    )
    endings = "|".join(language.text.endings)
    parts = rf"""
      (?P<phone>\+\d[\d ()-]{{6,20}}\d|\b1-\d{{3}}-\d{{3}}-\d{{4}}\b|\(\d{{3}}\)[ ]?\d{{3}}-\d{{4}}
          |\b(?:\d{{3,4}}-){{1,3}}\d{{4}}(?![\d-])(?<!(?:1\d|20)\d\d-(?:1\d|20)\d\d)
          |\b\d{{3}}[ .]\d{{3}}[ .]\d{{4}}\b|\b0\d{{2,4}}[ ]\d{{3,4}}[ ]?\d{{3,4}}\b)
    | (?P<spaced>\b\d{{1,3}}(?:[ ]\d{{3}}){{2,4}}\b|\b\d{{1,3}}[ ]000\b)
    | (?P<date>\b(?:1[1-9]|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])\b)
    | (?P<slashes>\b\d{{1,2}}/\d{{1,2}}/(?:\d{{4}}|\d\d)\b(?!/)|\b[0-3]?\d\.[01]?\d\.(?:19|20)\d\d\b)
    | (?P<range>(?<![\w.,:/-]){_SIDE}[ ]?-[ ]?{_SIDE}(?![\w-])(?![ ]?[-+=×÷])(?<![ ]-[ ]\d)(?<!-[ ]\d\d))
    | (?P<money>(?P<coin>{_MONEY})[ ]?(?P<sum>\d{{1,9}},\d\d(?![\d,])|{_N})(?P<scale>{_SCALE})?{per}
          |(?P<sum2>\d{{1,9}},\d\d(?![\d,])|{_N})[ ]?
          (?P<scale2>(?:thousand|million|billion|k|K|M|bn)\b)?[ ]?(?P<behind>[€£¢₹₽₩₺₴₪₫₱₦฿]|\$(?![ ]?\d)))
    | (?P<clock>\b(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?![:\d]))
    | (?P<height>\b\d'[ ]?\d{{1,2}}(?:"|'')
          |\b\d[ ](?:ft|foot|feet)[ ]\d{{1,2}}[ ]in\b(?=$|[,;!?)]|[ ](?:tall|high|wide|long|deep)\b))
    | (?P<version>(?<![\w.])\d{{1,3}}(?:\.\d{{1,3}}){{2,4}}(?![\w]))
    | (?P<ordinal>\b\d[\d,]{{0,15}}(?:st|nd|rd|th){_BREAK})
    | (?P<decade>'?\b\d{{1,3}}0'?s{_BREAK})
    | (?P<measure>(?<![\w.])
          (?P<size>-?(?:\d{{1,3}}[ ]?(?:{FRACTION})|{FRACTION}|\d+,\d{{1,2}}(?!\d)|{_N}))
          (?:[ ]?|(?P<hyphen>-))(?P<unit>{unit}){_BREAK}{per2})
    | (?P<mixed_number>\b\d{{1,3}}(?:[ ]\d/\d{{1,2}}\b(?!/)|[ ]?[½¼¾⅓⅔⅛⅜⅝⅞⅕⅖⅗⅘⅙⅚]))
    | (?P<fraction>\b\d{{1,2}}/\d{{1,2}}\b(?!/)|[½¼¾⅓⅔⅛⅜⅝⅞⅕⅖⅗⅘⅙⅚])
    | (?P<percent>(?<![\w.])-?{_N}[ ]?[%‰])
    | (?P<scaled>(?<![\w.]){_N}(?:[ ]?(?:k|K|mn|bn|tn)|M){_BREAK})
    | (?P<number>(?<![\w.])[-±~]?{_N}{_BREAK}(?![.,]\d)|(?<=[A-Za-z]\.){_N}{_BREAK})
    | (?P<link>(?<=[\w)%][ ])-(?=[ ]\d))
    | (?P<by>(?<=\d[ ])x(?=[ ]\d))
    | (?P<initials>\b[A-Z]{{1,3}}&[A-Z]{{1,3}}(?:'s|s)?\b)
    | (?P<slashed>\bw/o?(?![\w/])|\b[A-Z]/[A-Z]\b)
    | (?P<www>\bwww\.(?=\w))
    | (?P<dotted>\bPh\.D\b\.?|\b(?:[A-Za-z]\.){{2,8}}(?:[A-Za-z]\b(?!'))?)
    | (?P<domain>(?:(?<=[A-Za-z\d])|(?<![\w.]))\.(?:{endings})\b|(?<![\w.])\.NET\b)
    | (?P<slash>(?<=[a-z]{{2}})/(?=[a-z\d]+(?:[/.?#-]|\b))(?<=\.com/|\.org/|\.net/|\.edu/|\.gov/|o\.uk/))
    | (?P<dot>(?<=[A-Za-z\d])\.(?=[\w.-]{{1,40}}@\w))
    | (?P<per_unit>\b(?:{unit})/(?:{unit}){_BREAK})
    | (?P<days>\b(?:{days})\.?[ ]?-[ ]?(?:{days})\b)
    | (?P<abbreviation>\b[A-Za-z]{{1,6}}\.(?![A-Za-z]))
    | (?P<mixed>(?=[A-Za-z]{{0,60}}\d)(?:\d{{1,9}}\.(?=\d{{1,9}}[A-Za-z]))?[A-Za-z\d]+)
    | (?P<word>'?[{_A}][{_L}]*(?:'[{_A}][{_L}]*)*'?)
    | (?P<sign>[{signs}]
          |(?<=\d[ ])\*(?=[ ]?\d)|(?<=[\w)][ ])[<>](?=[ ][\w$(-])|(?<=\d)[<>*](?=\d)|~(?=\d)
          |(?<=\w)_(?=\w))
    """
    return re.compile(parts, re.VERBOSE | re.ASCII)


KINDS = ("range", *READERS)
"""Names of the pattern's outer groups."""


@dataclass(frozen=True, slots=True)
class Token:
    """A written word at `[char_start, char_end)` and the ways to say it, the likeliest first.

    A reading is a tuple of spoken words: lower-case words, or letters with a full stop ("b."), so
    that the letter "a." and the word "a" differ.
    """

    text: str
    char_start: int
    char_end: int
    readings: Readings

    @property
    def spoken(self) -> tuple[str, ...]:
        """The likeliest reading."""
        return self.readings[0]


def tokenize(text: str, lang: str = "en") -> tuple[Token, ...]:
    """The words of a text in order, each with its place and readings.

    Raises:
        TextError: when nothing in the text can be said, when it has letters or figures that are not
            of the language, or when it is too long (`MAX_WORDS`, `MAX_LETTERS`).
    """
    language = load_language(lang)
    if not text.strip():
        raise TextError("the text is empty")
    if len(text) > MAX_SIGNS:
        raise TextError(f"the text has {len(text)} characters; at most {MAX_SIGNS} can be used at once")
    words = len(re.findall(r"[^\W_]+", text))
    if words > WORDS_PER_READ * MAX_WORDS:
        raise TextError(f"the text has {words} words; at most {MAX_WORDS} can be used at once")
    if foreign := _foreign(plain(text).text, language):
        shown = ", ".join(foreign[:8]) + (" ..." if len(foreign) > 8 else "")
        raise TextError(f"the text has characters that are not {language.name}: {shown}")
    tokens = _tokens(text, language)
    if not tokens:
        raise TextError(f"the text has no words: {_shown(text)}")
    return tuple(tokens)


def normalize(text: str, lang: str = "en") -> str:
    """The text as it is said, in lower case: "It's 3:30, Mr. Lee!" is "it's three thirty mister lee".

    Raises:
        TextError: as `tokenize`.
    """
    return " ".join(word.replace(".", "") for token in tokenize(text, lang) for word in token.spoken)


def words_for_wer(text: str) -> list[str]:
    """The words of a text as written, lower case, punctuation removed: for verbatim error rates.

    Any script, with its combining marks; hyphens separate words, apostrophes inside words and
    separators inside numbers stay. An empty text has no words.
    """
    straight = unicodedata.normalize("NFC", text.translate(STRAIGHT)).lower()
    found: list[str] = regex.findall(
        r"\d+(?:[.,:]\d+)+|[\p{L}\p{N}][\p{L}\p{N}\p{M}]*(?:'[\p{L}\p{N}][\p{L}\p{N}\p{M}]*)*", straight
    )
    return found


_UNREAD = frozenset("|~^`<>*©®™℠")
"""Signs that a text may hold and that nobody reads out where they are not `signs` of the language."""

_PICTURE = regex.compile(
    r"\p{Extended_Pictographic}|\p{Emoji_Modifier}|[\u2500-\u27bf\ufe0e\ufe0f\u20e3\U0001f1e6-\U0001f1ff]"
)


def _foreign(plain: str, language: Language) -> str:
    """Characters that somebody would read out but this language cannot; pictures are not read."""
    known = {*language.text.signs, *language.text.currencies, *"".join(language.text.units), *_UNREAD}
    return "".join(sign for sign in dict.fromkeys(plain) if sign not in known and not _familiar(sign))


def _familiar(sign: str) -> bool:
    """Whether a character is a Latin letter or mark, a figure, a mark of punctuation or a picture."""
    category = unicodedata.category(sign)
    if sign.isascii() or _PICTURE.fullmatch(sign):
        return True
    if category[0] in "LM":
        return bool(re.fullmatch(f"[{_L}]", sign)) and fold(sign).isascii()
    if category[0] == "N":
        return bool(re.fullmatch(FRACTION, sign))
    return category not in ("Sc", "Sm", "So")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 30 else text[:27] + "...")


def _tokens(text: str, language: Language) -> list[Token]:
    whole = plain(text)
    tokens: list[Token] = []
    for start, end, readings in _finds(whole.text, language):
        if len(tokens) == MAX_WORDS:
            raise TextError(
                f"the text has more than {MAX_WORDS} words; at most {MAX_WORDS} can be used at once"
            )
        first, last = whole.place(start, end)
        tokens.append(Token(text[first:last], first, last, readings[:MAX_READINGS]))
    return tokens


def _finds(straight: str, language: Language) -> Iterator[tuple[int, int, Readings]]:
    """Places and readings of the words of a plain text."""
    shouted = not any(sign.islower() for sign in straight)
    pattern, at = _compiled(language.code), 0
    while match := pattern.search(straight, at):
        (start, at), kind = match.span(), _kind(match)

        def found(start: int, end: int, match: re.Match[str] = match) -> Found:
            before, after = straight[max(start - 40, 0) : start], straight[end : end + 40]
            return Found(straight[start:end], before, after, shouted, language, match.group)

        if kind == "abbreviation" and not abbreviation(found(start, at)):
            kind, at = "word", at - 1
        if kind == "word":
            start, at = _unquoted(straight, start, at, language)
        if at - start > MAX_LETTERS:
            length = f"{at - start} letters; at most {MAX_LETTERS} make a word"
            raise TextError(f"{_shown(straight[start:at])} has {length}")
        readings = _range(found(start, at)) if kind == "range" else READERS[kind](found(start, at))
        yield start, at, readings


def _kind(match: re.Match[str]) -> str:
    """The outermost group that matched; `lastgroup` may name one inside it."""
    return next(kind for kind in KINDS if match[kind] is not None)


@lru_cache(maxsize=4)
def _compiled(code: str) -> re.Pattern[str]:
    return _pattern(load_language(code))


def _range(found: Found) -> Readings:
    """`9am-5pm`, `$10-20`, `3-5`: both sides, with "to", "through" or nothing between them."""
    if set(re.findall(r"[a-z]+", found.before.lower())[-1:]) & found.language.text.cues["names"]:
        sides = [numerals.named(part) for part in re.findall(r"\d+", found.text)]
        return unique(tuple(word for side in sides for word in side[0]))
    left, right = (part.strip() for part in found.text.split("-", 1))
    currency = re.match(r"[^\d.]+", left)
    if currency and not re.match(r"[^\d.]", right):
        left, right = left[currency.end() :], currency[0] + right
    first, second = (_joined(side, found.language) for side in (left, right))
    between = ("to",), ("through",), ()
    main = [(*first[0], *link, *second[0]) for link in between]
    other = [(*one, "to", *two) for one in first[:3] for two in second[:3]]
    return unique(*main[:2], *other, main[2])


def _joined(side: str, language: Language) -> Readings:
    """Readings of a stretch of several words, as if it were one."""
    finds = [readings for _, _, readings in _finds(side, language)]
    firsts = tuple(word for readings in finds for word in readings[0])
    others = [(*reading, *(word for rest in finds[1:] for word in rest[0])) for reading in finds[0][1:4]]
    return unique(firsts, *others)


def _unquoted(straight: str, start: int, end: int, language: Language) -> tuple[int, int]:
    """A word without the apostrophes that are quotation marks."""
    known = language.text.apostrophe_words
    opened = re.search(
        r"(?:^|[\s(])'(?=\w)[^']*$", straight[max(start - 200, 0) : start] + straight[start : start + 1]
    )
    while straight[end - 1] == "'" and straight[start:end].lower() not in known:
        if (
            straight[end - 3 : end - 1] == "in"
            and not opened
            and _drops_g(straight[start : end - 1], language)
        ):
            break
        end -= 1
    if straight[start] == "'" and straight[start:end].lower() not in known:
        start += 1
    return start, end


def _drops_g(word: str, language: Language) -> bool:
    """Whether the apostrophe behind `goin` stands for a "g"."""
    return len(word) > 3 and bool(load_lexicon(language.code).listed(fold(word).lower() + "g"))
