"""Canonical words from a manifest: the corpus's phones where it gives them, else the lexicon's."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from speechtutor.core import CanonicalWord, Utterance
from speechtutor.errors import InputError
from speechtutor.stages import Scorer
from speechtutor.text.phones import PHONES, VOWELS, pronounce


def of(utterance: Utterance) -> tuple[CanonicalWord, ...]:
    """The words to align and score.

    Raises:
        InputError: when the row's phones and words do not fit together.
        TextError: when the text cannot be turned into phones.
    """
    if utterance.phones is None:
        return pronounce(utterance.text, utterance.lang)
    texts = [word.text for word in utterance.scores.words] if utterance.scores else utterance.text.split()
    if len(texts) != len(utterance.phones):
        raise InputError(
            f"{utterance.id}: {len(utterance.phones)} words with phones, but {len(texts)} words of text"
        )
    words, position = [], 0
    for text, phones in zip(texts, utterance.phones, strict=True):
        if unknown := set(phones) - set(PHONES):
            raise InputError(f"{utterance.id}: {', '.join(sorted(unknown))} in {text!r} is no ARPAbet phone")
        start = utterance.text.find(text, position)
        if start < 0:
            raise InputError(f"{utterance.id}: the word {text!r} is not in the text")
        position = start + len(text)
        words.append(
            CanonicalWord(text, start, position, (phones,), (stress_of(text, phones, utterance.lang),))
        )
    return tuple(words)


def stress_of(word: str, phones: Sequence[str], lang: str = "en") -> tuple[int, ...]:
    """Lexical stress for phones without it: the lexicon's where its vowels fit, else on the first vowel.

    -1 stands for consonants.
    """
    n_vowels = sum(phone in VOWELS for phone in phones)
    digits = [1, *[0] * n_vowels][:n_vowels]
    for entry in pronounce(word, lang)[:1]:
        for stress in entry.stress:
            own = [digit for digit in stress if digit >= 0]
            if len(own) == n_vowels:
                digits = own
                break
    remaining = iter(digits)
    return tuple(next(remaining) if phone in VOWELS else -1 for phone in phones)


def asked(scorer: Scorer, utterance: Utterance) -> dict[str, Any]:
    """What a scorer is given beside the text: the words to score, where it takes them.

    Raises:
        InputError: as `of`.
    """
    takes_words = "words" in inspect.signature(scorer.score).parameters
    return {"words": of(utterance)} if takes_words else {}
