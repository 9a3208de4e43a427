"""`speechtutor transcribe`: words with times and confidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from speechtutor.commands.output import AsJson, Device, Model, complain, show
from speechtutor.errors import InputError

if TYPE_CHECKING:
    from speechtutor.core import Transcript


def run(
    first: Annotated[Path, Parameter(name="AUDIO", help="A recording.")],
    /,
    *others: Annotated[Path, Parameter(help="More recordings.")],
    model: Model = None,
    adapter: Annotated[Path | None, Parameter(help="A LoRA adapter for the model.")] = None,
    lang: Annotated[str | None, Parameter(help="ISO 639-1 code of the language (detected)")] = None,
    device: Device = None,
    json: AsJson = False,
) -> int:
    """Write down what was said, with times and confidence.

    With several recordings a bad one is reported and the others are kept; the exit status is 1.
    """
    from speechtutor import audio, registry
    from speechtutor.schema import transcript_json

    options = {} if adapter is None else {"adapter": adapter}
    transcriber = registry.load("transcriber", model, device=device, **options)
    done: list[tuple[Path, Transcript]] = []
    paths = (first, *others)
    for path in paths:
        try:
            done.append((path, transcriber.transcribe(audio.load(path), lang=lang)))
        except InputError as error:
            if len(paths) == 1:
                raise
            complain(error, path)
    if json:
        rows = [{"audio": str(path)} | transcript_json(transcript) for path, transcript in done]
        show(rows if others else rows[0])
    else:
        for path, transcript in done:
            print(f"{path}\t{transcript.text}" if others else transcript.text)
    return 0 if len(done) == len(paths) else 1
