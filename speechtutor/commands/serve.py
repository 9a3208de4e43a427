"""`speechtutor serve`: the JSON API."""

from __future__ import annotations

import importlib
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from speechtutor.commands.output import Device, Strictness, note
from speechtutor.errors import InputError, require

if TYPE_CHECKING:
    from speechtutor.service.running import Plan
    from speechtutor.service.settings import Settings

NONE = "none"
"""Leaves grammar, the voice or the store out."""
RATE = "600/minute"
TOGETHER = 8
"""Recordings that a graphics card hears at once."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Stages:
    """What judges."""

    transcriber: str | None = None
    """A name from `speechtutor models`."""
    scorer: str | None = None
    """A name from `speechtutor models`."""
    tutor: str | None = None
    """A name from `speechtutor models`."""
    grammar: str | None = None
    """Corrects free speech: a name, or none (rules)."""
    voice: str | None = None
    """The model voice: a name, or none."""

    def names(self) -> dict[str, str | None]:
        """The stages that are wanted, by their names in the registry."""
        found = {"transcriber": self.transcriber, "scorer": self.scorer, "tutor": self.tutor}
        more = (("grammar", self.grammar), ("synthesizer", self.voice))
        return found | {stage: name for stage, name in more if name != NONE}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Who comes in, and how much of it."""

    allow_host: tuple[str, ...] = ()
    """A name under which the server may be asked for, each with --allow-host."""
    keys: Path | None = None
    """A file of keys by their digests, with roles and rates; --new-key makes its lines."""
    rate: str = RATE
    """How often a key may be used that has no rate of its own, or none."""
    rate_store: str | None = None
    """Where uses are counted for several servers: redis://HOST (in each process)."""
    audit: Path | None = None
    """A log of who did what to whose record; learners stand there as keyed digests."""
    waiting: int = 16
    """Requests that may wait; more are told to come again."""
    timeout: float = 60.0
    """Seconds that a request may take with waiting."""
    streams: int = 8
    """Streams that may be open at once."""
    together: int | None = None
    """Recordings of those that wait that are heard at once (8 on a graphics card, else 1)."""

    def settings(self, host: str, device: str | None) -> Settings:
        """The limits of a server on an address.

        Raises:
            InputError: when other machines would be let in without keys, or for a limit that is none.
        """
        from speechtutor.models.device import at_once
        from speechtutor.service import keys, settings

        rate = None if self.rate == NONE else self.rate
        if rate is not None:
            keys.parsed(rate, "--rate")
        known = keys.from_environment() + (() if self.keys is None else keys.from_file(self.keys))
        found = settings.Settings(
            keys.Keys(known), (*settings.HERE, host.lower(), *map(str.lower, self.allow_host)),
            n_waiting=self.waiting, patience=self.timeout, n_streams=self.streams,
            rate=rate if known else None,
            together=at_once(device, TOGETHER) if self.together is None else self.together,
        )  # fmt: skip
        settings.require_keys(host, found.keys)
        from dataclasses import replace

        return found if self.rate_store is None else replace(found, rate_store=self.rate_store)


def run(
    *,
    host: Annotated[
        str, Parameter(help="Address to listen on; beyond this machine keys are needed.")
    ] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port to listen on.")] = 8000,
    stages: Stages | None = None,
    bounds: Bounds | None = None,
    store: Annotated[
        str | None,
        Parameter(help="Learner store: a URL, or none (yours); PostgreSQL's password by PGPASSWORD."),
    ] = None,
    workers: Annotated[int, Parameter(help="Processes behind the port, with all models each.")] = 1,
    device: Device = None,
    strictness: Strictness = None,
    app: Annotated[bool, Parameter(help="Also the learner's app, at /app; with one worker.")] = False,
    auth_file: Annotated[Path | None, Parameter(help="Who may sign in to --app: name:password.")] = None,
    new_key: Annotated[
        str | None, Parameter(help="Make a key of this name, print it and its lines for --keys, and end.")
    ] = None,
    role: Annotated[
        tuple[Literal["judge", "learners", "watch"], ...],
        Parameter(help="What --new-key opens, each with --role (judge)."),
    ] = ("judge",),
) -> None:
    """Serve the JSON API; /openapi.json describes it.

    Keys that open everything come by the environment: SPEECHTUTOR_API_KEYS, with commas between them.
    """
    if new_key is not None:
        _make_key(new_key, role)
        return
    bounds = bounds or Bounds()
    settings = bounds.settings(host, device)
    for module in ("uvicorn", "fastapi", "prometheus_client", "limits"):
        require(module, extra="serve")
    if not 1 <= workers <= 64:
        raise InputError(f"--workers must be from 1 to 64, not {workers}")
    if app and workers > 1:
        raise InputError(f"--app goes with one worker, not {workers}")
    from speechtutor.service import running

    page = _page(host, bounds.allow_host, auth_file) if app else None
    plan: Plan = running.Plan((stages or Stages()).names(), settings, store, device, strictness, bounds.audit)
    with running.listening(host, port) as place:
        running.check(plan)
        many = f"; {workers} workers" if workers > 1 else ""
        note(f"listening on http://{host}:{port}; {len(settings.keys) or 'no'} keys{many}")
        with nullcontext() if page is None else page.running():
            running.serve(plan, place, workers, page)


def _page(host: str, names: tuple[str, ...], auth_file: Path | None) -> Any:
    """The learner's app for an address."""
    from speechtutor.commands.app import module

    module()
    return importlib.import_module("demo.mounting").Mounted(host, names, auth_file)


def _make_key(name: str, roles: tuple[str, ...]) -> None:
    from speechtutor.service import keys

    word = keys.made()
    lines = keys.entry(name, word, tuple(map(keys.Role, roles)))
    note("the key is shown this once; its lines go into the file of --keys")
    print(f"# {word}\n{lines}", end="")
