"""The app beside the JSON API, in one process and with the same models: `speechtutor serve --app`.

What the API asks of the models and what the page asks take turns in one lane. The page keeps its own door and
sign-in: a browser has no key.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from demo import app, page, private, serving, voices
from demo.here import EXAMPLES
from speechtutor.pipeline import Coach

PATH = "/app"
SWEEP = 30.0
"""Seconds between two looks at what uploads left behind."""


class Mounted:
    """A page for an address, not yet of any models."""

    def __init__(self, host: str, names: tuple[str, ...], auth_file: Path | None = None) -> None:
        """Read who may sign in.

        Raises:
            InputError: when nobody need, on an address that other machines reach.
        """
        auth = serving.accounts(auth_file)
        serving.check_open(host, bool(auth), consent=False)
        self._options, self._roles = serving.options(host, names, auth), serving.roles(auth_file)
        self._lane = voices.Lane()

    def turn(self) -> AbstractContextManager[None]:
        """The API's turn with the models."""
        return self._lane.check()

    def mount(self, api: Any, coach: Coach) -> None:
        """Add the page of a coach to an application, below `PATH`."""
        import gradio as gr

        lane, voice = self._lane, coach.synthesizer
        shown = Coach(
            voices.FirstTranscriber(coach.transcriber, lane),
            voices.FirstScorer(coach.scorer, lane),
            coach.tutor,
            store=coach.store,
            synthesizer=None if voice is None else voices.Remembered(voice, lane),
            grammar=coach.grammar,
        )
        blocks = app.build(shown, app.stricter(shown, coach.scorer, lane), roles=self._roles)
        serving.close(blocks)
        gr.mount_gradio_app(
            api, blocks, PATH, css=page.CSS, head=page.HEAD, theme=page.theme(),
            allowed_paths=[str(EXAMPLES)], footer_links=[], ssr_mode=False,
            max_file_size=serving.UPLOAD_BYTES, auth=self._options.get("auth"),
            app_kwargs=self._options["app_kwargs"],
        )  # fmt: skip

    @contextmanager
    def running(self) -> Iterator[None]:
        """A private folder for what is uploaded, swept while the server runs."""
        stop = threading.Event()
        with private.private_folder() as folder:

            def sweep() -> None:
                while not stop.wait(SWEEP):
                    private.sweep(folder)

            thread = threading.Thread(target=sweep, daemon=True)
            thread.start()
            try:
                yield
            finally:
                stop.set()
                thread.join()
