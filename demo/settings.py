"""The Settings tab: how it looks and sounds, how strict it is, and what becomes of a learner's data."""

from __future__ import annotations

import json
from dataclasses import replace
from html import escape
from types import SimpleNamespace
from typing import Any

import gradio as gr

from demo import about
from demo.guard import Guard
from demo.labels import Labels, choices, text
from demo.learners import who
from demo.prefs import COLOURS, SIZES, SPEEDS, STRICTNESS, VOICES, Prefs
from speechtutor.content.tables import message
from speechtutor.learner.store import SqlStore
from speechtutor.pipeline import Coach
from speechtutor.views.score import NOTATIONS, error_html

_HAND = (
    """(text, name) => { if (text) window.speechtutor.hand(`speechtutor-${name || 'guest'}.json`, text); }"""
)


def layout(labels: Labels) -> SimpleNamespace:
    """The widgets from top to bottom, by name."""
    w = SimpleNamespace()
    labels.add(gr.HTML, value=about.heading("looks"))
    with gr.Row():
        w.notation = _choice(labels, "notation", [(f"settings.{one}", one) for one in NOTATIONS])
        w.size = _choice(labels, "size", [(f"settings.{one}", one) for one in SIZES])
        w.colours = _choice(labels, "colours", [(f"settings.{one}", one) for one in COLOURS])
    with gr.Row():
        w.speed = _choice(labels, "speed", [(_percent(one), one) for one in SPEEDS], 1.0)
        w.voice = _choice(labels, "voice", [(f"settings.{key}", one) for one, key in VOICES.items()])
        w.strictness = _choice(
            labels, "strictness", [(f"settings.{one}", one) for one in STRICTNESS], "standard"
        )
    w.you = about.layout(labels)
    labels.add(gr.HTML, value=about.heading("privacy"))
    labels.add(gr.HTML, value=lambda lang: f"<p>{message('settings', 'privacy_text', lang)}</p>")
    with gr.Row():
        w.export = labels.add(gr.Button, value=text("settings.export"), min_width=180, elem_id="export")
    with gr.Row():
        w.confirm = labels.add(
            gr.Textbox,
            label=text("settings.delete_confirm"),
            value="",
            max_lines=1,
            elem_id="confirm",
            scale=2,
        )
        w.delete = labels.add(
            gr.Button, value=text("settings.delete"), variant="stop", min_width=120, elem_id="delete"
        )
    w.told = gr.HTML(elem_id="told")
    w.handed = gr.Textbox(visible="hidden")
    return w


def _percent(speed: float) -> Any:
    return lambda lang: f"{100 * speed:.0f} %"


def _choice(labels: Labels, name: str, rows: list[tuple[Any, Any]], value: Any = None) -> Any:
    return labels.add(
        gr.Dropdown, label=text(f"settings.{name}"), choices=choices(rows),
        value=rows[0][1] if value is None else value, elem_id=f"set-{name}", filterable=False, min_width=170,
    )  # fmt: skip


def changed(
    prefs: Prefs, notation: str, size: str, colours: str, speed: float, voice: str, strictness: str
) -> Prefs:
    """The wishes with what the widgets hold."""
    return replace(
        prefs, notation=notation, size=size, colours=colours, speed=speed, voice=voice, strictness=strictness
    )


def exported(coach: Coach, name: str, lang: str) -> tuple[str, str]:
    """All that is known of a learner as JSON, "" where nothing is kept, and what to say.

    Raises:
        StorageError: when the store cannot be read.
    """
    if not isinstance(coach.store, SqlStore):
        return "", error_html(message("settings", "no_store", lang))
    data = json.dumps(coach.store.export(name), ensure_ascii=False, indent=1)
    return data, f"<p>{message('settings', 'exported', lang)}</p>"


def deleted(coach: Coach, name: str, typed: str, lang: str) -> str:
    """Forget a learner whose name was typed once more; what to say.

    Raises:
        StorageError: when the store refuses.
    """
    if coach.store is None:
        return error_html(message("settings", "no_store", lang))
    if typed.strip() != name:
        return error_html(message("settings", "not_deleted", lang, who=name))
    gone = coach.store.delete(name)
    return f"<p>{message('settings', 'deleted', lang, n=str(gone), who=escape(name))}</p>"


def wire(w: SimpleNamespace, coach: Coach, guard: Guard, state: SimpleNamespace) -> None:
    """What a learner does with their data; the wishes are wired where all of the page is told again."""

    def out(
        name: str, prefs: Prefs,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> tuple[str, str]:  # fmt: skip
        try:
            return exported(coach, who(name, request), prefs.lang)
        except Exception as error:
            return "", guard.told(error, lang=prefs.lang)

    def gone(
        name: str, typed: str, prefs: Prefs,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> str:  # fmt: skip
        try:
            return deleted(coach, who(name, request), typed, prefs.lang)
        except Exception as error:
            return guard.told(error, lang=prefs.lang)

    handed = w.export.click(out, [state.learner, state.prefs], [w.handed, w.told], show_progress="hidden")
    handed.then(None, [w.handed, state.learner], None, js=_HAND)
    w.delete.click(gone, [state.learner, w.confirm, state.prefs], w.told, show_progress="hidden")
