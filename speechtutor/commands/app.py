"""`speechtutor app`: the learner's web app."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated

from cyclopts import Parameter

from speechtutor.commands.output import Device, Strictness, demo


def module() -> ModuleType:
    """`demo.app`, wherever its folder is.

    The folder becomes the package `demo` by itself: its parent may be speechtutor's own, whose
    modules must not be found under their short names.
    """
    package = ModuleType("demo")
    package.__path__ = [str(demo())]
    sys.modules["demo"] = package
    return importlib.import_module("demo.app")


def run(
    *,
    host: Annotated[str, Parameter(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port to listen on.")] = 7860,
    device: Device = None,
    grammar: Annotated[
        str | None, Parameter(help="Corrects free speech (our adapter once pulled, else rules).")
    ] = None,
    tutor: Annotated[
        str | None, Parameter(help="Words the advice (our model once pulled, else rules).")
    ] = None,
    store: Annotated[
        str | None, Parameter(help="Database URL of what learners did (a file in the home directory).")
    ] = None,
    strictness: Strictness = None,
    open: Annotated[bool, Parameter(help="Open the browser.")] = False,
    auth_file: Annotated[Path | None, Parameter(help="Who may sign in: lines of name:password.")] = None,
    without_sign_in: Annotated[
        bool, Parameter(help="Let everybody in who reaches another --host than this machine.")
    ] = False,
    allow_host: Annotated[
        tuple[str, ...], Parameter(help="What else this machine is called, behind a proxy say.")
    ] = (),
) -> None:
    """Open the learner's app: record or upload, see every sound's score, get feedback."""
    module().serve(
        host=host,
        port=port,
        device=device,
        open_browser=open,
        grammar=grammar,
        store=store,
        strictness=strictness,
        tutor=tutor,
        auth_file=auth_file,
        without_sign_in=without_sign_in,
        names=allow_host,
    )
