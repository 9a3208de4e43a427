"""The sentences of a reading: none for one alone, and each leads to its first word."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from speechtutor.content.tables import languages, message
from speechtutor.core import SentenceScore, UtteranceScore
from speechtutor.models.fake import FakeScorer, FakeSynthesizer
from speechtutor.views.sentences import sentences_html

TEXT = "We like <rice>. I think so."


def scored(*places: tuple[int, int, float]) -> UtteranceScore:
    single = tuple(SentenceScore(a, b, 0.0, 1.0, value, value, value, value) for a, b, value in places)
    return replace(FakeScorer().score(FakeSynthesizer().speak("hum"), TEXT), sentences=single)


def test_one_sentence_alone_is_the_score_itself() -> None:
    assert sentences_html(scored()) == sentences_html(scored((0, 14, 0.5))) == ""


@pytest.mark.parametrize("lang", list(languages()))
def test_each_sentence_has_its_score_and_leads_to_its_first_word(lang: str) -> None:
    score = scored((0, 15, 0.914), (16, 27, 0.5))
    html = sentences_html(score, lang)
    assert message("result", "sentences", lang) in html
    assert re.findall(r'data-go="(\d+)"><b>(\d+)</b>', html) == [("0", "91"), ("3", "50")]
    assert score.words[3].text == "I" and "We like &lt;rice&gt;." in html
