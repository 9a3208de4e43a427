from __future__ import annotations

from dataclasses import replace

import pytest

from speechtutor.core import PhoneScore, Utterance, UtteranceScore, WordScore
from speechtutor.corpora import canonical
from speechtutor.errors import InputError


def row(text: str, *words: tuple[str, str]) -> Utterance:
    scored = tuple(
        WordScore(w, None, phones=tuple(PhoneScore(p, None) for p in phones.split())) for w, phones in words
    )
    phones = tuple(tuple(p.canonical for p in w.phones) for w in scored)
    return Utterance("u", "u.wav", text, "s", scores=UtteranceScore(text, scored), phones=phones)


def test_the_corpus_phones_replace_the_lexicon() -> None:
    words = canonical.of(
        row("HELLO THE HELLO", ("HELLO", "HH EH L OW"), ("THE", "DH IY"), ("HELLO", "HH AH L OW"))
    )
    assert [w.pronunciations for w in words] == [
        (("HH", "EH", "L", "OW"),),
        (("DH", "IY"),),
        (("HH", "AH", "L", "OW"),),
    ]
    assert [(w.char_start, w.char_end) for w in words] == [(0, 5), (6, 9), (10, 15)]


def test_stress_is_the_lexicon_s_where_its_vowels_fit() -> None:
    # The lexicon has hello as HH AH0 L OW1 (or EH0): the second vowel is stressed.
    assert canonical.stress_of("hello", ("HH", "EH", "L", "OW")) == (-1, 0, -1, 1)
    # Three vowels fit no entry of "hello": the first one is taken.
    assert canonical.stress_of("hello", ("AH", "AH", "AH")) == (1, 0, 0)


def test_without_phones_the_lexicon_speaks() -> None:
    words = canonical.of(Utterance("u", "u.wav", "think", "s"))
    assert words[0].pronunciations[0] == ("TH", "IH", "NG", "K")


def test_what_does_not_fit_is_refused() -> None:
    good = row("A CAT", ("A", "AH"), ("CAT", "K AE T"))
    with pytest.raises(InputError, match="not in the text"):
        canonical.of(replace(good, text="A DOG"))
    with pytest.raises(InputError, match="no ARPAbet phone"):
        canonical.of(row("A", ("A", "XX")))
    with pytest.raises(InputError, match="words of text"):
        canonical.of(replace(good, phones=(("AH",),)))
