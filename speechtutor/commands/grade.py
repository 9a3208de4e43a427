"""`speechtutor grade`: recordings graded by clicking, blind first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from speechtutor.commands.door import Door
from speechtutor.commands.output import note
from speechtutor.errors import InputError


def run(
    source: Annotated[
        Path,
        Parameter(help="Folder of an evaluation or of recordings, a file of scores (batch), or a manifest."),
    ],
    /,
    *,
    who: Annotated[str, Parameter(help="Your name, for a page that is yours alone.")] = "",
    manifest: Annotated[
        Path | None, Parameter(help="Manifest or folder that a file of scores was made from.")
    ] = None,
    root: Annotated[Path | None, Parameter(help="Folder of the recordings (that of the source)")] = None,
    out: Annotated[Path | None, Parameter(help="Where the grades are kept (beside the source)")] = None,
    port: Annotated[int, Parameter(help="Port to listen on.")] = 7861,
    door: Door | None = None,
) -> None:
    """Grade by clicking: hear it, grade sentence, words and sounds, then see what the machine said."""
    from dataclasses import replace

    from speechtutor.commands import app
    from speechtutor.files import disk
    from speechtutor.report import desk, grades, overrides, sources

    if who:
        try:
            overrides.known_name(who)
        except InputError as error:
            raise InputError(f"--who {who:.40}: {error}") from None
    found = sources.load(source, manifest, root)
    if out is not None:
        found = replace(found, record=disk.plain_file(out))
    for problem in [*found.run.problems, *grades.of_source(found)[1]]:
        note(f"warning: {problem}")
    desk.check(found.run.rows, source)
    app.module("grading").serve(
        found,
        who=who,
        port=port,
        **(door or Door()).options(),
    )
