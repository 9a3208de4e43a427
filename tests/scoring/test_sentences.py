"""A reading is cut into its sentences at their ends, and every frame and word is in one of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from speechtutor.core import CanonicalWord
from speechtutor.scoring.align import MARGIN, align
from speechtutor.scoring.sentences import ranges, sentences
from speechtutor.text.phones import pronounce
from tests.support.emissions import spoken, word


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("I like it.", ["I like it"]),
        ("I like it. You do", ["I like it", "You do"]),
        ("Dr. Smith is here, e.g. today! Why? So", ["Dr. Smith is here e.g. today", "Why", "So"]),
        ("one line\nanother line", ["one line", "another line"]),
        ("It costs 3.5 pounds, he said", ["It costs 3.5 pounds he said"]),
    ],
)
def test_a_sentence_ends_at_its_mark_and_not_in_an_abbreviation(text: str, told: list[str]) -> None:
    words = pronounce(text)
    assert [" ".join(one.text for one in words[a:b]) for a, b in ranges(text, words)] == told


def test_sentences_share_out_all_frames_and_words() -> None:
    emission = spoken("DH AH _ K AE T _ _ _ _ _ _ S IH T S _ _ DH AH _ K AE T")
    text = "the cat. sits! the cat"
    named = [("DH AH", 0, 3), ("K AE T", 4, 7), ("S IH T S", 9, 13), ("DH AH", 15, 18), ("K AE T", 19, 22)]
    words: list[CanonicalWord] = [
        replace(word(phones), char_start=start, char_end=end) for phones, start, end in named
    ]
    alignment = align(emission, words)
    found = sentences(text, alignment, len(emission.log_probs))
    assert [(one.first_word, one.last_word) for one in found] == [(0, 2), (2, 3), (3, 5)]
    assert (found[0].first_frame, found[-1].last_frame) == (0, len(emission.log_probs))
    assert all(a.last_frame == b.first_frame for a, b in pairwise(found))
    # Each sentence's own frames hold it; its first sound may keep more or less of the silence before it.
    for one in found:
        again = align(one.emission(emission), one.words(words))
        before = [p for p in alignment.phones if one.first_word <= p.word < one.last_word]
        assert [p.canonical for p in again.phones] == [p.canonical for p in before]
        ends = [p.end_frame + one.first_frame for p in again.phones]
        assert ends == pytest.approx([p.end_frame for p in before], abs=MARGIN / emission.frame_shift)
