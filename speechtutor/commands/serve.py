"""`speechtutor serve`: the JSON API."""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from speechtutor.commands.output import Device, note
from speechtutor.errors import InputError, require

if TYPE_CHECKING:
    from speechtutor.pipeline import Coach

NONE = "none"
"""Leaves grammar, the voice or the store out."""
Name = Annotated[str | None, Parameter(help="A name from `speechtutor models`.")]


def run(
    *,
    host: Annotated[
        str, Parameter(help="Address to listen on; beyond this machine keys are needed.")
    ] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port to listen on.")] = 8000,
    allow_host: Annotated[
        tuple[str, ...],
        Parameter(help="A name under which the server may be asked for, each with --allow-host."),
    ] = (),
    transcriber: Name = None,
    scorer: Name = None,
    tutor: Name = None,
    grammar: Annotated[str | None, Parameter(help="Corrects free speech: a name, or none (rules).")] = None,
    voice: Annotated[str | None, Parameter(help="The model voice: a name, or none.")] = None,
    store: Annotated[str | None, Parameter(help="Learner store: a URL, or none (yours)")] = None,
    device: Device = None,
    waiting: Annotated[int, Parameter(help="Requests that may wait; more are told to come again.")] = 16,
    timeout: Annotated[float, Parameter(help="Seconds that a request may take with waiting.")] = 60.0,
) -> None:
    """Serve the JSON API; /openapi.json describes it.

    Keys that are let in come by the environment: SPEECHTUTOR_API_KEYS, with commas between them.
    """
    from speechtutor.service import settings

    keys = settings.keys_from()
    settings.require_keys(host, keys)
    uvicorn = require("uvicorn", extra="serve")
    require("fastapi", extra="serve")
    require("prometheus_client", extra="serve")
    from speechtutor.learner.store import open_store
    from speechtutor.service.app import build

    limits = settings.Settings(
        keys, (*settings.HERE, host.lower(), *map(str.lower, allow_host)), n_waiting=waiting, patience=timeout
    )
    names = {"transcriber": transcriber, "scorer": scorer, "tutor": tutor}
    names |= {stage: name for stage, name in (("grammar", grammar), ("synthesizer", voice)) if name != NONE}
    with _listening(host, port) as place:
        app = build(_coach(names, device), limits, None if store == NONE else open_store(store))
        _log_to_stderr()
        note(f"listening on http://{host}:{port}; {len(keys) or 'no'} keys")
        config = uvicorn.Config(
            app, access_log=False, server_header=False, log_level="warning",
            timeout_graceful_shutdown=round(timeout), h11_max_incomplete_event_size=32_768,
        )  # fmt: skip
        uvicorn.Server(config).run(sockets=[place])


def _coach(names: Mapping[str, str | None], device: str | None) -> Coach:
    """The stages of these names, each of which is looked up before the first is loaded."""
    from speechtutor import registry
    from speechtutor.pipeline import Coach

    found = {
        stage: registry.find(stage, name or registry.default(stage)).name for stage, name in names.items()
    }
    return Coach(**{stage: registry.load(stage, name, device=device) for stage, name in found.items()})


def _listening(host: str, port: int) -> socket.socket:
    """The socket, before models are loaded for it.

    Raises:
        InputError: when the address cannot be had.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise InputError(
            f"cannot listen on {host}:{port}: {getattr(error, 'strerror', None) or error}"
        ) from None


def _log_to_stderr() -> None:
    """A line of JSON a request, and what went wrong."""
    log = logging.getLogger("speechtutor.service")
    log.addHandler(logging.StreamHandler())
    log.setLevel(logging.INFO)
    log.propagate = False
