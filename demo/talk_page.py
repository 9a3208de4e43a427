"""The Talk tab: its widgets from top to bottom, and which wish each of them is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import gradio as gr

from demo import recorder
from demo.guard import Guard
from demo.labels import Labels, choices, text
from demo.learners import GUEST, who
from demo.practice import Screen
from demo.practice_layout import HOUR
from demo.prefs import Prefs
from demo.talk import Sitting, answer, helped, shown, spoken, start, stopped
from speechtutor.content.tables import message
from speechtutor.pipeline import Coach
from speechtutor.practice.levels import LEVELS
from speechtutor.practice.scenarios import scenarios
from speechtutor.views import score as score_view
from speechtutor.views import talk as talk_view


def layout(labels: Labels, on_tap: str) -> SimpleNamespace:
    """The widgets from top to bottom, by name; `on_tap` is the script that names a tapped word."""
    w = SimpleNamespace(sitting=gr.State(Sitting(), time_to_live=HOUR))
    with gr.Row():
        names = [(partial(talk_view.worded, script, "title"), script.id) for script in scenarios()]
        w.scene_name = labels.add(
            gr.Dropdown, choices=choices(names), value=scenarios()[0].id, label=text("app.scene"),
            elem_id="scene-name", filterable=False, min_width=230, scale=3,
        )  # fmt: skip
        w.level = labels.add(
            gr.Dropdown, choices=list(LEVELS), value="A2", label=text("app.level"), elem_id="talk-level",
            filterable=False, min_width=90, scale=1,
        )  # fmt: skip
    w.start = labels.add(gr.Button, value=text("app.start_talk"), variant="primary", elem_id="start-talk")
    w.scene, w.lines = gr.HTML(elem_id="scene"), gr.HTML(elem_id="talk")
    w.voice = gr.HTML(elem_id="talk-voice")
    w.message = gr.HTML(elem_id="talk-message")
    w.cancel = labels.add(
        gr.Button, value=text("app.cancel_work"), visible="hidden", elem_id="talk-cancel", size="sm"
    )
    w.recorder, w.mic = recorder.layout(labels, "talk-mic")
    with gr.Row(elem_id="talk-acts"):
        w.hint = labels.add(gr.Button, value=text("app.hint"), min_width=110, elem_id="hint")
        w.again = labels.add(gr.Button, value=text("app.hear_partner"), min_width=110, elem_id="hear-partner")
        w.finish = labels.add(gr.Button, value=text("app.finish"), min_width=90, elem_id="finish")
    w.words = gr.HTML(elem_id="talk-words", js_on_load=on_tap)
    w.detail = gr.HTML(elem_id="talk-detail")
    w.summary = gr.HTML(elem_id="talk-summary")
    w.line = gr.Textbox(visible="hidden")
    return w


class Page:
    """The tab with its coach: sittings in, updates of widgets out."""

    def __init__(
        self,
        w: SimpleNamespace,
        coaches: Callable[[Prefs], Coach],
        guard: Guard,
        state: SimpleNamespace,
        tapped: Callable[..., Iterator[str]],
    ) -> None:
        self.w, self.coaches, self.guard, self.state, self.tapped = w, coaches, guard, state, tapped
        self.outputs = [
            w.sitting, w.scene, w.lines, w.voice, w.message, w.words, w.summary, w.line, w.cancel,
        ]  # fmt: skip

    def told(self, sitting: Sitting, prefs: Prefs, name: str = GUEST) -> tuple[Any, ...]:
        """A sitting as updates of `outputs`."""
        known = self.coaches(prefs).learner(name, prefs.lang) if sitting.summary else None
        seen = shown(sitting, prefs, known)
        return (
            sitting,
            seen.scene,
            seen.lines,
            seen.voice,
            seen.message,
            seen.words,
            seen.summary,
            sitting.line,
            gr.update(visible=True if seen.cancel else "hidden"),
        )

    def made(
        self, sitting: Sitting, prefs: Prefs, make: Callable[[Sitting], Sitting], name: str = GUEST
    ) -> tuple[Any, ...]:
        """What `make` makes of a sitting; where it fails the sitting with one kind line."""
        now = sitting or Sitting()
        try:
            return self.told(make(now), prefs, name)
        except Exception as error:
            problem = self.guard.told(error, lang=prefs.lang)
            return self.told(replace(now, problem=problem, waiting=False, summary=False), prefs)

    def begun(self, sitting: Sitting, scene: str, level: str, prefs: Prefs) -> tuple[Any, ...]:
        """A new talk, in words at once."""
        return self.made(sitting, prefs, lambda now: start(scene, level, now))

    def voiced(self, sitting: Sitting, prefs: Prefs) -> tuple[str, Any]:
        """The partner's last line, aloud; the talk may have gone on by the time it is made."""
        try:
            return shown(spoken(self.coaches(prefs), sitting or Sitting(), prefs), prefs).voice, gr.skip()
        except Exception as error:
            return "", self.guard.told(error, lang=prefs.lang)

    def cancelled(self, sitting: Sitting, prefs: Prefs) -> tuple[Any, ...]:
        """An answer that is not to be judged after all."""
        return self.made(sitting, prefs, lambda now: stopped(now, prefs))

    def answered(
        self, sitting: Sitting, path: str | None, name: str, prefs: Prefs,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        """A turn, step by step."""
        now, learner = sitting or Sitting(), who(name, request)
        turns = answer(self.coaches(prefs), now, path, prefs, learner)
        failed = lambda told: replace(now, problem=told, waiting=False)  # noqa: E731
        last = now
        for one in self.guard.steps(turns, failed, path or "", prefs.lang):
            last = one
            yield self.made(one, prefs, lambda same: same, learner)
        if last.work:  # called off: gradio sends once more what came last
            yield (gr.skip(),) * len(self.outputs)

    def helped(self, sitting: Sitting, prefs: Prefs) -> tuple[Any, ...]:
        """A hint."""
        return self.made(sitting, prefs, lambda now: replace(helped(now, prefs), voice=None))

    def finished(
        self, sitting: Sitting, name: str, prefs: Prefs,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> tuple[Any, ...]:  # fmt: skip
        """The summary of a talk, over or broken off."""

        def end(now: Sitting) -> Sitting:
            if now.talk is None:
                return replace(now, problem=score_view.error_html(message("app", "no_talk", prefs.lang)))
            return replace(now, summary=True, voice=None)

        return self.made(sitting, prefs, end, who(name, request))

    def word(self, sitting: Sitting, prefs: Prefs, event: gr.EventData) -> Iterator[str]:
        """A tapped word of the last turn."""
        yield from self.tapped(Screen(take=(sitting or Sitting()).take), prefs, event)

    def wire(self) -> None:
        """Connect the widgets."""
        w, wishes, name = self.w, self.state.prefs, self.state.learner
        js = None if self.coaches(Prefs()).synthesizer else "(text) => window.speechtutor.speak(text)"

        def aloud(event: Any) -> None:
            if js is not None:
                event.then(None, w.line, js=js)

        # First: gradio calls listeners of one event in turn; later it would take away a word opened since.
        w.mic.upload(lambda: "", None, w.detail, queue=False)
        # "multiple": an answer that ends while the last voice is still being made must not be dropped.
        done = w.mic.upload(
            self.answered, [w.sitting, w.mic, name, wishes], self.outputs, show_progress="hidden",
            trigger_mode="multiple",
        )  # fmt: skip
        aloud(done)
        begun = w.start.click(self.begun, [w.sitting, w.scene_name, w.level, wishes], self.outputs)
        aloud(begun)
        voice = [w.voice, w.message]
        begun.then(self.voiced, [w.sitting, wishes], voice, show_progress="hidden")
        w.cancel.click(self.cancelled, [w.sitting, wishes], self.outputs, queue=False, cancels=[done])
        w.hint.click(self.helped, [w.sitting, wishes], self.outputs, show_progress="hidden")
        again = w.again.click(self.voiced, [w.sitting, wishes], voice, show_progress="hidden")
        aloud(again)
        w.finish.click(self.finished, [w.sitting, name, wishes], self.outputs, show_progress="hidden")
        w.words.click(self.word, [w.sitting, wishes], w.detail, show_progress="hidden")
