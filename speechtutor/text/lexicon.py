"""Pronunciations of single words: the lexicon, derivations from it, then letters to sounds.

Order of asking: the language's own lists, the lexicon file, inflections of a known word (cats,
dora's, hazarded, viewin'), its other spelling (organise), two known words written as one
(lighthousekeeper), a prefix before a known word, letter by letter without a vowel (tx), the G2P model.
"""

from __future__ import annotations

import lzma
import re
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache
from pathlib import Path

from speechtutor.errors import InputError, cause
from speechtutor.text.g2p import PairModel, one_primary
from speechtutor.text.inflect import ENDINGS, Phones, stems
from speechtutor.text.language import Language, load_language

_SHORTEST_HALF = 4


def read_lexicon(path: Path) -> dict[str, str]:
    """The lexicon as it is in the file: word to pronunciations separated by commas.

    Raises:
        InputError: when the file is missing or not xz.
    """
    try:
        text = lzma.decompress(path.read_bytes()).decode()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except (lzma.LZMAError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a packed lexicon ({cause(error)})") from None
    return _parse(text)


def _parse(text: str) -> dict[str, str]:
    # 126,000 lines: pronunciations are parsed when asked for, which keeps this under 0.1 s.
    rows = (line.partition(" ") for line in text.splitlines() if line[:1] != "#")
    return {word: phones for word, _, phones in rows}


def _split(line: str) -> tuple[Phones, ...]:
    return tuple(dict.fromkeys(tuple(part.split()) for part in line.split(",")))


# Before a whole known word; what is shorter than `_SHORTEST_HALF` may be anything (re + ly).
_PREFIXES = {
    "anti": "AE2 N T IY0",
    "inter": "IH2 N T ER0",
    "micro": "M AY2 K R OW0",
    "mini": "M IH2 N IY0",
    "mis": "M IH2 S",
    "multi": "M AH2 L T IY0",
    "non": "N AA2 N",
    "out": "AW2 T",
    "over": "OW2 V ER0",
    "pre": "P R IY2",
    "re": "R IY2",
    "super": "S UW2 P ER0",
    "un": "AH2 N",
    "under": "AH2 N D ER0",
}


class Lexicon:
    """All a language knows of its words; files are read when they are first needed."""

    def __init__(self, language: Language) -> None:
        """Bind a language."""
        self.language = language
        self.g2p = PairModel(language.g2p)

    @cached_property
    def _lines(self) -> dict[str, str]:
        """The lexicon; what the language's own list of words says goes before it."""
        return read_lexicon(self.language.lexicon) | _parse(self.language.extra.read_text(encoding="utf-8"))

    def listed(self, word: str) -> tuple[Phones, ...]:
        """Pronunciations that are written down, the citation form first; () for an unknown word."""
        if word in self.language.words:
            return tuple(tuple(line.split()) for line in self.language.words[word])
        line = self._lines.get(word, "")
        own = _split(line) if line else ()
        also = tuple(tuple(line.split()) for line in self.language.also.get(word, ()))
        several = self.language.homographs.get(word)
        return tuple(dict.fromkeys(own + also + (several.senses if several else ())))

    def entries(self) -> Iterator[tuple[str, tuple[Phones, ...]]]:
        """Every word that is written down, with its pronunciations."""
        for word in self._lines:
            yield word, self.listed(word)

    def derived(self, word: str) -> tuple[Phones, ...]:
        """Pronunciations that follow from a listed word by inflection, or ()."""
        for ending, inflect in ENDINGS:
            if not word.endswith(ending) or len(word) <= len(ending) + (0 if ending[0] == "'" else 2):
                continue
            if ending == "s" and word.endswith("ss"):
                continue
            for stem in stems(word, ending):
                if found := self.listed(stem):
                    return tuple(map(inflect, found))
        return ()

    def _respelt(self, word: str, known: Callable[[str], tuple[Phones, ...]]) -> tuple[Phones, ...]:
        """Pronunciations of the same word in another spelling (organise, litre), or ()."""
        for find, replace in self.language.spellings:
            other = find.sub(replace, word)
            if other != word and (found := known(other)):
                return found
        return ()

    def _compound(self, word: str) -> tuple[Phones, ...]:
        # Short halves make nonsense (car + pet); with two long ones the most even split is best.
        cuts = range(_SHORTEST_HALF, len(word) - _SHORTEST_HALF + 1)
        for cut in sorted(cuts, key=lambda i: abs(2 * i - len(word))):
            left, right = self._half(word[:cut]), self._half(word[cut:]) or self.derived(word[cut:])
            if left and right:
                return (one_primary((*left[0], *right[0])),)
        return ()

    def _half(self, word: str) -> tuple[Phones, ...]:
        """A word inside another; one with several senses is a noun or an adjective there (windproof)."""
        several = self.language.homographs.get(word)
        return several.senses[:1] if several else self.listed(word)

    def _prefixed(self, word: str) -> tuple[Phones, ...]:
        for prefix, phones in _PREFIXES.items():
            rest = word.removeprefix(prefix)
            if (
                rest != word
                and len(rest) >= _SHORTEST_HALF
                and (found := self.listed(rest) or self.derived(rest))
            ):
                return tuple(one_primary((*phones.split(), *known)) for known in found)
        return ()

    def _spelt(self, word: str) -> tuple[Phones, ...]:
        """The names of the letters, for a word that has no vowel to be said with (tx), or ()."""
        if re.search("[aeiou]|(?<!^)y", word) or not word.isalpha():
            return ()
        names = [self.listed(f"{letter}.") for letter in word]
        return (tuple(phone for name in names for phone in name[0]),) if all(names) else ()

    def pronunciations(self, word: str) -> tuple[Phones, ...]:
        """Pronunciations of any word of letters, never empty for a word with a letter the model knows."""
        found = self.listed(word) or self._respelt(word, self.listed)
        if found := found or self.derived(word) or self._respelt(word, self.derived):
            return found
        if found := self._prefixed(word) or self._compound(word) or self._spelt(word):
            return found
        for ending, inflect in ENDINGS:
            if ending[0] == "'" and word.endswith(ending) and len(word) > len(ending):
                return tuple(map(inflect, self.pronunciations(word[: -len(ending)])[:1]))
        guess = self.g2p.phones(word.replace("'", "").replace(".", ""))
        return (guess,) if guess else ()


@lru_cache(maxsize=4)
def load_lexicon(lang: str = "en") -> Lexicon:
    """The lexicon of a language; one per process."""
    return Lexicon(load_language(lang))
