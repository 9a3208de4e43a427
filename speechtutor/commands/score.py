"""`speechtutor score`: pronunciation assessment of a known text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from speechtutor.commands.output import AsJson, Device, Model, score_lines, show, warn


def run(
    audio: Annotated[Path, Parameter(help="A recording.")],
    text: Annotated[str, Parameter(help="What was to be said.")],
    /,
    *,
    model: Model = None,
    device: Device = None,
    json: AsJson = False,
    azure: Annotated[bool, Parameter(help="Print JSON in the shape of Azure's assessment.")] = False,
) -> None:
    """Assess the pronunciation of a text: 0-100 per sentence, word and phone."""
    from speechtutor import registry
    from speechtutor.audio.io import load

    recording = load(audio)
    score = registry.load("scorer", model, device=device).score(recording, text)
    if azure:
        from speechtutor.views.azure import azure_json

        show(azure_json(score))
    elif json:
        from speechtutor.schema import score_json

        show(score_json(score))
    else:
        for line in score_lines(score):
            print(line)
        warn(score.cautions)
