"""Whether stated probabilities come true, as bins and as a picture."""

from __future__ import annotations

from html import escape

import numpy as np
from numpy.typing import ArrayLike

from speechtutor import metrics
from speechtutor.evaluation.result import Bin, Calibration

N_BINS = 10
SIDE, EDGE = 320, 48
"""Pixels of the plot and of the margin around it."""


def reliability(name: str, happened: ArrayLike, probability: ArrayLike, n_bins: int = N_BINS) -> Calibration:
    """The bins of a reliability diagram (Niculescu-Mizil and Caruana, 2005); an empty one has no rates."""
    truth, stated = (np.asarray(a, dtype=np.float64) for a in (happened, probability))
    which = np.minimum((stated * n_bins).astype(int), n_bins - 1)
    bins = []
    for b in range(n_bins):
        inside = which == b
        n = int(inside.sum())
        rates = (float(stated[inside].mean()), float(truth[inside].mean())) if n else (None, None)
        bins.append(Bin(b / n_bins, (b + 1) / n_bins, n, *rates))
    return Calibration(name, metrics.ece(truth, stated, n_bins) if len(truth) else None, len(truth), bins)


def svg(found: Calibration) -> str:
    """A reliability diagram that stands alone: stated against observed, dots as large as their bins."""
    size = SIDE + 2 * EDGE
    title = f"Reliability of the {found.name}"
    ece = "" if found.ece is None else f", expected calibration error {found.ece:.3f}"

    def at(x: float, y: float) -> tuple[float, float]:
        return EDGE + SIDE * x, EDGE + SIDE * (1 - y)

    shown = [b for b in found.bins if b.mean_probability is not None and b.observed_rate is not None]
    points = [at(b.mean_probability or 0.0, b.observed_rate or 0.0) for b in shown]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" role="img" '
        'font-family="sans-serif">',
        f"<title>{escape(title)}</title><desc>{found.n} items{ece}</desc>",
        f'<rect width="{size}" height="{size}" fill="#fff"/>',
        f'<rect x="{EDGE}" y="{EDGE}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#444"/>',
        '<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="#767676" stroke-dasharray="4"/>'.format(
            *at(0, 0), *at(1, 1)
        ),
        '<polyline fill="none" stroke="#1f5fa8" stroke-width="2" points="{}"/>'.format(
            " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        ),
    ]
    for b, (x, y) in zip(shown, points, strict=True):
        radius = 3 + 9 * (b.n / max(found.n, 1)) ** 0.5
        tip = f"{b.n} at {b.mean_probability:.2f}: {b.observed_rate:.2f} came true"
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="#1f5fa8"><title>{tip}</title></circle>'
        )
    for tick in (0.0, 0.5, 1.0):
        (x, bottom), (left, y) = at(tick, 0), at(0, tick)
        parts.append(
            f'<text x="{x:.0f}" y="{bottom + 16:.0f}" font-size="12" text-anchor="middle">{tick:g}</text>'
        )
        parts.append(
            f'<text x="{left - 6:.0f}" y="{y + 4:.0f}" font-size="12" text-anchor="end">{tick:g}</text>'
        )
    middle = EDGE + SIDE / 2
    parts += [
        f'<text x="{middle}" y="{EDGE - 18}" font-size="14" text-anchor="middle">{escape(title)}</text>',
        f'<text x="{middle}" y="{size - 10}" font-size="12" text-anchor="middle">stated probability</text>',
        f'<text x="14" y="{middle}" font-size="12" text-anchor="middle" '
        f'transform="rotate(-90 14 {middle})">observed share</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"
