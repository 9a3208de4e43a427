"""Pictures of time: sounds as a map of heat, a score with the band that it moves in by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from math import isnan

from markupsafe import Markup

from speechtutor.report.charts import BLUE, GREY, ORANGE, WIDTH, dot, line, svg, text

NOTHING = "#f1f3f5"
"""Where a sound was not heard."""

LOW, HIGH, STRONGEST = (184, 79, 0), (0, 114, 178), 0.7
"""Vermilion for what comes out wrong, blue for what comes out right (Okabe and Ito, 2008)."""


def tint(right: float) -> str:
    """A colour for a share in [0, 1]: white in the middle, darker to the ends, never too dark to read."""
    end, strength = (HIGH, (right - 0.5) * 2) if right >= 0.5 else (LOW, (0.5 - right) * 2)
    return "rgb({},{},{})".format(
        *(round(255 - STRONGEST * min(strength, 1.0) * (255 - value)) for value in end)
    )


def heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Mapping[tuple[int, int], tuple[float, int]],
    title: str,
) -> Markup:
    """A map of shares: `values[i, j]` is the share in row i and column j, and of how many.

    A cell has its share as a figure, in per cent, so that the colour says nothing alone.
    """
    if not rows or not columns:
        return Markup("")
    left, top, high = 40.0, 18.0, 19.0
    wide = (WIDTH - left - 4) / len(columns)
    body = []
    every = max(1, -(-len(columns) // 6))
    for j, name in enumerate(columns):
        if j % every == 0 and left + wide * j + 36 <= WIDTH:  # a label that would be cut off is left out
            body.append(text(left + wide * j + 1, 12, name, size=10))
    for i, name in enumerate(rows):
        y = top + high * i
        body.append(text(left - 6, y + 14, name, "end"))
        for j in range(len(columns)):
            known = values.get((i, j))
            fill = tint(known[0]) if known else NOTHING
            body.append(_cell(left + wide * j, y, wide - 1, high - 1, fill))
            if known and wide >= 20:
                body.append(text(left + wide * (j + 0.5), y + 13, f"{100 * known[0]:.0f}", "middle", 10))
    told = f"{len(rows)} sounds over {len(columns)} stretches of time; the table has the figures"
    return svg(top + high * len(rows) + 4, title, told, body)


def _cell(x: float, y: float, wide: float, high: float, fill: str) -> Markup:
    return Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"/>').format(
        x, y, wide, high, fill
    )


def trend(points: Sequence[tuple[date, float, float]], title: str, axis: str) -> Markup:
    """Daily means in [0, 1] with the half width of their band of noise (nan where there is none)."""
    if not points:
        return Markup("")
    left, right, top, floor = 34.0, WIDTH - 10, 8.0, 150.0
    first, last = points[0][0], points[-1][0]
    bounds = [edge for _, value, half in points for edge in _edges(value, half)]
    low, high = max(0.0, min(bounds) - 0.05), min(1.0, max(bounds) + 0.05)

    def at(day: date, value: float) -> tuple[float, float]:
        share = (day - first).days / max((last - first).days, 1)
        inside = min(max((value - low) / (high - low), 0.0), 1.0)
        return left + 6 + share * (right - left - 12), floor - inside * (floor - top)

    body = []
    for step in range(0, 101, 10):
        if low <= step / 100 <= high:
            y = at(first, step / 100)[1]
            body += [line(left, y, right, y, "#d5dae0"), text(left - 4, y + 4, str(step), "end", 11)]
    upper = [at(day, _edges(value, half)[1]) for day, value, half in points]
    lower = [at(day, _edges(value, half)[0]) for day, value, half in points]
    if len(points) > 1:
        outline = " ".join(f"{x:.1f},{y:.1f}" for x, y in (*upper, *reversed(lower)))
        body.append(Markup('<polygon points="{}" fill="{}" fill-opacity="0.18"/>').format(outline, BLUE))
        middle = " ".join("{:.1f},{:.1f}".format(*at(day, value)) for day, value, _ in points)
        body.append(
            Markup('<polyline points="{}" fill="none" stroke="{}" stroke-width="2"/>').format(middle, BLUE)
        )
    for (day, value, half), (x, up), (_, down) in zip(points, upper, lower, strict=True):
        if not isnan(half):
            body.append(line(x, up, x, down, GREY))
        body.append(dot(*at(day, value), 3.5, ORANGE if len(points) == 1 else BLUE))
    body.append(text(left, floor + 16, first.isoformat(), size=11))
    if last != first:
        body.append(text(right, floor + 16, last.isoformat(), "end", 11))
    body.append(text((left + right) / 2, floor + 32, axis, "middle"))
    told = "; ".join(f"{day.isoformat()} {100 * value:.0f}" for day, value, _ in (points[0], points[-1]))
    return svg(floor + 40, title, told, body)


def _edges(value: float, half: float) -> tuple[float, float]:
    half = 0.0 if isnan(half) else half
    return max(value - half, 0.0), min(value + half, 1.0)
