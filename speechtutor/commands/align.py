"""`speechtutor align`: when each word and phone was said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from speechtutor.commands.output import AsJson, Device, Model, show, write

if TYPE_CHECKING:
    from speechtutor.core import Alignment

Tier = list[tuple[float, float, str]]


def run(
    audio: Annotated[Path, Parameter(help="A recording.")],
    text: Annotated[str, Parameter(help="What was to be said.")],
    /,
    *,
    model: Model = None,
    textgrid: Annotated[Path | None, Parameter(help="Also write a Praat TextGrid here.")] = None,
    device: Device = None,
    json: AsJson = False,
) -> None:
    """Say when each word and phone of a text was said, in seconds."""
    from speechtutor import registry
    from speechtutor.audio.io import load
    from speechtutor.schema import alignment_json

    recording = load(audio)
    alignment = registry.load("scorer", model, device=device).align(recording, text)
    if textgrid is not None:
        write(textgrid, praat(alignment, recording.duration))
    if json:
        show(alignment_json(alignment))
        return
    for word in alignment_json(alignment)["words"]:
        if word["start"] is not None:
            print(f"{word['start']:.3f}\t{word['end']:.3f}\t{word['text']}")
        for phone in word["phones"]:
            print(f"{phone['start']:.3f}\t{phone['end']:.3f}\t    {phone['phone']}")


def praat(alignment: Alignment, duration: float) -> str:
    """A Praat TextGrid in the long text format: tiers `words` and `phones`, gaps as empty intervals."""
    phones = [(*alignment.interval(phone), phone.canonical) for phone in alignment.phones]
    words = []
    for index, word in enumerate(alignment.words):
        times = [alignment.interval(phone) for phone in alignment.phones if phone.word == index]
        if times:
            words.append((times[0][0], times[-1][1], word.text))
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {duration}",
        "tiers? <exists>",
        "size = 2",
        "item []:",
    ]
    for number, (name, rows) in enumerate((("words", words), ("phones", phones)), start=1):
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
