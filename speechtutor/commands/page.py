"""A page of the app as a browser has it: the values of its widgets, and its calls through the queue.

Nothing is drawn and no script of the page runs. A call is found as a browser finds it, by the widget that is
pressed and what happens to it, so whoever uses a page has to know the ids of its widgets alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import httpx

from speechtutor.errors import SpeechTutorError

API = "/gradio_api"
TAKE = "me.wav"
PATIENCE = 300.0
"""Seconds that a call of the app may take."""


class AppError(SpeechTutorError):
    """The app did not start, or answered something else than it should."""


class Page:
    """One session of the app; each widget shows what the page came with or a call has filled in since.

    Raises:
        AppError: from every method that asks the app, when it refuses, fails or never ends.
    """

    def __init__(self, url: str, name: str = "visitor") -> None:
        self.http = httpx.Client(base_url=url, timeout=PATIENCE)
        self.session = f"{name}-{time.monotonic_ns()}"
        self.config: Mapping[str, Any] = self._json(self.http.get("/config"))
        props = {one["id"]: one["props"] for one in self.config["components"]}
        self._numbers: dict[str, int] = {
            one["elem_id"]: number for number, one in props.items() if one.get("elem_id")
        }
        self._values = {number: one.get("value") for number, one in props.items()}
        self._last: int | None = None

    def upload(self, data: bytes, name: str = TAKE) -> str:
        """Send a recording; the path that the app knows it by."""
        return str(self._json(self.http.post(f"{API}/upload", files={"files": (name, data)}))[0])

    def shows(self, widget: str) -> Any:
        """The value of a widget by its id."""
        return self._values[self._number(widget)]

    def enter(self, values: Mapping[str, Any]) -> None:
        """Give widgets other values, by their ids; the app hears of them with the next press."""
        self._values |= {self._number(widget): value for widget, value in values.items()}

    def press(self, widget: str, event: str = "click", told: Mapping[str, Any] | None = None) -> None:
        """Do something to a widget, and wait for the end of what the page calls then.

        `told` is what the script of the page says of it, such as the word that was tapped.
        """
        number = self._number(widget)
        for one in self.config["dependencies"]:
            if one["backend_fn"] and [number, event] in [list(target) for target in one["targets"]]:
                self._call(one, widget, told)
                self._last = one["id"]
                return
        raise AppError(f"the page calls nothing at a {event} of {widget!r}")

    def follow(self) -> None:
        """Let the page do what it does after the last press, such as to have words said in advance."""
        ended = set() if self._last is None else {self._last}
        for one in self.config["dependencies"]:
            if one["backend_fn"] and one.get("trigger_after") in ended:
                self._call(one, "what follows", None)
                ended.add(one["id"])

    def _call(self, found: Mapping[str, Any], widget: str, told: Mapping[str, Any] | None) -> None:
        """Make a call and fill in what it gives back in the end."""
        data = [self._values[number] for number in found["inputs"]]
        body = {"data": data, "fn_index": found["id"], "session_hash": self.session, "event_data": told}
        self._json(self.http.post(f"{API}/queue/join", json=body))
        address = {"session_hash": self.session}
        with self.http.stream("GET", f"{API}/queue/data", params=address) as events:
            for line in events.iter_lines():
                message = json.loads(line[6:]) if line.startswith("data: ") else {}
                if message.get("msg") == "process_completed":
                    if not message["success"]:
                        raise AppError(f"the app failed at {widget!r}: {message['output']}")
                    self._fill(found["outputs"], message["output"]["data"])
                    return
        raise AppError(f"the app never ended {widget!r}")

    def _fill(self, numbers: list[int], values: list[Any]) -> None:
        for number, value in zip(numbers, values, strict=True):
            if not isinstance(value, dict) or value.get("__type__") != "update":
                self._values[number] = value
            elif "value" in value:
                self._values[number] = value["value"]

    def _number(self, widget: str) -> int:
        if widget not in self._numbers:
            raise AppError(f"the page has no widget {widget!r}")
        return int(self._numbers[widget])

    def _json(self, answer: httpx.Response) -> Any:
        if answer.status_code != 200:
            raise AppError(f"{answer.request.url.path}: status {answer.status_code}, {answer.text:.200}")
        return answer.json()
