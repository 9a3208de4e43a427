"""Learners in the app, as `speechtutor bench` sends them: through the queue that a browser uses.

The app runs in a process of its own. Each learner says a sentence (which takes as long as the recording),
has it checked, taps a word, hears the next sentence and says that one. Every take is another recording by
its bytes, as those of people are, or the app would know it already.
"""

from __future__ import annotations

import io
import itertools
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import soundfile

from speechtutor.commands.timing import Sample, percentiles
from speechtutor.content.tables import sentence_bank
from speechtutor.core import Recording
from speechtutor.errors import SpeechTutorError

if TYPE_CHECKING:
    from speechtutor.schema import Json

API = "/gradio_api"
TAKE = "me.wav"
PROGRAM = (sys.executable, "-m", "speechtutor", "app")
PATIENCE = 300.0
"""Seconds that a call of the app may take."""
LOUDNESS = 1e-4
"""Of the sample that makes a take another one: not to be heard."""


class AppError(SpeechTutorError):
    """The app did not start, or answered something else than it should."""


@dataclass(frozen=True)
class App:
    """An app that runs, and where."""

    process: subprocess.Popen[str]
    url: str

    def memory_mb(self) -> float | None:
        """Its resident memory; None where the system does not say."""
        try:
            told = subprocess.run(
                ["ps", "-o", "rss=", "-p", str(self.process.pid)], capture_output=True, text=True, check=True
            )
        except (OSError, subprocess.CalledProcessError):
            return None
        return round(int(told.stdout) * 1024 / 1e6, 1)


@contextmanager
def running(*options: str, program: Sequence[str] = ()) -> Iterator[App]:
    """The app on a free port with a learners' store of its own, until the end of the block.

    Raises:
        AppError: when it does not start.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="speechtutor-bench-")))
        port = _free_port()
        store = f"sqlite:///{folder / 'learners.db'}"
        command = [*(program or PROGRAM), "--port", str(port), "--store", store, *options]
        log = stack.enter_context((folder / "log").open("w+", encoding="utf-8"))
        process = stack.enter_context(
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        )
        stack.callback(_stopped, process)
        assert process.stdout is not None
        said = process.stdout.readline()
        if "The app is at" not in said:
            process.wait(30)
            told = (folder / "log").read_text(encoding="utf-8").strip().splitlines()
            raise AppError(
                f"the app did not start: {told[-1] if told else said.strip() or 'it said nothing'}"
            )
        yield App(process, f"http://127.0.0.1:{port}")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _stopped(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()


class Visitor:
    """A browser in the app: one session, whose calls go by the widgets that they are about."""

    def __init__(self, url: str, name: str = "visitor") -> None:
        self.http = httpx.Client(base_url=url, timeout=PATIENCE)
        self.session = f"{name}-{time.monotonic_ns()}"
        self.config: Mapping[str, Any] = self._json(self.http.get("/config"))

    def upload(self, data: bytes, name: str = TAKE) -> str:
        """Send a recording; the path that the app knows it by."""
        return str(self._json(self.http.post(f"{API}/upload", files={"files": (name, data)}))[0])

    def check(self, path: str, text: str) -> str:
        """Judge an uploaded take of a text: the words as HTML, or the message where there are none."""
        take = {"path": path, "meta": {"_type": "gradio.FileData"}}
        shown = self.call("words", mic=take, sentence=text)
        return str(shown[1] or shown[0])

    def tap(self, word: int) -> list[Any]:
        """Tap a word of the last check: its sounds as HTML, and the player."""
        return self.call("own", event={"word": word})

    def hear(self, text: str) -> str:
        """The path of a text in the model voice."""
        return str(self.call("voice", sentence=text)[0]["value"]["path"])

    def call(self, output: str, *, event: Mapping[str, Any] | None = None, **given: Any) -> list[Any]:
        """What a call of the page gives back in the end.

        `output` is the id of a widget that the call fills, `given` are values by the id of theirs; the
        others are as the page shows them at first. `event` is what a tap tells.

        Raises:
            AppError: when the call fails or never ends.
        """
        found = self._found(output, given, tapped=event is not None)
        values = {number: self._widget(number) for number in found["inputs"]}
        data = [given.get(one.get("elem_id") or "", one.get("value")) for one in values.values()]
        body = {"data": data, "fn_index": found["id"], "session_hash": self.session, "event_data": event}
        self._json(self.http.post(f"{API}/queue/join", json=body))
        address = {"session_hash": self.session}
        with self.http.stream("GET", f"{API}/queue/data", params=address) as events:
            for line in events.iter_lines():
                message = json.loads(line[6:]) if line.startswith("data: ") else {}
                if message.get("msg") == "process_completed":
                    if not message["success"]:
                        raise AppError(f"the app could not fill {output!r}: {message['output']}")
                    return list(message["output"]["data"])
        raise AppError(f"the app never filled {output!r}")

    def _widget(self, number: int) -> Mapping[str, Any]:
        return next(one["props"] for one in self.config["components"] if one["id"] == number)

    def _found(self, output: str, given: Mapping[str, Any], tapped: bool) -> Mapping[str, Any]:
        def ids(numbers: Sequence[int]) -> set[str]:
            return {self._widget(number).get("elem_id") or "" for number in numbers}

        for one in self.config["dependencies"]:
            is_tap = any(event == "click" and self._is_html(at) for at, event in one["targets"])
            fits = output in ids(one["outputs"]) and given.keys() <= ids(one["inputs"])
            if one["backend_fn"] and fits and is_tap == tapped:
                return dict(one)
        raise AppError(f"the page has no call that fills {output!r} from {', '.join(given) or 'nothing'}")

    def _is_html(self, number: int | None) -> bool:
        return any(one["id"] == number and one["type"] == "html" for one in self.config["components"])

    def _json(self, answer: httpx.Response) -> Any:
        if answer.status_code != 200:
            raise AppError(f"{answer.request.url.path}: status {answer.status_code}, {answer.text:.200}")
        return answer.json()


@dataclass
class Visits:
    """What all learners of a run saw: seconds by kind of call, and what went wrong."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {"check": [], "tap": [], "hear": []})
    problems: list[str] = field(default_factory=list)
    memory_mb: list[float | None] = field(default_factory=list)
    """Of the app: before the first learner came, then each minute, then at the end."""
    takes_on_disk: int = 0
    """Recordings that the app had not deleted when the last learner left."""
    folder: Path | None = None
    """Where the app keeps what it hears."""


