"""A recording and its score as a figure (matplotlib): waveform with words, phones by score, pitch."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from speechtutor.core import Recording, UtteranceScore
from speechtutor.errors import InputError, require
from speechtutor.text.phone_sets import spelled

KINDS = ("png", "svg", "pdf")
_COLOURS = ("#d55e00", "#e69f00", "#0072b2")
"""Low, middling, high (Okabe and Ito, 2008)."""


def plot(recording: Recording, score: UtteranceScore, phones: str = "ipa") -> Any:
    """A `matplotlib.figure.Figure` of a recording and its score, phones in a set of `text.phone_sets`.

    Shown by a notebook as it is; `figure.savefig` writes it.

    Raises:
        InputError: when there is no such set.
        MissingExtraError: without matplotlib.
    """
    figures: Any = require("matplotlib.figure", extra="plots")
    figure = figures.Figure(
        figsize=(max(6.0, min(2.2 * recording.duration, 24.0)), 6.0), layout="constrained"
    )
    waveform, sounds, pitch = figure.subplots(3, 1, sharex=True, height_ratios=(2, 1.2, 2))
    _waveform(waveform, recording, score)
    _phones(sounds, score, phones)
    _pitch(pitch, score)
    pitch.set_xlabel("seconds")
    pitch.set_xlim(0, max(recording.duration, 0.1))
    # Notebooks know how to show a figure of pyplot; this is none, so that a server keeps no list of them.
    figure._repr_png_ = lambda: drawn(figure, "png")
    return figure


def drawn(figure: Any, kind: str) -> bytes:
    """The bytes of a file of one of `KINDS`; the same figure gives the same bytes.

    Raises:
        InputError: for another kind.
    """
    if kind not in KINDS:
        raise InputError(f"a figure is a file that ends in {', '.join(f'.{one}' for one in KINDS)}")
    stream = io.BytesIO()
    nameless = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    figure.savefig(stream, format=kind, metadata=nameless[kind])
    return stream.getvalue()


def _waveform(axes: Any, recording: Recording, score: UtteranceScore) -> None:
    """The loudest samples of each of at most 2,000 steps, and where the words are."""
    step = max(1, len(recording.samples) // 2_000)
    kept = recording.samples[: len(recording.samples) // step * step].reshape(-1, step)
    times = np.arange(len(kept)) * step / recording.sample_rate
    axes.fill_between(times, kept.min(axis=1), kept.max(axis=1), color="#555", linewidth=0)
    top = max(float(np.abs(recording.samples).max(initial=0.0)), 0.01)
    axes.set_ylim(-1.4 * top, 1.4 * top)
    for word in score.words:
        if word.start is not None and word.end is not None:
            axes.axvline(word.start, color="#bbb", linewidth=0.8)
            axes.text((word.start + word.end) / 2, 1.15 * top, word.text, ha="center", va="bottom")
    axes.set_ylabel("waveform")


def _phones(axes: Any, score: UtteranceScore, phones: str) -> None:
    for phone in (phone for word in score.words for phone in word.phones):
        if phone.start is None or phone.end is None:
            continue
        value = 0.0 if phone.score is None else phone.score
        colour = "#999" if phone.score is None else _COLOURS[(value >= 0.4) + (value >= 0.75)]
        axes.bar(
            phone.start, 100 * value, phone.end - phone.start, align="edge", color=colour, edgecolor="white"
        )
        axes.text(
            (phone.start + phone.end) / 2, 104, spelled(phone.canonical, phones), ha="center", va="bottom"
        )
    axes.set_ylim(0, 130)
    axes.set_ylabel("score")


def _pitch(axes: Any, score: UtteranceScore) -> None:
    if score.pitch is not None and score.pitch.voiced.any():
        voiced = score.pitch.voiced
        axes.plot(score.pitch.times[voiced], score.pitch.hz[voiced], ".", color="#0072b2", markersize=3)
    else:
        axes.text(0.5, 0.5, "no pitch was measured", transform=axes.transAxes, ha="center")
    axes.set_ylabel("pitch (Hz)")
