"""A language model behind an OpenAI-compatible server, such as vLLM, llama.cpp or Ollama, by URL."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx

from speechtutor.errors import InputError, ServiceError, cause
from speechtutor.stages import Message
from speechtutor.tutor.phrasing import LlmTutor

TIMEOUT = 10.0
"""Seconds to wait for the connection and between two pieces of a reply; then the rules speak."""

DETAIL = 200
"""Characters of a server's error message that are passed on."""


class ServerEngine:
    """Writing by a chat-completions endpoint, streamed as server-sent events."""

    def __init__(
        self,
        url: str,
        model: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        """Talk to the server at a base URL such as http://localhost:8000/v1.

        Without `model` the first one that the server lists is taken, on the first use.

        Raises:
            InputError: when the URL is none.
        """
        parsed = _parse(url)
        self.url = str(parsed).rstrip("/")
        self.model = model
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.Client(headers=headers, timeout=timeout)

    @property
    def name(self) -> str:
        """The model's name, or the server's until it is known."""
        return self.model or self.url

    def generate(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
        """The reply in pieces, as the server sends them; closing the iterator ends the request.

        Raises:
            ServiceError: when the server cannot be reached, refuses, takes too long or sends nonsense.
        """
        with self._errors():
            if self.model is None:
                self.model = self._first_model()
            body = {
                "model": self.model,
                "messages": [{"role": m.role, "content": m.content} for m in messages],
                "max_tokens": max_tokens,
                "temperature": 0,
                "stream": True,
            }
            with self._client.stream("POST", f"{self.url}/chat/completions", json=body) as response:
                if response.is_error:
                    response.read()
                    raise ServiceError(self._says(response))
                yield from self._pieces(response)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _pieces(self, response: httpx.Response) -> Iterator[str]:
        """The text of the events; a server that does not stream sends one plain JSON value.

        A stream is whole when it says so: a connection that ends before that was cut, and half a
        reply may hold by itself and still say something else.
        """
        if response.headers.get("content-type", "").startswith("application/json"):
            response.read()
            yield self._text(response.text, "message")
            return
        begun = whole = False
        for line in response.iter_lines():
            field, _, data = line.partition(":")
            if field != "data":
                continue
            if data.strip() == "[DONE]":
                return
            begun = True
            if piece := self._text(data, "delta"):
                yield piece
            whole = whole or _is_last(data)
        if not begun:
            raise ServiceError(f"{self.url} sent no events")
        if not whole:
            raise ServiceError(f"{self.url} broke off in the middle of a reply")

    def _text(self, data: str, part: str) -> str:
        """The content of a chat-completion value; the last event may carry no choice at all."""
        try:
            value = json.loads(data)
            if "error" in value:
                raise ServiceError(f"{self.url} failed: {str(value['error'])[:DETAIL]}")
            content = value["choices"][0][part].get("content") if value["choices"] else ""
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise ServiceError(f"{self.url} sent no chat completion: {data[:DETAIL]!r}") from error
        if not isinstance(content, str | None):
            raise ServiceError(f"{self.url} sent content that is no text: {data[:DETAIL]!r}")
        return content or ""

    def _first_model(self) -> str:
        response = self._client.get(f"{self.url}/models")
        if response.is_error:
            raise ServiceError(self._says(response))
        try:
            return str(response.json()["data"][0]["id"])
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise ServiceError(f"{self.url} lists no models: name one") from error

    def _says(self, response: httpx.Response) -> str:
        return f"{self.url} answered {response.status_code}: {' '.join(response.text.split())[:DETAIL]}"

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except httpx.TimeoutException as error:
            raise ServiceError(f"{self.url} took too long") from error
        except httpx.HTTPError as error:
            raise ServiceError(f"{self.url} failed: {cause(error)}") from error


def _is_last(data: str) -> bool:
    """Whether an event says why the reply ends; what it holds was looked at before."""
    choices = json.loads(data)["choices"]
    return bool(choices) and bool(choices[0].get("finish_reason"))


def _parse(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InputError(f"{url!r} is not a server's URL: {cause(error)}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InputError(f"{url!r} is not a server's URL, expected one like http://localhost:8000/v1")
    return parsed


def load(
    checkpoint: str | None = None,
    device: str | None = None,
    *,
    model: str | None = None,
    api_key: str | None = None,
    timeout: float = TIMEOUT,
) -> LlmTutor:
    """A tutor whose words come from the server at the URL `checkpoint`; `device` is the server's affair.

    Raises:
        InputError: when there is no URL, or it is none.
    """
    del device
    if not checkpoint:
        raise InputError("name the server's URL, such as http://localhost:8000/v1")
    return LlmTutor(ServerEngine(checkpoint, model, api_key=api_key, timeout=timeout))
