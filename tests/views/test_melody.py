"""The melody with its axes, and the model's on the learner's time."""

from __future__ import annotations

import re

import numpy as np
import pytest

from speechtutor.core import AlignedPhone, Alignment, CanonicalWord, Pitch, WordScore
from speechtutor.views.melody import HEIGHT, LEFT, WIDTH, over_words, pitch_svg


def tone(hz: float, n: int = 50, step: float = 0.02) -> Pitch:
    times = (np.arange(n) * step).astype(np.float32)
    return Pitch(times, np.full(n, hz, np.float32), np.ones(n, np.bool_))


def said(*spans: tuple[str, float, float]) -> tuple[WordScore, ...]:
    place, found = 0, []
    for text, start, end in spans:
        found.append(WordScore(text, 1.0, start, end, place, place + len(text)))
        place += len(text) + 1
    return tuple(found)


def model(*spans: tuple[str, int, int]) -> Alignment:
    """Words of one phone each, in frames of 10 ms."""
    words = tuple(CanonicalWord(text, i, i + 1, (("AA",),), ((1,),)) for i, (text, _, _) in enumerate(spans))
    phones = tuple(AlignedPhone("AA", i, start, end) for i, (_, start, end) in enumerate(spans))
    return Alignment(words, (0,) * len(words), phones, 0.0, 0.01)


def test_nothing_to_draw() -> None:
    silent = Pitch(np.zeros(3, np.float32), np.full(3, np.nan, np.float32), np.zeros(3, np.bool_))
    assert pitch_svg(None) == pitch_svg(silent) == ""


def test_an_octave_up_is_twelve_semitones_and_the_axes_say_what_they_are() -> None:
    hz = np.array([100.0, 100.0, 200.0], np.float32)
    svg = pitch_svg(Pitch(np.array([0, 1, 2], np.float32), hz, np.ones(3, np.bool_)))
    rows = [float(y) for y in re.findall(r'<circle cx="[^"]+" cy="([^"]+)"', svg)]
    assert rows == [pytest.approx((HEIGHT - 40) / 2, abs=0.1)] * 2 + [pytest.approx(0, abs=0.1)]
    columns = [float(x) for x in re.findall(r'<circle cx="([^"]+)"', svg)]
    assert columns == [LEFT, (LEFT + WIDTH) / 2, WIDTH]
    assert "semitones" in svg and "seconds" in svg and ">+6<" in svg and ">-6<" in svg
    assert "Melody of your voice" in svg and 'class="model"' not in svg


def test_the_model_is_drawn_around_its_own_middle() -> None:
    svg = pitch_svg(tone(200.0), model=tone(100.0))
    middle = (HEIGHT - 40) / 2
    path = re.search(r'class="model" d="([^"]+)"', svg)
    assert path is not None
    assert {float(y) for y in re.findall(r" ([\d.]+)", path[1])} == {middle}
    assert "the model (line)" in svg


def test_times_are_stretched_word_by_word() -> None:
    """The model says two words in 0-0.2 and 0.2-0.4 s, the learner in 1-2 and 3-3.5 s."""
    pitch = tone(120.0, n=41, step=0.01)
    found = over_words(pitch, model(("hot", 0, 20), ("dog", 20, 40)), said(("hot", 1, 2), ("dog", 3, 3.5)))
    assert found is not None
    at = dict(zip([i / 100 for i in range(41)], found.times.tolist(), strict=True))
    assert at[0.0] == 1.0 and at[0.1] == pytest.approx(1.5, abs=1e-3)
    assert at[0.3] == pytest.approx(3.25, abs=1e-3) and at[0.4] == 3.5
    assert (np.diff(found.times) >= 0).all()


def test_other_words_cannot_be_laid_over_each_other() -> None:
    assert over_words(tone(100.0), model(("hot", 0, 20)), said(("cold", 0, 1))) is None
    assert over_words(tone(100.0), model(), said()) is None
