"""The Class tab: for signed-in teachers and admins, who has practised, what would help whom, and homework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import gradio as gr

from demo import admin, assigning
from demo.assigning import Wanted
from demo.guard import Guard
from demo.labels import Labels, text
from demo.prefs import Prefs
from speechtutor.learner.store import SqlStore
from speechtutor.pipeline import Coach
from speechtutor.views.progress import class_html

TEACHERS = frozenset({"teacher", "admin"})
ADMINS = frozenset({"admin"})
_HAND = "(text) => { if (text) window.speechtutor.hand('speechtutor-learner.json', text); }"


def layout(labels: Labels) -> SimpleNamespace:
    """The widgets from top to bottom, by name."""
    return SimpleNamespace(
        show=labels.add(gr.Button, value=text("class.show"), elem_id="show-class"),
        shown=gr.HTML(elem_id="class"),
        give=assigning.layout(labels),
        admin=admin.layout(labels),
    )


def is_one_of(allowed: frozenset[str], roles: Mapping[str, str], request: Any) -> bool:
    """Whether a request is of a signed-in account with one of some roles; without a sign-in none is."""
    account = getattr(request, "username", None)
    return account is not None and roles.get(account) in allowed


def teaches(roles: Mapping[str, str], request: Any) -> bool:
    """Whether a request is a signed-in teacher's; without a sign-in nobody's is."""
    return is_one_of(TEACHERS, roles, request)


def shown(coach: Coach, prefs: Prefs, by: str) -> str:
    """Everybody in the store, in alphabetical order: nobody is ranked; that it was looked at is kept.

    Raises:
        StorageError: when the store cannot be read.
    """
    store = coach.store
    if not isinstance(store, SqlStore):
        return class_html((), prefs.lang, prefs.notation)
    store.audit.note("class", by=by)
    rows = [(one, coach.learner(one.learner)) for one in store.known()]
    return class_html(rows, prefs.lang, prefs.notation)


class Classroom:
    """The tab with its coach; each call asks first who is asking."""

    def __init__(self, coach: Coach, guard: Guard, roles: Mapping[str, str]) -> None:
        self.coach, self.guard, self.roles = coach, guard, roles

    def allowed(
        self, request: Any, prefs: Prefs, make: Callable[[str], Any], refused: Any, allowed: frozenset[str]
    ) -> Any:
        """What `make` makes for an account of a role, `refused` for others, a kind line where it fails."""
        if not is_one_of(allowed, self.roles, request):
            return refused
        try:
            return make(request.username)
        except Exception as error:
            told = self.guard.told(error, lang=prefs.lang)
            return ("", told) if isinstance(refused, tuple) else told

    def seen(self, request: gr.Request) -> tuple[Any, Any]:
        """Whether the tab and the admin's part of it are there."""
        is_admin = is_one_of(ADMINS, self.roles, request)
        return gr.update(visible=teaches(self.roles, request)), gr.update(visible=is_admin)

    def names(self, request: gr.Request) -> tuple[Any, Any, Any]:
        """The names and titles to choose from; nobody else's page is told any."""
        store = self.coach.store
        if not teaches(self.roles, request) or not isinstance(store, SqlStore):
            return gr.skip(), gr.skip(), gr.skip()
        known = list(store.learners())
        own = gr.update(choices=known) if is_one_of(ADMINS, self.roles, request) else gr.skip()
        return gr.update(choices=known), gr.update(choices=assigning.titles(self.coach)), own

    def told(
        self, prefs: Prefs,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> str:  # fmt: skip
        """The class."""
        make = lambda by: shown(self.coach, prefs, by)  # noqa: E731
        return str(self.allowed(request, prefs, make, "", TEACHERS))

    def assign(
        self, learners: list[str], everybody: bool, title: str, days: int, source: str, lines: str,
        topic: str, level: str, most: int, table: str | None, prefs: Prefs,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> str:  # fmt: skip
        """Give what stands in the form."""
        wanted = Wanted(
            tuple(learners or ()), everybody, title or "", int(days), source, lines or "", topic, level,
            int(most or 1), table,
        )  # fmt: skip
        make = lambda by: assigning.assign(self.coach, wanted, by, datetime.now(UTC), prefs.lang)  # noqa: E731
        return str(self.allowed(request, prefs, make, "", TEACHERS))

    def results(
        self, title: str | None, prefs: Prefs,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> str:  # fmt: skip
        """Answers and grades."""
        make = lambda by: assigning.results(self.coach, title, by, prefs.lang)  # noqa: E731
        return str(self.allowed(request, prefs, make, "", TEACHERS))

    def spreadsheet(
        self, title: str | None, prefs: Prefs,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> Any:  # fmt: skip
        """The same as a file in base64, and what went wrong."""
        make = lambda by: (assigning.spreadsheet(self.coach, title, by), gr.skip())  # noqa: E731
        return self.allowed(request, prefs, make, ("", ""), TEACHERS)

    def withdraw(
        self, title: str | None, prefs: Prefs,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> str:  # fmt: skip
        """Take a homework back."""
        make = lambda by: assigning.withdraw(self.coach, title, by, prefs.lang)  # noqa: E731
        return str(self.allowed(request, prefs, make, "", TEACHERS))

    def export(
        self, learner: str | None, prefs: Prefs,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> Any:  # fmt: skip
        """A learner's record, for an admin."""
        make = lambda by: admin.exported(self.coach, learner, by, prefs.lang)  # noqa: E731
        return self.allowed(request, prefs, make, ("", ""), ADMINS)

    def delete(
        self, learner: str | None, typed: str, prefs: Prefs,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> str:  # fmt: skip
        """Forget a learner, for an admin."""
        make = lambda by: admin.deleted(self.coach, learner, typed or "", by, prefs.lang)  # noqa: E731
        return str(self.allowed(request, prefs, make, "", ADMINS))

    def log(
        self, prefs: Prefs,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> str:  # fmt: skip
        """Who looked at what, for an admin."""
        return str(self.allowed(request, prefs, lambda by: admin.log(self.coach, prefs.lang), "", ADMINS))


def wire(
    w: SimpleNamespace, tab: Any, blocks: gr.Blocks, coach: Coach, guard: Guard, state: SimpleNamespace,
    roles: Mapping[str, str],
) -> None:  # fmt: skip
    """Teachers see the tab; whoever asks without being one is shown nothing."""
    here, g, a, quiet = Classroom(coach, guard, roles), w.give, w.admin, {"show_progress": "hidden"}
    blocks.load(here.seen, None, [tab, a.all], queue=False)
    chosen = [g.learners, g.which, a.learner]
    # Once the class is there, so are the names: a list that comes later would take away what is being typed.
    for event in (tab.select(here.names, None, chosen, **quiet).then, w.show.click):
        event(here.told, state.prefs, w.shown, **quiet)
    g.source.change(assigning.sources, g.source, [g.lines, g.ours, g.file], queue=False)
    form = [g.learners, g.everybody, g.title, g.days, g.source, g.lines, g.topic, g.level, g.most, g.table]
    given = g.assign.click(here.assign, [*form, state.prefs], g.told, **quiet)
    given.then(here.names, None, chosen, **quiet)
    one = [g.which, state.prefs]
    g.show.click(here.results, one, g.results, **quiet)
    g.download.click(here.spreadsheet, one, [g.handed, g.results], **quiet).then(
        None, g.handed, None, js=assigning.HAND
    )
    g.withdraw.click(here.withdraw, one, g.results, **quiet).then(here.names, None, chosen, **quiet)
    a.export.click(here.export, [a.learner, state.prefs], [a.handed, a.told], **quiet).then(
        None, a.handed, None, js=_HAND
    )
    a.delete.click(here.delete, [a.learner, a.confirm, state.prefs], a.told, **quiet).then(
        here.names, None, chosen, **quiet
    )
    a.log.click(here.log, state.prefs, a.entries, **quiet)
