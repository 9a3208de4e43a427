"""Wrong sounds put in on purpose: they can be heard, they are wrong, and the row says what was said."""

from __future__ import annotations

import random

import pytest

from speechtutor.core import Edit
from speechtutor.corpora import manifest
from speechtutor.evaluation.slips import Slip, annotated, applied, choose, fits, override
from speechtutor.text.speech_plan import plan_speech

TEXT = "I think the small cat sat on three big boxes."


@pytest.mark.parametrize("kind", ["usual", "any", "deletion", "insertion"])
def test_what_is_said_is_what_the_row_says(kind: str) -> None:
    words = plan_speech(TEXT)
    for seed in range(20):
        slips = choose(words, kind, 3, random.Random(seed))
        truth = annotated(words, slips)
        spoken = plan_speech(TEXT, override(words, slips))
        assert [w.phones for w in spoken] == [manifest.said(word) for word in truth]
        n_wrong = sum(p.edit is not Edit.MATCH for w in truth for p in w.phones)
        assert n_wrong + sum(len(w.inserted) for w in truth) == len(slips) > 0


@pytest.mark.parametrize("kind", ["usual", "any", "deletion", "insertion"])
def test_no_slip_makes_an_accepted_word_or_a_long_sound(kind: str) -> None:
    words = plan_speech(TEXT)
    for seed in range(20):
        slips = choose(words, kind, 4, random.Random(seed))
        for w, word in enumerate(words):
            own = [slip for slip in slips if slip.word == w]
            for slip in own:
                said = applied(word.phones, [slip])
                assert said not in word.word.pronunciations
        places = [(s.word, s.at) for s in slips]
        assert len(set(places)) == len(places)


@pytest.mark.parametrize(
    ("text", "slip", "expected"),
    [
        ("think", Slip(0, 0, Edit.SUBSTITUTION, "S"), True),
        ("this sink", Slip(0, 2, Edit.SUBSTITUTION, "Z"), True),
        ("this think", Slip(1, 0, Edit.SUBSTITUTION, "S"), False),  # one long S
        ("cot", Slip(0, 1, Edit.SUBSTITUTION, "AO"), False),  # one vowel in many accents
        ("roses", Slip(0, 3, Edit.SUBSTITUTION, "AH"), False),  # weak vowels
        ("ask", Slip(0, 2, Edit.INSERTION, "K"), False),
        ("ask", Slip(0, 3, Edit.INSERTION, "AH"), True),
    ],
)
def test_which_slips_can_be_heard_and_are_wrong(text: str, slip: Slip, expected: bool) -> None:
    assert fits(plan_speech(text), slip) is expected


def test_a_whole_word_is_never_left_out() -> None:
    words = plan_speech("a cat")
    assert not fits(words, Slip(0, 0, Edit.DELETION))
