"""Who practises: a name that the browser keeps, so that the next visit goes on where the last one ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import gradio as gr

from demo.guard import Guard
from demo.labels import Labels, text
from demo.prefs import Prefs
from speechtutor.pipeline import Coach

GUEST = "guest"
"""Who gives no name; all guests of a machine share one record."""
LONGEST = 60
"""Characters of a name that are kept."""
SECRET = "speechtutor"
"""The browser's copy is only scrambled with it: a new one each start would lose every name."""


def name_of(given: str | None) -> str:
    """The name as the store knows it: in one line, without outer space, the guest's where none is given."""
    return " ".join((given or "").split())[:LONGEST].strip() or GUEST


def who(given: str | None, request: Any = None) -> str:
    """Whose record this is: the account's where there is a sign-in, else the name given."""
    account = getattr(request, "username", None)
    return name_of(account or given)


def tells(
    events: Iterable[Any],
    shown: Callable[[Coach, str, Prefs, datetime], str],
    html: gr.HTML,
    coach: Coach,
    guard: Guard,
    state: SimpleNamespace,
) -> None:
    """At each event `html` shows what is known of whoever asks, or one kind line."""

    def told(
        name: str, prefs: Prefs,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> str:  # fmt: skip
        try:
            return shown(coach, who(name, request), prefs, datetime.now(UTC))
        except Exception as error:
            return guard.told(error, lang=prefs.lang)

    for event in events:
        event(told, [state.learner, state.prefs], html, show_progress="hidden")


def layout(labels: Labels) -> SimpleNamespace:
    """The field for the name, and what the browser remembers of it."""
    return SimpleNamespace(
        learner=labels.add(
            gr.Textbox, value=GUEST, label=text("app.name"), info=text("app.name_why"), elem_id="learner",
            max_lines=1, max_length=LONGEST, min_width=150, scale=2,
        ),
        known=gr.BrowserState(GUEST, storage_key="speechtutor-learner", secret=SECRET),
    )  # fmt: skip


def arrived(known: str | None, request: gr.Request) -> Any:
    """The name as the page comes up: a signed-in learner's is fixed."""
    return gr.update(value=who(known, request), interactive=request.username is None)


def wire(w: SimpleNamespace, page: gr.Blocks) -> None:
    """The name is read from the browser when the page comes up; `app` writes it there when it is changed."""
    page.load(arrived, w.known, w.learner, queue=False)