def take(recording: Recording, number: int) -> bytes:
    """A recording as a browser sends it, told apart from others of its kind by one silent sample."""
    samples = np.append(recording.samples, np.float32(LOUDNESS * (1 + number % 1000)))
    file = io.BytesIO()
    soundfile.write(file, samples, recording.sample_rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


def visit(
    app: App, samples: Sequence[Sample], users: int, seconds: float, note: Callable[[str], None]
) -> Visits:
    """Let `users` learners use an app for `seconds`, each beginning with another of the samples."""
    seen, numbers = Visits(memory_mb=[app.memory_mb()]), itertools.count()
    start = time.monotonic()
    threads = [
        threading.Thread(target=_learner, args=(app, samples, i, start + seconds, seen, numbers), daemon=True)
        for i in range(users)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.2)
        passed = time.monotonic() - start
        if 60 * len(seen.memory_mb) <= min(passed, seconds):
            seen.memory_mb.append(app.memory_mb())
            note(f"{round(passed / 60)} min: {seen.memory_mb[-1]} MB, {len(seen.seconds['check'])} checks")
    seen.memory_mb.append(app.memory_mb())
    seen.takes_on_disk = 0 if seen.folder is None else len(list(seen.folder.rglob(TAKE)))
    return seen


def _learner(
    app: App, samples: Sequence[Sample], number: int, end: float, seen: Visits, numbers: Iterator[int]
) -> None:
    """One sentence after the other until the end."""
    bank = [exercise.text for exercise in sentence_bank()]
    try:
        visitor = Visitor(app.url, f"learner-{number}")
        for turn in itertools.count():
            sample = samples[(number + turn) % len(samples)]
            time.sleep(min(sample.recording.duration, max(0.0, end - time.monotonic())))
            if time.monotonic() >= end:
                return
            path = visitor.upload(take(sample.recording, next(numbers)))
            seen.folder = Path(path).parent.parent
            words = _timed(seen, "check", visitor.check, path, sample.text)
            if "data-word" not in words:
                raise AppError(f"a check of {sample.name} gave no words: {words:.200}")
            _timed(seen, "tap", visitor.tap, 0)
            _timed(seen, "hear", visitor.hear, bank[(17 * number + turn) % len(bank)])
    except (SpeechTutorError, httpx.HTTPError, ValueError, LookupError) as error:
        seen.problems.append(f"learner {number}: {str(error) or type(error).__name__}")


def _timed(seen: Visits, kind: str, call: Callable[..., Any], *given: Any) -> Any:
    start = time.monotonic()
    found = call(*given)
    seen.seconds[kind].append(time.monotonic() - start)
    return found


@contextmanager
def checking(device: str | None) -> Iterator[Callable[[Sample], object]]:
    """A check of a take in the app, as one learner's browser asks for it; the app ends with the block.

    Raises:
        AppError: when the app does not start.
    """
    with running(*_on(device)) as app:
        visitor, number = Visitor(app.url), itertools.count()
        yield lambda clip: visitor.check(visitor.upload(take(clip.recording, next(number))), clip.text)


def crowd(
    samples: Sequence[Sample],
    device: str | None,
    users: int,
    minutes: float,
    note: Callable[[str], None],
    program: Sequence[str] = (),
) -> Json:
    """What `users` learners wait for who use the app for some minutes, and what it takes and keeps.

    Raises:
        AppError: when the app does not start.
    """
    with running(*_on(device), program=program) as app:
        note(f"{users} learners for {minutes:g} minutes")
        seen = visit(app, samples, users, 60 * minutes, note)
    return {
        "users": users,
        "minutes": minutes,
        "calls": {kind: percentiles(found) for kind, found in seen.seconds.items() if found},
        "memory_mb": seen.memory_mb,
        "takes_on_disk": seen.takes_on_disk,
        "folder_left": seen.folder is not None and seen.folder.exists(),
        "problems": seen.problems,
    }


def _on(device: str | None) -> tuple[str, ...]:
    return () if device is None else ("--device", device)
