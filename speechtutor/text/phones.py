"""Phones: the inventory, IPA, how alike two phones are, and the phones of a text.

Phones are the 39 of ARPAbet as in CMUdict, upper case; a vowel may carry a stress digit (0, 1, 2).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from itertools import pairwise

from speechtutor.core import CanonicalWord
from speechtutor.core.inventory import (
    CONSONANT_FEATURES,
    PHONES,
    VOWEL_FEATURES,
    VOWELS,
    distance,
    strip_stress,
)
from speechtutor.errors import TextError
from speechtutor.text.homographs import REACH
from speechtutor.text.language import load_language
from speechtutor.text.lexicon import load_lexicon
from speechtutor.text.marks import SENTENCE_END
from speechtutor.text.tokens import Token, tokenize
from speechtutor.text.variants import MAX_VARIANTS, expand
from speechtutor.text.written import STRAIGHT, folded

_IPA = dict(
    zip(
        PHONES,
        "ɑ æ ʌ ɔ aʊ aɪ b tʃ d ð ɛ ɝ eɪ f ɡ h ɪ i dʒ k l m n ŋ oʊ ɔɪ p ɹ s ʃ t θ ʊ u v w j z ʒ".split(),
        strict=True,
    )
)
_IPA_WEAK = {"AH": "ə", "ER": "ɚ"}
_FROM_IPA = {ipa: phone for phone, ipa in _IPA.items()} | {
    # Weak vowels, British vowels and other ways to write the same sounds.
    **{"ə": "AH", "ɐ": "AH", "ɚ": "ER", "ɜ": "ER", "ɜɹ": "ER", "əɹ": "ER", "e": "EH", "ɒ": "AO", "a": "AE"},
    **{"əʊ": "OW", "o": "OW", "ᵻ": "IH", "ɨ": "IH", "g": "G", "r": "R", "ɾ": "D", "ʔ": "T", "ɫ": "L"},
    **{"ʍ": "W", "ʧ": "CH", "ʤ": "JH", "aj": "AY", "aw": "AW", "ej": "EY", "ow": "OW", "ɔj": "OY"},
}

# Onsets of English syllables of two and three consonants (Roach, 2009, chapter 8).
_ONSETS = frozenset(
    tuple(onset.split())
    for onset in (
        "P L,P R,P Y,B L,B R,B Y,T R,T W,T Y,D R,D W,D Y,K L,K R,K W,K Y,G L,G R,G W,G Y,F L,F R,F Y,V Y,"
        "TH R,TH W,S P,S T,S K,S F,S M,S N,S L,S W,SH R,HH Y,HH W,M Y,N Y,L Y,"
        "S P L,S P R,S P Y,S T R,S T Y,S K L,S K R,S K W,S K Y"
    ).split(",")
)


def to_ipa(phone: str) -> str:
    """A phone in IPA: "TH" is "θ", "AH1" and "AH" are "ʌ", "AH0" is "ə"; "" stays "".

    Raises:
        TextError: when there is no such phone.
    """
    base = strip_stress(phone)
    if phone.endswith("0") and base in _IPA_WEAK:
        return _IPA_WEAK[base]
    if base not in _IPA and base:
        raise TextError(_unknown([phone]))
    return _IPA.get(base, "")


def from_ipa(symbol: str) -> str:
    """The phone, without stress, of one IPA symbol; length, stress and tie marks do not matter.

    Raises:
        TextError: when it is not a sound of the inventory.
    """
    signs = unicodedata.normalize("NFD", symbol)
    bare = "".join(sign for sign in signs if not unicodedata.combining(sign) and sign not in "ːˑˈˌ")
    if bare not in _FROM_IPA:
        raise TextError(f"{symbol!r} is not an English sound in IPA; known: {' '.join(_FROM_IPA)}")
    return _FROM_IPA[bare]


@cache
def confusable(phone: str) -> tuple[str, ...]:
    """All other phones of the same class (vowel or consonant), the nearest first.

    Raises:
        TextError: when there is no such phone.
    """
    base = strip_stress(phone)
    if base not in _IPA:
        raise TextError(_unknown([phone]))
    others = [other for other in PHONES if other != base and (other in VOWELS) == (base in VOWELS)]
    return tuple(sorted(others, key=lambda other: (distance(base, other), other)))


def _unknown(symbols: Iterable[str]) -> str:
    return f"unknown phones: {' '.join(dict.fromkeys(symbols))}; the phones are {' '.join(PHONES)}"


def parse_phones(line: str) -> tuple[str, ...]:
    """The phones of "S IH1 NG K": upper case, stress digits and word separators `|` dropped.

    Raises:
        TextError: when a symbol is not a phone, or there is none; the message lists all unknown symbols.
    """
    symbols = line.replace("|", " ").upper().split()
    wrong = [s for s in symbols if not _is_phone(s)]
    if wrong:
        raise TextError(_unknown(wrong))
    if not symbols:
        raise TextError("no phones were given")
    return tuple(map(strip_stress, symbols))


def _is_phone(symbol: str) -> bool:
    base = symbol[:-1] if symbol[-1:] in ("0", "1", "2") else symbol
    return base in _IPA and (base == symbol or base in VOWELS)


def syllabify(phones: Sequence[str]) -> list[list[int]]:
    """Indices of the phones of each syllable: one vowel each, the longest possible onset.

    Stress digits are allowed. Phones without any vowel are one syllable; no phones, none.
    """
    if not phones:
        return []
    bare = [strip_stress(phone) for phone in phones]
    vowels = [i for i, phone in enumerate(bare) if phone in VOWELS]
    starts = [0]
    for left, right in pairwise(vowels):
        start = right
        while start - 1 > left and _is_onset(tuple(bare[start - 1 : right])):
            start -= 1
        starts.append(start)
    return [list(range(a, b)) for a, b in zip(starts, [*starts[1:], len(bare)], strict=True)]


def _is_onset(consonants: tuple[str, ...]) -> bool:
    return consonants != ("NG",) if len(consonants) == 1 else consonants in _ONSETS


def count_syllables(phones: Sequence[str]) -> int:
    """Number of syllables, at least one when there is a phone."""
    return len(syllabify(phones))


def pronounce(
    text: str, lang: str = "en", lexicon: Mapping[str, Sequence[str]] | None = None
) -> tuple[CanonicalWord, ...]:
    """The words of a text, each with its accepted pronunciations, the citation form first.

    A word as written is one item, whatever it expands to: "2024" has the phones of its four words.
    `lexicon` maps words (any case) to pronunciations such as "S IH1 NG K" that replace all others.

    Raises:
        TextError: when the text has no words, too many, or characters that are not of the language,
            or when `lexicon` has symbols that are not phones.
    """
    own = {folded(word): _own(word, lines) for word, lines in (lexicon or {}).items()}
    return tuple(_canonical(token, _sense(token, text, lang), lang, own) for token in tokenize(text, lang))


def _sense(token: Token, text: str, lang: str) -> tuple[str, ...] | None:
    """The pronunciation that the rest of the sentence calls for; None for a word with one sense."""
    several = load_language(lang).homographs.get(token.spoken[0]) if len(token.spoken) == 1 else None
    if several is None:
        return None
    before = text[max(0, token.char_start - REACH) : token.char_start].translate(STRAIGHT)
    after = text[token.char_end : token.char_end + REACH].translate(STRAIGHT)
    end = SENTENCE_END.search(after)
    return several.choose(token.text, SENTENCE_END.split(before)[-1], after[: end.end()] if end else after)


def _own(word: str, lines: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    if isinstance(lines, str) or not lines:
        raise TextError(f"lexicon: {word!r} needs a list of pronunciations")
    for line in lines:
        try:
            parse_phones(line)
        except TextError as error:
            raise TextError(f"lexicon: {word!r}: {error}") from None
    return tuple(tuple(line.upper().replace("|", " ").split()) for line in lines)


@lru_cache(maxsize=4096)
def _accepted(word: str, lang: str, first: tuple[str, ...] | None = None) -> tuple[tuple[str, ...], ...]:
    listed = load_lexicon(lang).pronunciations(word)
    if first:
        listed = (first, *(phones for phones in listed if phones != first))
    return expand(word, listed, load_language(lang)) if listed else ()


def _canonical(
    token: Token, sense: tuple[str, ...] | None, lang: str, own: Mapping[str, tuple[tuple[str, ...], ...]]
) -> CanonicalWord:
    whole = own.get(folded(token.text))
    readings = [whole] if whole else [_reading(words, sense, lang, own) for words in token.readings]
    firsts = [variants[0] for variants in readings if variants]
    rest = [phones for variants in readings for phones in variants[1:]]
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for phones in [*firsts, *rest]:
        found.setdefault(tuple(map(strip_stress, phones)), phones)
    if not found:
        raise TextError(f"no pronunciation is known for {token.text!r}")
    kept = dict(list(found.items())[:MAX_VARIANTS])
    stress = tuple(tuple(int(p[-1]) if p[-1].isdigit() else -1 for p in phones) for phones in kept.values())
    return CanonicalWord(token.text, token.char_start, token.char_end, tuple(kept), stress)


def _reading(
    words: Sequence[str],
    sense: tuple[str, ...] | None,
    lang: str,
    own: Mapping[str, tuple[tuple[str, ...], ...]],
) -> list[tuple[str, ...]]:
    """Pronunciations of several spoken words in a row: all citation forms, then one change at a time."""
    parts = [own.get(word) or _accepted(word, lang, sense if len(words) == 1 else None) for word in words]
    if not all(parts):
        return []
    if len(parts) == 1:
        return list(parts[0])
    first = [part[0] for part in parts]
    changed = [[*first[:i], other, *first[i + 1 :]] for i, part in enumerate(parts) for other in part[1:]]
    return [tuple(phone for part in chosen for phone in part) for chosen in [first, *changed][:MAX_VARIANTS]]


__all__ = [
    "CONSONANT_FEATURES",
    "PHONES",
    "VOWELS",
    "VOWEL_FEATURES",
    "confusable",
    "count_syllables",
    "distance",
    "from_ipa",
    "parse_phones",
    "pronounce",
    "strip_stress",
    "syllabify",
    "to_ipa",
]
