"""The recorder: one big button, a level meter, the time, and a line that names the real cause of trouble.

What it does lies in `page.js`; a take goes through the upload button beside it, so
gradio checks it as any file.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape
from typing import Any

import gradio as gr

from demo.labels import Labels, text
from speechtutor.content.tables import catalogue, message

LONGEST = 600
"""Seconds of one take."""
START = "window.speechtutor.recorder(element)"
CSS = """
.st-recorder{display:grid;grid-template-columns:auto 1fr auto;gap:.3rem .8rem;align-items:center;--level:0}
.st-record{font:inherit;font-size:1.15rem;font-weight:600;min-height:64px;min-width:9.5rem;border-radius:2rem;
 border:3px solid #005a8c;background:#005a8c;color:#fff;cursor:pointer;display:flex;align-items:center;
 justify-content:center;gap:.6rem}
.st-record i{width:1rem;height:1rem;border-radius:50%;background:#fff;display:inline-block}
.st-record *{color:#fff!important}
.st-on .st-record{background:#a33c00;border-color:#a33c00}
.st-on .st-record i{border-radius:.1rem}
.st-record:focus-visible,.st-cancel:focus-visible{outline:3px solid #e69f00;outline-offset:3px}
.st-meter{height:1.1rem;border-radius:.6rem;border:1px solid currentColor;overflow:hidden;min-width:3rem}
.st-meter i{display:block;height:100%;width:calc(100% * var(--level));background:#009e73}
.st-clock{font-variant-numeric:tabular-nums;min-width:3rem;text-align:right}
.st-mic-told{grid-column:1/-1;min-height:44px;display:flex;align-items:center;gap:.6rem;
 justify-content:space-between}
.st-mic-line{margin:0}
.st-mic-line.st-problem{border-left:5px solid #d55e00;background:#fbe4d8;color:#5c2700!important;
 padding:.4rem .7rem}
.st-mic-more{grid-column:1/-1;display:flex;flex-wrap:wrap;gap:.4rem 1.2rem;align-items:center}
.st-mic-more label{display:flex;gap:.5rem;align-items:center;min-height:44px}
.st-mic-more input{width:1.3rem;height:1.3rem}
.st-cancel{font:inherit;min-height:44px;border:1px solid currentColor;border-radius:.5rem;background:none;
 color:inherit;padding:0 .6rem;cursor:pointer;display:none}
.st-on .st-cancel{display:block}
@media(prefers-reduced-motion:no-preference){.st-meter i{transition:width .08s linear}}
"""


def recorder_html(upload: str, lang: str = "en", *, label: str = "record", check: bool = False) -> str:
    """The recorder; `upload` is the id of the button that its takes go through.

    `label` names the button, `check` says what to say.
    """
    texts = escape(json.dumps(catalogue(lang)["mic"], ensure_ascii=False), quote=True)
    marks = ' data-check="1"' * check
    more = "" if check else f'<label><input type="checkbox"> {_told("handsfree", lang)}</label>'
    return (
        f'<div class="st-recorder" data-texts="{texts}" data-upload="{upload}" data-limit="{LONGEST}"'
        f' data-label="{label}"{marks}>'
        f'<button type="button" class="st-record" aria-pressed="false" aria-keyshortcuts="Alt+R"><i></i>'
        f"<span>{_told(label, lang)}</span></button>"
        '<div class="st-meter" aria-hidden="true"><i></i></div>'
        '<span class="st-clock" aria-hidden="true">0:00</span>'
        f'<div class="st-mic-told">'
        f'<p class="st-mic-line" role="status" aria-live="polite">{_told("ready", lang)}</p>'
        f'<button type="button" class="st-cancel">{_told("cancel", lang)}</button></div>'
        f'<div class="st-mic-more"><span class="st-handsfree">{more}</span></div></div>'
    )


def _told(key: str, lang: str) -> str:
    return escape(message("mic", key, lang))


def layout(labels: Labels, name: str, **how: Any) -> tuple[gr.HTML, gr.UploadButton]:
    """The recorder and the upload button of its takes; `name` goes into their ids."""
    making: Callable[[str], str] = lambda lang: recorder_html(f"{name}-upload", lang, **how)  # noqa: E731
    shown = labels.add(gr.HTML, value=making, elem_id=name, js_on_load=START)
    upload = labels.add(
        gr.UploadButton,
        label=text("app.upload"),
        elem_id=f"{name}-upload",
        size="sm",
        visible="hidden" if how.get("check") else True,
    )
    return shown, upload
