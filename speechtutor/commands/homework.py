"""`speechtutor homework`: a teacher's exercises to learners, and what became of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from speechtutor.commands.output import AsJson, note, open_store, show
from speechtutor.core.wording import counted
from speechtutor.errors import InputError

if TYPE_CHECKING:
    from speechtutor.core import Exercise

app = App(name="homework", help="Give learners exercises, and see what became of them.")
EVERYBODY = "all"

Store = Annotated[str | None, Parameter(help="Learner store, as a URL (yours)")]
Title = Annotated[str, Parameter(help="What the homework is called.")]


@app.command
def assign(
    title: Title,
    /,
    *,
    learners: Annotated[str, Parameter(help="Names with commas, or all.")],
    items: Annotated[
        Path | None,
        Parameter(
            help="A table (.csv, .tsv, .xlsx) with the headings text, word, ask, answers, kind, level."
        ),
    ] = None,
    topic: Annotated[str | None, Parameter(help="Instead: sentences of our own about this.")] = None,
    level: Annotated[str, Parameter(help="CEFR level of our own sentences.")] = "A2",
    most: Annotated[int, Parameter(help="How many of our own sentences.")] = 8,
    due: Annotated[date | None, Parameter(help="The last day, as 2026-05-31 (in a week)")] = None,
    store: Store = None,
    json: AsJson = False,
) -> None:
    """Give exercises to learners; each is answered by its id, with `practice --exercise` or in the app."""
    from speechtutor.learner.audit import who

    if (items is None) == (topic is None):
        raise InputError("give either --items, a table, or --topic, for sentences of our own")
    exercises = _own(topic, level.upper(), most) if items is None else _from_table(items)
    now = datetime.now(UTC)
    until = datetime.combine(due or (now + timedelta(days=7)).date(), time.max, UTC)
    opened = open_store(store)
    try:
        names = (
            opened.learners()
            if learners == EVERYBODY
            else [n.strip() for n in learners.split(",") if n.strip()]
        )
        made = opened.homework.assign(names, exercises, title, who(), now, until)
        opened.audit.note(f"homework {title}", names[0] if len(names) == 1 else "*")
    finally:
        opened.close()
    if json:
        show(
            [{"learner": one.learner, "exercise": one.exercise.id, "text": one.exercise.text} for one in made]
        )
    else:
        given = f"{counted(len(exercises), 'exercise')} for {counted(len(names), 'learner')}"
        print(f"{title}: {given}, due {until.date().isoformat()}")
        if len(made) < len(exercises) * len(names):
            note(f"{len(exercises) * len(names) - len(made)} were given under this title before")


def _from_table(path: Path) -> list[Exercise]:
    from speechtutor.report.homework import items

    return items(path)


def _own(topic: str | None, level: str, most: int) -> list[Exercise]:
    from speechtutor.practice.assigned import own

    if most < 1:
        raise InputError(f"--most must be 1 or more, not {most}")
    return own(topic, level, most)


@app.command(name="list")
def list_(
    learner: Annotated[str | None, Parameter(help="Whose (everybody's)")] = None,
    /,
    *,
    store: Store = None,
    json: AsJson = False,
) -> None:
    """Say what is to be done, with the ids to answer by, and what it was graded."""
    from speechtutor.practice.assigned import record, results

    opened = open_store(store, create=False)
    try:
        opened.audit.note("homework list", learner or "*")
        found = results(opened, learner=learner)
    finally:
        opened.close()
    rows = [record(one) for one in found]
    if json:
        show(rows)
        return
    for row in rows:
        grade = "-" if row["grade"] is None else f"{row['grade']:.0f}"
        mark = "done" if row["done"] == "yes" else "open"
        print(f"{row['id']}  {row['due']}  {mark:<5}{grade:>4}  {row['learner']}  {row['exercise']}")


@app.command
def report(
    title: Annotated[str | None, Parameter(help="Which homework (all)")] = None,
    /,
    *,
    out: Annotated[Path, Parameter(help="The report: .html, .csv, .xlsx or .json.")],
    store: Store = None,
    json: AsJson = False,
) -> None:
    """Write what became of homework: grades and why, a row an exercise."""
    from speechtutor.practice.assigned import results
    from speechtutor.report.homework import write

    opened = open_store(store, create=False)
    try:
        opened.audit.note(f"homework report {title or ''}".strip())
        found = results(opened, title)
    finally:
        opened.close()
    if title is not None and not found:
        raise InputError(f"there is no homework called {title!r:.80}")
    write(found, out)
    done = sum(one.done for one in found)
    show({"path": str(out), "exercises": len(found), "done": done}) if json else print(
        f"{out}: {done} of {len(found)} done"
    )


@app.command
def withdraw(
    title: Title,
    /,
    *,
    learner: Annotated[str | None, Parameter(help="From whom (everybody)")] = None,
    store: Store = None,
    json: AsJson = False,
) -> None:
    """Take homework back; what was said stays."""
    opened = open_store(store, create=False)
    try:
        gone = opened.homework.withdraw(title, learner)
        opened.audit.note(f"homework withdraw {title}", learner or "*")
    finally:
        opened.close()
    if not gone:
        raise InputError(f"there is no homework called {title!r:.80}")
    show({"exercises": gone}) if json else print(f"{title}: {counted(gone, 'exercise')} withdrawn")
