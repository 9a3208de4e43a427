"""The learner's app: say something, see every sound, hear what to work on, say it better, go on.

Only wiring lives here: `build(coach)` puts the screens together, each of which is a value of its own
(`demo.practice`, `demo.talk`), and `serve` (`speechtutor app`, `make app`) starts it with the real models and
the learners' store.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import speechtutor  # noqa: F401  # before gradio, which reports its start otherwise

# isort: split
import gradio as gr

from demo import (
    about,
    classroom,
    homework,
    learners,
    page,
    planned,
    practice_layout,
    practice_page,
    private,
    progress,
    serving,
    settings,
    talk_page,
    voices,
    welcome,
)
from demo.guard import Guard
from demo.here import EXAMPLES, Here
from demo.labels import Labels, text
from demo.learners import SECRET
from demo.prefs import STRICTNESS, Prefs
from speechtutor.content.tables import languages, message
from speechtutor.files import disk
from speechtutor.files.guard import LOGS
from speechtutor.pipeline import Coach
from speechtutor.stages import Adjustable, Scorer


def build(
    coach: Coach,
    strict: Mapping[str, Coach] | None = None,
    guard: Guard | None = None,
    roles: Mapping[str, str] | None = None,
) -> gr.Blocks:
    """The whole page around a coach; `strict` are others by their strictness, `guard` logs errors.

    `roles` are those of signed-in accounts.
    """
    guard = guard or Guard(disk.home() / LOGS)
    others = dict(strict or {})
    labels = Labels()
    blocks = gr.Blocks(title="speechtutor", delete_cache=(practice_layout.HOUR,) * 2, analytics_enabled=False)
    with blocks:
        state = _header(labels)
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap") as state.tabs:
            with labels.add(gr.Tab, label=text("app.practise"), id="practise"):
                first = welcome.layout(labels)
                w = practice_layout.layout(labels)
                welcome.check_layout(labels, first)
            with labels.add(
                gr.Tab, label=text("app.homework"), id="homework", visible=False
            ) as state.homework:
                work = homework.layout(labels)
            with labels.add(gr.Tab, label=text("app.talk"), id="talk"):
                t = talk_page.layout(labels, practice_layout.TAP)
            with labels.add(gr.Tab, label=text("app.progress"), id="progress") as state.progress:
                shown = progress.layout(labels)
            with labels.add(gr.Tab, label=text("app.settings"), id="settings") as state.settings:
                s = settings.layout(labels)
            with labels.add(gr.Tab, label=text("class.tab"), id="class", visible=False) as state.classroom:
                c = classroom.layout(labels)
        here = Here(labels, state, first, w, s)
        here.practice = practice_page.Page(w, lambda prefs: others.get(prefs.strictness, coach), guard, state)
        here.talk = talk_page.Page(t, here.practice.coaches, guard, state, here.practice.tapped)
        here.practice.wire(lambda: gr.update(visible=False), first.welcome)
        here.talk.wire()
        welcome.wire(first, guard, state)
        settings.wire(s, coach, guard, state)
        about.wire(s.you, blocks, coach, guard, state)
        homework.wire(work, state.homework, blocks, coach, guard, state, here.works)
        progress.wire(shown, state.progress, coach, guard, state, here.practises)
        classroom.wire(c, state.classroom, blocks, coach, guard, state, roles or {})
        here.wire(blocks)
        learners.wire(state, blocks)
    return blocks


def _header(labels: Labels) -> SimpleNamespace:
    """What stands above all tabs: what this is, who practises, in which language."""
    labels.add(gr.HTML, value=_title)
    with gr.Row(elem_id="who"):
        state = learners.layout(labels)
        names = [(name, code) for code, name in languages().items()]
        # Labelled in all of them: whoever cannot read the page has to find it.
        label = "Language · Idioma · 语言"
        state.lang = gr.Dropdown(
            names, value="en", label=label, elem_id="language", filterable=False, min_width=130, scale=1
        )
    state.prefs = gr.State(Prefs(lang="en"))
    state.kept = gr.BrowserState({}, storage_key="speechtutor-wishes", secret=SECRET)
    return state


def _title(lang: str) -> str:
    return (
        f'<h1 class="st-title">speechtutor</h1> <p class="st-tagline">{message("app", "tagline", lang)}</p>'
    )


def launch(blocks: gr.Blocks, **options: Any) -> Any:
    """Start a page as the app wants it."""
    return page.launch(blocks, EXAMPLES, **options)


def stricter(coach: Coach, scorer: Scorer, lane: voices.Lane) -> dict[str, Coach]:
    """Coaches by strictness around one loaded scorer, where it has one to choose."""
    if not isinstance(scorer, Adjustable):
        return {}
    made = {name: scorer.as_strict(name) for name in STRICTNESS}
    return {name: replace(coach, scorer=voices.FirstScorer(one, lane)) for name, one in made.items()}


def serve(
    host: str = "127.0.0.1",
    port: int = 7860,
    device: str | None = None,
    open_browser: bool = False,
    grammar: str | None = None,
    store: str | None = None,
    auth_file: Path | None = None,
    without_sign_in: bool = False,
    names: tuple[str, ...] = (),
    strictness: str | None = None,
    tutor: str | None = None,
) -> None:
    """Load the real models, then serve until stopped; `tutor`, `grammar`: others than are `ready`.

    `store` is the URL of the learners' store, None the one in the home directory. `auth_file` says who
    may sign in and who teaches, `without_sign_in` that nobody need, `names` what else this machine is
    called in requests.
    With a `strictness` nobody chooses another.
    """
    from speechtutor import registry
    from speechtutor.learner.store import open_store

    serving.check_address(host, port)
    auth, roles = serving.accounts(auth_file), serving.roles(auth_file)
    serving.check_open(host, bool(auth), without_sign_in)
    lane, kept = voices.Lane(), open_store(store)
    scorer = registry.load_scorer(device=device, strictness=strictness)
    coach = Coach(
        voices.FirstTranscriber(registry.load("transcriber", device=device), lane),
        voices.FirstScorer(scorer, lane),
        registry.load("tutor", tutor or registry.ready("tutor"), device=device),
        store=kept,
        synthesizer=voices.Remembered(registry.load("synthesizer", device=device), lane),
        grammar=registry.load("grammar", grammar or registry.ready("grammar"), device=device),
    )
    strict = stricter(coach, scorer, lane) if strictness is None else None
    with serving.until_stopped() as stop, private.private_folder() as folder:
        blocks = build(coach, strict, roles=roles)
        how = serving.options(host, names, auth) | {"inbrowser": open_browser}
        threading.Thread(target=planned.warm, daemon=True).start()
        serving.start(launch, blocks, host, port, **how)
        print(f"The app is at http://{how['server_name']}:{port} (Ctrl-C stops it)", flush=True)
        while not stop.wait(30):
            private.sweep(folder)
        blocks.close(verbose=False)
        kept.close()
