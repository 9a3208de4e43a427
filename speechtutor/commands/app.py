"""`speechtutor app`: the learner's web app."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Annotated

from cyclopts import Parameter

from speechtutor.commands.door import Door
from speechtutor.commands.output import Device, Strictness, demo


def module(name: str = "app") -> ModuleType:
    """`demo.app`, or another module of `demo`, wherever its folder is.

    The folder becomes the package `demo` by itself: its parent may be speechtutor's own, whose
    modules must not be found under their short names.
    """
    package = ModuleType("demo")
    package.__path__ = [str(demo())]
    sys.modules["demo"] = package
    return importlib.import_module(f"demo.{name}")


def run(
    *,
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
    door: Door | None = None,
) -> None:
    """Open the learner's app: record or upload, see every sound's score, get feedback."""
    module().serve(
        port=port,
        device=device,
        grammar=grammar,
        store=store,
        strictness=strictness,
        tutor=tutor,
        **(door or Door()).options(),
    )
