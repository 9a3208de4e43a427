"""Charts as SVG: drawn for a phone's width, readable without colour, each with its words inside.

Every function returns markup whose text is escaped; the table behind a chart is the template's part.
A chart is 360 units wide with 12-unit letters, so that at 390 pixels it is shown at about its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

from markupsafe import Markup, escape

from speechtutor.evaluation.result import Bin

WIDTH = 360.0
BLUE, ORANGE, GREY, INK = "#0072b2", "#b84f00", "#767676", "#1b1f24"
"""Blue and vermilion of Okabe and Ito (2008), the latter darker for contrast on white."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A row of an interval chart; `text` is the number as people read it."""

    label: str
    value: float | None
    low: float | None
    high: float | None
    text: str = ""


def svg(height: float, title: str, desc: str, body: Sequence[Markup]) -> Markup:
    """A chart of a height with its title and what it shows, for those who do not see it."""
    return Markup(
        '<svg class="chart" viewBox="0 0 {w:.0f} {h:.0f}" role="img" aria-label="{title}. {desc}">'
        "<title>{title}</title>{body}</svg>"
    ).format(w=WIDTH, h=height, title=title, desc=desc, body=Markup("").join(body))


def line(x1: float, y1: float, x2: float, y2: float, colour: str = GREY, extra: str = "") -> Markup:
    """A line from one point to another."""
    return Markup(
        '<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="{}"{}/>'
    ).format(x1, y1, x2, y2, colour, Markup(extra))  # fmt: skip


def text(x: float, y: float, told: str, anchor: str = "start", size: int = 12) -> Markup:
    """Words at a point, escaped."""
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" font-size="{}" fill="{}">{}</text>').format(
        x, y, anchor, size, INK, told
    )


def dot(x: float, y: float, radius: float, colour: str) -> Markup:
    """A disc."""
    return Markup('<circle cx="{:.1f}" cy="{:.1f}" r="{:.1f}" fill="{}"/>').format(x, y, radius, colour)


def ticks(low: float, high: float, n: int = 4) -> list[float]:
    """About `n` round numbers that cover [low, high]."""
    # Values that differ only by rounding still need an axis with two ends.
    span = max(high - low, 1e-3)
    step = 10 ** floor(log10(span / n))
    step *= next(m for m in (1, 2, 5, 10) if span / (step * m) <= n)
    first = floor(low / step + 1e-9)
    found = []
    for i in range(first, first + 4 * n):
        found.append(round(i * step, 10))
        if len(found) > 1 and found[-1] >= high - 1e-9 * step:
            break
    return found


def _short(value: float, scale: float) -> str:
    return f"{value * scale:g}"


def _clip(label: str, n: int = 44) -> str:
    return label if len(label) <= n else label[: n - 1] + "…"


def intervals(
    rows: Sequence[Estimate], title: str, axis: str, *, scale: float = 1.0, zero: bool = False
) -> Markup:
    """Values with their 95 % intervals, one row each; `zero` draws the line of no difference."""
    drawn = [row for row in rows if row.value is not None]
    if not drawn:
        return Markup("")
    bounds = [x for row in drawn for x in (row.value, row.low, row.high) if x is not None]
    marks = ticks(min(0.0, *bounds) if zero else min(bounds), max(0.0, *bounds) if zero else max(bounds))
    left, right, step, top = 14.0, WIDTH - 18, 38.0, 6.0
    floor_y = top + step * len(drawn)

    def x(value: float) -> float:
        return left + (value - marks[0]) / (marks[-1] - marks[0]) * (right - left)

    body = [line(x(mark), top, x(mark), floor_y, "#d5dae0") for mark in marks]
    if zero:
        body.append(line(x(0), top, x(0), floor_y, INK, ' stroke-dasharray="4 3" stroke-width="1.5"'))
    for i, row in enumerate(drawn):
        y = top + step * i + 27
        assert row.value is not None
        body.append(text(left, y - 12, _clip(f"{row.label}: {row.text}" if row.text else row.label, 54)))
        if row.low is not None and row.high is not None:
            body.append(line(x(row.low), y, x(row.high), y, BLUE, ' stroke-width="3"'))
            body += [line(x(b), y - 4, x(b), y + 4, BLUE, ' stroke-width="2"') for b in (row.low, row.high)]
        body.append(dot(x(row.value), y, 5, BLUE))
    body += [text(x(mark), floor_y + 14, _short(mark, scale), "middle", 11) for mark in marks]
    body.append(text((left + right) / 2, floor_y + 31, axis, "middle"))
    told = "; ".join(f"{row.label} {row.text}" for row in drawn)
    return svg(floor_y + 38, title, told, body)


