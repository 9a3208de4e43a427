"""The Class tab: for signed-in teachers and admins, who has practised and what would help whom."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import gradio as gr

from demo.guard import Guard
from demo.labels import Labels, text
from demo.prefs import Prefs
from speechtutor.learner.store import SqlStore
from speechtutor.pipeline import Coach
from speechtutor.views.progress import class_html

TEACHERS = frozenset({"teacher", "admin"})


def layout(labels: Labels) -> SimpleNamespace:
    """The widgets from top to bottom, by name."""
    return SimpleNamespace(
        show=labels.add(gr.Button, value=text("class.show"), elem_id="show-class"),
        shown=gr.HTML(elem_id="class"),
    )


def teaches(roles: Mapping[str, str], request: Any) -> bool:
    """Whether a request is a signed-in teacher's; without a sign-in nobody's is."""
    account = getattr(request, "username", None)
    return account is not None and roles.get(account) in TEACHERS


def shown(coach: Coach, prefs: Prefs) -> str:
    """Everybody in the store, in alphabetical order: nobody is ranked.

    Raises:
        StorageError: when the store cannot be read.
    """
    store = coach.store
    known = store.known() if isinstance(store, SqlStore) else ()
    rows = [(one, coach.learner(one.learner)) for one in known]
    return class_html(rows, prefs.lang, prefs.notation)


def wire(
    w: SimpleNamespace, tab: Any, blocks: gr.Blocks, coach: Coach, guard: Guard, state: SimpleNamespace,
    roles: Mapping[str, str],
) -> None:  # fmt: skip
    """Teachers see the tab; whoever asks without being one is shown nothing."""

    def seen(request: gr.Request) -> Any:
        return gr.update(visible=teaches(roles, request))

    def told(
        prefs: Prefs,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> str:  # fmt: skip
        try:
            return shown(coach, prefs) if teaches(roles, request) else ""
        except Exception as error:
            return guard.told(error, lang=prefs.lang)

    blocks.load(seen, None, tab, queue=False)
    for event in (tab.select, w.show.click):
        event(told, state.prefs, w.shown, show_progress="hidden")
