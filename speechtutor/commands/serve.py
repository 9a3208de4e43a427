"""`speechtutor serve`: the JSON API."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from speechtutor.commands.output import Device, note
from speechtutor.errors import require

NONE = "none"
"""Leaves a stage or the store out."""
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
    from speechtutor import registry
    from speechtutor.learner.store import open_store
    from speechtutor.pipeline import Coach
    from speechtutor.service.app import build

    limits = settings.Settings(
        keys, (*settings.HERE, host.lower(), *map(str.lower, allow_host)), n_waiting=waiting, patience=timeout
    )
    names = {
        "transcriber": transcriber,
        "scorer": scorer,
        "tutor": tutor,
        "grammar": grammar,
        "synthesizer": voice,
    }
    stages = {
        stage: registry.load(stage, name, device=device) for stage, name in names.items() if name != NONE
    }
    app = build(Coach(**stages), limits, None if store == NONE else open_store(store))
    note(f"listening on http://{host}:{port}; {len(keys) or 'no'} keys")
    uvicorn.run(
        app, host=host, port=port, access_log=False, server_header=False, log_level="warning",
        timeout_graceful_shutdown=round(timeout), h11_max_incomplete_event_size=32_768,
    )  # fmt: skip
