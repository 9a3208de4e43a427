"""A server from its plan: one process, or several behind one port.

A plan can be sent to another process: each worker loads its models and opens the store by itself. One that
dies is started again; a signal to stop reaches all, and each finishes what it took.
"""

from __future__ import annotations

import functools
import logging
import os
import signal
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechtutor import engines
from speechtutor.errors import InputError
from speechtutor.service.figures import FOLDER
from speechtutor.service.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from speechtutor.pipeline import Coach
    from speechtutor.service.app import Beside

NO_STORE = "none"
WARM = "I think so."
HEAD_BYTES = 32_768
MOST_CONNECTIONS = 1_000
"""Of one worker; more are answered 503."""


@dataclass(frozen=True)
class Plan:
    """What is served: stages by their names in the registry, the store's URL (None is yours), a log."""

    stages: Mapping[str, str | None]
    settings: Settings = field(default_factory=Settings)
    store: str | None = None
    device: str | None = None
    strictness: str | None = None
    audit: Path | None = None


def check(plan: Plan) -> None:
    """Look up all that can be wrong with a plan before anything is loaded, and make or upgrade the store.

    Raises:
        SpeechTutorError: naming it.
    """
    from speechtutor import registry
    from speechtutor.learner.store import open_store
    from speechtutor.service.audit import Audit
    from speechtutor.service.rates import Rates

    for stage, name in plan.stages.items():
        registry.find(stage, name or registry.default(stage))
    Rates(plan.settings.rate, plan.settings.rate_store)
    if plan.audit is not None:
        Audit(plan.audit).close()
    if plan.store != NO_STORE:
        open_store(plan.store).close()


def make(plan: Plan, beside: Beside | None = None) -> FastAPI:
    """The application of a plan, its models loaded.

    Raises:
        SpeechTutorError: when one cannot be.
    """
    from speechtutor.learner.store import open_store
    from speechtutor.service.app import build
    from speechtutor.service.audit import Audit

    _log_to_stderr()
    store = None if plan.store == NO_STORE else open_store(plan.store)
    audit = None if plan.audit is None else Audit(plan.audit)
    coach = _coach(plan)
    _warm(coach)
    return build(coach, plan.settings, store, audit, beside)


def _warm(coach: Coach) -> None:
    """Let every stage work once, so that nobody waits for what is made at the first call."""
    if coach.synthesizer is not None:
        coach.coach(coach.synthesizer.speak(WARM), WARM)
        coach.transcribe(coach.synthesizer.speak(WARM))


def _coach(plan: Plan) -> Coach:
    from speechtutor import registry
    from speechtutor.pipeline import Coach

    found: dict[str, Any] = {}
    for stage, name in plan.stages.items():
        chosen = registry.find(stage, name or registry.default(stage)).name
        if stage == "scorer":
            found[stage] = registry.load_scorer(chosen, device=plan.device, strictness=plan.strictness)
        else:
            found[stage] = registry.load(stage, chosen, device=plan.device)
    return Coach(**found)


def serve(plan: Plan, place: socket.socket, workers: int = 1, beside: Beside | None = None) -> None:
    """Serve until a signal says to stop, and finish what was taken.

    A page `beside` the API keeps what it shows in its process, so it goes with one worker.
    """
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    from speechtutor.service.prompt import PromptProtocol

    config = uvicorn.Config(
        functools.partial(make, plan, beside), factory=True, workers=workers, http=PromptProtocol,
        ws="websockets-sansio", ws_max_size=2**20, access_log=False, server_header=False, log_level="warning",
        timeout_graceful_shutdown=round(plan.settings.patience) or 1, limit_concurrency=MOST_CONNECTIONS,
        h11_max_incomplete_event_size=HEAD_BYTES,
    )  # fmt: skip
    if workers == 1:
        config.load()  # an error of ours is told before anybody is answered
        with _outlived(signal.SIGTERM):
            uvicorn.Server(config).run(sockets=[place])
        return
    with _shared(workers):
        Multiprocess(config, [place]).run()


@contextmanager
def _outlived(number: int) -> Iterator[None]:
    """A signal that ends the server and not the process, which has to tidy up.

    uvicorn raises the signal that stopped it again when it is done, for who was there to hear it before.
    """
    before = signal.signal(number, lambda _number, _frame: None)
    try:
        yield
    finally:
        signal.signal(number, before)


@contextmanager
def _shared(workers: int) -> Iterator[None]:
    """The environment of workers: a folder for their figures, and each its part of the processors."""
    changed = {"OMP_NUM_THREADS": str(max(1, engines.threads() // workers))}
    with tempfile.TemporaryDirectory(prefix="speechtutor-figures-") as folder:
        changed[FOLDER] = folder
        before = {name: os.environ.get(name) for name in changed}
        os.environ.update(changed)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def listening(host: str, port: int) -> socket.socket:
    """The socket, before models are loaded for it.

    Raises:
        InputError: when the address cannot be had.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=512)
    except (OSError, OverflowError) as error:
        told: Any = getattr(error, "strerror", None) or error
        raise InputError(f"cannot listen on {host}:{port}: {told}") from None


def _log_to_stderr() -> None:
    """A line of JSON a request, and what went wrong."""
    log = logging.getLogger("speechtutor.service")
    if not log.handlers:
        log.addHandler(logging.StreamHandler())
    log.setLevel(logging.INFO)
    log.propagate = False
