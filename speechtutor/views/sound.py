"""What a recording looks like: waveform, melody and spectrogram over one time axis, with words and sounds.

A long recording is drawn in parts that begin and end between words, narrower the more of them there are.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import ceil

import numpy as np
from numpy.typing import NDArray

from speechtutor.content.tables import message
from speechtutor.core import Floats, PhoneScore, Pitch, Recording, Seconds, UtteranceScore, WordScore
from speechtutor.text.phone_sets import spelled
from speechtutor.tutor.labels import Label, phone_label
from speechtutor.views.melody import OCTAVE_HALF, semitones

CSS = """
.st-seen{overflow-x:auto;max-width:100%}
.st-seen svg{display:block;height:auto}
.st-seen text{fill:currentColor;font-size:11px}
.st-seen .wave{fill:#0072b2}
.st-seen .edge{stroke:currentColor;stroke-opacity:.35}
.st-seen .melody{fill:#d55e00}
.st-seen .wrong{font-weight:700;text-decoration:underline}
"""
LONGEST: Seconds = 30.0
"""Of one part: in a longer one a sound would be narrower than a letter."""

MOST_PARTS = 20
"""Ten minutes; what is said after them is not drawn."""

WIDEST, NARROWEST, A_SECOND, IN_ALL = 3_600.0, 320.0, 180.0, 12_000.0
"""Pixels of a part at most and at least, for each second, and of all parts; a phone's screen scrolls them."""

LEFT, HEAD, WAVE, MELODY, SPECTRUM, GAP, FOOT = 34.0, 16.0, 60.0, 54.0, 120.0, 6.0, 46.0

A_LETTER = 7.0
"""Pixels: a name is written where there is room for it."""

WINDOW: Seconds = 0.005
"""Of the spectrogram: short, so that bursts and formants are seen (a wide-band spectrogram)."""

TOP_HZ = 8_000
RANGE_DB = 55.0
"""Below the loudest what is drawn as nothing."""

N_ROWS = 120


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch of the recording as it is drawn: from `start` to `end`, `scale` pixels a second.

    `picture` is where the spectrogram begins, below the melody where there is one.
    """

    start: Seconds
    end: Seconds
    scale: float
    picture: float

    @property
    def width(self) -> float:
        """Pixels of the figure."""
        return LEFT + self.scale * (self.end - self.start)

    @property
    def floor(self) -> float:
        """Where the spectrogram ends."""
        return self.picture + SPECTRUM

    @property
    def height(self) -> float:
        """Pixels of the figure."""
        return self.floor + FOOT

    def x(self, time: Seconds) -> float:
        """Where a time stands."""
        return LEFT + self.scale * (time - self.start)

    def holds(self, time: Seconds | None) -> bool:
        """Whether a time is in it."""
        return time is not None and self.start <= time < self.end


def sound_html(recording: Recording, score: UtteranceScore, lang: str = "en", phones: str = "ipa") -> str:
    """The figures of a take, phones in a set of `text.phone_sets`; a line where there is nothing to draw."""
    if len(recording.samples) == 0:
        return f"<p>{escape(message('take', 'nothing_to_draw', lang))}</p>"
    has_melody = score.pitch is not None and bool(score.pitch.voiced.any())
    picture = HEAD + WAVE + GAP + (MELODY + GAP) * has_melody
    spans = parts(recording.duration, score.words)
    at_most = min(WIDEST, IN_ALL / len(spans))
    drawn = []
    for start, end in spans[:MOST_PARTS]:
        width = min(max(A_SECOND * (end - start), NARROWEST - LEFT), at_most - LEFT)
        drawn.append(
            _figure(_Part(start, end, width / (end - start), picture), recording, score, lang, phones)
        )
    rest = f"<p>{escape(message('take', 'too_long_to_draw', lang))}</p>" if len(spans) > MOST_PARTS else ""
    title = escape(message("take", "seen", lang))
    return f"<figure><figcaption>{title}</figcaption>{''.join(drawn)}</figure>{rest}"


def parts(duration: Seconds, words: Iterable[WordScore]) -> list[tuple[Seconds, Seconds]]:
    """Stretches of at most `LONGEST` that fill the recording; they meet between words where they can."""
    gaps = [
        (before.end + after.start) / 2
        for before, after in pairwise([word for word in words if word.start is not None])
        if before.end is not None and after.start is not None
    ]
    found, start = [], 0.0
    while duration - start > LONGEST:
        end = max(
            (gap for gap in gaps if start + LONGEST / 2 < gap <= start + LONGEST), default=start + LONGEST
        )
        found.append((start, end))
        start = end
    return [*found, (start, duration)]


def _figure(part: _Part, recording: Recording, score: UtteranceScore, lang: str, phones: str) -> str:
    own = recording.crop(part.start, part.end)
    picture = spectrogram_png(own, max(int(part.width - LEFT), 1))
    label = message("take", "seen_part", lang, start=f"{part.start:.0f}", end=f"{part.end:.0f}")
    label = escape(label, quote=True)
    body = "".join(
        [
            f'<path class="wave" d="{_wave(own.samples, part.width - LEFT)}"/>',
            f'<image x="{LEFT}" y="{part.picture}" width="{part.width - LEFT:.1f}" height="{SPECTRUM}" '
            f'preserveAspectRatio="none" href="data:image/png;base64,{picture}"/>',
            *_melody(part, score.pitch),
            *_frequencies(part, lang),
            *_seconds(part, lang),
            *_words(part, score.words),
            *_sounds(part, [p for word in score.words for p in word.phones], phones),
        ]
    )
    return (
        f'<div class="st-seen" tabindex="0" role="group" aria-label="{label}">'
        f'<svg width="{part.width:.0f}" height="{part.height:.0f}" '
        f'viewBox="0 0 {part.width:.0f} {part.height:.0f}" role="img" aria-label="{label}">'
        f"<title>{label}</title>{body}</svg></div>"
    )


def spectrum(recording: Recording, n_columns: int) -> NDArray[np.float64]:
    """(N_ROWS, n_columns) energy in [0, 1] of the loudest, in dB over `RANGE_DB`, high frequencies first."""
    rate = recording.sample_rate
    size = max(int(WINDOW * rate), 8)
    n_fft = 1 << (2 * size - 1).bit_length()
    starts = np.linspace(0, max(len(recording.samples) - size, 0), n_columns).astype(int)
    padded = np.pad(recording.samples, (0, size))
    frames = padded[starts[:, None] + np.arange(size)] * np.hanning(size)
    # What is quiet at high frequencies is heard as well as what is loud at low ones: 6 dB an octave.
    power = np.abs(np.fft.rfft(np.diff(frames, axis=1, prepend=frames[:, :1]), n_fft)) ** 2
    levels = 10 * np.log10(np.maximum(power, 1e-12))
    hertz = np.linspace(min(TOP_HZ, rate / 2), 0, N_ROWS)
    rows = levels[:, np.rint(hertz / rate * n_fft).astype(int)].T
    result: NDArray[np.float64] = np.clip((rows - rows.max() + RANGE_DB) / RANGE_DB, 0, 1)
    return result


def spectrogram_png(recording: Recording, n_columns: int) -> str:
    """The spectrogram as a PNG in base64: dark is loud."""
    from PIL import Image

    grey = np.rint(255 * (1 - spectrum(recording, n_columns))).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(grey, "L").save(out, format="PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode("ascii")


def _wave(samples: Floats, width: float) -> str:
    """The loudest samples of each pixel as one closed path."""
    n = max(int(width), 1)
    edges = np.linspace(0, len(samples), n + 1).astype(int)
    edges = np.unique(edges)
    high = np.maximum.reduceat(samples, edges[:-1])
    low = np.minimum.reduceat(samples, edges[:-1])
    top = max(float(np.abs(samples).max()), 0.01)
    xs = LEFT + width * np.arange(len(high)) / max(len(high), 1)
    up = [f"{x:.1f} {HEAD + WAVE / 2 * (1 - value / top):.1f}" for x, value in zip(xs, high, strict=True)]
    down = [f"{x:.1f} {HEAD + WAVE / 2 * (1 - value / top):.1f}" for x, value in zip(xs, low, strict=True)]
    return f"M{'L'.join([*up, *down[::-1]])}Z"


def _melody(part: _Part, pitch: Pitch | None) -> Iterator[str]:
    """The melody in semitones around the whole take's middle, as dots; its edges are named in hertz."""
    if pitch is None or not pitch.voiced.any():
        return
    times, own = pitch.times[pitch.voiced], semitones(pitch)
    top, middle = max(OCTAVE_HALF, float(np.abs(own).max())), float(np.median(pitch.hz[pitch.voiced]))
    floor = HEAD + WAVE + GAP + MELODY
    for time, value in zip(times, own, strict=True):
        if part.holds(float(time)):
            y = floor - MELODY * (0.5 + float(value) / (2 * top))
            yield f'<circle class="melody" cx="{part.x(float(time)):.1f}" cy="{y:.1f}" r="1.6"/>'
    for edge, y in ((top, floor - MELODY + 9), (-top, floor)):
        yield f'<text x="{LEFT - 4}" y="{y:.1f}" text-anchor="end">{middle * 2 ** (edge / 12):.0f}</text>'
    yield f'<text x="{LEFT - 4}" y="{floor - MELODY / 2 + 4:.1f}" text-anchor="end">Hz</text>'


def _frequencies(part: _Part, lang: str) -> Iterator[str]:
    for kilohertz in (0, 2, 4, 6, 8):
        y = part.picture + SPECTRUM * (1 - 1000 * kilohertz / TOP_HZ)
        row = max(y + 4, part.picture + 8)
        yield f'<text x="{LEFT - 4}" y="{row:.1f}" text-anchor="end">{kilohertz}</text>'
    yield f'<text x="0" y="{part.height - 2:.0f}">↕ {escape(message("take", "frequency_axis", lang))}</text>'


def _seconds(part: _Part, lang: str) -> Iterator[str]:
    y, every = part.height - 16, 1 if part.scale >= A_SECOND / 4 else 5
    for second in range(ceil(part.start / every) * every, int(part.end) + 1, every):
        yield f'<text x="{part.x(second):.1f}" y="{y:.0f}" text-anchor="middle">{second}</text>'
    named = escape(message("take", "time_axis", lang))
    yield f'<text x="{part.width:.0f}" y="{part.height - 2:.0f}" text-anchor="end">{named}</text>'


def _words(part: _Part, words: Iterable[WordScore]) -> Iterator[str]:
    free = 0.0
    for word in words:
        if word.start is None or word.end is None or not part.holds(word.start):
            continue
        x = part.x(word.start)
        yield f'<line class="edge" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{part.floor:.0f}"/>'
        if x >= free:
            yield f'<text x="{x + 2:.1f}" y="11" lang="en">{escape(word.text)}</text>'
            free = x + A_LETTER * len(word.text)


def _sounds(part: _Part, found: Sequence[PhoneScore], phones: str) -> Iterator[str]:
    """Each sound below its piece of the spectrogram; a wrong one underlined, so not told by colour."""
    y, free = part.floor + 14, 0.0
    for phone in found:
        if phone.start is None or phone.end is None or not part.holds(phone.start):
            continue
        middle, x = part.x((phone.start + phone.end) / 2), part.x(phone.start)
        is_wrong = phone_label(phone) is Label.WRONG
        ends = f'y1="{part.picture:.0f}" y2="{part.floor:.0f}"'
        yield f'<line class="edge" x1="{x:.1f}" x2="{x:.1f}" {ends}/>'
        name = spelled(phone.canonical, phones)
        if middle < free and not is_wrong:  # a wrong one is named even where it is tight
            continue
        mark = ' class="wrong"' if is_wrong else ""
        yield f'<text x="{middle:.1f}" y="{y:.0f}" text-anchor="middle"{mark}>{escape(name)}</text>'
        free = middle + A_LETTER * len(name)
