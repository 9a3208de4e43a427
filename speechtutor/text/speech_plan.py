"""What is going to be said: the lexicon's phones as in connected speech, or others on purpose.

A model voice that says these phones says exactly what the scorer expects, and any word can be said
wrongly. An override is given in one of two ways:

    per word        think=S IH1 NG K; very@2=W EH1 R IY0     every "think", the second "very"
    whole sentence  AY1 | S IH1 NG K | S OW1                 one group per word of the text, `|` between

Phones are ARPAbet, upper or lower case. A stress digit on a vowel is optional: without digits the
word keeps its usual pattern if the number of vowels is the same, else its first vowel is stressed.
Instead of phones, `*` keeps the lexicon's and `-` leaves the word out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from speechtutor.core import CanonicalWord
from speechtutor.errors import TextError
from speechtutor.text.marks import ends_sentence
from speechtutor.text.phones import PHONES, VOWELS, pronounce
from speechtutor.text.written import folded

MAX_WORDS = 1000
"""A guard against a book pasted by mistake."""

_FUNCTION_WORDS = """
    a an the and or but if so as than of to in on at by for from with that there is are was were am be been
    has have had do does can could will would shall should must i you he she it we they me him her us them
    my your his its our their i'm i've i'll i'd it's that's
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
# Before a vowel and elsewhere; only used where the lexicon accepts that pronunciation.
WEAK = {
    "a": (("AH",), ("AH",)),
    "an": (("AH", "N"), ("AH", "N")),
    "the": (("DH", "IY"), ("DH", "AH")),
    "to": (("T", "UW"), ("T", "AH")),
    "of": (("AH", "V"), ("AH", "V")),
}
PHONE = re.compile(r"([A-Z]{1,2})([012])?")


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """What will be said for a word: phones and, parallel, stress digits (-1 for consonants)."""

    word: CanonicalWord
    phones: tuple[str, ...]
    stress: tuple[int, ...]


def _weaken(digit: int, name: str) -> int:
    # Without any stress the voice swallows a lone "I" at the start of a sentence.
    return 2 if name == "i" and digit > 0 else min(digit, 0)


def _citation(words: Sequence[CanonicalWord], text: str) -> list[SpokenWord]:
    """The lexicon's phones, function words unstressed and weak as in connected speech."""
    spoken = []
    for i, word in enumerate(words):
        said = SpokenWord(word, word.pronunciations[0], word.stress[0])
        name = folded(word.text)
        following = text[word.char_end : words[i + 1].char_start] if i + 1 < len(words) else "."
        # Before a stop the word keeps its full form: "Where are you from?"
        if name in FUNCTION_WORDS and not ends_sentence(following):
            vowel = i + 1 < len(words) and words[i + 1].pronunciations[0][0] in VOWELS
            weak = WEAK.get(name, ((), ()))[0 if vowel else 1]
            if weak in word.pronunciations:
                index = word.pronunciations.index(weak)
                said = SpokenWord(word, weak, word.stress[index])
            said = replace(said, stress=tuple(_weaken(digit, name) for digit in said.stress))
        spoken.append(said)
    return spoken


def _override(said: SpokenWord, spec: str) -> SpokenWord:
    """`spec` in place of the phones of a word.

    Raises:
        TextError: when it holds anything but ARPAbet phones, `*` or `-`.
    """
    where = f"phones for {said.word.text!r}"
    tokens = spec.upper().split()
    if tokens == ["*"]:
        return said
    if tokens == ["-"]:
        return replace(said, phones=(), stress=())
    if not tokens:
        raise TextError(f"{where}: nothing given (use - to leave the word out, * to keep it)")
    names: list[str] = []
    digits: list[int | None] = []
    for token in tokens:
        match = PHONE.fullmatch(token)
        if match is None or match[1] not in PHONES:
            raise TextError(f"{where}: {token!r} is not an ARPAbet phone such as TH or IH1")
        if match[2] and match[1] not in VOWELS:
            raise TextError(f"{where}: {token!r} has a stress digit, but {match[1]} is a consonant")
        names.append(match[1])
        digits.append(int(match[2]) if match[2] else None)
    return replace(said, phones=tuple(names), stress=_stress(names, digits, said.stress))


def _stress(names: Sequence[str], digits: Sequence[int | None], lexicon: Sequence[int]) -> tuple[int, ...]:
    pattern = [digit for digit in lexicon if digit >= 0]
    vowels = [i for i, name in enumerate(names) if name in VOWELS]
    if any(digit is not None for digit in digits):
        pattern = [digits[i] or 0 for i in vowels]
    elif len(pattern) != len(vowels):
        pattern = [1] + [0] * (len(vowels) - 1)
    by_index = dict(zip(vowels, pattern, strict=False))
    return tuple(by_index.get(i, -1) for i in range(len(names)))


def _targets(key: str, spoken: Sequence[SpokenWord]) -> list[int]:
    """Indexes of the words that `think` or `think@2` names."""
    name, _, count = key.strip().partition("@")
    same = [i for i, said in enumerate(spoken) if folded(said.word.text) == folded(name.strip())]
    if not same:
        raise TextError(f"phones for {name.strip()!r}: the text does not hold this word")
    if not count:
        return same
    if not count.strip().isdigit() or not 1 <= int(count) <= len(same):
        raise TextError(f"phones for {key.strip()!r}: the text holds {name.strip()!r} {len(same)} time(s)")
    return [same[int(count) - 1]]


def plan_speech(text: str, phones: str | None = None) -> tuple[SpokenWord, ...]:
    """What is going to be said, word by word, with the override (see the module) applied.

    Raises:
        TextError: when the text cannot be pronounced or the override does not fit it.
    """
    words = pronounce(text)
    if len(words) > MAX_WORDS:
        raise TextError(f"the text has {len(words)} words; at most {MAX_WORDS} are said at once")
    spoken = _citation(words, text)
    if phones is None:
        return tuple(spoken)
    if "=" in phones:
        for entry in filter(str.strip, phones.split(";")):
            key, equals, spec = entry.partition("=")
            if not equals:
                raise TextError(f"phones {entry.strip()!r}: expected WORD=PHONES, e.g. think=S IH1 NG K")
            for i in _targets(key, spoken):
                spoken[i] = _override(spoken[i], spec)
    else:
        groups = phones.split("|")
        if len(groups) != len(spoken):
            raise TextError(f"phones: {len(groups)} group(s) between | for {len(spoken)} word(s) of the text")
        spoken = [_override(said, spec) for said, spec in zip(spoken, groups, strict=True)]
    if not any(said.phones for said in spoken):
        raise TextError("phones: every word is left out, so there is nothing to say")
    return tuple(spoken)
