"""Times and scores as a TextGrid, for Praat and ELAN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from speechtutor.core import Alignment

Tier = list[tuple[float, float, str]]
"""Start and end in seconds with a label, in order."""


def of_alignment(alignment: Alignment, duration: float) -> str:
    """Tiers `words` and `phones` of an alignment."""
    phones = [(*alignment.interval(phone), phone.canonical) for phone in alignment.phones]
    words = []
    for index, word in enumerate(alignment.words):
        times = [alignment.interval(phone) for phone in alignment.phones if phone.word == index]
        if times:
            words.append((times[0][0], times[-1][1], word.text))
    return textgrid({"words": words, "phones": phones}, duration)


def of_score(value: Mapping[str, Any]) -> str:
    """Tiers of a `score --json` value: words, phones, their scores, and what was heard instead of a phone.

    A sound that was left out is "-" on the tier `heard`.
    """
    words = value["words"]
    phones = [phone for word in words for phone in word["phones"]]
    for phone in phones:
        phone["instead"] = None if phone["heard"] is None else phone["heard"] or "-"
    tiers = {
        "words": _labels(words, "text"),
        "phones": _labels(phones, "expected"),
        "heard": _labels(phones, "instead"),
        "word scores": _labels(words, "score"),
        "phone scores": _labels(phones, "score"),
    }
    return textgrid(tiers, value["duration"])


def _labels(rows: list[dict[str, Any]], name: str) -> Tier:
    timed = [row for row in rows if row["start"] is not None and row["end"] is not None]
    return [(row["start"], row["end"], "" if row[name] is None else str(row[name])) for row in timed]


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


def filled(rows: Tier, duration: float) -> Tier:
    """The intervals of a tier without gaps from 0 to `duration`, as Praat wants them."""
    whole: Tier = []
    clock = 0.0
    for start, end, label in rows:
        first, last = max(start, clock), min(end, duration)
        if last <= first:
            continue
        if first > clock:
            whole.append((clock, first, ""))
        whole.append((first, last, label))
        clock = last
    if clock < duration:
        whole.append((clock, duration, ""))
    return whole


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
