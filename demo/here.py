"""The page as a whole: what happens when it comes up, and what changes on all of its screens at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr

from demo import learners, practice, practice_page, settings, talk_page, welcome
from demo.labels import Labels
from demo.learners import name_of, who
from demo.practice import Screen, Wish
from demo.prefs import Prefs, read
from demo.talk import Sitting
from speechtutor.core import Exercise
from speechtutor.practice.path import Step

EXAMPLES = Path(__file__).resolve().parent / "examples"
EXAMPLE = (EXAMPLES / "dinner-errors.flac", "We like rice and chips for dinner.")
LOOKS = "(kept) => window.speechtutor.looks(kept || {})"


class Here:
    """The page as a whole: what changes on all screens at once."""

    practice: practice_page.Page
    talk: talk_page.Page

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

    def named(
        self, name: str, known: str | None, prefs: Prefs,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> tuple[Any, ...]:  # fmt: skip
        """Somebody else practises: their name is kept, and they are given what is theirs."""
        one = who(name, request)
        if one == name_of(known):
            return tuple(gr.skip() for _ in range(3 + len(self.practice.outputs)))
        return (one, *self.greeted(one, prefs, request))

    def translated(
        self, lang: str, prefs: Prefs, screen: Screen, sitting: Sitting, name: str,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> tuple[Any, ...]:  # fmt: skip
        """Another language, on everything that is on the page; nothing where the menu was only passed."""
        if lang == prefs.lang:
            return (gr.skip(),) * len(self.everything)
        return self.told(replace(prefs, lang=lang), screen, sitting, who(name, request))

    def changed(
        self, prefs: Prefs, screen: Screen, sitting: Sitting, name: str, notation: str, size: str,
        colours: str, speed: float, voice: str, strictness: str,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> tuple[Any, ...]:  # fmt: skip
        """Another wish of the settings."""
        new = settings.changed(prefs, notation, size, colours, speed, voice, strictness)
        if new == prefs:
            return (gr.skip(),) * len(self.everything)
        return self.told(new, screen, sitting, who(name, request))

    def practises(self, event: Any) -> None:
        """A sound that was pressed on the map is practised: its tab opens with an exercise for it."""

        def sound(
            screen: Screen, asked: dict[str, str], level: str, name: str, prefs: Prefs, event: gr.EventData,
            request: gr.Request = None,  # type: ignore[assignment]
        ) -> tuple[Any, ...]:  # fmt: skip
            phone = str(event._data.get("phone", ""))
            told = self.practice.wished(screen, "sound", level, phone, "", "", name, prefs, request)
            asked = {**asked, "kind": "sound", "sound": phone}
            return (*told, gr.update(selected="practise"), "sound", phone, asked)

        given = [self.w.screen, self.w.asked, self.w.level, self.state.learner, self.state.prefs]
        outputs = [*self.practice.onward, self.state.tabs, self.w.kind, self.w.sound, self.w.asked]
        event(sound, given, outputs)

    def works(self, event: Any) -> None:
        """An exercise of the homework that was pressed is said: its tab opens with it."""

        def task(
            screen: Screen, was: dict[str, str], level: str, name: str, prefs: Prefs, event: gr.EventData,
            request: gr.Request = None,  # type: ignore[assignment]
        ) -> tuple[Any, ...]:  # fmt: skip
            asked = str(event._data.get("task", ""))
            told = self.practice.wished(
                screen, practice.HOMEWORK, level, "", "", "", name, prefs, request, asked
            )
            was = {**was, "kind": practice.HOMEWORK}
            return (*told, gr.update(selected="practise"), practice.HOMEWORK, gr.update(visible=False), was)

        given = [self.w.screen, self.w.asked, self.w.level, self.state.learner, self.state.prefs]
        outputs = [
            *self.practice.onward, self.state.tabs, self.w.kind, self.first.welcome, self.w.asked,
        ]  # fmt: skip
        event(task, given, outputs)

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
        for left in (state.learner.blur, state.learner.submit):
            left(
                self.named, [state.learner, state.known, state.prefs],
                [state.known, *self.practice.outputs, first.back, first.welcome], show_progress="hidden",
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
            self.practice.placed, [self.w.screen, state.learner, state.prefs], self.practice.onward,
            show_progress="hidden",
        ).then(*hide, queue=False)  # fmt: skip
        shown = first.example.click(self.example, state.prefs, self.practice.outputs, show_progress="hidden")
        shown.then(*hide, js=practice_page.TO_WORDS, queue=False)
