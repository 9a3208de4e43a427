"""What a learner knows and has done, as pictures: a map of the sounds, what is due, the last takes.

A sound is said by colour, by a mark and in words, like everything that is judged here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from html import escape

from speechtutor.content.tables import listed, message, sounds
from speechtutor.core import Attempt, LearnerState
from speechtutor.core.inventory import PHONES, VOWELS
from speechtutor.learner import belief, memory, progress, skills
from speechtutor.learner.rows import Known
from speechtutor.learner.skills import sounds_of
from speechtutor.practice.path import told
from speechtutor.practice.placement import placed, profile
from speechtutor.schema import percent
from speechtutor.views import overtime
from speechtutor.views.score import sound_name, sounds_name

CSS = (
    overtime.CSS
    + """
.st-map{display:grid;grid-template-columns:repeat(auto-fill,minmax(5.6rem,1fr));gap:.4rem;margin:.4rem 0}
.st-tile{font:inherit;border:2px solid;border-radius:.6rem;min-height:64px;padding:.25rem;cursor:pointer;
 display:flex;flex-direction:column;align-items:center;justify-content:center;line-height:1.15}
.st-tile *{color:inherit!important}
.st-tile b{font-size:1.15rem}
.st-tile small{font-size:.75rem}
.st-tile:focus-visible{outline:3px solid #0072b2;outline-offset:2px}
.st-secure{background:#cfe6f5;border-color:#0072b2;color:#00344f}
.st-growing{background:#fdf3d6;border-color:#b37700;color:#4a3300;border-style:dashed}
.st-weak{background:#fbe4d8;border-color:#d55e00;color:#5c2700;border-width:3px}
.st-new{background:#f4f4f4;border-color:#8a8a8a;color:#333;border-style:dotted}
.st-numbers{display:flex;gap:1.2rem;flex-wrap:wrap;margin:.4rem 0}
.st-numbers div{min-width:6rem}
.st-numbers b{display:block;font-size:1.7rem}
.st-class{width:100%;border-collapse:collapse;text-align:left}
.st-class td,.st-class th{padding:.4rem .5rem;border-bottom:1px solid #888}
.st-class time{white-space:nowrap}
.st-lately{width:100%;max-width:40rem;height:auto}
.st-lately path{fill:none;stroke:#0072b2;stroke-width:2}
.st-lately circle{fill:#0072b2}
.st-lately text{fill:currentColor;font-size:11px}
"""
)
GROWING = 0.75
"""Probability from which a sound is on its way; from `belief.MASTERED` it is secure."""
ENOUGH = 3
"""Times a sound was heard before anything is said of it."""
SHOWN = 30
"""Takes in the picture of the last ones."""
_MARKS = {"secure": "✓", "growing": "◐", "weak": "✗", "unknown": "·"}
_CLASSES = {"secure": "st-secure", "growing": "st-growing", "weak": "st-weak", "unknown": "st-new"}


def standing(state: LearnerState, phone: str, now: datetime | None = None) -> str:
    """How a learner stands with a sound: secure, growing, weak, or unknown while it was heard too seldom."""
    heard = [name for name in sounds_of(phone) if name in state.skills]
    if sum(state.skills[name].n for name in heard) < ENOUGH:
        return "unknown"
    p = min(belief.believed(state, name, now=now).p for name in heard)
    return "secure" if p >= belief.MASTERED else "growing" if p >= GROWING else "weak"


def map_html(
    state: LearnerState, now: datetime | None = None, lang: str = "en", notation: str = "respelling"
) -> str:
    """All sounds as tiles that carry their phone in `data-phone`, vowels and consonants apart."""
    groups = (
        ("vowels", [p for p in PHONES if p in VOWELS]),
        ("consonants", [p for p in PHONES if p not in VOWELS]),
    )
    parts = [f"<p>{escape(message('progress', 'press', lang))}</p>"]
    for heading, phones in groups:
        tiles = "".join(_tile(state, phone, now, lang, notation) for phone in phones)
        parts.append(
            f"<h3>{escape(message('progress', heading, lang))}</h3><div class='st-map'>{tiles}</div>"
        )
    return "".join(parts)


def _tile(state: LearnerState, phone: str, now: datetime | None, lang: str, notation: str) -> str:
    stands = standing(state, phone, now)
    name = sound_name(phone, "ipa" if notation == "ipa" else "respelling", lang).strip('"')
    word = sounds()[phone].example
    text = message("progress", stands, lang)
    return (
        f'<button type="button" class="st-tile {_CLASSES[stands]}" data-phone="{phone}">'
        f'<b lang="en">{escape(name)}</b><small lang="en">{escape(word)}</small>'
        f"<small>{_MARKS[stands]} {escape(text)}</small></button>"
    )


def due_skills(state: LearnerState, now: datetime) -> tuple[str, ...]:
    """Sounds, clusters and contrasts that it is time to come back to, the longest overdue first."""
    kinds = ("sound", "cluster", "contrast", "grammar")
    found = [
        (known.due, name) for name, known in state.skills.items() if known.due and memory.is_due(known, now)
    ]
    return tuple(name for _, name in sorted(found) if skills.kind_of(name) in kinds)


def progress_html(
    state: LearnerState,
    attempts: Sequence[Attempt],
    now: datetime,
    lang: str = "en",
    notation: str = "respelling",
) -> str:
    """The whole screen; a kind line where nothing was said yet."""
    heading = f"<h2>{escape(message('progress', 'heading', lang))}</h2>"
    if not attempts:
        nothing = escape(message("progress", "none", lang))
        return f"{heading}<p>{nothing}</p>{map_html(state, now, lang, notation)}"
    due, days_of = due_skills(state, now), progress.practice(attempts, now.date())
    numbers = ((len(attempts), "takes"), (days_of.days, "days"), (len(due), "due"))
    shown = "".join(f"<div><b>{n}</b>{escape(message('progress', key, lang))}</div>" for n, key in numbers)
    level = message("progress", "level", lang, level=placed(state).level)
    parts = [
        heading,
        f'<div class="st-numbers">{shown}</div><p>{escape(level)}</p>',
        f"<p>{escape(overtime.practice_line(attempts, days_of, lang))}</p>",
        _due(due, lang, notation),
        overtime.trend_svg(attempts, lang) or lately_svg(attempts, lang),
        f"<p>{escape(change_line(attempts, lang))}</p>",
        overtime.contrasts_html(state, lang, notation),
        overtime.then_html(attempts, lang),
        map_html(state, now, lang, notation),
        overtime.heat_html(attempts, lang, notation),
    ]
    return "".join(parts)


def class_html(
    rows: Sequence[tuple[Known, LearnerState]], lang: str = "en", notation: str = "respelling"
) -> str:
    """Who has practised, how often and when last, and what would help whom; nobody is ranked."""
    heading = f"<h2>{escape(message('class', 'heading', lang))}</h2>"
    if not rows:
        return f"{heading}<p>{escape(message('class', 'none', lang))}</p>"
    names = "".join(
        f"<th scope='col'>{escape(message('class', key, lang))}</th>"
        for key in ("learner", "takes", "last", "works_on")
    )
    body = "".join(_class_row(known, state, lang, notation) for known, state in rows)
    return f"{heading}<table class='st-class'><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>"


def _class_row(known: Known, state: LearnerState, lang: str, notation: str) -> str:
    weak = [
        told(name, lang, partial(sounds_name, notation=notation, lang=lang)) for name in profile(state)[:3]
    ]
    last = f"<time>{escape(known.last[:10])}</time>" if known.last else "–"
    cells = (str(known.n_attempts), last, escape(listed(weak, lang)) or "–")
    shown = "".join(f"<td>{cell}</td>" for cell in cells)
    return f"<tr><th scope='row'>{escape(known.learner)}</th>{shown}</tr>"


def _due(due: Sequence[str], lang: str, notation: str) -> str:
    if not due:
        return f"<p>{escape(message('progress', 'nothing_due', lang))}</p>"
    rows = "".join(
        f"<li>{escape(told(name, lang, partial(sounds_name, notation=notation, lang=lang)))}</li>"
        for name in due[:5]
    )
    return f"<h3>{escape(message('progress', 'due', lang))}</h3><ul>{rows}</ul>"


def change_line(attempts: Sequence[Attempt], lang: str = "en") -> str:
    """Whether the last takes are better than the first, beyond chance; never more than can be shown."""
    change = progress.change(attempts)
    if change is None or not change.real:
        return message("progress", "change_none", lang)
    points = f"{abs(100 * change.value):.0f}"
    return message("progress", "change_up" if change.value > 0 else "change_down", lang, points=points)


def lately_svg(attempts: Sequence[Attempt], lang: str = "en") -> str:
    """The overall scores of the last takes as a line, 0 to 100 from bottom to top."""
    known = [one.score.overall for one in attempts if one.score.overall is not None][-SHOWN:]
    if not known:
        return ""
    width, height, left = 400.0, 110.0, 26.0
    step = (width - left - 8) / max(len(known) - 1, 1)
    points = [(left + i * step, (height - 16) * (1 - value) + 8) for i, value in enumerate(known)]
    line = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points)
    low, high = (f"{percent(value):.0f}" for value in (min(known), max(known)))
    label = message("progress", "lately_label", lang, n=str(len(known)), low=low, high=high)
    named = escape(label, quote=True)
    axis = f'<text x="0" y="12">100</text><text x="8" y="{height - 4:.0f}">0</text>'
    return (
        f"<h3>{escape(message('progress', 'lately', lang))}</h3>"
        f'<svg class="st-lately" viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{named}">'
        f'<title>{named}</title>{axis}<path d="{line}"/>{dots}</svg>'
    )
