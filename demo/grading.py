"""The graders' page: hear a recording, grade by clicking, then see the machine's (`speechtutor grade`).

Only widgets and wiring: what is blind, in which order and what is kept is `speechtutor.report`'s (`desk`,
`grades`, `sheet`). Each save reads the file anew, so that several graders at once see what counts.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import speechtutor  # noqa: F401  # before gradio, which reports its start otherwise

# isort: split
import gradio as gr

from demo import page, private, serving
from demo.guard import Guard
from demo.here import EXAMPLES
from demo.labels import Labels, text
from demo.learners import SECRET
from demo.prefs import preferred
from speechtutor.content.tables import headed, languages, message
from speechtutor.evaluation.result import Row
from speechtutor.files import disk
from speechtutor.files.guard import LOGS
from speechtutor.report import agreed, clips, grade_table, grades, grading, sheet
from speechtutor.report.desk import Desk
from speechtutor.report.overrides import LONGEST_NAME
from speechtutor.report.sources import Source

START = "window.speechtutorGrading.start(element, trigger)"
LANG = "(lang) => { window.speechtutor.looks({ lang }); return lang; }"
HAND = "(text) => window.speechtutorGrading.hand(text)"
DRAWS = 200
"""Draws of the intervals of the page; the report makes 1000."""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Shown = tuple[Any, ...]
"""Values of the name, the place, the progress, the recording, the sheet and what is told."""


class Booth:
    """The page's answers around a source; `clock` says when a grade is given."""

    def __init__(
        self, source: Source, guard: Guard, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.source, self.guard, self.clock = source, guard, clock
        self._agreement: tuple[tuple[int, int], grading.Grading] | None = None
        self._lock = threading.Lock()

    def desk(self, who: str) -> Desk:
        """The desk of a grader as the files are now."""
        typed, _ = grades.typed(self.source)
        return Desk(self.source.run.rows, who, grades.read(self.source.record).grades, typed)

    def begin(
        self, name: str, lang: str,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> Shown:  # fmt: skip
        """Somebody has given their name: their first utterance that is open."""
        return self._watched(lambda: self._begun(_who(name, request), lang), lang)

    def _begun(self, name: str, lang: str) -> Shown:
        desk = self.desk(name)
        row = desk.next_open()
        told = "" if row else _told("all_done", lang)
        return self._shown(desk, row or (desk.rows[0] if desk.rows else None), told, lang)

    def acted(
        self, who: str, lang: str, event: gr.EventData,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> Shown:  # fmt: skip
        """Something was pressed in the sheet: save, skip, or go elsewhere."""
        data = dict(event._data or {})
        return self._watched(lambda: self._done(_who(who, request), data, lang), lang)

    def _done(self, who: str, data: dict[str, Any], lang: str) -> Shown:
        desk = self.desk(who)
        row = desk.rows[desk.place(str(data.get("id")))]
        if "save" in data:
            return self._saved(desk, row, data["save"], lang)
        if "skip" in data:
            grades.append(self.source.record, grades.skip(row, str(data["skip"]), desk.who, self.clock()))
            desk = self.desk(who)
            return self._next(desk, row, _told("skipped", lang), lang)
        if data.get("go") == "open":
            return self._next(desk, row, "", lang)
        step = -1 if data.get("go") == "back" else 1
        return self._shown(desk, desk.beside(row.id, step), "", lang)

    def _saved(self, desk: Desk, row: Row, given: Any, lang: str) -> Shown:
        blind = desk.is_blind(row)
        made = grades.make(row, grades.given(given), desk.who, self.clock(), blind=blind)
        grades.append(self.source.record, made)
        judged = grades.is_judged(row)
        key = "saved_alone" if not judged else "saved" if blind else "saved_again"
        return self._shown(self.desk(desk.who), row, _told(key, lang), lang)

    def _next(self, desk: Desk, row: Row, told: str, lang: str) -> Shown:
        found = desk.next_open(row.id)
        return self._shown(desk, found or row, told if found else _told("all_done", lang), lang)

    def _shown(self, desk: Desk, row: Row | None, told: str, lang: str) -> Shown:
        if row is None:
            return desk.who, "", "", "", "", _told("all_done", lang)
        now, damaged = desk.progress, len(grades.read(self.source.record).problems)
        line = message(
            "grading", "progress", lang, at=str(desk.place(row.id) + 1), n=str(now.n_items),
            graded=str(now.n_graded), skipped=str(now.n_skipped),
        )  # fmt: skip
        told += _told("damaged", lang, n=str(damaged)) if damaged else ""
        version = f"{desk.who} {row.id} {desk.n_saved} {lang}"
        body = sheet.html(row, desk.last(row.id), desk.may_see(row.id), lang, desk.skipped(row.id), version)
        return desk.who, row.id, f"<p><b>{escape(line)}</b></p>", self._clip(row, lang), body, told

    def _clip(self, row: Row, lang: str) -> str:
        player = clips.clips([row], self.source.root, Path("page"), "embed")[row.id]
        if not player.source:
            return f"<p>{escape(headed(message('grading', 'no_audio', lang), player.why_not, lang))}</p>"
        named = escape(message("grading", "recording", lang), quote=True)
        player_html = f'<audio controls preload="auto" aria-label="{named}" src="{player.source}"></audio>'
        return f'<div class="gr-clip">{player_html}</div>'

    def translated(
        self, who: str, at: str, lang: str,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> Shown:  # fmt: skip
        """The same utterance in another language; nothing before somebody has begun."""
        if not at:
            return (gr.skip(),) * 6
        return self._watched(lambda: self._at(_who(who, request), at, lang), lang)

    def _at(self, who: str, at: str, lang: str) -> Shown:
        desk = self.desk(who)
        return self._shown(desk, desk.rows[desk.place(at)], "", lang)

    def _watched(self, make: Callable[[], Shown], lang: str) -> Shown:
        """What was asked for, or one kind line, with all else as it was."""
        try:
            return make()
        except Exception as error:
            return *(gr.skip(),) * 5, self.guard.told(error, lang=lang)

    def agreement(self, lang: str) -> str:
        """How far the graders agree so far, blind."""
        try:
            return agreed.html(self._agreed(), lang)
        except Exception as error:
            return self.guard.told(error, lang=lang)

    def _agreed(self) -> grading.Grading:
        """Counted again when there is something new; a table of many graders takes seconds."""
        given, problems = grades.of_source(self.source)
        mark = len(given), len(problems)
        with self._lock:
            if self._agreement is None or self._agreement[0] != mark:
                blind = [one for one in given if one.blind]
                self._agreement = mark, grading.grading(self.source.run.rows, blind, draws=DRAWS)
            return self._agreement[1]

    def handed(self, form: str, who: str, lang: str, request: Any) -> tuple[str, Any]:
        """The grades of what somebody has graded, as "name;kind;base64", and what went wrong."""
        try:
            desk = self.desk(_who(who, request))
            own = {row.id for row in desk.rows if desk.may_see(row.id)}
            if form == "xlsx":
                data, kind = grade_table.book(self.source, own, self._agreed()), XLSX
            else:
                data, kind = grade_table.csv_text(self.source, own).encode(), "text/csv"
        except Exception as error:
            return "", self.guard.told(error, lang=lang)
        return f"grades.{form};{kind};{base64.b64encode(data).decode('ascii')}", ""


def _who(name: str | None, request: Any) -> str:
    """Who grades: the account where there is a sign-in, else the name given."""
    return str(getattr(request, "username", None) or name or "")


def _told(key: str, lang: str, **values: str) -> str:
    return f"<p>{escape(message('grading', key, lang, **values))}</p>"


def _title(lang: str) -> str:
    heading, line = (escape(message("grading", key, lang)) for key in ("title", "tagline"))
    return f'<h1 class="st-title">{heading}</h1> <p class="st-tagline">{line}</p>'


def _layout(labels: Labels, who: str) -> SimpleNamespace:
    """The widgets from top to bottom, by name."""
    w = SimpleNamespace()
    labels.add(gr.HTML, value=_title)
    with gr.Row(elem_id="who"):
        w.name = labels.add(
            gr.Textbox, value=who, label=text("grading.name"), info=text("grading.name_why"),
            elem_id="grader", max_lines=1, max_length=LONGEST_NAME, min_width=150, scale=2,
        )  # fmt: skip
        names = [(name, code) for code, name in languages().items()]
        label = "Language · Idioma · 语言"
        w.lang = gr.Dropdown(
            names, value="en", label=label, elem_id="language", filterable=False, min_width=130, scale=1
        )
        w.begin = labels.add(
            gr.Button, value=text("grading.begin"), variant="primary", elem_id="begin", min_width=110, scale=0
        )
    with gr.Tabs(elem_id="tabs"):
        with labels.add(gr.Tab, label=text("grading.tab"), id="grade"):
            w.progress = gr.HTML(elem_id="progress")
            w.clip = gr.HTML(elem_id="clip")
            w.told = gr.HTML(elem_id="told")
            w.sheet = gr.HTML(elem_id="sheet", js_on_load=START)
        with labels.add(gr.Tab, label=text("grading.agreement"), id="agreement") as w.tab:
            w.show = labels.add(gr.Button, value=text("grading.show"), elem_id="show-agreement")
            w.agreement = gr.HTML(elem_id="agreed")
            labels.add(gr.HTML, value=lambda lang: _told("own_only", lang))
            with gr.Row():
                w.xlsx = labels.add(gr.Button, value=text("grading.spreadsheet"), elem_id="save-xlsx")
                w.csv = labels.add(gr.Button, value=text("grading.table"), elem_id="save-csv")
            w.problem = gr.HTML(elem_id="problem")
            w.handed = gr.Textbox(visible="hidden")
    w.who, w.at = gr.State(""), gr.State("")
    w.known = gr.BrowserState("", storage_key="speechtutor-grader", secret=SECRET)
    return w


def build(source: Source, who: str = "", guard: Guard | None = None) -> gr.Blocks:
    """The page around a source; `who` is a name to begin with."""
    labels, booth = Labels(), Booth(source, guard or Guard(disk.home() / LOGS))
    blocks = gr.Blocks(title="speechtutor grade", analytics_enabled=False)
    with blocks:
        w = _layout(labels, who)
        _wire(w, labels, booth, blocks, who)
    return blocks


def _wire(w: SimpleNamespace, labels: Labels, booth: Booth, blocks: gr.Blocks, who: str) -> None:
    quiet: dict[str, Any] = {"show_progress": "hidden"}
    shown = [w.who, w.at, w.progress, w.clip, w.sheet, w.told]

    def arrived(known: str | None, request: gr.Request) -> tuple[Any, str]:
        account = request.username
        name = account or who or known
        # Where no name is known the field is left alone: somebody may be typing in it already.
        field = gr.update(value=name, interactive=account is None) if name else gr.skip()
        return field, preferred(request.headers.get("accept-language", ""))

    def known_begins(
        name: str, lang: str,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> Shown:  # fmt: skip
        return booth.begin(name, lang, request) if _who(name, request) else (gr.skip(),) * 6

    def handing(form: str) -> Callable[..., tuple[str, Any]]:
        def hand(
            name: str, lang: str,
            request: gr.Request = None,  # type: ignore[assignment]
        ) -> tuple[str, Any]:  # fmt: skip
            return booth.handed(form, name, lang, request)

        return hand

    up = blocks.load(arrived, w.known, [w.name, w.lang], **quiet)
    up = up.then(labels.told, w.lang, labels.widgets, js=LANG, **quiet)
    up.then(known_begins, [w.name, w.lang], shown, **quiet)
    w.lang.change(None, w.lang, None, js=LANG)
    for event in (w.begin.click, w.name.submit):
        event(booth.begin, [w.name, w.lang], shown, **quiet).then(lambda one: one, w.who, w.known, **quiet)
    w.sheet.click(booth.acted, [w.who, w.lang], shown, **quiet)
    w.lang.input(labels.told, w.lang, labels.widgets, **quiet)
    w.lang.input(booth.translated, [w.who, w.at, w.lang], shown, **quiet)
    for event in (w.tab.select, w.show.click):
        event(booth.agreement, w.lang, w.agreement, show_progress="minimal")
    for form, button in (("xlsx", w.xlsx), ("csv", w.csv)):
        made = button.click(handing(form), [w.who, w.lang], [w.handed, w.problem], show_progress="minimal")
        made.then(None, w.handed, None, js=HAND)


def launch(blocks: gr.Blocks, **options: Any) -> Any:
    """Start a page as the graders want it."""
    script = Path(__file__).with_name("grading.js").read_text(encoding="utf-8")
    return page.launch(blocks, EXAMPLES, sheet.CSS, f"<script>{script}</script>", **options)


def serve(
    source: Source,
    who: str = "",
    host: str = "127.0.0.1",
    port: int = 7861,
    open_browser: bool = False,
    auth_file: Path | None = None,
    without_sign_in: bool = False,
    names: tuple[str, ...] = (),
) -> None:
    """Serve the page of a source until stopped; the rest is as for the learner's app (`demo.app.serve`)."""
    serving.check_address(host, port)
    auth = serving.accounts(auth_file)
    serving.check_open(host, bool(auth), without_sign_in)
    with serving.until_stopped() as stop, private.private_folder() as folder:
        blocks = build(source, who)
        how = serving.options(host, names, auth) | {"inbrowser": open_browser}
        serving.start(launch, blocks, host, port, **how)
        print(f"The graders' page is at http://{how['server_name']}:{port} (Ctrl-C stops it)", flush=True)
        while not stop.wait(30):
            private.sweep(folder)
        blocks.close(verbose=False)
