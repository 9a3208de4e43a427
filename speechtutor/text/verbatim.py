"""What was said word by word, whether or not it makes sense: the sounds that were heard, made words again.

A recogniser writes the word that fits; where a scorer then hears other sounds in it, this says which word
those sounds are. No language model helps: a word of the lexicon is what sounds exactly so, the commonest of
several, and where there is none the sounds themselves are given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from speechtutor.core import ErrorType, UtteranceScore, WordScore
from speechtutor.core.inventory import strip_stress
from speechtutor.text.lexicon import load_lexicon
from speechtutor.text.phones import to_ipa

Phones = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sounded:
    """A word that was meant and how it sounded.

    `word` is a word that sounds so, None where there is none; `phones` are what was heard, () for a word that
    was left out.
    """

    meant: str
    word: str | None
    phones: Phones

    @property
    def text(self) -> str:
        """The word, or its sounds between slashes."""
        return self.word if self.word is not None else f"/{''.join(map(to_ipa, self.phones))}/"

    @property
    def quoted(self) -> str:
        """The word in quotation marks, or its sounds between slashes."""
        return self.text if self.word is None else f'"{self.word}"'


def said(word: WordScore) -> Phones:
    """The phones of a word as they were heard: others in place of its own, fewer or more."""
    heard: list[str] = []
    more = dict[int, list[str]]()
    for at, extra in word.inserted:
        more.setdefault(at, []).append(extra)
    for i, phone in enumerate(word.phones):
        heard += more.get(i, [])
        name = phone.canonical if phone.heard is None else phone.heard
        heard += [name] if name else []
    return (*heard, *more.get(len(word.phones), []))


def sounded(score: UtteranceScore, rank: Mapping[str, int]) -> tuple[Sounded, ...]:
    """Every word of the text as it sounded; words beyond the text are left out.

    `rank` says of common words how common they are, 0 the most.
    """
    found = []
    for word in score.words:
        if word.error_type in (ErrorType.INSERTION, ErrorType.REPETITION):
            continue
        phones = said(word)
        own = tuple(phone.canonical for phone in word.phones)
        same = phones == own or not own
        found.append(Sounded(word.text, word.text if same else _word(phones, rank), phones))
    return tuple(found)


def text(words: Iterable[Sounded]) -> str:
    """A verbatim transcript: words left out are missing from it."""
    return " ".join(word.text for word in words if word.phones)


def _word(phones: Phones, rank: Mapping[str, int]) -> str | None:
    words = _by_sound().get(phones, ())
    return min(words, key=lambda word: (rank.get(word, len(rank)), len(word), word), default=None)


@cache
def _by_sound() -> Mapping[Phones, tuple[str, ...]]:
    """All words of the lexicon by their sounds."""
    found: dict[Phones, list[str]] = {}
    for word, pronunciations in load_lexicon().entries():
        for phones in pronunciations:
            found.setdefault(tuple(map(strip_stress, phones)), []).append(word)
    return {phones: tuple(words) for phones, words in found.items()}
