"""The Progress tab: a learner's sounds and last takes as pictures; a sound that is pressed is practised."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import gradio as gr

from demo.guard import Guard
from demo.labels import Labels, text
from demo.learners import tells
from demo.prefs import Prefs
from speechtutor.pipeline import Coach
from speechtutor.views.progress import progress_html

SOUND = """element.addEventListener('click', (event) => {
  const sound = event.target.closest('[data-phone]');
  if (sound) trigger('click', {phone: sound.dataset.phone});
});"""


def layout(labels: Labels) -> SimpleNamespace:
    """The widgets from top to bottom, by name."""
    return SimpleNamespace(
        refresh=labels.add(gr.Button, value=text("progress.refresh"), elem_id="refresh"),
        shown=gr.HTML(elem_id="progress", js_on_load=SOUND),
    )


def shown(coach: Coach, name: str, prefs: Prefs, now: datetime) -> str:
    """How a learner is doing.

    Raises:
        StorageError: when the store cannot be read.
    """
    attempts = list(coach.store.attempts(name)) if coach.store is not None else []
    return progress_html(coach.learner(name, prefs.lang), attempts, now, prefs.lang, prefs.notation)


def wire(
    w: SimpleNamespace,
    tab: Any,
    coach: Coach,
    guard: Guard,
    state: SimpleNamespace,
    practise: Callable[[Any], None],
) -> None:
    """Shown when the tab is opened; `practise` wires what follows when a sound is pressed."""
    tells((tab.select, w.refresh.click), shown, w.shown, coach, guard, state)
    practise(w.shown.click)
