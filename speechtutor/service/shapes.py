"""The same results in the request shapes of other services, so that a program moves by changing its host.

Azure: speech to text for short audio with pronunciation assessment. OpenAI: audio transcriptions.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Header, HTTPException, Request, Response, UploadFile
from fastapi.responses import JSONResponse, PlainTextResponse

from speechtutor.core import Recording, Transcript
from speechtutor.errors import InputError
from speechtutor.files import jsonio
from speechtutor.schema import Json, number
from speechtutor.service.desk import Desk
from speechtutor.service.queue import Queue
from speechtutor.service.tokens import Tokens
from speechtutor.views.azure import Wanted, heard_json, rest_json

AZURE = "/speech/recognition/conversation/cognitiveservices/v1"
HEADER = "Pronunciation-Assessment"
LONGEST = 8_000
"""Characters of the header with what to assess."""


MOST_PHONES = 40
"""Phones that may be asked for in place of each; there are no more."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What Azure's header asks for, under its names; what else it may hold changes nothing here.

    Switches and counts come as such or as text: the public samples write "true" and "5".
    """

    ReferenceText: str = ""
    GradingSystem: Literal["FivePoint", "HundredMark"] = "FivePoint"
    Granularity: Literal["Phoneme", "Word", "FullText"] = "Phoneme"
    Dimension: Literal["Basic", "Comprehensive"] = "Basic"
    PhonemeAlphabet: Literal["SAPI", "IPA"] = "SAPI"
    NBestPhonemeCount: int | str = 0
    EnableMiscue: bool | str = False
    EnableProsodyAssessment: bool | str = False

    def wanted(self) -> Wanted:
        """The reply that is asked for.

        Raises:
            InputError: for a text that is no switch, or no count.
        """
        return Wanted(
            self.Granularity,
            self.GradingSystem == "FivePoint",
            self.Dimension == "Comprehensive",
            self.PhonemeAlphabet == "IPA",
            _count("NBestPhonemeCount", self.NBestPhonemeCount),
            _switch("EnableMiscue", self.EnableMiscue),
            _switch("EnableProsodyAssessment", self.EnableProsodyAssessment),
        )


def _switch(name: str, value: bool | str) -> bool:
    said = str(value).strip().lower()
    if said not in ("true", "false"):
        raise InputError(f"{HEADER}: {name} is true or false, not {value!r:.40}")
    return said == "true"


def _count(name: str, value: int | str) -> int:
    said = str(value).strip()
    if not (said.isascii() and said.isdigit() and len(said) < 4 and int(said) <= MOST_PHONES):
        raise InputError(f"{HEADER}: {name} is 0 to {MOST_PHONES}, not {value!r:.40}")
    return int(said)


def asked(header: str) -> Assessment:
    """What the header `Pronunciation-Assessment` holds: JSON in base64.

    Raises:
        InputError: when it is not that.
    """
    if len(header) > LONGEST:
        raise InputError(f"{HEADER}: longer than {LONGEST} characters")
    try:
        data = base64.b64decode(header.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise InputError(f"{HEADER}: not base64") from None
    return jsonio.decode(data, Assessment, HEADER)


def shapes(desk: Desk, queue: Queue, tokens: Tokens) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["shapes of others"])

    @routes.post("/sts/v1.0/issueToken", response_class=PlainTextResponse)
    async def token(request: Request) -> PlainTextResponse:
        """Azure's token for ten minutes, in place of the key that asks for it."""
        return PlainTextResponse(tokens.issue(str(request.state.key)))

    @routes.post(AZURE)
    async def azure(
        request: Request,
        language: str = "en-US",
        format: Literal["simple", "detailed"] = "simple",
        pronunciation_assessment: Annotated[str | None, Header()] = None,
    ) -> Json:
        """The REST form of Azure's speech to text; the body is the recording."""
        if language.lower().partition("-")[0] != "en":
            raise HTTPException(400, "language: only English (en-...) is judged here")
        data = await request.body()
        if pronunciation_assessment is None:
            recording, heard = await queue.run(desk.transcribe, data, "en")
            return heard_json(heard, recording.duration, detailed=format == "detailed")
        try:
            assessment = asked(pronunciation_assessment)
            text, wanted = assessment.ReferenceText.strip() or None, assessment.wanted()
        except InputError as error:
            raise HTTPException(400, str(error)) from None
        return rest_json(await queue.run(desk.score, data, text), wanted)

    @routes.post("/v1/audio/transcriptions", response_model=None)
    async def transcriptions(
        file: Annotated[UploadFile, File(description="A recording.")],
        model: Annotated[str, Form(max_length=100, description="Taken and not looked at.")] = "",
        language: Annotated[str | None, Form(pattern="^[a-z]{2}$")] = None,
        response_format: Annotated[Literal["json", "text", "verbose_json"], Form()] = "json",
    ) -> Response:
        """OpenAI's form of a transcription."""
        recording, heard = await queue.run(desk.transcribe, await file.read(), language)
        if response_format == "text":
            return PlainTextResponse(f"{heard.text}\n")
        return JSONResponse(_openai(recording, heard, verbose=response_format == "verbose_json"))

    return routes


def _openai(recording: Recording, heard: Transcript, *, verbose: bool) -> dict[str, Any]:
    if not verbose:
        return {"text": heard.text}
    words = [
        {"word": word.text, "start": number(word.start, 3), "end": number(word.end, 3)}
        for word in heard.words
    ]
    about = {"task": "transcribe", "language": heard.lang, "duration": number(recording.duration, 3)}
    return {**about, "text": heard.text, "words": words}
