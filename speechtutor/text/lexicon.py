"""Pronunciations of single words: the lexicon, derivations from it, then letters to sounds.

Order of asking: the language's own lists, the lexicon file, inflections of a known word (cats,
dora's, hazarded, viewing), two known words written as one (lighthousekeeper), the G2P model.
"""

from __future__ import annotations

import lzma
from collections.abc import Callable
from functools import cached_property, lru_cache
from pathlib import Path

from speechtutor.errors import InputError
from speechtutor.text.g2p import PairModel, one_primary
from speechtutor.text.language import Language, load_language

Phones = tuple[str, ...]
"""Phones with stress digits."""

_SIBILANTS = frozenset("S Z SH ZH CH JH".split())
_VOICELESS = frozenset("P T K F TH".split())
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
        raise InputError(f"{path}: not a packed lexicon ({error})") from None
    # 126,000 lines: pronunciations are parsed when asked for, which keeps this under 0.1 s.
    rows = (line.partition(" ") for line in text.splitlines())
    return {word: phones for word, _, phones in rows}


def _split(line: str) -> tuple[Phones, ...]:
    return tuple(dict.fromkeys(tuple(part.split()) for part in line.split(",")))


def _with_s(phones: Phones) -> Phones:
    last = phones[-1]
    if last in _SIBILANTS:
        return (*phones, "IH0", "Z")
    return (*phones, "S" if last in _VOICELESS else "Z")


def _with_ed(phones: Phones) -> Phones:
    last = phones[-1]
    if last in ("T", "D"):
        return (*phones, "IH0", "D")
    return (*phones, "T" if last in _VOICELESS or last in ("S", "SH", "CH") else "D")


def _with_ing(phones: Phones) -> Phones:
    return (*phones, "IH0", "NG")


def _stems(word: str, ending: str) -> list[str]:
    """What a word may be an inflection of: stop(p)ed, bak(e)ing, cri(y)ed."""
    stem = word[: -len(ending)]
    stems = [stem]
    if ending in ("ed", "ing"):
        stems.append(stem + "e")
        if len(stem) > 2 and stem[-1] == stem[-2]:
            stems.append(stem[:-1])
    if ending in ("ed", "es") and stem.endswith("i"):
        stems.append(stem[:-1] + "y")
    return stems


_ENDINGS: tuple[tuple[str, Callable[[Phones], Phones]], ...] = (
    ("'s", _with_s),
    ("es", _with_s),
    ("s", _with_s),
    ("ed", _with_ed),
    ("ing", _with_ing),
)


class Lexicon:
    """All a language knows of its words; files are read when they are first needed."""

    def __init__(self, language: Language) -> None:
        """Bind a language."""
        self.language = language
        self.g2p = PairModel(language.g2p)

    @cached_property
    def _lines(self) -> dict[str, str]:
        return read_lexicon(self.language.lexicon)

    def listed(self, word: str) -> tuple[Phones, ...]:
        """Pronunciations that are written down, the citation form first; () for an unknown word."""
        if word in self.language.words:
            return tuple(tuple(line.split()) for line in self.language.words[word])
        line = self._lines.get(word, "")
        own = _split(line) if line else ()
        also = tuple(tuple(line.split()) for line in self.language.also.get(word, ()))
        return tuple(dict.fromkeys(own + also))

    def derived(self, word: str) -> tuple[Phones, ...]:
        """Pronunciations that follow from a listed word by inflection or compounding, or ()."""
        for ending, inflect in _ENDINGS:
            if not word.endswith(ending) or len(word) <= len(ending) + (1 if ending == "'s" else 2):
                continue
            if ending == "s" and word.endswith("ss"):
                continue
            for stem in _stems(word, ending):
                if found := self.listed(stem):
                    return tuple(map(inflect, found))
        return self._compound(word)

    def _compound(self, word: str) -> tuple[Phones, ...]:
        # Short halves make nonsense (car + pet); with two long ones the most even split is best.
        cuts = range(_SHORTEST_HALF, len(word) - _SHORTEST_HALF + 1)
        for cut in sorted(cuts, key=lambda i: abs(2 * i - len(word))):
            left, right = self.listed(word[:cut]), self.listed(word[cut:])
            if left and right:
                return (one_primary((*left[0], *right[0])),)
        return ()

    def pronunciations(self, word: str) -> tuple[Phones, ...]:
        """Pronunciations of any word of letters, never empty for a word with a letter the model knows."""
        if found := self.listed(word) or self.derived(word):
            return found
        if word.endswith("'s"):
            return (_with_s(self.pronunciations(word[:-2])[0]),)
        guess = self.g2p.phones(word.replace("'", "").replace(".", ""))
        return (guess,) if guess else ()


@lru_cache(maxsize=4)
def load_lexicon(lang: str = "en") -> Lexicon:
    """The lexicon of a language; one per process."""
    return Lexicon(load_language(lang))
