"""`speechtutor speak`: the model voice, also saying a chosen mispronunciation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from speechtutor.commands.output import Device, Model, note
from speechtutor.errors import InputError

SLOWEST, FASTEST = 0.5, 2.0
"""What still sounds like speech, in times the voice's own speed."""


def run(
    text: Annotated[str, Parameter(help="What to say.")],
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o", help="The file to write: .flac or .wav.")],
    phones: Annotated[
        str | None, Parameter(help="Say these instead, e.g. 'think=S IH NG K' or all words split by '|'.")
    ] = None,
    rate: Annotated[float, Parameter(help="Speed: 1 is the voice's own.")] = 1.0,
    voice: Annotated[str | None, Parameter(help="A voice of the model.")] = None,
    model: Model = None,
    device: Device = None,
) -> None:
    """Say a text with the model voice and write it to a file."""
    if not SLOWEST <= rate <= FASTEST:
        raise InputError(f"--rate must be from {SLOWEST:g} to {FASTEST:g}, not {rate:g}")
    from speechtutor import audio, registry

    options: dict[str, Any] = {} if voice is None else {"voice": voice}
    synthesizer = registry.load("synthesizer", model, device=device, **options)
    recording = synthesizer.speak(text, rate=rate, phones=phones)
    audio.save(recording, output)
    note(f"{output}: {recording.duration:.2f} s")
