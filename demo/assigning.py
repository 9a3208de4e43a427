"""What a teacher gives learners to say, and what became of it: the lower part of the Class tab."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from html import escape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr

from demo import serving
from demo.labels import Labels, choices, text
from demo.practice_layout import topics_offered
from speechtutor.content.tables import join, listed, message
from speechtutor.core import Exercise
from speechtutor.corpora import formats
from speechtutor.errors import InputError, StorageError
from speechtutor.learner.store import SqlStore
from speechtutor.pipeline import Coach
from speechtutor.practice import assigned
from speechtutor.practice.levels import LEVELS
from speechtutor.tables import workbook
from speechtutor.views import homework as view

LINES = {"sentences": "text", "words": "word", "questions": "ask"}
"""Sources that are written line by line, with the heading that a line stands under."""
SOURCES = (*LINES, "of_ours", "table")
DAYS = (1, 3, 7, 14)
TABLES = (".csv", ".tsv", ".xlsx")
MOST = 50
"""Exercises of our own that are given at once."""
HAND = """(data) => { if (!data) return;
  const link = document.createElement('a');
  link.href = 'data:application/vnd.openxmlformats-officedocument.spreadsheetml.sheet;base64,' + data;
  link.download = 'homework.xlsx';
  link.click(); }"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A homework as it stands in the form."""

    learners: tuple[str, ...] = ()
    everybody: bool = False
    title: str = ""
    days: int = 7
    source: str = "sentences"
    lines: str = ""
    topic: str = ""
    level: str = "A2"
    most: int = 8
    table: str | None = None


def layout(labels: Labels) -> SimpleNamespace:
    """The widgets from top to bottom, by name."""
    w = SimpleNamespace()
    with labels.add(gr.Accordion, label=text("homework.give"), open=False, elem_id="give"):
        w.learners = labels.add(
            gr.Dropdown, label=text("homework.for"), choices=[], value=[], multiselect=True,
            allow_custom_value=True, elem_id="for",
        )  # fmt: skip
        w.everybody = labels.add(gr.Checkbox, label=text("homework.everybody"), value=False)
        with gr.Row():
            w.title = labels.add(
                gr.Textbox, label=text("homework.title"), value="", max_lines=1, max_length=80,
                elem_id="work-title", min_width=170,
            )  # fmt: skip
            days = [(f"homework.days_{n}", n) for n in DAYS]
            w.days = labels.add(
                gr.Dropdown, label=text("homework.due"), choices=choices(days), value=7, filterable=False,
                min_width=130,
            )  # fmt: skip
        w.source = labels.add(
            gr.Radio, label=text("homework.what"), value="sentences", elem_id="source",
            choices=choices([(f"homework.{one}", one) for one in SOURCES]),
        )  # fmt: skip
        w.lines = labels.add(
            gr.Textbox, label=text("homework.lines"), value="", lines=4, max_lines=12, elem_id="lines",
            max_length=serving.TEXT_LENGTH,
        )  # fmt: skip
        with gr.Row(visible=False) as w.ours:
            w.topic = labels.add(
                gr.Dropdown, label=text("app.topic"), choices=choices(topics_offered()), value="",
                filterable=False, min_width=130,
            )  # fmt: skip
            w.level = labels.add(
                gr.Dropdown, label=text("app.level"), choices=list(LEVELS), value="A2", filterable=False,
                min_width=80,
            )  # fmt: skip
            w.most = labels.add(
                gr.Number, label=text("homework.how_many"), value=8, precision=0, minimum=1, maximum=MOST,
                min_width=80,
            )  # fmt: skip
        with gr.Column(visible=False) as w.file:
            labels.add(gr.HTML, value=_columns)
            w.table = labels.add(
                gr.UploadButton, label=_choose_table, file_types=list(TABLES), elem_id="table", size="sm"
            )
        w.assign = labels.add(gr.Button, value=text("homework.assign"), variant="primary", elem_id="assign")
        w.told = gr.HTML(elem_id="assigned")
    with labels.add(gr.Accordion, label=text("homework.results"), open=False, elem_id="answers"):
        w.which = labels.add(
            gr.Dropdown, label=text("homework.which"), choices=[], value=None, allow_custom_value=True,
            elem_id="which",
        )  # fmt: skip
        with gr.Row():
            w.show = labels.add(gr.Button, value=text("homework.show"), min_width=120, elem_id="show-work")
            w.download = labels.add(
                gr.Button, value=text("homework.download"), min_width=120, elem_id="download"
            )
            w.withdraw = labels.add(
                gr.Button, value=text("homework.withdraw"), variant="stop", min_width=120, elem_id="withdraw"
            )
        w.results = gr.HTML(elem_id="results")
        w.handed = gr.Textbox(visible="hidden")
    return w


