"""What has become of a learner over time, as pictures: sounds, overall scores, sentences then and now.

Nothing that scores may do by themselves is called a change (`learner.progress`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from math import isnan

from speechtutor.content.tables import aside, headed, join, message
from speechtutor.core import Attempt, LearnerState
from speechtutor.learner import progress
from speechtutor.schema import percent
from speechtutor.views.score import sound_name, sounds_name

CSS = """
.st-heat{border-collapse:separate;border-spacing:2px;font-size:.8rem}
.st-heat th{font-weight:600;text-align:left;padding-right:.5rem;white-space:nowrap}
.st-heat th,.st-heat td{padding:.15rem .3rem!important}
.st-heat td{min-width:2.1rem;height:1.9rem;text-align:center;border-radius:.3rem}
.st-heat td.h0{background:#fbe4d8;color:#5c2700;border:1px solid #d55e00}
.st-heat td.h1{background:#fdf3d6;color:#4a3300;border:1px solid #b37700}
.st-heat td.h2{background:#cfe6f5;color:#00344f;border:1px solid #0072b2}
.st-heat td.h3{background:#005a8c;color:#fff;border:1px solid #005a8c}
.st-trend{width:100%;max-width:40rem;height:auto}
.st-trend .band{fill:#0072b2;opacity:.2}
.st-trend path.line{fill:none;stroke:#0072b2;stroke-width:2}
.st-trend circle{fill:#0072b2}
.st-trend line{stroke:currentColor;opacity:.25}
.st-trend text{fill:currentColor;font-size:11px}
.dark .st-trend path.line{stroke:#56b4e9}
.dark .st-trend circle,.dark .st-trend .band{fill:#56b4e9}
.st-then{margin:.3rem 0;padding-left:1.1rem}
"""
SOUNDS = 12
"""Sounds of the heat map: those that came out right least often."""
FEWEST = 3
"""Times that each of them was heard at least."""
STEPS = (0.6, 0.75, 0.9)
"""Shares of times right between the four colours."""
COLUMNS = 8
DAYS = 40
"""Days of the trend, the last ones."""


def practice_line(attempts: Sequence[Attempt], today_of: progress.Practice, lang: str = "en") -> str:
    """How often somebody practised; a pause is not mentioned, and takes nothing away."""
    parts = []
    if today_of.weeks > 1:
        parts.append(message("progress", "weeks", lang, n=str(today_of.weeks)))
    if attempts:
        n, every = str(today_of.lately), str(progress.LATELY)
        parts.append(message("progress", "lately_days", lang, n=n, all=every))
    return join(parts, lang)


def heat_html(attempts: Sequence[Attempt], lang: str = "en", notation: str = "respelling") -> str:
    """The hardest sounds by stretches of time: colour and number say how often each came out right."""
    cells = progress.heat(attempts, COLUMNS)
    starts = sorted({cell.start for cell in cells})
    if len(starts) < 2:
        return ""
    total: dict[str, tuple[float, int]] = {}
    for cell in cells:
        right, n = total.get(cell.phone, (0.0, 0))
        total[cell.phone] = (right + cell.right * cell.n, n + cell.n)
    known = {phone: right / n for phone, (right, n) in total.items() if n >= FEWEST}
    shown = sorted(known, key=lambda phone: (known[phone], phone))[:SOUNDS]
    at = {(cell.phone, cell.start): cell for cell in cells}
    heads = "".join(f"<th scope='col'>{start:%m-%d}</th>" for start in starts)
    body = "".join(
        f"<tr><th scope='row'>{escape(sounds_name(phone, notation, lang))}</th>"
        + "".join(_cell(at.get((phone, start))) for start in starts)
        + "</tr>"
        for phone in shown
    )
    named = escape(message("progress", "sound", lang))
    return (
        f"<h3>{escape(message('progress', 'over_time', lang))}</h3>"
        f"<p>{escape(message('progress', 'over_time_text', lang))}</p>"
        f"<div class='st-scroll' tabindex='0'><table class='st-heat'>"
        f"<thead><tr><th scope='col'>{named}</th>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(cell: progress.Cell | None) -> str:
    if cell is None:
        return "<td></td>"
    step = sum(cell.right >= bound for bound in STEPS)
    return f'<td class="h{step}">{percent(cell.right):.0f}</td>'


def trend_svg(attempts: Sequence[Attempt], lang: str = "en") -> str:
    """Overall scores day by day, with the band that they move in by themselves."""
    points = progress.trend(attempts, "overall")[-DAYS:]
    if len(points) < 2:
        return ""
    width, height, left, top = 400.0, 130.0, 26.0, 8.0
    span = max((points[-1].day - points[0].day).days, 1)
    xs = [left + (width - left - 8) * (one.day - points[0].day).days / span for one in points]

    def y(value: float) -> float:
        return top + (height - 34) * (1 - min(1.0, max(0.0, value)))

    line = "M" + "L".join(f"{x:.1f} {y(one.value):.1f}" for x, one in zip(xs, points, strict=True))
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y(one.value):.1f}" r="3"/>' for x, one in zip(xs, points, strict=True)
    )
    first, last = points[0], points[-1]
    named = escape(
        message(
            "progress", "trend_label", lang, first=f"{percent(first.value):.0f}",
            last=f"{percent(last.value):.0f}", **{"from": first.day.isoformat(), "to": last.day.isoformat()},
        ),
        quote=True,
    )  # fmt: skip
    grid = "".join(
        f'<line x1="{left}" x2="{width - 8}" y1="{y(v / 100):.1f}" y2="{y(v / 100):.1f}"/>'
        f'<text x="0" y="{y(v / 100) + 4:.1f}">{v}</text>'
        for v in (0, 50, 100)
    )
    days = (
        f'<text x="{left}" y="{height - 6}">{first.day:%m-%d}</text>'
        f'<text x="{width - 8}" y="{height - 6}" text-anchor="end">{last.day:%m-%d}</text>'
    )
    band = _band(points, xs, y)
    told = f"<p>{escape(message('progress', 'band', lang))}</p>" if band else ""
    return (
        f"<h3>{escape(message('progress', 'trend', lang))}</h3>"
        f'<svg class="st-trend" viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{named}">'
        f'<title>{named}</title>{grid}{days}{band}<path class="line" d="{line}"/>{dots}</svg>{told}'
    )


def _band(points: Sequence[progress.Point], xs: Sequence[float], y: Callable[[float], float]) -> str:
    """The noise as an area around the line; "" where it cannot be known."""
    if any(isnan(one.band) for one in points):
        return ""
    over = [f"{x:.1f} {y(one.value + one.band):.1f}" for x, one in zip(xs, points, strict=True)]
    under = [f"{x:.1f} {y(one.value - one.band):.1f}" for x, one in zip(xs, points, strict=True)]
    return f'<path class="band" d="M{"L".join([*over, *reversed(under)])}Z"/>'


def contrasts_html(state: LearnerState, lang: str = "en", notation: str = "respelling") -> str:
    """The pairs of sounds that are least sure, with how often each comes out right."""
    rows = [
        headed(
            _pair(name, lang, notation), message("progress", "of_100", lang, n=f"{percent(one.p):.0f}"), lang
        )
        for name, one in progress.hardest(state, "contrast", 5)
    ]
    if not rows:
        return ""
    listing = "".join(f"<li>{escape(row)}</li>" for row in rows)
    return f"<h3>{escape(message('progress', 'contrasts', lang))}</h3><ul>{listing}</ul>"


def _pair(name: str, lang: str, notation: str) -> str:
    phones = name.partition(":")[2].split("-")
    return " – ".join(sound_name(phone, notation, lang) for phone in phones)


def then_html(attempts: Sequence[Attempt], lang: str = "en") -> str:
    """The same sentences then and now; whether a difference is one is said in words."""
    rows = []
    for pair in progress.matched(attempts, 5):
        key = "the_same" if not pair.change.real else "really_up" if pair.change.value > 0 else "really_down"
        scores = " → ".join(
            aside(f"{percent(one.score.overall or 0.0):.0f}", f"{one.at:%m-%d}", lang)
            for one in (pair.then, pair.now)
        )
        told = escape(message("progress", key, lang))
        rows.append(f'<li><span lang="en">{escape(pair.text)}</span><br><b>{scores}</b> {told}</li>')
    if not rows:
        return ""
    heading = escape(message("progress", "then_now", lang))
    return f"<h3>{heading}</h3><ul class='st-then'>{''.join(rows)}</ul>"