def reliability(bins: Sequence[Bin], title: str, stated: str, observed: str) -> Markup:
    """How often what was foretold came true, against the diagonal of a perfect forecast."""
    drawn = [b for b in bins if b.n and b.mean_probability is not None and b.observed_rate is not None]
    if not drawn:
        return Markup("")
    left, top, side = 48.0, 10.0, 280.0
    most = max(b.n for b in drawn)

    def at(x: float, y: float) -> tuple[float, float]:
        return left + x * side, top + (1 - y) * side

    body = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        (x, y0), (_, y) = at(tick, 0), at(0, tick)
        body += [line(x, top, x, y0, "#d5dae0"), line(left, y, left + side, y, "#d5dae0")]
        body += [text(x, y0 + 15, f"{100 * tick:.0f} %", "middle", 11)]
        body += [text(left - 5, y + 4, f"{100 * tick:.0f} %", "end", 11)]
    body.append(line(*at(0, 0), *at(1, 1), INK, ' stroke-dasharray="5 4"'))
    points = [at(b.mean_probability or 0.0, b.observed_rate or 0.0) for b in drawn]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    body.append(Markup('<polyline points="{}" fill="none" stroke="{}" stroke-width="2"/>').format(path, BLUE))
    body += [dot(x, y, 3 + 5 * (b.n / most) ** 0.5, BLUE) for b, (x, y) in zip(drawn, points, strict=True)]
    body.append(text(left + side / 2, top + side + 33, stated, "middle"))
    turned = Markup('<text transform="translate(12 {:.0f}) rotate(-90)" text-anchor="middle" font-size="12" '
                    'fill="{}">{}</text>')  # fmt: skip
    body.append(turned.format(top + side / 2, INK, observed))
    told = ", ".join(
        f"{100 * (b.mean_probability or 0):.0f} % → {100 * (b.observed_rate or 0):.0f} %" for b in drawn
    )
    return svg(top + side + 40, title, told, body)


def bubbles(
    counts: Sequence[Sequence[int]], title: str, across: str, up: str, top_score: int = 100
) -> Markup:
    """A square of counts, `counts[i][j]` in band i of `up` and band j of `across`, as discs by area."""
    most = max((n for row in counts for n in row), default=0)
    if not most:
        return Markup("")
    size, left, top, side = len(counts), 48.0, 10.0, 280.0
    cell = side / size
    body = []
    for i in range(0, size + 1, max(size // 5, 1)):
        offset, name = i * cell, f"{top_score * i / size:g}"
        body += [line(left + offset, top, left + offset, top + side, "#d5dae0")]
        body += [line(left, top + offset, left + side, top + offset, "#d5dae0")]
        body += [text(left + offset, top + side + 15, name, "middle", 11)]
        body += [text(left - 5, top + side - offset + 4, name, "end", 11)]
    body.append(line(left, top + side, left + side, top, INK, ' stroke-dasharray="5 4"'))
    for i, row in enumerate(counts):
        for j, n in enumerate(row):
            if n:
                radius = max(cell / 2 * (n / most) ** 0.5, 1.2)
                body.append(dot(left + (j + 0.5) * cell, top + side - (i + 0.5) * cell, radius, BLUE))
    body.append(text(left + side / 2, top + side + 33, across, "middle"))
    turned = Markup('<text transform="translate(12 {:.0f}) rotate(-90)" text-anchor="middle" font-size="12" '
                    'fill="{}">{}</text>')  # fmt: skip
    body.append(turned.format(top + side / 2, INK, up))
    return svg(top + side + 40, title, f"{up} against {across}; the table has the counts", body)


@dataclass(frozen=True, slots=True)
class Cell:
    """A count of a confusion table with its share of the row, as `style` for the cell."""

    count: int
    share: float

    @property
    def style(self) -> Markup:
        """A blue that darkens with the share; black letters turn white where the contrast is equal."""
        tint = [round(255 - self.share * (255 - full)) for full in (0, 84, 133)]
        ink = "#fff" if self.share > 0.765 else "#000"
        return escape(f"background:rgb({tint[0]},{tint[1]},{tint[2]});color:{ink}")


def shaded(counts: Sequence[Sequence[int]]) -> list[list[Cell]]:
    """Counts as cells shaded by their share of the row."""
    return [[Cell(n, n / max(sum(row), 1)) for n in row] for row in counts]
