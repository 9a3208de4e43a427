"""The learner's app: say something, see every sound, hear what to work on, say it better, go on.

Only wiring lives here: `build(coach)` puts the screens together, each of which is a value of its own
(`demo.practice`, `demo.talk`), and `serve` (`speechtutor app`, `make app`) starts it with the real models and
the learners' store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import speechtutor  # noqa: F401  # before gradio, which reports its start otherwise

# isort: split
import gradio as gr

from demo import (
    learners,
    page,
    practice,
    practice_page,
    private,
    progress,
    serving,
    settings,
    talk,
    voices,
    welcome,
)
from demo.guard import Guard
from demo.labels import Labels
from demo.learners import SECRET, who
from demo.practice import Screen, Wish
from demo.prefs import STRICTNESS, Prefs, read
from demo.talk import Sitting
from speechtutor.content.tables import languages, message
from speechtutor.core import Exercise
from speechtutor.files import disk
from speechtutor.files.guard import LOGS
from speechtutor.pipeline import Coach
from speechtutor.practice.path import Step

EXAMPLES = Path(__file__).resolve().parent / "examples"
EXAMPLE = (EXAMPLES / "dinner-errors.flac", "We like rice and chips for dinner.")
LOOKS = "(kept) => window.speechtutor.looks(kept || {})"


def build(coach: Coach, strict: Mapping[str, Coach] | None = None, guard: Guard | None = None) -> gr.Blocks:
    """The whole page around a coach; `strict` are others by their strictness, `guard` logs errors."""
    guard = guard or Guard(disk.home() / LOGS)
    others = dict(strict or {})
    labels = Labels()
    blocks = gr.Blocks(title="speechtutor", delete_cache=(practice_page.HOUR,) * 2, analytics_enabled=False)
    with blocks:
        state = _header(labels)
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap") as state.tabs:
            with labels.add(gr.Tab, label=_tab("practise"), id="practise"):
                first = welcome.layout(labels)
                w = practice_page.layout(labels)
                welcome.check_layout(labels, first)
            with labels.add(gr.Tab, label=_tab("talk"), id="talk"):
                t = talk.layout(labels, practice_page.TAP)
            with labels.add(gr.Tab, label=_tab("progress"), id="progress") as state.progress:
                shown = progress.layout(labels)
            with labels.add(gr.Tab, label=_tab("settings"), id="settings"):
                s = settings.layout(labels)
        here = Here(labels, state, first, w, s)
        here.practice = practice_page.Page(w, lambda prefs: others.get(prefs.strictness, coach), guard, state)
        here.talk = talk.Page(t, here.practice.coaches, guard, state, here.practice.tapped)
        here.practice.wire(lambda: gr.update(visible=False), first.welcome)
        here.talk.wire()
        welcome.wire(first, guard, state)
        settings.wire(s, coach, guard, state)
        progress.wire(shown, state.progress, coach, guard, state, here.practises)
        here.wire(blocks)
        learners.wire(state, blocks)
    return blocks


def _tab(key: str) -> Any:
    return lambda lang: message("app", key, lang)


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


class Here:
    """The page as a whole: what changes on all screens at once."""

    practice: practice_page.Page
    talk: talk.Page

    def __init__(
        self,
        labels: Labels,
        state: SimpleNamespace,
        first: SimpleNamespace,
        w: SimpleNamespace,
        s: SimpleNamespace,
    ) -> None:
        self.labels, self.state, self.first, self.w = labels, state, first, w
        self.chosen = [s.notation, s.size, s.colours, s.speed, s.voice, s.strictness]

    @property
    def everything(self) -> list[Any]:
        """What `told` gives."""
        return [
            self.state.prefs, self.state.kept, *self.labels.widgets, *self.practice.outputs,
            *self.talk.outputs, self.first.back,
        ]  # fmt: skip

    def told(self, prefs: Prefs, screen: Screen, sitting: Sitting, name: str = "") -> tuple[Any, ...]:
        """The whole page under some wishes; without a name nobody is greeted."""
        screen = practice.explained(screen or Screen(), prefs.lang)
        quiet = replace(sitting or Sitting(), voice=None)
        return (
            prefs, prefs.to_json(), *self.labels.told(prefs.lang),
            *self.practice.made(screen, prefs, lambda now: now),
            *self.talk.made(quiet, prefs, lambda now: now), self.greeting(name, prefs) if name else "",
        )  # fmt: skip

    def greeting(self, name: str, prefs: Prefs) -> str:
        """The line for whoever was here before, or why it cannot be said."""
        try:
            return welcome.back(self.practice.coaches(prefs), name, prefs.lang)
        except Exception as error:
            return self.practice.guard.told(error, lang=prefs.lang)

    def arrived(self, kept: Any, request: gr.Request) -> tuple[Any, ...]:
        """A page that comes up, with the wishes that the browser kept and in its language."""
        accepted = request.headers.get("accept-language", "") if request is not None else ""
        prefs = read(kept, accepted)
        held = (prefs.notation, prefs.size, prefs.colours, prefs.speed, prefs.voice, prefs.strictness)
        return (*self.told(prefs, Screen(), Sitting()), prefs.lang, *held)

    def greeted(
        self, known: str | None, prefs: Prefs,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> tuple[Any, ...]:  # fmt: skip
        """The first exercise of a visit; the welcome for somebody new, a line for others."""
        name, coach = who(known, request), self.practice.coaches(prefs)

        def first(_: Screen) -> Screen:
            return practice.fresh(coach, Wish(level=prefs.level), name, prefs.lang, self.practice.rng)

        told = self.practice.made(Screen(), prefs, first)
        line = self.greeting(name, prefs)
        return (*told, line, gr.update(visible=not line))

    def translated(
        self, lang: str, prefs: Prefs, screen: Screen, sitting: Sitting, name: str,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> tuple[Any, ...]:  # fmt: skip
        """Another language, on everything that is on the page."""
        return self.told(replace(prefs, lang=lang), screen, sitting, who(name, request))

    def changed(
        self, prefs: Prefs, screen: Screen, sitting: Sitting, name: str, notation: str, size: str,
        colours: str, speed: float, voice: str, strictness: str,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> tuple[Any, ...]:  # fmt: skip
        """Another wish of the settings."""
        new = settings.changed(prefs, notation, size, colours, speed, voice, strictness)
        return self.told(new, screen, sitting, who(name, request))

    def practises(self, event: Any) -> None:
        """A sound that was pressed on the map is practised: its tab opens with an exercise for it."""

        def sound(
            screen: Screen, level: str, name: str, prefs: Prefs, event: gr.EventData,
            request: gr.Request = None,  # type: ignore[assignment]
        ) -> tuple[Any, ...]:  # fmt: skip
            phone = str(event._data.get("phone", ""))
            told = self.practice.wished(screen, "sound", level, phone, "", name, prefs, request)
            return (*told, gr.update(selected="practise"), "sound", phone)

        given = [self.w.screen, self.w.level, self.state.learner, self.state.prefs]
        event(sound, given, [*self.practice.outputs, self.state.tabs, self.w.kind, self.w.sound])

    def example(self, prefs: Prefs) -> Iterator[tuple[Any, ...]]:
        """A take that comes with the app, judged like any other; it is nobody's record."""
        step = Step(Exercise(EXAMPLE[1], kind="sound"), "", "new", 1.0)
        now = Screen(Wish(level=prefs.level), step, "sound")
        alone = replace(self.practice.coaches(prefs), store=None)
        steps = practice.judged(alone, now, str(EXAMPLE[0]), now.id, learners.GUEST, prefs)
        failed = lambda told: replace(now, problem=told, waiting=False)  # noqa: E731
        for one in self.practice.guard.steps(steps, failed, lang=prefs.lang):
            yield self.practice.told(one, prefs)

    def wire(self, blocks: gr.Blocks) -> None:
        """What concerns the whole page."""
        state, first = self.state, self.first
        inputs = [state.prefs, self.w.screen, self.talk.w.sitting, state.learner]
        up = blocks.load(
            self.arrived, state.kept, [*self.everything, state.lang, *self.chosen], show_progress="hidden"
        )
        up.then(None, state.kept, None, js=LOOKS)
        up.then(
            self.greeted, [state.known, state.prefs], [*self.practice.outputs, first.back, first.welcome],
            show_progress="hidden",
        )  # fmt: skip
        turned = state.lang.input(
            self.translated, [state.lang, *inputs], self.everything, show_progress="hidden"
        )
        turned.then(None, state.kept, None, js=LOOKS)
        for widget in self.chosen:
            new = widget.input(self.changed, [*inputs, *self.chosen], self.everything, show_progress="hidden")
            new.then(None, state.kept, None, js=LOOKS)
        hide = (lambda: gr.update(visible=False)), None, first.welcome
        first.start.click(*hide, queue=False)
        first.place.click(
            self.practice.placed, [self.w.screen, state.learner, state.prefs], self.practice.outputs,
            show_progress="hidden",
        ).then(*hide, queue=False)  # fmt: skip
        shown = first.example.click(self.example, state.prefs, self.practice.outputs, show_progress="hidden")
        shown.then(*hide, js=practice_page.TO_WORDS, queue=False)


