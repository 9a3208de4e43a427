from __future__ import annotations

import math

import pytest

from speechtutor.core import PhoneScore, WordScore
from speechtutor.evaluation.asr_repairs import Repairs, mispronounced, repaired, total, written


def word(text: str, score: float | None, *phones: float | None) -> WordScore:
    return WordScore(text, score, phones=tuple(PhoneScore("AH", p) for p in phones))


@pytest.mark.parametrize(
    ("rated", "wrong"),
    [
        (word("a", 0.49), True),
        (word("a", 0.5), False),
        (word("a", 0.9, 1.0, 0.24), True),
        (word("a", 0.9, 1.0, 0.25), False),
        (word("a", None, None, 0.2), True),
        (word("a", None, None), None),
        (word("a", None), None),
    ],
)
def test_a_word_is_wrong_as_a_whole_or_in_one_phone(rated: WordScore, wrong: bool | None) -> None:
    assert mispronounced(rated) is wrong


def test_repairs_by_hand() -> None:
    # "think" was said as "sink" (0.3) and "rice" with one wrong phone (0.0). The recogniser writes
    # "think" all the same, a repair, but "lice" as it was said. Of the two good words "I" is heard
    # and "about" is not. Nobody rated "um".
    said = [
        word("I", 1.0),
        word("THINK", 0.3),
        word("about", 0.8),
        word("rice", 0.7, 0.0, 1.0),
        word("um", None),
    ]
    found = repaired(said, ["I", "think,", "a", "lice"])
    assert found == Repairs(n_wrong=2, n_repaired=1, n_right=2, n_heard=1)
    assert (found.share, found.heard) == (0.5, 0.5)
    assert str(found) == "0.500 of 2 mispronounced words repaired, 0.500 of 2 others heard"


def test_words_of_several_parts_and_none() -> None:
    assert written(["well-known", "--", "man"], ["Well", "known", "men"]) == [True, False, False]
    assert written(["well-known", "man"], ["well", "man"]) == [False, True]
    # A word that is said once is written once.
    assert sum(written(["the", "the"], ["the"])) == 1


def test_nothing_written_repairs_nothing_and_nothing_rated_is_nan() -> None:
    assert repaired([word("a", 0.1), word("b", 0.9)], []) == Repairs(1, 0, 1, 0)
    empty = repaired([], ["hello"])
    assert math.isnan(empty.share) and math.isnan(empty.heard)
    assert total([]) == empty
    assert total([Repairs(1, 0, 2, 1), Repairs(3, 2, 5, 4)]) == Repairs(4, 2, 7, 5)
