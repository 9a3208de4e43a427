"""The figure of a take: its axes are those of the sound, and what stands on it is the score's."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from speechtutor import audio
from speechtutor.content.tables import languages, message
from speechtutor.core import SAMPLE_RATE, Pitch, Recording
from speechtutor.models.fake import FakeScorer
from speechtutor.views import sound
from speechtutor.views.sound import N_ROWS, TOP_HZ, sound_html, spectrum
from tests.conftest import EXAMPLES

TEXT = "I think the weather is very nice today."


def tone(hertz: float, seconds: float = 0.5) -> Recording:
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return Recording(np.sin(2 * np.pi * hertz * times).astype(np.float32))


@pytest.mark.parametrize("hertz", [500, 1000, 3000, 6000])
def test_a_tone_stands_at_its_frequency(hertz: float) -> None:
    """The loudest row of each column; a window of 5 ms tells frequencies apart by some 200 Hz."""
    rows = spectrum(tone(hertz), 50).argmax(axis=0)
    told = TOP_HZ * (1 - rows / (N_ROWS - 1))
    assert np.abs(told - hertz).max() < 250


def test_silence_is_light_and_sound_is_dark() -> None:
    samples = np.concatenate([tone(1000).samples, np.zeros(SAMPLE_RATE // 2, np.float32)])
    loudest = spectrum(Recording(samples), 100).max(axis=0)
    assert loudest[:45].min() > 0.9 and loudest[55:].max() == 0


@pytest.mark.parametrize("lang", list(languages()))
def test_words_and_sounds_stand_at_their_times(lang: str) -> None:
    recording = audio.load(EXAMPLES / "weather-good.flac")
    score = FakeScorer().score(recording, TEXT)
    html = sound_html(recording, score, lang)
    svg = ElementTree.fromstring(html[html.index("<svg") : html.index("</svg>") + 6])
    texts = [node for node in svg.iter() if node.tag.endswith("text")]
    assert [node.text for node in texts if node.get("lang") == "en"] == [word.text for word in score.words]
    scale = (float(svg.get("width", 0)) - sound.LEFT) / recording.duration
    first = next(node for node in texts if node.text == score.words[1].text)
    assert score.words[1].start is not None
    assert float(first.get("x", 0)) == pytest.approx(sound.LEFT + score.words[1].start * scale + 2, abs=0.1)
    assert message("take", "time_axis", lang) in html and message("take", "frequency_axis", lang) in html
    assert re.search(r"data:image/png;base64,iVBOR", html)


def test_what_cannot_be_drawn_is_said() -> None:
    score = FakeScorer().score(tone(200), "so")
    empty = Recording(np.zeros(0, np.float32))
    assert message("take", "nothing_to_draw") in sound_html(empty, score)
    for minutes, is_cut in ((10, False), (11, True)):
        long = Recording(np.zeros(minutes * 60 * SAMPLE_RATE, np.float32))
        assert (message("take", "too_long_to_draw") in sound_html(long, score)) == is_cut


def test_a_long_take_is_drawn_in_parts_that_meet_between_words() -> None:
    said = " ".join(["The cat sits on the mat, and it is very happy there."] * 20)
    score = FakeScorer().score(tone(200, 70), said)
    spans = sound.parts(70, score.words)
    assert spans[0][0] == 0 and spans[-1][1] == 70 and len(spans) == 3
    assert all(a[1] == b[0] for a, b in pairwise(spans))
    assert all(0 < end - start <= sound.LONGEST for start, end in spans)
    edges = [end for _, end in spans[:-1]]
    assert not any(w.start < e < w.end for w in score.words for e in edges if w.start and w.end)
    html = sound_html(tone(200, 70), score)
    assert html.count("<svg") == 3 and len(html) < 2_000_000
    assert "Your voice from second 0 to 30" in html
    assert [end for _, end in sound.parts(100, ())] == [30, 60, 90, 100], "without words it is cut by time"


def test_the_size_is_bounded_however_long_it_is() -> None:
    rng = np.random.default_rng(0)
    noise = Recording(rng.normal(0, 0.1, 600 * SAMPLE_RATE).astype(np.float32))
    assert len(sound_html(noise, FakeScorer().score(noise, TEXT))) < 4_000_000


def test_the_melody_stands_on_the_same_axis() -> None:
    """A pitch that rises by an octave: its dots rise, at their times."""
    recording = tone(200, 2.0)
    times = np.linspace(0, 1.99, 200, dtype=np.float32)
    pitch = Pitch(times, 150 * 2 ** (times / 2), np.ones(200, np.bool_))
    html = sound_html(recording, replace(FakeScorer().score(recording, TEXT), pitch=pitch))
    svg = ElementTree.fromstring(html[html.index("<svg") : html.index("</svg>") + 6])
    dots = [node for node in svg.iter() if node.get("class") == "melody"]
    xs, ys = (np.array([float(dot.get(name, 0)) for dot in dots]) for name in ("cx", "cy"))
    scale = (float(svg.get("width", 0)) - sound.LEFT) / recording.duration
    assert xs == pytest.approx(sound.LEFT + scale * times, abs=0.1)
    assert (np.diff(ys) < 0.05).all() and ys[0] - ys[-1] == pytest.approx(sound.MELODY, rel=0.05)
    assert 'class="melody"' not in sound_html(recording, FakeScorer().score(recording, TEXT))


def test_nothing_of_a_text_is_markup() -> None:
    score = FakeScorer().score(tone(200), "so")
    word = replace(score.words[0], text="<b>so</b>", start=0.0, end=0.2)
    html = sound_html(tone(200), replace(score, words=(word,)))
    assert "<b>" not in html and "&lt;b&gt;so" in html
