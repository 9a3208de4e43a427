"""The Talk tab: choose a scene, answer the partner aloud, get help, end with a summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import gradio as gr

from demo.guard import Guard
from demo.learners import GUEST, name_of
from demo.private import TAKES
from speechtutor.core import Correction, LearnerState, Recording, Transcript, UtteranceScore
from speechtutor.errors import SpeechTutorError
from speechtutor.files import disk
from speechtutor.files.guard import LOGS
from speechtutor.pipeline import Coach, Corrected, Heard, Scored
from speechtutor.practice import talk as talks
from speechtutor.practice.levels import LEVELS
from speechtutor.practice.partner import Wording
from speechtutor.practice.scenarios import scenario, scenarios
from speechtutor.practice.talk import Talk
from speechtutor.stages import TextEngine, Worded
from speechtutor.views import score as score_view
from speechtutor.views import talk as talk_view
from speechtutor.views.grammar import grammar_html

RATES = {"A1": 0.85, "A2": 0.92}
"""How fast the partner speaks to beginners."""
HOUR = 3600

Last = tuple[UtteranceScore, Recording] | None


@dataclass(frozen=True, slots=True)
class Sitting:
    """A talk with what was measured of the learner's turns."""

    talk: Talk
    scores: tuple[UtteranceScore, ...] = ()
    corrections: tuple[Correction, ...] = ()


def spoken(coach: Coach, talk: Talk) -> Any:
    """The partner's last line in the model voice; nothing without one."""
    if coach.synthesizer is None or not talk.partner_line:
        return gr.skip()
    voice = coach.synthesizer.speak(talk.partner_line, rate=RATES.get(talk.level, 1.0))
    return gr.Audio((voice.sample_rate, (voice.samples * 32767).astype("int16")), visible=True)


def start(coach: Coach, name: str, level: str, lang: str) -> tuple[Any, ...]:
    """A new talk: sitting, scene, lines, voice, line to say, message, words, summary, last."""
    sitting = Sitting(talks.begin(name, level))
    shown = talk_view.scene_html(scenario(name), lang), talk_view.talk_html(sitting.talk, lang)
    return sitting, *shown, spoken(coach, sitting.talk), sitting.talk.partner_line, "", "", "", None


def stuck(sitting: Sitting | None, problem: str) -> tuple[Any, ...]:
    """What is shown of a turn that could not be used: the talk stays where it was."""
    return sitting, gr.skip(), gr.skip(), gr.skip(), problem, "", *[gr.skip()] * 2, None


def answer(
    coach: Coach,
    sitting: Sitting | None,
    path: str | None,
    lang: str,
    learner: str = GUEST,
    guard: Guard | None = None,
) -> Iterator[tuple[Any, ...]]:
    """A turn of the learner: sitting, lines, voice, text, message, words, summary, last, microphone."""
    if sitting is None or sitting.talk.is_over or path is None:
        going = sitting is not None and not sitting.talk.is_over
        missing = "Record your answer first." if going else "Start a talk first."
        yield sitting, gr.skip(), gr.skip(), gr.skip(), score_view.error_html(missing), *[gr.skip()] * 3, None
        return
    waiting = '<div role="status">Listening …</div>'
    yield sitting, gr.skip(), gr.skip(), gr.skip(), waiting, "", *[gr.skip()] * 3
    guard = guard or Guard(disk.home() / LOGS)
    turns = _answered(coach, sitting, path, lang, name_of(learner))
    yield from guard.steps(turns, lambda told: stuck(sitting, told), path)


def _answered(
    coach: Coach, sitting: Sitting, path: str, lang: str, learner: str
) -> Iterator[tuple[Any, ...]]:
    recording = TAKES.load(path)
    sitting, score, found = turn(coach, sitting, recording, learner)
    talk, help_ = sitting.talk, ""
    if talk.trouble:
        help_ = talk_view.hint_html(talk, talks.help_text(talk, lang), lang)
    lines = talk_view.talk_html(talk, lang)
    words = score_view.words_html(score, lang) + grammar_html(found, lang)
    summary = ended(sitting, lang, coach.learner(learner)) if talk.is_over else ""
    shown = talk.partner_line, help_, words, summary, (score, recording), None
    yield sitting, lines, gr.skip(), *shown
    # A turn that was heard is not lost with the partner's voice.
    try:
        voice = spoken(coach, talk)
    except SpeechTutorError as error:
        problem = help_ + score_view.error_html(str(error))
        yield sitting, lines, gr.skip(), talk.partner_line, problem, *shown[2:]
        return
    yield sitting, lines, voice, *shown


def turn(
    coach: Coach, sitting: Sitting, recording: Recording, learner: str = GUEST
) -> tuple[Sitting, UtteranceScore, Correction | None]:
    """Hear, score and remember what was said, mend its grammar, and let the partner answer.

    Raises:
        SpeechTutorError: when the recording or a stage fails.
    """
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
    if isinstance(coach.tutor, Worded) and coach.tutor.general:
        engine: Any = coach.tutor.engine  # the cache asks for a hash, which any object of ours has
        talk = wording(engine).talk(talk)
    return replace(sitting, talk=talk, scores=scores, corrections=corrections), score, found


@cache
def wording(engine: TextEngine) -> Wording:
    """What puts the partner's lines in the words of a tutor's model; it remembers them."""
    return Wording(engine)


