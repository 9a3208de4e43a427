"""The Practise tab: its widgets from top to bottom, and which wish each of them is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np

from demo import practice, practice_view
from demo.guard import Guard
from demo.learners import who
from demo.practice import HOMEWORK, OWN, SESSION, Screen, Wish
from demo.prefs import SLOWLY, Prefs
from demo.rates import CHECKS, Rates, user_of
from demo.voices import Remembered
from demo.working import Work
from speechtutor.audio import prosody
from speechtutor.content.tables import message
from speechtutor.core import Recording
from speechtutor.errors import SpeechTutorError
from speechtutor.pipeline import Coach
from speechtutor.views import practice as view
from speechtutor.views.melody import over_words

SHOWN_ID = "(path, shown, ...rest) => [path, window.speechtutor.shown(), ...rest]"
# Without the braces newer browsers hand back a promise, which would be taken for the callback's inputs.
TO_WORDS = """() => {
  document.querySelector('#words button')?.scrollIntoView({behavior: 'smooth', block: 'nearest'}); }"""
BROWSER_SAYS = "(...given) => { window.speechtutor.speak(window.speechtutor.voice()); return given; }"

Coaches = Callable[[Prefs], Coach]
"""The coach of a learner's wishes: as strict as they asked for."""

_MENUS = threading.Lock()
"""Held while it is looked up, and noted, what a menu of a page asks for."""