def launch(blocks: gr.Blocks, **options: Any) -> Any:
    """Start a page as the app wants it."""
    return page.launch(blocks, EXAMPLES, **options)


def grammar_model() -> str:
    """The model that corrects free speech: the one with our adapter once it has been pulled, else the rules.

    The app never fetches it by itself: it would keep a learner without a network waiting.
    """
    from speechtutor import hub, registry

    name = registry.READERS["grammar"]
    needed = registry.find("grammar", name).checkpoint
    here = needed is not None and hub.located(needed) is not None
    return name if here else registry.default("grammar")


def stricter(coach: Coach, scorer: Any, lane: voices.Lane) -> dict[str, Coach]:
    """Coaches by strictness around one loaded scorer, where it has one to choose."""
    if not (is_dataclass(scorer) and hasattr(scorer, "strictness")):
        return {}
    made = {name: replace(scorer, strictness=name) for name in STRICTNESS}  # type: ignore[type-var]
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
) -> None:
    """Load the real models, then serve until stopped; `grammar` names another than `grammar_model`.

    `store` is the URL of the learners' store, None the one in the home directory. `auth_file` says who
    may sign in, `without_sign_in` that nobody need, `names` what else this machine is called in requests.
    With a `strictness` nobody chooses another.
    """
    from speechtutor import registry
    from speechtutor.learner.store import open_store

    serving.check_address(host, port)
    auth = serving.accounts(auth_file)
    serving.check_open(host, bool(auth), without_sign_in)
    lane, kept = voices.Lane(), open_store(store)
    scorer = registry.load_scorer(device=device, strictness=strictness)
    coach = Coach(
        voices.FirstTranscriber(registry.load("transcriber", device=device), lane),
        voices.FirstScorer(scorer, lane),
        registry.load("tutor", device=device),
        store=kept,
        synthesizer=voices.Remembered(registry.load("synthesizer", device=device), lane),
        grammar=registry.load("grammar", grammar or grammar_model(), device=device),
    )
    with serving.until_stopped() as stop, private.private_folder() as folder:
        blocks = build(coach, stricter(coach, scorer, lane) if strictness is None else None)
        how = serving.options(host, names, auth) | {"inbrowser": open_browser}
        serving.start(launch, blocks, host, port, **how)
        print(f"The app is at http://{how['server_name']}:{port} (Ctrl-C stops it)", flush=True)
        while not stop.wait(30):
            private.sweep(folder)
        blocks.close(verbose=False)
        kept.close()
