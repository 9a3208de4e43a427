"""`speechtutor score`: pronunciation assessment of a known text."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from speechtutor.commands.output import AsJson, Device, Model, Strictness, score_lines, show, warn
from speechtutor.errors import InputError, require


def run(
    audio: Annotated[Path, Parameter(help="A recording.")],
    text: Annotated[str, Parameter(help="What was to be said.")],
    /,
    *,
    model: Model = None,
    strictness: Strictness = None,
    device: Device = None,
    json: AsJson = False,
    azure: Annotated[bool, Parameter(help="Print JSON in the shape of Azure's assessment.")] = False,
    plot: Annotated[
        Path | None, Parameter(help="Also draw waveform, phones and pitch here: .png, .svg or .pdf.")
    ] = None,
    learner: Annotated[
        str | None, Parameter(help="Who spoke: prints a line of JSON with the name, for `report --class`.")
    ] = None,
) -> None:
    """Assess the pronunciation of a text: 0-100 per sentence, word and phone."""
    if learner is not None and (azure or not json or not learner.strip()):
        raise InputError(f"--learner {learner!r} is written into the JSON: give a name and --json")
    from speechtutor import registry
    from speechtutor.audio.io import load

    if plot is not None:
        _drawable(plot)
    recording = load(audio)
    score = registry.load_scorer(model, device=device, strictness=strictness).score(recording, text)
    if plot is not None:
        from speechtutor.files.disk import write_bytes
        from speechtutor.notebook import plots

        write_bytes(plot, plots.drawn(plots.plot(recording, score), plot.suffix.lstrip(".")))
    if azure:
        from speechtutor.views.azure import azure_json

        show(azure_json(score))
    elif json:
        from speechtutor.schema import dumps, score_json

        if learner is None:
            show(score_json(score))
        else:
            named = {"learner": learner, "at": datetime.now(UTC).isoformat(timespec="seconds")}
            print(dumps(named | score_json(score), indent=None))
    else:
        for line in score_lines(score):
            print(line)
        warn(score.cautions)


def _drawable(place: Path) -> None:
    """Refuse a figure before anything is judged for it."""
    from speechtutor.notebook.plots import KINDS

    if place.suffix.lstrip(".") not in KINDS:
        raise InputError(f"--plot {place} must end in {', '.join(f'.{kind}' for kind in KINDS)}")
    require("matplotlib", extra="plots")
