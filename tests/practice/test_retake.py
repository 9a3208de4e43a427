"""What has changed since the last take: by labels, and overall only beyond chance."""

from __future__ import annotations

from dataclasses import replace

import pytest

from speechtutor.content.tables import read
from speechtutor.core import ErrorType, UtteranceScore
from speechtutor.practice.retake import Changes, changes
from tests.support.judged import SINK, marked, omitted, utterance

FINE = utterance("I", "think", "the", "weather", "is", "nice", "today")


def placed(score: UtteranceScore) -> UtteranceScore:
    """With places in the text, as scorers give them."""
    words = [replace(word, char_start=10 * i, char_end=10 * i + 5) for i, word in enumerate(score.words)]
    return replace(score, words=tuple(words))


def test_a_mended_word_is_better_and_the_reverse_is_worse() -> None:
    assert changes(placed(SINK), placed(FINE)) == Changes(better=("think",))
    assert changes(placed(FINE), placed(SINK)) == Changes(worse=("think",))


def test_a_word_that_was_left_out_and_is_there_is_better() -> None:
    before = placed(utterance("open", omitted("the"), "window"))
    assert changes(before, placed(utterance("open", "the", "window"))) == Changes(better=("the",))


def test_the_same_again_is_no_change() -> None:
    found = changes(placed(SINK), placed(SINK))
    assert found == Changes() and found is not None and found.none


def test_other_words_and_takes_without_words_cannot_be_compared() -> None:
    assert changes(placed(FINE), placed(utterance("I", "think", "so"))) is None
    assert changes(UtteranceScore("I think", ()), placed(FINE)) is None


def test_what_was_said_beyond_the_text_does_not_hinder() -> None:
    extra = utterance("we", marked("really", ErrorType.INSERTION), "like", "it")
    without = [replace(word, char_start=None, char_end=None) for word in extra.words if word.text == "really"]
    words = [without[0] if word.text == "really" else word for word in placed(extra).words]
    plain = placed(utterance("we", "like", "it"))
    assert changes(replace(extra, words=tuple(words)), plain) == Changes()


@pytest.mark.parametrize(("share", "told"), [(0.9, 0), (1.1, 1), (-1.1, -1), (-0.9, 0)])
def test_the_whole_sentence_changes_only_beyond_the_noise_of_one(share: float, told: int) -> None:
    """1.96 standard errors of a difference of two single sentences: noise x sqrt(2)."""
    step = share * 1.96 * float(read("learner")["noise"]) * 2**0.5
    before, after = replace(placed(FINE), overall=0.5), replace(placed(FINE), overall=0.5 + step)
    found = changes(before, after)
    assert found is not None and found.overall == told


def test_an_unmeasured_overall_says_nothing() -> None:
    before, after = replace(placed(FINE), overall=None), replace(placed(FINE), overall=1.0)
    found = changes(before, after)
    assert found is not None and found.overall == 0