def _columns(lang: str) -> str:
    told = message(
        "homework",
        "columns",
        lang,
        columns=listed(assigned.COLUMNS, lang),
        needed=listed(assigned.ONE_OF, lang),
    )
    return f"<p>{escape(told)}</p>"


def _choose_table(lang: str) -> str:
    return message("homework", "upload", lang, kinds=listed(TABLES, lang))


def store_of(coach: Coach) -> SqlStore:
    """The learners' store.

    Raises:
        StorageError: when there is none that keeps homework.
    """
    if not isinstance(coach.store, SqlStore):
        raise StorageError("this app keeps no learners, so there is nobody to give homework to")
    return coach.store


def exercises(wanted: Wanted, lang: str) -> list[Exercise]:
    """What is to be said.

    Raises:
        InputError: where nothing is, or a line or a row is none.
    """
    if wanted.source == "of_ours":
        topic = wanted.topic or None
        return assigned.own(topic, wanted.level, max(1, min(MOST, wanted.most)))
    if wanted.source == "table":
        if wanted.table is None:
            raise InputError(message("homework", "no_table", lang))
        return from_table(Path(wanted.table))
    lines = [line.strip() for line in wanted.lines.splitlines() if line.strip()]
    if not lines:
        raise InputError(message("homework", "no_lines", lang))
    heading = LINES[wanted.source]
    rows = ((number, {heading: line}) for number, line in enumerate(lines, 1))
    return assigned.items(rows, message("homework", "what", lang))


def from_table(path: Path) -> list[Exercise]:
    """The exercises of an uploaded table, whose place on our disk is nobody's affair.

    Raises:
        InputError: naming file, row and what is wrong with it.
    """
    try:
        return assigned.items(formats.table_of_any(path, assigned.ONE_OF), path.name)
    except InputError as error:
        raise InputError(str(error).replace(str(path), path.name)) from None


def assign(coach: Coach, wanted: Wanted, by: str, now: datetime, lang: str) -> str:
    """Give a homework; what to say.

    Raises:
        InputError: naming what is missing in the form, or is wrong with what was written.
        StorageError: when the store refuses.
    """
    store = store_of(coach)
    learners = store.learners() if wanted.everybody else wanted.learners
    for given, key in ((learners, "no_learner"), (wanted.title.strip(), "no_title")):
        if not given:
            raise InputError(message("homework", key, lang))
    found = exercises(wanted, lang)
    due = datetime.combine((now + timedelta(days=wanted.days)).date(), time.max, UTC)
    title = wanted.title.strip()
    made = store.homework.assign(learners, found, title, by, now, due)
    store.audit.note(f"homework {title}", learners[0] if len(learners) == 1 else "*", by=by)
    counts = {"n": str(len(found)), "learners": str(len(learners)), "due": due.date().isoformat()}
    lines = [message("homework", "given", lang, title=title, **counts)]
    if before := len(found) * len(learners) - len(made):
        lines.append(message("homework", "before", lang, n=str(before)))
    return f'<p class="st-fine">✓ {escape(join(lines, lang))}</p>'


def titles(coach: Coach) -> list[str]:
    """All homework that was given, by due day."""
    return list(dict.fromkeys(task.title for task in store_of(coach).homework.tasks()))


def results(coach: Coach, title: str | None, by: str, lang: str) -> str:
    """What became of a homework, or of all."""
    store = store_of(coach)
    store.audit.note("homework list", by=by)
    return view.results_html(assigned.results(store, title or None, lang=lang), lang)


def spreadsheet(coach: Coach, title: str | None, by: str) -> str:
    """The same as an xlsx file, in base64: a browser is handed it inside the page."""
    store = store_of(coach)
    store.audit.note(f"homework report {title or ''}".strip(), by=by)
    rows = [assigned.record(one) for one in assigned.results(store, title or None)]
    return base64.b64encode(workbook({"homework": (assigned.REPORT, rows)})).decode("ascii")


def withdraw(coach: Coach, title: str | None, by: str, lang: str) -> str:
    """Take a homework back; what to say.

    Raises:
        InputError: when none is named.
    """
    if not title:
        raise InputError(message("homework", "choose_one", lang))
    store = store_of(coach)
    gone = store.homework.withdraw(title)
    store.audit.note(f"homework withdraw {title}", by=by)
    return f"<p>{escape(message('homework', 'withdrawn', lang, title=title, n=str(gone)))}</p>"


def sources(source: str) -> tuple[Any, Any, Any]:
    """Which of the parts of the form belong to a source."""
    lines, ours, table = source in LINES, source == "of_ours", source == "table"
    return gr.update(visible=lines), gr.update(visible=ours), gr.update(visible=table)
