"""The Homework tab: what a teacher gave, how far it is, and a press that leads to saying it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import gradio as gr

from demo import planned
from demo.guard import Guard
from demo.labels import Labels, text
from demo.learners import tells, who
from demo.prefs import Prefs
from speechtutor.pipeline import Coach
from speechtutor.views import homework as view

TASK = """element.addEventListener('click', (event) => {
  const task = event.target.closest('[data-task]');
  if (task) trigger('click', {task: task.dataset.task});
});"""


def layout(labels: Labels) -> SimpleNamespace:
    """The widgets from top to bottom, by name."""
    return SimpleNamespace(
        refresh=labels.add(gr.Button, value=text("homework.refresh"), elem_id="refresh-homework"),
        shown=gr.HTML(elem_id="homework", js_on_load=TASK),
    )


def shown(coach: Coach, name: str, prefs: Prefs, now: datetime) -> str:
    """A learner's homework.

    Raises:
        StorageError: when the store cannot be read.
    """
    return view.list_html(planned.work(coach, name, prefs.lang), now.date().isoformat(), prefs.lang)


def wire(
    w: SimpleNamespace,
    tab: Any,
    blocks: gr.Blocks,
    coach: Coach,
    guard: Guard,
    state: SimpleNamespace,
    works: Callable[[Any], None],
) -> None:
    """The tab is there for whoever has homework; `works` wires what follows when an exercise is pressed."""

    def seen(
        name: str,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> Any:  # fmt: skip
        try:
            return gr.update(visible=bool(planned.work(coach, who(name, request), "en")))
        except Exception as error:
            guard.told(error)  # written down; the tab shows the line when it is opened
            return gr.update(visible=True)

    tells((tab.select, w.refresh.click), shown, w.shown, coach, guard, state)
    blocks.load(seen, state.known, tab, queue=False)
    state.known.change(seen, state.known, tab, queue=False)
    works(w.shown.click)
