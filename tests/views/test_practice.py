"""What is seen of an exercise and a take: escaped, in words, and with the sounds inside the page."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile

from speechtutor.content.tables import languages
from speechtutor.core import LearnerState, Recording
from speechtutor.practice.placement import Placed
from speechtutor.practice.retake import Changes
from speechtutor.tutor.rules import RuleTutor
from speechtutor.views import practice as view
from speechtutor.views.score import NOTATIONS, sound_name, sounds_name, words_html
from tests.support.judged import SINK, said, utterance

EVIL = '"><script>alert(1)</script>'
LANGS = list(languages())


class Seen(HTMLParser):
    """Words and attributes; no tag may be open at the end."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.attributes: list[dict[str, str | None]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == [], html

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append(dict(attrs))
        if tag not in ("br", "i", "path", "ellipse"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("i", "path", "ellipse"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def advice(lang: str = "en") -> str:
    feedback = RuleTutor().advise(SINK, LearnerState(explain=lang))
    return view.advice_html(feedback.summary, feedback, lang)


def test_all_text_from_outside_is_escaped() -> None:
    for html in (
        view.card_html(EVIL, EVIL, why=EVIL, id=EVIL, voice=EVIL),
        view.choices_html([EVIL, "b"], 0, 1),
        view.advice_html(EVIL, None),
        view.changes_html(Changes(better=(EVIL,))),
        view.sounds_html([(EVIL, Recording(np.zeros(8, np.float32)))]),
        view.sound_html(Recording(np.zeros(8, np.float32)), EVIL),
    ):
        assert "<script" not in html
        seen = Seen(html)
        assert EVIL in "".join(seen.words) or any(EVIL in str(one.values()) for one in seen.attributes)


def test_a_hidden_text_is_not_on_the_card_but_what_to_do_is() -> None:
    card = view.card_html("Listen.", "I like tea.", hidden=True)
    assert "I like tea." not in card and "The text is hidden." in card and "Listen." in card
    assert "I like tea." in view.card_html("Listen.", "I like tea.")


def test_a_long_text_is_set_smaller() -> None:
    assert "say long" in view.card_html("Read.", "word " * 40)
    assert "say long" not in view.card_html("Read.", "word")


def test_a_choice_is_told_in_words_not_by_colour_alone() -> None:
    assert "role=" not in view.choices_html(("ship", "sheep"), None, 1)
    right, wrong = (view.choices_html(("ship", "sheep"), i, 1) for i in (1, 0))
    assert "✓ Right, that was sheep." in right and "✗ It was sheep." in wrong
    assert right.count('aria-pressed="true"') == 1


def test_the_advice_has_one_heading_a_mouth_and_a_pair_to_compare() -> None:
    html = advice()
    assert html.count("<h2>") == 1 and "One thing to work on" in html
    assert 'aria-label="How the mouth makes &quot;th&quot;, only air"' in html
    assert re.findall(r'data-hear="([^"]+)"', html) == ["think", "sink"]
    assert "Next" not in html, "what comes next is a button"
    assert "Worded by rules" in html, "who speaks is told"


def test_advice_grows_before_it_is_whole() -> None:
    assert view.advice_html("So far", None) == '<div class="st-advice"><p>So far</p></div>'
    assert view.advice_html("", None) == ""


def test_praise_is_no_thing_to_work_on() -> None:
    feedback = RuleTutor().advise(utterance("we", "had", "fun", fluency=0.9), LearnerState())
    html = view.advice_html(feedback.summary, feedback)
    assert "Well said" in html and "<svg" not in html and "data-hear" not in html


@pytest.mark.parametrize("lang", LANGS)
def test_what_is_seen_is_whole_in_every_language(lang: str) -> None:
    Seen(advice(lang))
    Seen(view.placed_html(Placed(0.6, 0.1, "B1", 0.95, ("sound:TH:onset", "contrast:IH-IY")), lang))
    Seen(view.changes_html(Changes(("a",), ("b",), -1), lang))
    Seen(view.card_html("x", "y", hidden=True, lang=lang))


def test_changes_are_told_and_none_is_too() -> None:
    assert view.changes_html(None) == ""
    assert "About the same" in view.changes_html(Changes())
    told = view.changes_html(Changes(("think",), ("very",), 1))
    assert "▲ Better than your last take: think." in told and "▽ Was clearer last time: very." in told
    assert "The whole sentence came out better." in told


def test_a_recording_in_the_page_is_the_recording() -> None:
    samples = np.linspace(-0.5, 0.5, 320).astype(np.float32)
    html = view.sound_html(Recording(samples), "me")
    found = re.search(r"base64,([^\"]+)", html)
    assert found is not None
    heard, rate = soundfile.read(io.BytesIO(base64.b64decode(found[1])), dtype="float32")
    assert rate == 16_000 and np.abs(heard - samples).max() < 1 / 32_000
    assert view.sound_html(None, "me") == view.sounds_html([]) == ""


# How sounds are written


def test_a_sound_in_each_notation() -> None:
    assert [sound_name("TH", one) for one in NOTATIONS] == ['"th"', "/θ/", '"th" as in "think"']
    assert sounds_name("S T", "ipa") == "/st/" and sounds_name("S T") == '"st"'
    assert sounds_name("TH") == '"th" as in "think"' and sounds_name("TH", "ipa") == "/θ/"


@pytest.mark.parametrize(
    ("notation", "caption"),
    [("respelling", "✗ &quot;s&quot; for &quot;th&quot;"), ("ipa", "✗ /s/ for /θ/"), (None, "✗ θ → s")],
)
def test_what_was_heard_stands_under_the_word(notation: str | None, caption: str) -> None:
    assert caption in words_html(SINK, notation=notation)


def test_two_sounds_of_one_spelling_are_told_apart_by_words() -> None:
    this = utterance("see", said("this", "DH IH S", 0, "TH"))
    assert "&quot;th&quot; as in &quot;think&quot; for &quot;th&quot; as in &quot;this&quot;" in words_html(
        this, notation="respelling"
    )
