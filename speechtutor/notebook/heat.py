"""A score in a notebook: every sound coloured by how well it came out, with its number and its mark."""

from __future__ import annotations

from html import escape

from speechtutor.core import PhoneScore, UtteranceScore
from speechtutor.core.score import ASPECTS
from speechtutor.schema import percent
from speechtutor.text.phones import to_ipa
from speechtutor.tutor.labels import Label, heard_as, phone_label

_CSS = (
    ".st-heat{border-collapse:collapse;margin:.4rem 0}"
    ".st-heat td,.st-heat th{border:1px solid #bbb;padding:.15rem .45rem;text-align:center!important}"
    ".st-heat th{background:#f4f4f4;color:#222;font-weight:400}"
    ".st-heat b,.st-heat small{display:block}"
)
_LOW, _HIGH = (213, 94, 0), (0, 114, 178)
"""Vermilion and blue of Okabe and Ito (2008), which colour-blind readers tell apart; grey is unmeasured."""


def score_html(score: UtteranceScore) -> str:
    """Cautions, the measured aspects, and a table with a cell a sound: vermilion 0, white 50, blue 100."""
    notes = "".join(f"<p>⚠ {escape(caution.message)}</p>" for caution in score.cautions)
    measured = [(aspect, percent(getattr(score, aspect))) for aspect in ASPECTS]
    aspects = " · ".join(f"{name} <b>{points:.0f}</b>" for name, points in measured if points is not None)
    heads, cells = [], []
    for word in score.words:
        points = percent(word.score)
        shown = escape(word.text) or "+"
        number = "" if points is None else f"<small>{points:.0f}</small>"
        heads.append(f'<th colspan="{max(len(word.phones), 1)}">{shown}{number}</th>')
        cells += [_cell(phone) for phone in word.phones] or ["<td>·</td>"]
    rows = f"<tr>{''.join(heads)}</tr><tr>{''.join(cells)}</tr>" if heads else ""
    return f'<style>{_CSS}</style>{notes}<p>{aspects}</p><table class="st-heat">{rows}</table>'


def _cell(phone: PhoneScore) -> str:
    label = phone_label(phone)
    heard = heard_as(phone) if label is Label.WRONG else None
    sound = to_ipa(phone.canonical)
    if label is Label.MISSING:
        sound += " → ∅"
    elif heard:
        sound += f" → {to_ipa(heard)}"
    points = percent(phone.score)
    return (
        f'<td style="{_colour(phone.score)}" title="{label.value}">'
        f"<b>{escape(sound)}</b><small>{'–' if points is None else f'{points:.0f}'}</small></td>"
    )


def _colour(score: float | None) -> str:
    """Towards white in the middle, so that black text stays readable on it."""
    if score is None:
        return "background:#eee;color:#222"
    end, strength = (_HIGH, 2 * score - 1) if score >= 0.5 else (_LOW, 1 - 2 * score)
    mixed = (round(255 - 0.55 * strength * (255 - part)) for part in end)
    return f"background:rgb({','.join(map(str, mixed))});color:#000"
