from __future__ import annotations

import pytest

from speechtutor.core import ErrorType
from speechtutor.scoring import gop
from speechtutor.scoring.align import align
from speechtutor.scoring.insertions import extra_sounds, extra_speech
from tests.support.emissions import flat, spoken, words

REPETITION, INSERTION = ErrorType.REPETITION, ErrorType.INSERTION


def found(said, text, *, gap=3, activity=None, **options):
    emission = spoken(said, gap=gap)
    extras = extra_speech(emission, align(emission, words(text)), activity, **options)
    return [(" ".join(extra.phones), extra.kind, extra.word) for extra in extras]


@pytest.mark.parametrize("gap", [0, 1, 3, 8])
@pytest.mark.parametrize(
    ("said", "extras"),
    [
        ("DH AH K AE T S AE T", []),
        ("DH AH K AE DH AH K AE T S AE T", [("DH AH K AE", REPETITION, 0)]),
        ("DH AH K AE K AE T S AE T", [("K AE", REPETITION, 1)]),  # a false start
        ("DH AH B IH L IY K AE T S AE T", [("B IH L IY", INSERTION, 1)]),
        ("ER M DH AH K AE T S AE T", [("ER M", INSERTION, 0)]),
        ("DH AH K AE T S AE T N AW".replace("AW", "AA"), [("N AA", INSERTION, 3)]),
    ],
)
def test_what_was_said_between_the_words(said, extras, gap):
    assert found(said, "DH AH | K AE T | S AE T", gap=gap) == extras


@pytest.mark.parametrize("gap", [0, 1, 3, 8])
def test_of_a_word_said_twice_either_one_is_extra(gap):
    text = "DH AH | K AE T | S AE T"
    for said, phones, places in [
        ("DH AH DH AH K AE T S AE T", "DH AH", (0, 1)),
        ("DH AH K AE T K AE T S AE T", "K AE T", (1, 2)),
        ("DH AH K AE T DH AH K AE T S AE T", "DH AH K AE T", (0, 2)),
        ("DH AH K AE T S AE T S EH T", "S EH T", (3,)),
    ]:
        ((heard, kind, word),) = found(said, text, gap=gap)
        assert (heard, kind) == (phones, REPETITION)
        assert word in places


@pytest.mark.parametrize(
    "said",
    [
        "DH AH K AE S AE T",  # a phone left out
        "D AH K EH T S AH T",  # three wrong phones
        "DH AH S AE T",  # a word left out
        "DH AH K AE P T S AE T",  # a phone too many inside a word
        "DH AH B IH D S AE T",  # another word instead
    ],
)
def test_wrong_phones_and_missing_words_are_not_extra(said):
    assert found(said, "DH AH | K AE T | S AE T") == []


def test_a_word_of_one_phone_said_twice():
    assert found("AY AY S EH D", "AY | S EH D") == [("AY", REPETITION, 1)]
    assert found("AY B S EH D", "AY | S EH D") == []
    assert found("AY B S EH D", "AY | S EH D", min_phones=1) == [("B", INSERTION, 1)]


def test_times_are_those_of_the_recording_and_the_gain_is_large():
    emission = spoken("ER M DH AH", peak=2, gap=3)
    (extra,) = extra_speech(emission, align(emission, words("DH AH")))
    assert (extra.start, extra.end) == pytest.approx((0.06, 0.20))  # frames 3 to 10
    assert extra.gain > 15
    assert found("ER M DH AH", "DH AH", min_gain=extra.gain + 1) == []


def test_phones_decoded_outside_the_voiced_parts_are_noise():
    assert found("ER M _ _ _ _ DH AH", "DH AH", activity=[(0.5, 1.0)]) == []
    assert found("ER M _ _ _ _ DH AH", "DH AH", activity=[(0.0, 1.0)]) == [("ER M", INSERTION, 0)]
    assert found("_ _", "DH AH", activity=[]) == []


def test_nothing_decoded_is_nothing_extra():
    emission = flat(20)  # the blank is the first of equals
    assert extra_speech(emission, align(emission, words("DH AH"))) == ()


def test_no_room_for_more_phones_is_no_gain():
    emission = spoken("ER M DH AH", peak=1, gap=0)
    assert extra_speech(emission, align(emission, words("DH AH T"))) == ()


def sounds(said, text, **options):
    emission = spoken(said, gap=3)
    alignment = align(emission, words(text))
    found = extra_sounds(emission, alignment, gop.measure(emission, alignment, insertions=True), **options)
    return [(extra.word, extra.at, extra.phone) for extra in found]


@pytest.mark.parametrize(
    ("said", "extra"),
    [
        ("DH AH K AE T S AE T", []),
        ("DH AH K AE P T S AE T", [(1, 2, "P")]),  # inside a word
        ("DH AH K AE T S AE T AH", [(2, 3, "AH")]),  # a vowel after the last consonant
        ("S DH AH K AE T S AE T", [(0, 0, "S")]),
        ("DH AH K AE P T S L AE T", [(1, 2, "P"), (2, 1, "L")]),
        ("DH AH B AE T S AE T", []),  # a wrong phone is no extra one
        ("DH AH AE T S AE T", []),  # nor is one left out
    ],
)
def test_single_sounds_beyond_the_text(said, extra):
    assert sounds(said, "DH AH | K AE T | S AE T") == extra


def test_a_sound_between_two_words_belongs_to_the_nearer_one():
    emission = spoken("DH AH K AE T P S AE T", gap=0)
    text = words("DH AH | K AE T | S AE T")
    alignment = align(emission, text)
    (extra,) = extra_sounds(emission, alignment, gop.measure(emission, alignment, insertions=True))
    assert (extra.word, extra.at, extra.phone) in {(1, 3, "P"), (2, 0, "P")}


def test_extra_sounds_need_the_ratios_of_insertions_and_enough_of_them():
    emission = spoken("K AE P T", gap=3)
    alignment = align(emission, words("K AE T"))
    assert extra_sounds(emission, alignment, gop.measure(emission, alignment)) == ()
    assert sounds("K AE P T", "K AE T", min_gain=1e9) == []
