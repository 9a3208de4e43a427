"""Written text to the words a reader says, each tied to its place in the text.

`tokenize` is for scoring: it knows numbers, times, money, abbreviations and acronyms, and refuses
what cannot be said in the language. `words_for_wer` is for counting recognition errors verbatim.

Decisions that are not obvious:

- A token is one written word; hyphens and slashes separate words ("well-known" is two).
- A text without any lower-case letter is shouted, not abbreviated: "US" and "IT" are words in it,
  "BBC" is not because the lexicon spells it. In mixed case such words are letters first, words second.
- Seven or more figures in a row are read one by one; with thousands separators they are a number.
- Emoji and other pictures are not read. Letters of other scripts are refused, never dropped.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from speechtutor.errors import TextError
from speechtutor.text.language import Language, load_language
from speechtutor.text.numerals import Readings
from speechtutor.text.verbalize import FIGURES, FRACTIONS, READERS, STRAIGHT, Found, abbreviation, fold

MAX_WORDS = 1000
"""More words than this are not one exercise; split the text."""

MAX_LETTERS = 60
"""Longest word that is taken for one; the longest in English dictionaries has 45 letters."""

MAX_READINGS = 6
"""Readings kept per word."""

_L = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0300-\u036f"
_N = f"(?:{FIGURES})"
_BREAK = rf"(?![{_L}\d])"

_TOKEN = re.compile(
    rf"""
      (?P<money>[$£€¥][ ]?{_N}(?:[ ]?(?:thousand|million|billion|trillion)\b)?)
    | (?P<date>\b(?:1[1-9]|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])\b)
    | (?P<clock>\b(?:[01]?\d|2[0-3]):[0-5]\d(?![:\d]))
    | (?P<phone>\+\d[\d ()-]{{6,}}\d|\(\d{{3}}\)[ ]?\d{{3}}-\d{{4}}|\b(?:\d{{3,4}}-)+\d{{4}}\b)
    | (?P<ordinal>\b\d[\d,]*(?:st|nd|rd|th){_BREAK})
    | (?P<decade>'?\b\d{{1,3}}0'?s{_BREAK})
    | (?P<fraction>\b\d{{1,2}}/\d{{1,2}}\b(?!/)|[{"".join(FRACTIONS)}])
    | (?P<measure>{_N}[ ]?(?:km|cm|mm|kg|mg|ml|lbs?|oz|ft){_BREAK}|{_N}(?:m|g|l|h|min|ms){_BREAK})
    | (?P<percent>{_N}[ ]?%)
    | (?P<number>(?<![\w.])-?{_N}{_BREAK})
    | (?P<dotted>\b(?:[A-Za-z]\.){{2,}}(?:[A-Za-z]\b(?!'))?)
    | (?P<abbreviation>\b[A-Za-z]{{2,6}}\.)
    | (?P<domain>(?<=[A-Za-z\d])\.(?:com|org|net|edu|gov|io)\b)
    | (?P<mixed>(?=[A-Za-z]*\d)[A-Za-z\d]+)
    | (?P<word>'?[{_L}]+(?:'[{_L}]+)*'?)
    | (?P<sign>[&%+=@\#°×÷])
    """,
    re.VERBOSE | re.ASCII,
)


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
    if foreign := _foreign(text):
        shown = ", ".join(foreign[:8]) + (" ..." if len(foreign) > 8 else "")
        raise TextError(f"the text has characters that are not {language.name}: {shown}")
    tokens = _tokens(text, language)
    if not tokens:
        raise TextError(f"the text has no words: {_shown(text)}")
    if len(tokens) > MAX_WORDS:
        raise TextError(f"the text has {len(tokens)} words; at most {MAX_WORDS} can be used at once")
    return tuple(tokens)


def normalize(text: str, lang: str = "en") -> str:
    """The text as it is said, in lower case: "It's 3:30, Mr. Lee!" is "it's three thirty mister lee".

    Raises:
        TextError: as `tokenize`.
    """
    return " ".join(word.replace(".", "") for token in tokenize(text, lang) for word in token.spoken)


def words_for_wer(text: str) -> list[str]:
    """The words of a text as written, lower case, punctuation removed: for verbatim error rates.

    Any script; hyphens separate words, apostrophes inside words and separators inside numbers stay.
    An empty text has no words.
    """
    plain = unicodedata.normalize("NFC", text.translate(STRAIGHT)).lower()
    return re.findall(r"\d+(?:[.,:]\d+)+|[^\W_]+(?:'[^\W_]+)*", plain)


def _foreign(text: str) -> str:
    """Characters that somebody would read out but this language cannot."""
    wrong = []
    for sign in dict.fromkeys(unicodedata.normalize("NFC", text)):
        kind = unicodedata.category(sign)[0]
        apostrophe = sign.translate(STRAIGHT) == "'"
        latin = apostrophe or (re.fullmatch(f"[{_L}]", sign) and fold(sign).isascii())
        figure = sign.isascii() or sign in FRACTIONS
        if (kind == "L" and not latin) or (kind == "N" and not figure):
            wrong.append(sign)
    return "".join(wrong)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 30 else text[:27] + "...")


def _tokens(text: str, language: Language) -> list[Token]:
    plain = text.translate(STRAIGHT)
    shouted = not any(sign.islower() for sign in plain)
    tokens: list[Token] = []
    at = 0
    while match := _TOKEN.search(plain, at):
        (start, at), kind = match.span(), str(match.lastgroup)

        def found(start: int, end: int) -> Found:
            before, after = plain[max(start - 20, 0) : start], plain[end : end + 20]
            return Found(plain[start:end], before, after, shouted, language)

        if kind == "abbreviation" and not abbreviation(found(start, at)):
            kind, at = "word", at - 1
        if kind == "word":
            start, at = _unquoted(plain, start, at, language)
        if at - start > MAX_LETTERS:
            length = f"{at - start} letters; at most {MAX_LETTERS} make a word"
            raise TextError(f"{_shown(text[start:at])} has {length}")
        readings = READERS[kind](found(start, at))
        tokens.append(Token(text[start:at], start, at, readings[:MAX_READINGS]))
    return tokens


def _unquoted(plain: str, start: int, end: int, language: Language) -> tuple[int, int]:
    """A word without the apostrophes that are quotation marks."""
    while plain[end - 1] == "'":
        end -= 1
    if plain[start] == "'" and plain[start:end].lower() not in language.text.apostrophe_words:
        start += 1
    return start, end
