"""What an admin does with the records of learners: take one along, delete one, see who looked at what."""

from __future__ import annotations

from types import SimpleNamespace

import gradio as gr

from demo import settings
from demo.assigning import store_of
from demo.labels import Labels, text
from speechtutor.content.tables import message
from speechtutor.errors import InputError
from speechtutor.pipeline import Coach
from speechtutor.views import homework as view

SHOWN = 200
"""Entries of the log that are shown, the newest."""


def layout(labels: Labels) -> SimpleNamespace:
    """The widgets from top to bottom, by name."""
    w = SimpleNamespace()
    with labels.add(
        gr.Accordion, label=text("admin.heading"), open=False, visible=False, elem_id="admin"
    ) as w.all:
        w.learner = labels.add(
            gr.Dropdown, label=text("admin.learner"), choices=[], value=None, allow_custom_value=True,
            elem_id="whose",
        )  # fmt: skip
        w.export = labels.add(gr.Button, value=text("admin.export"), elem_id="admin-export")
        with gr.Row():
            w.confirm = labels.add(
                gr.Textbox, label=text("admin.confirm"), value="", max_lines=1, elem_id="admin-confirm",
                scale=2,
            )  # fmt: skip
            w.delete = labels.add(
                gr.Button, value=text("admin.delete"), variant="stop", min_width=120, elem_id="admin-delete"
            )
        w.told = gr.HTML(elem_id="admin-told")
        w.handed = gr.Textbox(visible="hidden")
        w.log = labels.add(gr.Button, value=text("admin.show_log"), elem_id="show-log")
        w.entries = gr.HTML(elem_id="log")
    return w


def _named(learner: str | None, lang: str) -> str:
    if not learner:
        raise InputError(message("admin", "choose", lang))
    return learner


def exported(coach: Coach, learner: str | None, by: str, lang: str) -> tuple[str, str]:
    """All that is known of a learner as JSON, and what to say.

    Raises:
        InputError: when nobody is named.
        StorageError: when the store cannot be read.
    """
    name = _named(learner, lang)
    store_of(coach).audit.note("export", name, by=by)
    return settings.exported(coach, name, lang)


def deleted(coach: Coach, learner: str | None, typed: str, by: str, lang: str) -> str:
    """Forget a learner whose name was typed once more; what to say.

    Raises:
        InputError: when nobody is named.
        StorageError: when the store refuses.
    """
    name = _named(learner, lang)
    told = settings.deleted(coach, name, typed, lang)
    if typed.strip() == name:
        # The name goes with the record; that somebody was deleted, and by whom, stays.
        store_of(coach).audit.note("delete a learner", by=by)
    return told


def log(coach: Coach, lang: str) -> str:
    """Who looked at whose record, the newest first."""
    return view.log_html(store_of(coach).audit.entries()[-SHOWN:], lang)
