"""The routes, and how errors are told: one line of JSON each, never a traceback."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import numpy as np
from fastapi import APIRouter, Body, FastAPI, File, Form, Query, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from speechtutor import __version__
from speechtutor.errors import InputError, ModelError, ServiceError, SpeechTutorError, StorageError
from speechtutor.pipeline import Coach
from speechtutor.practice.given import LARGEST, SEEDS, Asked
from speechtutor.schema import Json, score_json
from speechtutor.service.ahead import Ahead, hearing
from speechtutor.service.audit import Audit
from speechtutor.service.desk import ConflictError, Desk, MissingError
from speechtutor.service.figures import Figures
from speechtutor.service.gate import Gate
from speechtutor.service.queue import BusyError, Queue, SlowError, StoppingError
from speechtutor.service.settings import Settings
from speechtutor.service.shapes import shapes
from speechtutor.service.stream import Streams, streams
from speechtutor.service.tokens import Tokens
from speechtutor.service.watched import watched
from speechtutor.stages import Foresighted
from speechtutor.views.session import exercise_json

if TYPE_CHECKING:
    from speechtutor.learner.store import SqlStore

log = logging.getLogger("speechtutor.service")

Audio = Annotated[UploadFile, File(description="A recording: wav, flac, mp3, ogg, opus, m4a or webm.")]
Text = Annotated[str | None, Form(description="What was to be said; without it, what was heard.")]
Explain = Annotated[str | None, Form(description="Explain in this language: en, es or zh.")]

APP = "/app"
"""Where a page for people lies."""


class Beside(Protocol):
    """A page for people, below `APP`."""

    def turn(self) -> AbstractContextManager[None]:
        """Held while the API uses the models."""
        ...

    def mount(self, api: Any, coach: Coach) -> None:
        """Add the page of a coach to the application."""
        ...


STATUS: dict[type[SpeechTutorError], int] = {
    MissingError: 404, ConflictError: 409, InputError: 422, BusyError: 429, ServiceError: 502,
    ModelError: 503, StorageError: 503, StoppingError: 503, SlowError: 504,
}  # fmt: skip
TOLD = (InputError, BusyError, SlowError)
"""Errors whose line is for the client; the others may name places of the server and are logged."""


def build(
    coach: Coach,
    settings: Settings | None = None,
    store: SqlStore | None = None,
    audit: Audit | None = None,
    beside: Beside | None = None,
) -> FastAPI:
    """The application over stages that were loaded elsewhere; it closes store and audit when it stops.

    `beside` is a page for people that shares the models.
    """
    settings = settings or Settings()
    figures = Figures()
    turn = nullcontext if beside is None else beside.turn
    queue = Queue(
        settings.n_waiting, settings.patience, figures.inside, partial(figures.stage, "waiting"), turn,
        settings.together,
    )  # fmt: skip
    ahead = None
    if settings.together > 1 and isinstance(coach.scorer, Foresighted):
        ahead = Ahead(coach.scorer)
    judging = coach if ahead is None else replace(coach, scorer=ahead)
    stages = replace(watched(judging, figures.stage), store=store)
    desk = Desk(stages, store, settings.max_seconds, figures.judged, figures.stage)
    if ahead is not None:
        queue.foresee = hearing(ahead, desk.recording)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(queue.close)  # what was taken is finished
        for one in (store, audit):
            if one is not None:
                one.close()

    app = FastAPI(
        title="speechtutor",
        version=__version__,
        lifespan=life,
        docs_url=None,  # its page would be loaded from elsewhere; /openapi.json says the same
        redoc_url=None,
    )
    app.include_router(_judging(desk, queue))
    app.include_router(_learners(desk, queue))
    app.include_router(_watching(queue, figures))
    app.include_router(shapes(desk, queue, Tokens(settings.secret)))
    app.include_router(streams(Streams(desk, queue, settings, figures, _line)))
    app.add_exception_handler(SpeechTutorError, _told)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_middleware(
        Gate, settings=settings, figures=figures, audit=audit, aside=None if beside is None else APP
    )
    if beside is not None:
        beside.mount(app, replace(coach, store=store))
    return app


def _judging(desk: Desk, queue: Queue) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["judging"])

    @routes.post("/transcribe")
    async def transcribe(
        audio: Audio, lang: Annotated[str | None, Form(pattern="^[a-z]{2}$")] = None
    ) -> Json:
        """Words with times and confidence."""
        return await queue.run(desk.heard, await audio.read(), lang)

    @routes.post("/score")
    async def score(audio: Audio, text: Text = None) -> Json:
        """Scores 0-100 of sentence, words and sounds, as `score --json`."""
        return score_json(await queue.run(desk.score, await audio.read(), text))

    @routes.post("/coach")
    async def coach(audio: Audio, text: Text = None, explain: Explain = None) -> Json:
        """The whole loop: what was heard, how well, what to do about it. Nothing is remembered."""
        return await queue.run(desk.session, await audio.read(), text, explain)

    @routes.post("/speak", response_class=Response, responses={200: {"content": {"audio/wav": {}}}})
    async def speak(
        text: Annotated[str, Body(min_length=1, examples=["I think so."])],
        rate: Annotated[float, Body(ge=0.5, le=2)] = 1.0,
        phones: Annotated[str | None, Body(examples=["think=S IH1 NG K"])] = None,
    ) -> Response:
        """A text by the model voice, wrong on purpose where `phones` says so."""
        data = await queue.run(desk.speak, text, rate, phones)
        return Response(data, media_type="audio/wav")

    return routes


def _learners(desk: Desk, queue: Queue) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["learners"])

    @routes.post("/attempts")
    async def attempt(
        request: Request,
        audio: Audio,
        id: Annotated[
            str, Form(description="Made by the client, such as a UUID; the same again is kept once.")
        ],
        learner: Annotated[str, Form()],
        text: Text = None,
        explain: Explain = None,
    ) -> Json:
        """Judge and remember an attempt. Safe to send again with the same id until it is answered."""
        request.state.learner = learner  # for the audit log
        return await queue.run(desk.attempt, id, learner, await audio.read(), text, explain)

    @routes.get("/practice")
    def practice(
        request: Request,
        learner: str | None = None,
        level: Annotated[str, Query(max_length=2)] = "A2",
        sounds: Annotated[str, Query(max_length=200)] = "",
        words: Annotated[str, Query(max_length=200)] = "",
        kind: Annotated[str, Query(max_length=100)] = "sound",
        explain: str | None = None,
        seed: Annotated[int | None, Query(ge=0, lt=LARGEST)] = None,
    ) -> Json:
        """The next exercise; `seed` of the answer gives it again."""
        request.state.learner = learner
        number = int(np.random.default_rng().integers(SEEDS)) if seed is None else seed
        asked = Asked(level.upper(), _listed(sounds.upper()), _listed(words), _listed(kind))
        return exercise_json(desk.practice(learner, number, asked, explain), number)

    @routes.get("/learners/{learner}")
    def export(learner: str) -> JSONResponse:
        """Everything that is known of a learner."""
        return JSONResponse(desk.export(learner))

    @routes.delete("/learners/{learner}")
    def forget(learner: str) -> Json:
        """Forget a learner."""
        return desk.forget(learner)

    return routes


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _watching(queue: Queue, figures: Figures) -> APIRouter:
    routes = APIRouter(tags=["watching"])

    @routes.get("/healthz")
    async def healthz() -> Json:
        """Alive."""
        return {"status": "ok"}

    @routes.get("/readyz")
    async def readyz() -> JSONResponse:
        """Whether requests are taken; the models are loaded before the server listens."""
        return JSONResponse({"status": "ok" if queue.open else "stopping"}, 200 if queue.open else 503)

    @routes.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        """Figures for Prometheus."""
        return Response(figures.text(), headers={"content-type": figures.kind})

    return routes


def _error(status: int, line: str, headers: Any = None) -> JSONResponse:
    text = " ".join(line.split())[:500].encode("utf-8", "replace").decode()
    return JSONResponse({"error": text}, status, headers=headers)


async def _told(_: Request, error: Exception) -> JSONResponse:
    """One of our own errors by what it means over HTTP."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    again = {"retry-after": str(error.wait)} if isinstance(error, BusyError) else None
    return _error(status, _line(error), again)


def _line(error: Exception) -> str:
    """What a client is told of one of our own errors; the rest is for the log."""
    if isinstance(error, TOLD):
        return str(error)
    log.error("%s: %s", type(error).__name__, error)
    return "something that this server needs failed; its log says what"


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    """What a field lacks, without its value."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()[0]
    place = ".".join(str(part) for part in found["loc"][1:] if str(part).isprintable()) or "the request"
    return _error(422, f"{place[:80]}: {found['msg']}")


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, str(error.detail or HTTPStatus(error.status_code).phrase), error.headers)
