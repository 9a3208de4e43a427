"""Learners in the app, as `speechtutor bench` sends them: through the queue that a browser uses.

The app runs in a process of its own. Each learner gives it a text, says it (which takes as long as the
recording), has it checked, looks at the words until the page has made ready what it makes then, taps a word,
hears another sentence and goes on to the next text. Every take is another recording by its bytes, as those
of people are, or the app would know it already.
"""

from __future__ import annotations

import io
import itertools
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from speechtutor.commands.page import TAKE, AppError, Page
from speechtutor.commands.timing import Sample, percentiles
from speechtutor.content.tables import sentence_bank
from speechtutor.core import Recording
from speechtutor.core.wording import counted
from speechtutor.errors import SpeechTutorError

if TYPE_CHECKING:
    from speechtutor.schema import Json

PROGRAM = (sys.executable, "-m", "speechtutor", "app")
OWN = "own"
"""The kind of practice whose text is the learner's."""
ID = re.compile(r'data-id="([^"]*)"')
SAY = re.compile(r'<p class="say[^"]*"[^>]*>([^<]*)</p>')
"""On the card: what a take is held against, and what is to be said."""
LOUDNESS = 1e-4
"""Of the sample that makes a take another one: not to be heard."""


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


class Visitor(Page):
    """A learner at the Practise tab, who says texts of their own and knows its widgets."""

    @property
    def text(self) -> str:
        """What the card says is to be said; "" where it shows no text."""
        found = SAY.search(self.shows("card") or "")
        return unescape(found[1]) if found else ""

    def choose(self, text: str) -> None:
        """Practise a text of one's own; it is on the card afterwards.

        Raises:
            AppError: when something else is.
        """
        self.enter({"kind": OWN, "text": text})
        self.press("use")
        self.follow()
        if self.text != " ".join(text.split()):
            raise AppError(f"the card shows {self.text!r} where {text!r} was chosen")

    def check(self, path: str, text: str) -> str:
        """Judge an uploaded take of a text: the words as HTML, or the message where there are none.

        The text is chosen first where the card shows another. The take is said to be of what is on the card,
        as the script of the page says it.
        """
        if self.text != " ".join(text.split()):
            self.choose(text)
        shown = ID.search(self.shows("card"))
        take = {"path": path, "meta": {"_type": "gradio.FileData"}}
        self.enter({"mic-upload": take, "shown": unescape(shown[1]) if shown else ""})
        self.press("mic-upload", "upload")
        words, message = self.shows("words"), self.shows("message")
        # What went wrong with this take may stand above the words of the one before it.
        return str(message if "st-error" in message or not words else words)

    def tap(self, word: int) -> str:
        """Tap a word of the last check: its sounds and voices as HTML.

        Raises:
            AppError: when nothing comes of it.
        """
        self.press("words", told={"word": word})
        if not self.shows("detail"):
            raise AppError(f"a tap on word {word} showed nothing")
        return str(self.shows("detail"))

    def hear(self) -> str:
        """What is on the card in the model voice, as HTML.

        Raises:
            AppError: when there is no sound.
        """
        self.press("hear")
        if "<audio" not in self.shows("voice"):
            raise AppError(f"no voice for {self.text!r}: {self.shows('message'):.200}")
        return str(self.shows("voice"))


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
    import soundfile

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
    """One sentence after the other until the end; the first one whole, however slow the app is."""
    bank = [exercise.text for exercise in sentence_bank()]
    try:
        visitor = Visitor(app.url, f"learner-{number}")
        for turn in itertools.count():
            sample = samples[(number + turn) % len(samples)]
            visitor.choose(sample.text)
            time.sleep(min(sample.recording.duration, max(0.0, end - time.monotonic())))
            if turn and time.monotonic() >= end:
                return
            path = visitor.upload(take(sample.recording, next(numbers)))
            seen.folder = Path(path).parent.parent
            _with_words(sample, _timed(seen, "check", visitor.check, path, sample.text))
            visitor.follow()
            _timed(seen, "tap", visitor.tap, 0)
            visitor.choose(bank[(17 * number + turn) % len(bank)])
            _timed(seen, "hear", visitor.hear)
    except (SpeechTutorError, httpx.HTTPError, ValueError, LookupError) as error:
        seen.problems.append(f"learner {number}: {str(error) or type(error).__name__}")


def _with_words(sample: Sample, shown: str) -> str:
    """What a check of a sample showed, which has to be words.

    Raises:
        AppError: when it is none.
    """
    if "data-word" not in shown:
        raise AppError(f"a check of {sample.name} gave no words: {shown:.200}")
    return shown


def _timed(seen: Visits, kind: str, call: Callable[..., Any], *given: Any) -> Any:
    start = time.monotonic()
    found = call(*given)
    seen.seconds[kind].append(time.monotonic() - start)
    return found


@contextmanager
def checking(device: str | None) -> Iterator[Callable[[Sample], object]]:
    """A check of a take in the app, as one learner's browser asks for it; the app ends with the block.

    Raises:
        AppError: when the app does not start, or a check gives no words.
    """
    with running(*_on(device)) as app:
        visitor, number = Visitor(app.url), itertools.count()

        def check(clip: Sample) -> str:
            path = visitor.upload(take(clip.recording, next(number)))
            return _with_words(clip, visitor.check(path, clip.text))

        yield check


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
        note(f"{counted(users, 'learner')} for {minutes:g} minutes")
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