class Page:
    """The tab with its coach: screens in, updates of widgets out."""

    def __init__(self, w: SimpleNamespace, coaches: Coaches, guard: Guard, state: SimpleNamespace) -> None:
        self.w, self.coaches, self.guard, self.state = w, coaches, guard, state
        self.rng, self.rates = np.random.default_rng(), Rates(CHECKS)
        self.outputs = [
            w.screen, w.card, w.message, w.words, w.advice, w.result, w.hear, w.slowly, w.story, w.skip,
            w.again, w.next, w.details, w.cancel, w.own,
        ]  # fmt: skip
        self.onward = [*self.outputs, w.detail, w.voice]

    def told(self, screen: Screen, prefs: Prefs) -> tuple[Any, ...]:
        """A screen as updates of `outputs`."""
        seen = practice_view.shown(screen, prefs, self.coaches(prefs).synthesizer is not None)
        # Its figures are made when it is unfolded, so a new take begins with it folded.
        details = gr.update(visible=True) if seen.result else gr.update(visible=False, open=False)
        return (
            screen, seen.card, seen.message, seen.words, seen.advice, seen.result,
            gr.update(visible=seen.hear), gr.update(visible=seen.hear), gr.update(visible=seen.story),
            gr.update(visible=seen.skip), gr.update(visible=True if seen.retry else "hidden"),
            gr.update(visible=True if seen.retry else "hidden"), details,
            gr.update(visible=True if seen.cancel else "hidden"), gr.update(visible=seen.own),
        )  # fmt: skip

    def gone(self, screen: Screen | None, prefs: Prefs, make: Callable[[Screen], Screen]) -> tuple[Any, ...]:
        """`onward` for whoever goes on: what is still to be said of a take does not bring them back.

        What was opened and heard goes with it, in the one update that brings the new: later it would take
        away what the learner has asked for since.
        """
        if screen is not None:
            Work.call_off(screen.work)
        new, done = self._new(screen, prefs, make)
        return (*self.told(new, prefs), *(("", "") if done else (gr.skip(), gr.skip())))

    def made(self, screen: Screen | None, prefs: Prefs, make: Callable[[Screen], Screen]) -> tuple[Any, ...]:
        """What `make` makes of a screen; where it fails the screen with one kind line."""
        return self.told(self._new(screen, prefs, make)[0], prefs)

    def _new(
        self, screen: Screen | None, prefs: Prefs, make: Callable[[Screen], Screen]
    ) -> tuple[Screen, bool]:
        now = screen or Screen()
        try:
            return make(now), True
        except Exception as error:
            return replace(now, problem=self.guard.told(error, lang=prefs.lang), waiting=False), False

    # What each widget asks for; all of them take what gradio hands in and give `outputs`, or `onward`.

    def wished(
        self, screen: Screen, manner: str, level: str, sound: str, topic: str, own: str, name: str,
        prefs: Prefs, request: gr.Request = None,  # type: ignore[assignment]
        task: str = "",
    ) -> tuple[Any, ...]:  # fmt: skip
        """Another kind, level, sound or topic; or, with a `task`, one exercise of the homework."""
        wish = Wish(manner, level, sound, own or "", topic, task)
        learner = who(name, request)
        return self.gone(
            screen, prefs,
            lambda now: practice.fresh(
                self.coaches(prefs), wish, learner, prefs.lang, self.rng, replace(now, take=None)
            ),
        )  # fmt: skip

    def menu(self, name: str) -> Callable[..., tuple[Any, ...]]:
        """What a menu of that name asks for; nothing where it was only passed, which gradio tells as well."""

        def chosen(
            asked: dict[str, str], screen: Screen, manner: str, level: str, sound: str, topic: str, own: str,
            who_: str, prefs: Prefs, request: gr.Request = None,  # type: ignore[assignment]
        ) -> tuple[Any, ...]:  # fmt: skip
            now = {"kind": manner, "level": level, "sound": sound, "topic": topic}[name]
            with _MENUS:
                if asked.get(name) == now:
                    return (gr.skip(),) * (1 + len(self.onward))
                # Kept before the work: what gradio tells when the menu is left may come while that goes on.
                asked[name] = now
            told = self.wished(screen, manner, level, sound, topic, own, who_, prefs, request)
            return (asked, *told)

        return chosen

    def following(
        self, screen: Screen, name: str, prefs: Prefs,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> tuple[Any, ...]:  # fmt: skip
        """The next exercise."""
        learner = who(name, request)
        return self.gone(
            screen, prefs,
            lambda now: practice.following(self.coaches(prefs), now, learner, prefs.lang, self.rng),
        )  # fmt: skip

    def placed(
        self, screen: Screen, name: str, prefs: Prefs,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> tuple[Any, ...]:  # fmt: skip
        """The first sentence of a placement."""
        learner = who(name, request)
        return self.gone(
            screen, prefs, lambda now: practice.place(self.coaches(prefs), learner, prefs.lang, None)
        )

    def again(self, screen: Screen, prefs: Prefs) -> tuple[Any, ...]:
        """The same exercise once more."""
        return self.gone(screen, prefs, practice.again)

    def opened(self, screen: Screen, prefs: Prefs) -> tuple[Any, ...]:
        """The text, shown."""
        return self.made(screen, prefs, practice.opened)

    def cancelled(self, screen: Screen, prefs: Prefs) -> tuple[Any, ...]:
        """Called off: what is being judged stops where it is, and nothing of it is kept."""

        def stopped(now: Screen) -> Screen:
            Work.call_off(now.work)
            return replace(now, waiting=False, note=message("app", "stopped", prefs.lang))

        return self.made(screen, prefs, stopped)

    def chosen(self, screen: Screen, prefs: Prefs, event: gr.EventData) -> tuple[Any, ...]:
        """A word of a pair was picked."""
        index = event._data.get("choice", -1)
        return self.made(screen, prefs, lambda now: practice.choose(now, int(index)))

    def judged(
        self, path: str | None, shown: str, screen: Screen, name: str, prefs: Prefs,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        """A take, step by step: `outputs`, and the opened word, which goes with the first step alone."""
        now = screen or Screen()
        learner = who(name, request)
        if seconds := self.rates.wait(user_of(learner, request)):
            note = message("app", "too_fast", prefs.lang, n=str(seconds))
            yield (*self.made(now, prefs, lambda one: replace(one, note=note, waiting=False)), gr.skip())
            return
        if now.step is None and now.manner not in (practice.FREE, OWN, HOMEWORK, SESSION):
            # The server was started again, or the session was forgotten: there is something to say at least.
            note = message("app", "restarted", prefs.lang)
            yield (*self.made(
                now, prefs,
                lambda _: replace(
                    practice.fresh(self.coaches(prefs), Wish(), learner, prefs.lang, self.rng), note=note
                ),
            ), "")  # fmt: skip
            return
        steps = practice.judged(self.coaches(prefs), now, path, shown, learner, prefs)
        failed = lambda told: replace(now, problem=told, waiting=False)  # noqa: E731
        last, opened = now, ""
        for one in self.guard.steps(steps, failed, path or "", prefs.lang):
            last = one
            yield (*self.told(one, prefs), opened)
            opened = gr.skip()
        if last.work:  # called off: gradio sends once more what came last
            yield (gr.skip(),) * (1 + len(self.outputs))

    def spoken(self, screen: Screen, prefs: Prefs, rate: float = 1.0) -> tuple[str, Any]:
        """The model voice, or why there is none."""
        coach = self.coaches(prefs)
        if coach.synthesizer is None or not screen.said:
            return "", gr.skip()
        try:
            voice = said(coach, screen.said, prefs, rate)
        except Exception as error:
            return "", self.guard.told(error, lang=prefs.lang)
        label = message("app", "model_voice", prefs.lang)
        return view.sound_html(voice, label, autoplay=True, of=screen.id), gr.skip()

    def prepared(self, screen: Screen, prefs: Prefs) -> Any:
        """The voice of what is spoken along with, ready before it is asked for."""
        if screen is None or screen.manner != "shadow":
            return gr.skip()
        sound, _ = self.spoken(screen, prefs)
        return sound.replace(" autoplay", "", 1)

    def tapped(self, screen: Screen, prefs: Prefs, event: gr.EventData) -> Iterator[str]:
        """A word: the learner's own voice at once, then the model's beside it."""
        index = int(event._data.get("word", -1))
        yield view.beside_html(screen.id, practice_view.word(screen, index, prefs))
        take = screen.take
        if take is None or take.score is None or not 0 <= index < len(take.score.words):
            return
        coach, one = self.coaches(prefs), take.score.words[index].text
        if coach.synthesizer is None or not one:
            return
        try:
            told = practice_view.word(screen, index, prefs, said(coach, one, prefs))
        except Exception as error:
            told = practice_view.word(screen, index, prefs) + self.guard.told(error, lang=prefs.lang)
        yield view.beside_html(screen.id, told)

    def heard(self, screen: Screen, prefs: Prefs, event: gr.EventData) -> tuple[str, Any]:
        """One of the words that are compared."""
        asked = str(event._data.get("hear", ""))
        coach = self.coaches(prefs)
        if coach.synthesizer is None or asked not in practice.compared(screen):
            return "", gr.skip()
        try:
            heard = said(coach, asked, prefs)
            return view.sound_html(heard, asked, autoplay=True, of=screen.id), gr.skip()
        except Exception as error:
            return "", self.guard.told(error, lang=prefs.lang)

    def melody(self, screen: Screen, prefs: Prefs) -> str:
        """The melody with the model's, made when the details are opened."""
        take, coach = screen.take, self.coaches(prefs)
        if take is None or take.score is None or coach.synthesizer is None:
            return practice_view.melody(screen, prefs, None)
        model = None
        try:
            voice = said(coach, take.score.text, prefs)
            aligned = coach.scorer.align(voice, take.score.text)
            model = over_words(prosody.pitch(voice), aligned, take.score.words)
        except SpeechTutorError:
            model = None  # a text that the voice cannot say has no model; the learner's own is shown
        return practice_view.melody(screen, prefs, model)

    def warmed(self, screen: Screen, prefs: Prefs) -> None:
        """The words that are tapped first, said before they are asked for."""
        coach = self.coaches(prefs)
        if coach.synthesizer is None or screen is None or screen.take is None:
            return
        try:
            for one in dict.fromkeys([practice.first_word(screen), *practice.compared(screen)]):
                if one:
                    said(coach, one, prefs)
        except SpeechTutorError:
            return  # said when it is asked for

    def wire(self, start: Callable[..., Any], skipped: Any) -> None:
        """Connect the widgets; `start` hides the welcome, `skipped` are its outputs."""
        w, who_, wishes = self.w, self.state.learner, self.state.prefs
        asked = [w.screen, w.kind, w.level, w.sound, w.topic, w.text, who_, wishes]
        work = w.mic.upload(
            self.judged, [w.mic, w.shown, w.screen, who_, wishes], [*self.outputs, w.detail], js=SHOWN_ID,
            show_progress="hidden", trigger_mode="multiple",
        )  # fmt: skip
        work.then(start, None, skipped, js=TO_WORDS, queue=False)
        work.then(self.warmed, [w.screen, wishes], None, show_progress="hidden")
        menus = {"kind": w.kind, "level": w.level, "sound": w.sound, "topic": w.topic}
        wished = [
            menu.input(self.menu(name), [w.asked, *asked], [w.asked, *self.onward], show_progress="hidden")
            for name, menu in menus.items()
        ]
        for changed in (*wished, w.use.click(self.wished, asked, self.onward, show_progress="hidden")):
            changed.then(self.prepared, [w.screen, wishes], w.voice, show_progress="hidden")
        following = [w.screen, who_, wishes]
        for button in (w.next, w.skip):
            gone = button.click(self.following, following, self.onward, show_progress="hidden")
            gone.then(self.prepared, [w.screen, wishes], w.voice, show_progress="hidden")
        w.again.click(self.again, [w.screen, wishes], self.onward, queue=False)
        w.story.click(self.opened, [w.screen, wishes], self.outputs, queue=False)
        w.card.click(self.chosen, [w.screen, wishes], self.outputs, queue=False)
        w.cancel.click(self.cancelled, [w.screen, wishes], self.outputs, queue=False, cancels=[work])
        w.words.click(self.tapped, [w.screen, wishes], w.detail, show_progress="hidden")
        w.advice.click(self.heard, [w.screen, wishes], [w.voice, w.message], show_progress="hidden")
        w.details.expand(self.melody, [w.screen, wishes], w.result, show_progress="hidden")
        for button, rate in ((w.hear, 1.0), (w.slowly, SLOWLY)):
            self._says(button, rate)

    def _says(self, button: Any, rate: float) -> None:
        def speak(screen: Screen, prefs: Prefs) -> tuple[str, Any]:
            return self.spoken(screen, prefs, rate)

        js = None if self.coaches(Prefs()).synthesizer else BROWSER_SAYS
        given = [self.w.screen, self.state.prefs]
        button.click(speak, given, [self.w.voice, self.w.message], js=js, show_progress="hidden")


def said(coach: Coach, words: str, prefs: Prefs, rate: float = 1.0) -> Recording:
    """Words by the model voice as a learner wants it; never slower or faster than it can.

    Raises:
        SpeechTutorError: as the voice does.
    """
    assert coach.synthesizer is not None
    speed = round(prefs.speed * rate, 2)
    more = {"voice": prefs.voice} if prefs.voice and isinstance(coach.synthesizer, Remembered) else {}
    return coach.synthesizer.speak(words, rate=speed, **more)
