"""Who practises: a name that the browser keeps, so that the next visit goes on where the last one ended."""

from __future__ import annotations

from types import SimpleNamespace

import gradio as gr

GUEST = "guest"
"""Who gives no name; all guests of a machine share one record."""
LONGEST = 60
"""Characters of a name that are kept."""


def name_of(given: str | None) -> str:
    """The name as the store knows it: in one line, without outer space, the guest's where none is given."""
    return " ".join((given or "").split())[:LONGEST].strip() or GUEST


def layout() -> SimpleNamespace:
    """The field for the name, and what the browser remembers of it."""
    return SimpleNamespace(
        learner=gr.Textbox(GUEST, label="Your name", elem_id="learner", max_lines=1, max_length=LONGEST),
        known=gr.BrowserState(GUEST, storage_key="speechtutor-learner"),
    )


def wire(w: SimpleNamespace, page: gr.Blocks) -> None:
    """The name is read from the browser when the page comes up, and written there when it is changed."""
    page.load(name_of, w.known, w.learner, queue=False)
    w.learner.input(name_of, w.learner, w.known, queue=False, show_progress="hidden")
