from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from speechtutor.core import (
    Caution,
    Code,
    Edit,
    ErrorType,
    Feedback,
    PhoneScore,
    Pitch,
    Tip,
    UtteranceScore,
    WordScore,
)
from speechtutor.tutor.labels import Label, phone_label, word_label
from speechtutor.views import score as score_view


def phone(
    canonical: str, probability: float | None, heard: str | None = None, score: float | None = 0.5
) -> PhoneScore:
    edit = Edit.MATCH if heard is None else Edit.SUBSTITUTION if heard else Edit.DELETION
    return PhoneScore(canonical, score, 0.0, 0.1, edit, heard, error_probability=probability)


def word(
    text: str, *phones: PhoneScore, kind: ErrorType = ErrorType.NONE, start: float | None = 0.0
) -> WordScore:
    return WordScore(text, 0.5, start, None if start is None else start + 0.3, error_type=kind, phones=phones)


THINK = word(
    "think", phone("TH", 0.9, "S", 0.1), phone("IH", 0.05), phone("NG", 0.3), phone("K", 0.8, "", 0.0)
)


class Balanced(HTMLParser):
    """Collects text and attributes, and fails on a tag that is closed out of turn."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[dict[str, str | None]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.attributes.append(dict(attrs))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append(dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.mark.parametrize(
    ("probability", "heard", "label"),
    [
        (0.0, None, Label.GOOD),
        (0.09, "S", Label.GOOD),
        (0.1, None, Label.UNCLEAR),
        (0.32, "S", Label.UNCLEAR),
        (0.33, "S", Label.WRONG),
        (0.5, "S", Label.WRONG),
        (0.5, None, Label.WRONG),
        (0.5, "", Label.MISSING),
        (0.3, "", Label.UNCLEAR),
    ],
)
def test_label_of_a_sound(probability: float, heard: str | None, label: Label) -> None:
    assert phone_label(phone("TH", probability, heard)) is label


def test_a_sound_without_any_score_is_not_judged() -> None:
    assert phone_label(phone("TH", None, None, None)) is Label.UNKNOWN


def test_label_of_a_word_is_that_of_its_worst_sound_or_its_own_kind() -> None:
    good, unclear, wrong = phone("S", 0.05), phone("S", 0.3), phone("S", 0.7)
    assert word_label(word("a", good, good)) is Label.GOOD
    assert word_label(word("a", good, unclear)) is Label.UNCLEAR
    assert word_label(word("a", unclear, wrong)) is Label.WRONG
    assert word_label(word("a", good, kind=ErrorType.MISPRONUNCIATION)) is Label.WRONG
    assert word_label(word("a", wrong, kind=ErrorType.OMISSION)) is Label.MISSING
    assert word_label(word("a", kind=ErrorType.INSERTION)) is Label.EXTRA
    assert word_label(word("a", good, kind=ErrorType.UNSURE)) is Label.UNKNOWN
    assert word_label(word("a")) is Label.UNKNOWN


def test_every_label_has_a_mark_and_a_style_of_its_own() -> None:
    assert len(set(score_view.MARKS.values())) == len(Label)
    assert all(f".{name}{{" in score_view.CSS for name in score_view._CLASSES.values())


def test_words_are_buttons_with_their_index_and_say_what_is_wrong() -> None:
    score = UtteranceScore("I think", (word("I", phone("AY", 0.0)), THINK))
    parsed = Balanced(score_view.words_html(score))
    buttons = [a for a in parsed.attributes if "data-word" in a]
    assert [b["data-word"] for b in buttons] == ["0", "1"]
    assert buttons[1]["aria-label"] == "think: wrong, 50 of 100. Tap to hear it."
    assert parsed.text == "I ✓ good think ✗ θ → s, k → (nothing)"
    assert score_view.words_html(UtteranceScore("", ())) == ""


def test_sounds_of_a_word() -> None:
    assert score_view.labelled(THINK) == [("θ", "wrong"), ("ɪ", "good"), ("ŋ", "unclear"), ("k", "left out")]
    text = Balanced(score_view.word_html(THINK)).text
    assert 'Instead of /θ/ ("th" as in "think") I heard /s/' in text
    assert "/k/" in text and "was not heard" in text
    assert "Instead of" not in score_view.word_html(word("so", phone("S", 0.9, None)))


def test_only_measured_aspects_are_shown_on_the_people_s_scale() -> None:
    text = Balanced(score_view.summary_html(UtteranceScore("x", (), overall=0.834, fluency=0.0))).text
    assert text == "overall 83 fluency 0"
    assert score_view.result_html(UtteranceScore("x", ())) == ""


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", '"><img src=x onerror=y>', "a & b"])
def test_text_from_outside_is_escaped(evil: str) -> None:
    score = UtteranceScore(evil, (word(evil, phone("S", 0.9, "Z")),), overall=0.5)
    pitch = Pitch(
        *(np.array([0.0, 1.0], np.float32), np.array([100, 120], np.float32)), np.array([True, True])
    )
    for html in (
        score_view.words_html(score),
        score_view.word_html(score.words[0]),
        score_view.error_html(evil),
        score_view.cautions_html([Caution(Code.NOISY, evil)]),
        score_view.pitch_svg(pitch, score.words),
    ):
        assert "<script" not in html and "<img" not in html
        assert evil in " ".join(Balanced(html).words) or evil in str(Balanced(html).attributes)


def test_feedback_grows_and_keeps_its_words_plain() -> None:
    advice = Feedback(
        "Good.", (Tip("think", "TH", "S", "Put *your* tongue <here>."),), 'Now say: "Thank you."'
    )
    assert score_view.feedback_markdown("") == ""
    assert score_view.feedback_markdown("Good.") == "Good."
    assert score_view.feedback_markdown("Good.", advice) == (
        'Good.\n\n- **think**: Put \\*your\\* tongue \\<here\\>.\n\n**Next:** Now say: "Thank you."'
        "\n\n*Words by rules.*"
    )


def test_next_sentence_is_the_quoted_one_or_the_same_again() -> None:
    assert score_view.next_sentence(Feedback("", (), 'Now say: "The bath."'), "I think.") == "The bath."
    assert (
        score_view.next_sentence(Feedback("", (), "Please record the same sentence once more."), "I think.")
        == "I think."
    )


def test_pitch_is_drawn_where_there_is_voice() -> None:
    times = np.arange(0, 1, 0.1, dtype=np.float32)
    hz = np.full(10, 100, np.float32)
    hz[5:] = np.nan
    voiced = ~np.isnan(hz)
    svg = score_view.pitch_svg(
        Pitch(times, hz, voiced), (word("one"), word("two", start=0.5), word("gone", start=None))
    )
    parsed = Balanced(svg)
    heights = [float(str(a["cy"])) for a in parsed.attributes if "cy" in a]
    assert len(heights) == 5
    # A constant pitch is the median, so it lies in the middle of the (120 - 20) high field.
    assert heights == [50.0] * 5
    assert "one" in parsed.text and "two" in parsed.text and "gone" not in parsed.text
    assert "100 to 100 hertz" in svg
    assert score_view.pitch_svg(None) == score_view.pitch_svg(Pitch(times, hz, np.zeros(10, bool))) == ""


def test_a_higher_voice_is_drawn_higher_and_inside_the_field() -> None:
    times = np.linspace(0, 1, 50, dtype=np.float32)
    hz = np.geomspace(80, 400, 50, dtype=np.float32)
    svg = score_view.pitch_svg(Pitch(times, hz, np.ones(50, bool)))
    heights = [float(y) for y in re.findall(r'cy="([-\d.]+)"', svg)]
    assert heights == sorted(heights, reverse=True)
    assert min(heights) >= 0 and max(heights) <= 100


def test_a_sound_too_many_is_shown_beside_its_word_and_told_in_its_details() -> None:
    ask = replace(word("ask", phone("AE", 0.1)), inserted=((1, "AH"),), error_type=ErrorType.MISPRONUNCIATION)
    assert "+ ʌ" in score_view.words_html(UtteranceScore("ask", (ask,)))
    assert "extra /ʌ/" in score_view.word_html(ask)
    assert "de más" in score_view.word_html(ask, "es")
