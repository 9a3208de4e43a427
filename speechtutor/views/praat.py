"""Tiers as a TextGrid, for Praat."""

from __future__ import annotations

from collections.abc import Mapping

from speechtutor.views.tiers import Tier, filled


def textgrid(tiers: Mapping[str, Tier], duration: float) -> str:
    """A Praat TextGrid in the long text format; gaps are empty intervals."""
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {duration}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for number, (name, rows) in enumerate(tiers.items(), start=1):
        lines += [f"    item [{number}]:", *_tier(name, filled(rows, duration), duration)]
    return "\n".join(lines) + "\n"


def _tier(name: str, rows: Tier, duration: float) -> list[str]:
    lines = [
        '        class = "IntervalTier"',
        f'        name = "{name}"',
        "        xmin = 0",
        f"        xmax = {duration}",
        f"        intervals: size = {len(rows)}",
    ]
    for number, (start, end, label) in enumerate(rows, start=1):
        quoted = label.replace('"', '""')
        lines += [
            f"        intervals [{number}]:",
            f"            xmin = {start}",
            f"            xmax = {end}",
            f'            text = "{quoted}"',
        ]
    return lines
