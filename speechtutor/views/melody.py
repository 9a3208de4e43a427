"""The melody of a voice over its words, with the model's beside it where there is one, as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape

import numpy as np

from speechtutor.content.tables import message
from speechtutor.core import Alignment, Floats, Pitch, WordScore

CSS = """
.st-pitch{width:100%;height:auto;max-width:40rem;display:block}
.st-pitch .dots{fill:#0072b2}
.st-pitch .model{fill:none;stroke:#d55e00;stroke-width:2.5;stroke-linecap:round}
.st-pitch .grid{stroke:currentColor;stroke-opacity:.25}
.st-pitch text{fill:currentColor;font-size:11px}
"""
WIDTH, HEIGHT, LEFT, FOOT = 420.0, 170.0, 34.0, 40.0
OCTAVE_HALF = 6.0
"""Semitones above and below the middle that are always shown, so that a flat voice looks flat."""
JUMP = 0.12
"""Seconds without voice after which the model's line is broken."""


def over_words(pitch: Pitch, alignment: Alignment, words: Sequence[WordScore]) -> Pitch | None:
    """The model's pitch at the times at which the learner said the same words; None where they differ.

    Times are stretched word by word (piecewise linear), as in time-aligned displays of intonation.
    """
    said = [word for word in words if word.char_start is not None]
    spans: dict[int, tuple[float, float]] = {}
    for phone in alignment.phones:
        start, end = alignment.interval(phone)
        first, last = spans.get(phone.word, (start, end))
        spans[phone.word] = min(first, start), max(last, end)
    if [word.text for word in said] != [word.text for word in alignment.words]:
        return None
    pairs = [
        (edge, own)
        for i, word in enumerate(said)
        if i in spans and word.start is not None and word.end is not None
        for edge, own in zip(spans[i], (word.start, word.end), strict=True)
    ]
    if len(pairs) < 2:
        return None
    model, own = np.maximum.accumulate(np.array(pairs).T, axis=1)
    inside = (pitch.times >= model[0]) & (pitch.times <= model[-1])
    times = np.interp(pitch.times, model, own).astype(np.float32)
    return replace(pitch, times=times, voiced=pitch.voiced & inside)


def pitch_svg(
    pitch: Pitch | None, words: Sequence[WordScore] = (), lang: str = "en", model: Pitch | None = None
) -> str:
    """The melody in semitones around the voice's own middle; empty when there is none to draw.

    `model` is on the learner's time (`over_words`) and around its own middle, so that a high and a low voice
    can be compared.
    """
    if pitch is None or not pitch.voiced.any():
        return ""
    own = semitones(pitch)
    target = None if model is None or not model.voiced.any() else semitones(model)
    top = max([OCTAVE_HALF, float(np.abs(own).max()), *([] if target is None else [np.abs(target).max()])])
    end = max(float(pitch.times[-1]), *(word.end or 0.0 for word in words), 0.1)
    scale = (WIDTH - LEFT) / end
    floor = HEIGHT - FOOT

    def place(times: Floats, semitones: Floats) -> Iterator[tuple[float, float]]:
        rows = floor * (0.5 - np.clip(semitones, -top, top) / (2 * top))
        return zip(LEFT + times * scale, rows, strict=True)

    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.8"/>' for x, y in place(_times(pitch), own))
    line = ""
    if target is not None and model is not None:
        line = f'<path class="model" d="{_path(_times(model), list(place(_times(model), target)))}"/>'
    low, high = (float(np.percentile(pitch.hz[pitch.voiced], q)) for q in (5, 95))
    label = escape(message("result", "pitch", lang, low=f"{low:.0f}", high=f"{high:.0f}"), quote=True)
    title = message("take", "melody_both" if line else "melody", lang)
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg class="st-pitch" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" aria-label="{label}">'
        f"<title>{label}</title>{_axes(top, end, scale, lang)}"
        f"{''.join(_boundaries(words, scale, floor))}{line}"
        f'<g class="dots">{dots}</g></svg></figure>'
    )


def _times(pitch: Pitch) -> Floats:
    return pitch.times[pitch.voiced]


def semitones(pitch: Pitch) -> Floats:
    """(n_voiced,) how far the voice is from its own middle, in semitones."""
    hz = pitch.hz[pitch.voiced]
    return np.asarray(12 * np.log2(hz / np.median(hz)), np.float32)


def _path(times: Floats, points: Sequence[tuple[float, float]]) -> str:
    parts, before = [], -1.0
    for time, (x, y) in zip(times, points, strict=True):
        parts.append(f"{'M' if before < 0 or time - before > JUMP else 'L'}{x:.1f} {y:.1f}")
        before = float(time)
    return "".join(parts)


def _axes(top: float, end: float, scale: float, lang: str) -> str:
    floor = HEIGHT - FOOT
    rows = []
    for step in (-OCTAVE_HALF, 0.0, OCTAVE_HALF):
        y = floor * (0.5 - step / (2 * top))
        rows.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        rows.append(
            f'<text x="{LEFT - 4}" y="{min(max(y + 4, 9), floor):.1f}" text-anchor="end">{step:+.0f}</text>'
        )
    every = 1 if end <= 6 else 5 if end <= 40 else 60
    for second in range(0, int(end) + 1, every):
        x = LEFT + second * scale
        rows.append(f'<text x="{x:.1f}" y="{floor + 26:.0f}" text-anchor="middle">{second}</text>')
    named = message("take", "time_axis", lang), message("take", "pitch_axis", lang)
    rows.append(f'<text x="{WIDTH}" y="{HEIGHT - 2:.0f}" text-anchor="end">{escape(named[0])}</text>')
    rows.append(f'<text x="0" y="{HEIGHT - 2:.0f}">↕ {escape(named[1])}</text>')
    return "".join(rows)


def _boundaries(words: Sequence[WordScore], scale: float, floor: float) -> Iterator[str]:
    """Where each word starts, with its text below where there is room for it."""
    free = 0.0
    for word in words:
        if word.start is None:
            continue
        x = LEFT + word.start * scale
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{floor:.0f}"/>'
        if x >= free:
            yield f'<text x="{x + 2:.1f}" y="{floor + 12:.0f}">{escape(word.text)}</text>'
            free = x + 6.5 * len(word.text) + 6
