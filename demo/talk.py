"""The Talk tab: choose a scene, answer the partner aloud, get help, end with a summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from html import escape
from types import SimpleNamespace
from typing import Any

import gradio as gr

from demo import recorder
from demo.guard import Guard
from demo.labels import Labels, choices, text
from demo.learners import GUEST, who
from demo.practice import Screen, Take
from demo.prefs import Prefs
from demo.private import TAKES
from speechtutor.content.tables import message
from speechtutor.core import Correction, LearnerState, Recording, Transcript, UtteranceScore
from speechtutor.errors import SpeechTutorError
from speechtutor.pipeline import Coach, Corrected, Heard, Scored
from speechtutor.practice import talk as talks
from speechtutor.practice.levels import LEVELS
from speechtutor.practice.partner import Wording
from speechtutor.practice.scenarios import scenario, scenarios
from speechtutor.practice.talk import Talk
from speechtutor.stages import TextEngine, Worded
from speechtutor.views import practice as view
from speechtutor.views import score as score_view
from speechtutor.views import talk as talk_view
from speechtutor.views.grammar import grammar_html

RATES = {"A1": 0.85, "A2": 0.92}
"""How fast the partner speaks to beginners."""
HOUR = 3600


@dataclass(frozen=True, slots=True)
class Sitting:
    """A talk with what was measured of the learner's turns, and what the screen says beside it.

    `take` is the last turn, `problem` is HTML, `voice` the partner's last line once it was made;
    `summary` is true when the talk is to be summed up.
    """

    talk: Talk | None = None
    scores: tuple[UtteranceScore, ...] = ()
    corrections: tuple[Correction, ...] = ()
    take: Take | None = None
    help: str = ""
    problem: str = ""
    waiting: bool = False
    voice: Recording | None = None
    summary: bool = False

    @property
    def line(self) -> str:
        """What the partner said last."""
        return "" if self.talk is None else self.talk.partner_line


def start(name: str, level: str) -> Sitting:
    """A new talk."""
    return Sitting(talks.begin(name, level))


def spoken(coach: Coach, sitting: Sitting, prefs: Prefs) -> Sitting:
    """With the partner's last line in the model voice; without one as it is.

    Raises:
        SpeechTutorError: when the voice fails.
    """
    if coach.synthesizer is None or sitting.talk is None or not sitting.line:
        return sitting
    rate = round(RATES.get(sitting.talk.level, 1.0) * prefs.speed, 2)
    return replace(sitting, voice=coach.synthesizer.speak(sitting.line, rate=rate))


def answer(
    coach: Coach, sitting: Sitting, path: str | None, prefs: Prefs, learner: str = GUEST
) -> Iterator[Sitting]:
    """A turn of the learner: what it led to, then the partner's voice.

    Raises:
        SpeechTutorError: when the recording or a stage fails.
    """
    lang, talk = prefs.lang, sitting.talk
    if talk is None or talk.is_over or path is None:
        missing = "no_answer" if talk is not None and not talk.is_over else "no_talk"
        problem = score_view.error_html(message("app", missing, lang))
        yield replace(sitting, problem=problem, waiting=False)
        return
    yield replace(sitting, problem="", help="", waiting=True)
    sitting = turn(coach, replace(sitting, problem="", waiting=False), TAKES.load(path), learner)
    assert sitting.talk is not None
    help_ = talks.help_text(sitting.talk, lang) if sitting.talk.trouble else ""
    sitting = replace(sitting, help=help_, voice=None, summary=sitting.talk.is_over)
    yield sitting
    # A turn that was heard is not lost with the partner's voice.
    try:
        yield spoken(coach, sitting, prefs)
    except SpeechTutorError as error:
        yield replace(sitting, problem=score_view.error_html(str(error)))


def turn(coach: Coach, sitting: Sitting, recording: Recording, learner: str = GUEST) -> Sitting:
    """Hear, score and remember what was said, mend its grammar, and let the partner answer.

    Raises:
        SpeechTutorError: when the recording or a stage fails.
    """
    assert sitting.talk is not None
    heard, found = "", None
    for step in coach.steps(recording, learner=learner, advise=False):
        match step:
            case Heard(transcript=Transcript() as transcript):
                heard = transcript.text
            case Scored():
                score = step.score
            case Corrected():
                found = step.correction
    scores = (*sitting.scores, score) if score.words else sitting.scores
    corrections = (*sitting.corrections, found) if found and found.edits else sitting.corrections
    so_far = talks.summarise(sitting.talk, scores, corrections)
    needs = talks.needed([phone for phone, _ in so_far.sounds], corrections)
    talk = talks.hear(sitting.talk, heard, needs)
    if isinstance(coach.tutor, Worded):
        engine: Any = coach.tutor.engine  # the cache asks for a hash, which any object of ours has
        talk = wording(engine).talk(talk)
    take = Take(recording, score, correction=found, done=True)
    return replace(sitting, talk=talk, scores=scores, corrections=corrections, take=take)


@cache
def wording(engine: TextEngine) -> Wording:
    """What puts the partner's lines in the words of a tutor's model; it remembers them."""
    return Wording(engine)


def helped(sitting: Sitting, prefs: Prefs) -> Sitting:
    """A hint, and a whole answer when asked once more."""
    if sitting.talk is None or sitting.talk.is_over:
        return replace(sitting, problem=score_view.error_html(message("app", "no_talk", prefs.lang)))
    told = talks.help_text(sitting.talk, prefs.lang)
    return replace(sitting, talk=replace(sitting.talk, trouble=talks.Trouble.HELP), help=told, problem="")


@dataclass(frozen=True, slots=True)
class Shown:
    """The parts of the tab from top to bottom, as HTML."""

    scene: str = ""
    lines: str = ""
    voice: str = ""
    message: str = ""
    words: str = ""
    summary: str = ""


def shown(sitting: Sitting, prefs: Prefs, learner: LearnerState | None = None) -> Shown:
    """What a sitting looks like; `learner` is what is known, for the summary."""
    talk, lang = sitting.talk, prefs.lang
    if talk is None:
        return Shown(message=sitting.problem)
    said = sitting.problem
    if sitting.waiting:
        said = f'<p class="st-wait">{escape(message("app", "listening", lang))}</p>'
    words = ""
    if sitting.take is not None and sitting.take.score is not None:
        words = score_view.words_html(sitting.take.score, lang, prefs.notation)
        words += grammar_html(sitting.take.correction, lang)
    summary = ""
    if sitting.summary:
        found = talks.summarise(talk, sitting.scores, sitting.corrections, learner)
        summary = talk_view.summary_html(found, lang)
    partner = message("app", "partner_voice", lang)
    return Shown(
        talk_view.scene_html(scenario(talk.scenario), lang),
        talk_view.talk_html(talk, lang),
        view.sound_html(sitting.voice, partner, autoplay=True),
        said + talk_view.hint_html(talk, sitting.help, lang),
        words,
        summary,
    )


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
    w.recorder, w.mic = recorder.layout(labels, "talk-mic")
    with gr.Row():
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
        self.outputs = [w.sitting, w.scene, w.lines, w.voice, w.message, w.words, w.summary, w.line]

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
        return self.made(sitting, prefs, lambda now: start(scene, level))

    def voiced(self, sitting: Sitting, prefs: Prefs) -> tuple[Any, ...]:
        """The partner's last line, aloud."""
        return self.made(sitting, prefs, lambda now: spoken(self.coaches(prefs), now, prefs))

    def answered(
        self, sitting: Sitting, path: str | None, name: str, prefs: Prefs,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        """A turn, step by step."""
        now, learner = sitting or Sitting(), who(name, request)
        turns = answer(self.coaches(prefs), now, path, prefs, learner)
        failed = lambda told: replace(now, problem=told, waiting=False)  # noqa: E731
        for one in self.guard.steps(turns, failed, path or "", prefs.lang):
            yield self.made(one, prefs, lambda same: same, learner)

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

        begun = w.start.click(self.begun, [w.sitting, w.scene_name, w.level, wishes], self.outputs)
        aloud(begun)
        begun.then(self.voiced, [w.sitting, wishes], self.outputs, show_progress="hidden")
        # "multiple": an answer that ends while the last voice is still being made must not be dropped.
        done = w.mic.upload(
            self.answered, [w.sitting, w.mic, name, wishes], self.outputs, show_progress="hidden",
            trigger_mode="multiple",
        )  # fmt: skip
        aloud(done)
        w.mic.upload(lambda: "", None, w.detail, queue=False)
        w.hint.click(self.helped, [w.sitting, wishes], self.outputs, show_progress="hidden")
        again = w.again.click(self.voiced, [w.sitting, wishes], self.outputs, show_progress="hidden")
        aloud(again)
        w.finish.click(self.finished, [w.sitting, name, wishes], self.outputs, show_progress="hidden")
        w.words.click(self.word, [w.sitting, wishes], w.detail, show_progress="hidden")
