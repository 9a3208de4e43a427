"""`speechtutor align`: when each word and phone was said."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from speechtutor.commands.output import AsJson, Device, Model, Phones, show, write


def run(
    audio: Annotated[Path, Parameter(help="A recording.")],
    text: Annotated[str, Parameter(help="What was to be said.")],
    /,
    *,
    model: Model = None,
    textgrid: Annotated[Path | None, Parameter(help="Also write a Praat TextGrid here.")] = None,
    phones: Phones = "arpabet",
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
        from speechtutor.views import praat, tiers

        write(textgrid, praat.textgrid(tiers.of_alignment(alignment, phones), recording.duration))
    if json:
        show(alignment_json(alignment))
        return
    for word in alignment_json(alignment)["words"]:
        if word["start"] is not None:
            print(f"{word['start']:.3f}\t{word['end']:.3f}\t{word['text']}")
        for phone in word["phones"]:
            print(f"{phone['start']:.3f}\t{phone['end']:.3f}\t    {phone['phone']}")
