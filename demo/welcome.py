"""The first minute: what this is, a level or straight on, and whether the microphone is heard."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from types import SimpleNamespace
from typing import Any

import gradio as gr

from demo import planned, recorder
from demo.guard import Guard
from demo.labels import Labels, text
from demo.prefs import Prefs
from demo.private import TAKES
from speechtutor.audio.quality import quality
from speechtutor.content.tables import join, message
from speechtutor.pipeline import Coach
from speechtutor.views.homework import waiting_line
from speechtutor.views.progress import due_skills
from speechtutor.views.score import cautions_html


def layout(labels: Labels) -> SimpleNamespace:
    """The widgets from top to bottom, by name."""
    w = SimpleNamespace()
    with gr.Column(elem_id="welcome") as w.welcome:
        labels.add(gr.HTML, value=hello)
        with gr.Row():
            w.place = labels.add(gr.Button, value=text("welcome.place"), variant="primary", elem_id="place")
            w.start = labels.add(gr.Button, value=text("welcome.start"), elem_id="start")
            w.example = labels.add(gr.Button, value=text("app.example"), elem_id="example")
    w.back = gr.HTML(elem_id="back")
    return w


def check_layout(labels: Labels, w: SimpleNamespace) -> None:
    """The check of the microphone, which is there whenever it is wanted."""
    with labels.add(gr.Accordion, label=text("mic.check"), open=False, elem_id="check"):
        _, w.check = recorder.layout(labels, "check-mic", label="check", check=True)
        w.checked = gr.HTML(elem_id="checked")


def hello(lang: str) -> str:
    """The first lines that a learner reads."""
    heading, words = (escape(message("welcome", key, lang)) for key in ("hello", "text"))
    return f"<h2>{heading}</h2><p>{words}</p>"


def back(coach: Coach, name: str, lang: str) -> str:
    """A line for whoever was here before, with how much is due; "" for somebody new.

    Raises:
        StorageError: when the store cannot be read.
    """
    state = coach.learner(name, lang)
    work = waiting_line(planned.work(coach, name, lang), lang)
    if not state.n_attempts:
        return f"<p>{escape(work)}</p>" if work else ""
    due = len(due_skills(state, datetime.now(UTC)))
    lines = [message("welcome", "back", lang, who=name)]
    lines += [message("welcome", "due", lang, n=str(due))] if due else []
    lines += [work] if work else []
    return f"<p>{escape(join(lines, lang))}</p>"


def checked(path: str | None, lang: str) -> str:
    """What is wrong with a microphone by a take of it, or that it is fine.

    Raises:
        AudioError: when the take cannot be read.
    """
    if path is None:
        return ""
    found = quality(TAKES.load(path))
    if found.cautions:
        return cautions_html(found.cautions, lang)
    return f'<p class="st-fine">✓ {escape(message("mic", "fine", lang))}</p>'


def wire(w: SimpleNamespace, guard: Guard, state: SimpleNamespace) -> None:
    """The check; what the other buttons lead to is the practice screen's."""

    def check(path: str | None, prefs: Prefs) -> str:
        return checked(path, prefs.lang)

    watched: Any = guard.once(check, str)
    w.check.upload(watched, [w.check, state.prefs], w.checked, show_progress="hidden")
