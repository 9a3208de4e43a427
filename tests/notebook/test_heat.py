from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import speechtutor
from speechtutor.core import Caution, Code, Recording, UtteranceScore, display
from speechtutor.models.fake import FakeScorer
from speechtutor.notebook.heat import _colour, score_html
from tests.views.test_score import Balanced

SOUND = Recording((0.3 * np.sin(np.arange(16_000))).astype(np.float32))


def test_every_sound_has_a_cell_with_its_score() -> None:
    page = Balanced(score_html(FakeScorer().score(SOUND, "I think so")))
    cells = [a for a in page.attributes if str(a.get("style", "")).startswith("background")]
    assert len(cells) == 7  # AY, TH IH NG K, S OW
    assert "think" in page.text and "θ → s 20" in page.text and "overall" in page.text
    assert [a["colspan"] for a in page.attributes if "colspan" in a] == ["1", "4", "2"]


def test_text_from_outside_is_escaped_and_an_empty_score_has_no_table_row() -> None:
    bad = UtteranceScore("<script>", (), cautions=(Caution(Code.SILENCE, "<b>no words"),))
    html = score_html(bad)
    assert "<b>no" not in html and "&lt;b&gt;no words" in html and "<tr>" not in html
    word = replace(FakeScorer().score(SOUND, "I").words[0], text="<i>")
    assert "&lt;i&gt;" in score_html(replace(bad, words=(word,)))


def test_colours_run_from_vermilion_over_white_to_blue() -> None:
    """At full strength 55 % of the way from white to the colour: 255 - 0.55 * (255 - 213) = 232."""
    assert "rgb(255,255,255)" in _colour(0.5)
    assert "rgb(232,166,115)" in _colour(0.0) and "rgb(115,177,213)" in _colour(1.0)
    assert "#eee" in _colour(None)


def test_a_notebook_shows_a_score(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "_MAKERS", [])
    score = FakeScorer().score(SOUND, "I think so")
    assert score._repr_html_() is None  # nobody makes HTML: the text is shown
    assert speechtutor.Recording is Recording  # the face registers when one of its names is used
    assert score._repr_html_() == score_html(score)
