from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speechtutor import audio, cli, plot
from speechtutor.core import Pitch, Recording, UtteranceScore
from speechtutor.errors import InputError
from speechtutor.models.fake import FakeScorer
from speechtutor.notebook.plots import drawn
from tests.conftest import need

need(importlib.util.find_spec("matplotlib"), "matplotlib is not installed")
SOUND = Recording((0.3 * np.sin(np.arange(16_000))).astype(np.float32))


def texts(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_what_is_drawn_is_the_score() -> None:
    from dataclasses import replace

    pitch = Pitch(
        np.array([0.1, 0.2, 0.3], np.float32), np.array([100, np.nan, 120], np.float32),
        np.array([True, False, True]),
    )  # fmt: skip
    figure = plot(SOUND, replace(FakeScorer().score(SOUND, "I think so"), pitch=pitch))
    waveform, phones, melody = figure.axes
    assert texts(waveform) == ["I", "think", "so"]
    assert texts(phones) == ["aɪ", "θ", "ɪ", "ŋ", "k", "s", "oʊ"]
    assert [round(bar.get_height()) for bar in phones.patches] == [100, 20, 100, 100, 100, 100, 100]
    (line,) = melody.lines
    assert line.get_ydata().tolist() == [100, 120]
    assert texts(plot(SOUND, FakeScorer().score(SOUND, "so"), "xsampa").axes[1]) == ["s", "oU"]


@pytest.mark.parametrize("seconds", [0, 1])
def test_silence_and_nothing_are_drawn_too(seconds: int) -> None:
    figure = plot(Recording(np.zeros(16_000 * seconds, np.float32)), UtteranceScore("", ()))
    assert drawn(figure, "png")[:4] == b"\x89PNG"
    assert texts(figure.axes[2]) == ["no pitch was measured"]


def test_the_verb(tmp_path: Path, capsys: Any) -> None:
    audio.save(SOUND, tmp_path / "a.wav")
    words = ["score", str(tmp_path / "a.wav"), "I think so", "--model", "fake", "--plot"]
    assert cli.main([*words, str(tmp_path / "a.svg")]) == 0
    assert "<svg" in (tmp_path / "a.svg").read_text("utf-8")
    assert cli.main([*words, str(tmp_path / "a.gif")]) == 2
    assert "must end in .png, .svg, .pdf" in capsys.readouterr().err
    with pytest.raises(InputError, match="ends in"):
        drawn(plot(SOUND, UtteranceScore("", ())), "gif")