def helped(sitting: Sitting | None, lang: str) -> tuple[Sitting | None, str]:
    """A hint, and a whole answer when asked once more."""
    if sitting is None or sitting.talk.is_over:
        return sitting, score_view.error_html("Start a talk first.")
    text = talks.help_text(sitting.talk, lang)
    asked = replace(sitting.talk, trouble=talks.Trouble.HELP)
    return replace(sitting, talk=asked), talk_view.hint_html(sitting.talk, text, lang)


def ended(sitting: Sitting | None, lang: str, learner: LearnerState | None = None) -> str:
    """The summary of a talk, over or broken off."""
    if sitting is None:
        return score_view.error_html("Start a talk first.")
    found = talks.summarise(sitting.talk, sitting.scores, sitting.corrections, learner)
    return talk_view.summary_html(found, lang)


def layout(on_tap: str) -> SimpleNamespace:
    """The widgets from top to bottom, by name; `on_tap` is the script that names a tapped word."""
    w = SimpleNamespace(sitting=gr.State(None, time_to_live=HOUR), last=gr.State(None, time_to_live=HOUR))
    with gr.Row():
        names = [(script.title, script.id) for script in scenarios()]
        w.scene_name = gr.Dropdown(
            names, value=names[0][1], label="Talk", elem_id="scene-name", min_width=230
        )
        w.level = gr.Dropdown(list(LEVELS), value="A2", label="Level", elem_id="level", min_width=90)
    w.start = gr.Button("Start the talk", variant="primary")
    w.scene, w.lines = gr.HTML(elem_id="scene"), gr.HTML(elem_id="talk")
    w.voice = gr.Audio(
        label="Partner", autoplay=True, interactive=False, visible=False, elem_id="talk-voice", buttons=[]
    )
    w.message = gr.HTML(elem_id="talk-message")
    w.mic = gr.Audio(
        sources=["microphone", "upload"],
        type="filepath",
        label="Your answer",
        elem_id="talk-mic",
        buttons=[],
        waveform_options=gr.WaveformOptions(sample_rate=16_000),
    )
    with gr.Row():
        w.hint = gr.Button("Give me a hint", size="sm", min_width=110)
        w.again = gr.Button("▶ Hear the partner again", size="sm", min_width=110)
        w.finish = gr.Button("Finish", size="sm", min_width=90)
    w.words = gr.HTML(elem_id="talk-words", js_on_load=on_tap)
    w.detail = gr.HTML(elem_id="talk-detail")
    w.own = gr.Audio(autoplay=True, interactive=False, visible=False, elem_id="talk-own", buttons=[])
    w.summary = gr.HTML(elem_id="talk-summary")
    w.line = gr.Textbox(visible="hidden")
    return w


def wire(
    w: SimpleNamespace,
    coach: Coach,
    who: SimpleNamespace,
    tap: Callable[[Last, int, str], tuple[Any, Any]],
    browser_voice: str | None,
    guard: Guard,
) -> None:
    """What each widget does; `tap` shows a word, `browser_voice` speaks where there is no model voice."""
    begun = [w.sitting, w.scene, w.lines, w.voice, w.line, w.message, w.words, w.summary, w.last]
    heard = [w.sitting, w.lines, w.voice, w.line, w.message, w.words, w.summary, w.last, w.mic]

    def replied(sitting: Sitting | None, path: str | None, lang: str, name: str) -> Iterator[tuple[Any, ...]]:
        yield from answer(coach, sitting, path, lang, name, guard)

    def tapped(kept: Last, lang: str, event: gr.EventData) -> tuple[Any, Any]:
        index = event._data["word"]
        shown: tuple[Any, Any] = guard.once(tap, lambda told: (told, gr.skip()))(kept, index, lang)
        return shown

    def told(event: Any) -> None:
        if browser_voice is not None:
            event.then(None, w.line, js=browser_voice)

    def begin(*given: str) -> tuple[Any, ...]:
        return start(coach, *given)

    def again(sitting: Sitting | None) -> tuple[Any, str]:
        return (spoken(coach, sitting.talk) if sitting else gr.skip()), ""

    def finished(sitting: Sitting | None, lang: str, name: str) -> str:
        return ended(sitting, lang, coach.learner(name_of(name), lang))

    started = guard.once(begin, lambda told: (None, *[gr.skip()] * 4, told, "", "", None))
    told(w.start.click(started, [w.scene_name, w.level, who.explain], begun))
    for event in (w.mic.stop_recording, w.mic.upload):
        cleared = event(lambda: ("", gr.Audio(visible=False)), None, [w.detail, w.own], queue=False)
        given = [w.sitting, w.mic, who.explain, who.learner]
        # "multiple": an answer that ends while the last voice is still being made must not be dropped.
        done = cleared.then(replied, given, heard, show_progress="hidden", trigger_mode="multiple")
        told(done)
    helping = guard.once(helped, lambda told: (gr.skip(), told))
    w.hint.click(helping, [w.sitting, who.explain], [w.sitting, w.message])
    w.again.click(guard.once(again, lambda told: (gr.skip(), told)), w.sitting, [w.voice, w.message])
    if browser_voice is not None:
        w.again.click(None, w.line, js=browser_voice)
    w.finish.click(guard.once(finished, str), [w.sitting, who.explain, who.learner], w.summary)
    w.words.click(tapped, [w.last, who.explain], [w.detail, w.own])
