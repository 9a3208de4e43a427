"""A word of free speech that sounded like another one is told; what is no word, or was not sure, is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from demo import practice_view
from demo.practice import Screen, Wish
from demo.prefs import Prefs
from demo.talk import answer, shown, start
from speechtutor.content.tables import languages
from speechtutor.core import WordScore
from speechtutor.views.verbatim import MOST, others, verbatim_html
from tests.demo.test_practice import GOOD, SCREEN, coach
from tests.demo.test_practice import said as spoken
from tests.support.judged import SINK, THINK, said, utterance

EN = Prefs(lang="en")


def test_the_word_that_was_meant_and_the_one_it_sounded_like() -> None:
    (found,) = others(SINK)
    assert (found.meant, found.word) == ("think", "sink")
    html = verbatim_html((replace(found, meant="<b>"),))
    assert html == "<p>I think you wanted to say &quot;&lt;b&gt;&quot;; it sounded like &quot;sink&quot;.</p>"
    for lang in languages():
        assert "think" in verbatim_html((found,), lang) and "sink" in verbatim_html((found,), lang)


@pytest.mark.parametrize(
    "one",
    [
        said("nice", "N AY S", 2, "ZH"),  # no word
        said("think", "TH IH NG K", 0, None),  # not heard as another sound
        replace(THINK, confidence=0.1),
        said("think", "TH IH NG K", 0, "S", error=0.1),
    ],
)
def test_nothing_is_told_of(one: WordScore) -> None:
    assert others(utterance("we", one)) == () and verbatim_html(()) == ""


def test_only_the_first_few_are_told() -> None:
    assert len(others(utterance(*[THINK] * 9))) == MOST


def test_it_stands_in_free_talk_and_in_talks_and_not_under_a_text() -> None:
    told = "I think you wanted to say &quot;think&quot;; it sounded like &quot;sink&quot;."
    judge = coach("well i think so")
    free = spoken(judge, Screen(Wish("free"), manner="free"))
    assert told in practice_view.shown(free, EN).message
    assert "听起来却像" in practice_view.shown(free, Prefs(lang="zh")).message
    *_, last = answer(judge, start("free", "A2"), GOOD, EN)
    assert told in shown(last, EN).words
    read = practice_view.shown(spoken(judge, SCREEN), EN)
    assert "wanted to say" not in read.message + read.words + read.advice
