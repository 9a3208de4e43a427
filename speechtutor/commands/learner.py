"""`speechtutor learner`: the learner's own data, out or gone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from speechtutor.commands.output import AsJson, note, open_store, show
from speechtutor.core.wording import counted, noun
from speechtutor.errors import InputError

if TYPE_CHECKING:
    from speechtutor.learner.store import SqlStore

app = App(name="learner", help="Say who is remembered; hand out or forget what is known of a learner.")
for _verb in ("verify", "rebuild", "backup", "restore", "sweep", "audit", "research"):
    app.command(f"speechtutor.commands.learner_data:{_verb}", name=_verb)
for _verb in ("show", "set"):
    app.command(f"speechtutor.commands.learner_own:{_verb if _verb == 'show' else 'set_'}", name=_verb)

Store = Annotated[str | None, Parameter(help="Learner store, as a URL (yours)")]
Name = Annotated[str, Parameter(help="The name that was given with --learner.")]


@app.command(name="list")
def list_(*, store: Store = None, json: AsJson = False) -> None:
    """Say who is remembered, with the number of attempts and the days of the first and the last."""
    from dataclasses import asdict

    opened = open_store(store, create=False)
    try:
        known = opened.known()
    finally:
        opened.close()
    if json:
        show([asdict(one) for one in known])
        return
    width = max((len(one.learner) for one in known), default=0)
    for one in known:
        days = f"  {one.first[:10]} to {one.last[:10]}" if one.n_attempts else ""
        print(f"{one.learner:<{width}}  {one.n_attempts:>6} {noun(one.n_attempts, 'attempt')}{days}")


@app.command
def export(
    id: Name,
    /,
    *,
    out: Annotated[Path | None, Parameter(help="A file, which only you can read (standard output)")] = None,
    store: Store = None,
) -> None:
    """Write everything that is known of a learner as JSON, in the library's own scales."""
    from speechtutor.schema import dumps

    opened = open_store(store, create=False)
    try:
        _known(opened, id)
        opened.audit.note("export", id)
        text = dumps(opened.export(id))
    finally:
        opened.close()
    if out is None:
        print(text)
    else:
        from speechtutor.files.disk import write_text

        write_text(out, text + "\n", mode=0o600)


@app.command
def delete(id: Name, /, *, store: Store = None, json: AsJson = False) -> None:
    """Forget a learner down to the bytes of the store; name the other files that may name them."""
    from speechtutor.learner.traces import traces

    opened = open_store(store, create=False)
    try:
        known = id in opened.learners()
        gone = opened.delete(id)  # also of one who is gone: what was left in the log is emptied then
        elsewhere = traces(id, opened.path) if opened.path is not None else []
    finally:
        opened.close()
    for path in elsewhere:
        note(f"warning: {path} may still name {id}: look at it, and delete it yourself")
    if not known:
        raise InputError(f"nobody in {opened.where} is called {id!r}")
    if json:
        show({"learner": id, "attempts": gone, "elsewhere": [str(path) for path in elsewhere]})
    else:
        print(f"{id}: {counted(gone, 'attempt')} deleted")


@app.command
def graph(
    *,
    dot: Annotated[bool, Parameter(help="Print it for Graphviz.")] = False,
    json: AsJson = False,
) -> None:
    """Print what can be known and what comes before what: the knowledge graph, words left out."""
    from dataclasses import asdict

    from speechtutor.learner import skills

    nodes = skills.graph().values()
    if dot:
        print(skills.dot(nodes), end="")
    elif json:
        show([asdict(one) | {"label": skills.label(one.id)} for one in nodes])
    else:
        for one in nodes:
            after = f"  after {', '.join(one.needs)}" if one.needs else ""
            print(f"{one.id}{f'  ({one.level})' if one.level else ''}{after}")


def _known(store: SqlStore, id: str) -> None:
    if id not in store.learners():
        raise InputError(f"nobody in {store.where} is called {id!r}")
