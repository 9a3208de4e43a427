"""Exercises of the Practise tab: choose a kind and a level, answer aloud, see what was still missing."""

from __future__ import annotations

from functools import cache
from html import escape
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np

from speechtutor import registry
from speechtutor.core import Exercise, LearnerState
from speechtutor.errors import SpeechTutorError
from speechtutor.practice.answers import example, outcome, told
from speechtutor.practice.given import SEEDS, Asked, Lent, chosen
from speechtutor.practice.levels import LEVELS
from speechtutor.practice.written import Writer, topics, writer_of
from speechtutor.stages import Tutor
from speechtutor.views import score as score_view

KINDS = (
    ("Say it in English", "translate"),
    ("Use a word", "vocabulary"),
    ("Say it in other words", "paraphrase"),
    ("Retell a story", "retell"),
    ("Two words that sound alike", "pair"),
    ("A sentence for your sounds", "sound"),
)
ANYTHING = "anything"
"""No interest in particular."""

CSS = """
.st-task{border-left:5px solid #0072b2;padding:.5rem .8rem;margin:.2rem 0;font-size:1.15rem}
"""


def new(
    kind: str,
    level: str,
    lang: str,
    rng: np.random.Generator,
    learner: LearnerState | None = None,
    about: str = ANYTHING,
    lent: Lent | None = None,
) -> tuple[Exercise | None, str]:
    """The exercise that a learner needs and what to do as HTML; None and the reason where there is none."""
    try:
        asked, number = Asked(level, (), (), (kind,)), int(rng.integers(SEEDS))
        topic = "" if about == ANYTHING else about
        drill = chosen(learner or LearnerState(), number, asked, lang, about=topic, lent=lent).exercise
    except SpeechTutorError as error:
        return None, score_view.error_html(str(error))
    return drill, f'<div class="st-task" role="status">{escape(drill.prompt)}</div>'


def lend(tutor: Tutor) -> Writer | None:
    """What writes sentences: the app's tutor where it can, else the model for it where it has been pulled."""
    return writer_of(tutor) or _own_writer()


@cache
def _own_writer() -> Writer | None:
    here = registry.ready("tutor") != registry.default("tutor")
    return writer_of(registry.load("tutor", registry.WRITER)) if here else None


def box(drill: Exercise | None) -> Any:
    """What is to be read, to be seen; a story, to be heard; nothing where that would be the answer."""
    if drill is None or not (drill.is_read or drill.kind == "retell"):
        return gr.Textbox("", visible="hidden")
    return gr.Textbox(drill.text, visible=True if drill.is_read else "hidden", interactive=False)


def buttons(drill: Exercise | None) -> tuple[Any, Any, Any]:
    """Hear it, slowly, and show the text: where there is a text that is not the answer."""
    said = drill is not None and (drill.is_read or drill.kind == "retell")
    story = drill is not None and drill.kind == "retell"
    return gr.Button(visible=said), gr.Button(visible=said), gr.Button(visible=story)


def target(drill: Exercise) -> str | None:
    """The words that are expected; None where the learner's own are judged as they were heard."""
    return drill.text if drill.is_read else None


def verdict(drill: Exercise, heard: str, lang: str) -> str:
    """What of the exercise was said, and a model answer, now that it gives nothing away."""
    found = outcome(drill, heard)
    lines = [line for line in (told(found, lang), example(drill, found, lang)) if line]
    return f'<div class="st-task" role="status">{"<br>".join(map(escape, lines))}</div>'


def note_html(text: str) -> str:
    """Something to know beside the result."""
    return f'<div class="st-note" role="note">{escape(text)}</div>'


def layout() -> SimpleNamespace:
    """The widgets that choose an exercise."""
    w = SimpleNamespace(drill=gr.State(None))
    with gr.Column(visible=False, elem_id="task") as w.task:
        with gr.Row():
            w.kind = gr.Dropdown(
                list(KINDS), value=KINDS[0][1], label="Exercise", elem_id="kind", min_width=230
            )
            w.level = gr.Dropdown(list(LEVELS), value="A2", label="Level", elem_id="task-level", min_width=90)
            w.about = gr.Dropdown(
                [ANYTHING, *topics()], value=ANYTHING, label="About", elem_id="about", min_width=110
            )
        w.prompt = gr.HTML(elem_id="prompt")
    return w
