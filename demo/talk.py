"""The Talk tab: choose a scene, answer the partner aloud, get help, end with a summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import gradio as gr

from demo.private import TAKES
from speechtutor.core import Correction, LearnerState, Recording, UtteranceScore
from speechtutor.errors import SpeechTutorError
from speechtutor.pipeline import Coach
from speechtutor.practice import talk as talks
from speechtutor.practice.levels import LEVELS
from speechtutor.practice.partner import Wording
from speechtutor.practice.scenarios import scenario, scenarios
from speechtutor.practice.talk import Talk
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


def answer(coach: Coach, sitting: Sitting | None, path: str | None, lang: str) -> Iterator[tuple[Any, ...]]:
    """A turn of the learner: sitting, lines, voice, text, message, words, summary, last, microphone."""
    if sitting is None or sitting.talk.is_over or path is None:
        going = sitting is not None and not sitting.talk.is_over
        missing = "Record your answer first." if going else "Start a talk first."
        yield sitting, gr.skip(), gr.skip(), gr.skip(), score_view.error_html(missing), *[gr.skip()] * 3, None
        return
    waiting = '<div role="status">Listening …</div>'
    yield sitting, gr.skip(), gr.skip(), gr.skip(), waiting, "", *[gr.skip()] * 3
    try:
        recording = TAKES.load(path)
        sitting, score, found = turn(coach, sitting, recording)
        talk, help_ = sitting.talk, ""
        if talk.trouble:
            help_ = talk_view.hint_html(talk, talks.help_text(talk, lang), lang)
        lines, words = (
            talk_view.talk_html(talk, lang),
            score_view.words_html(score, lang) + grammar_html(found, lang),
        )
        summary = ended(sitting, lang) if talk.is_over else ""
        kept = (score, recording)
        yield sitting, lines, gr.skip(), talk.partner_line, help_, words, summary, kept, None
        yield sitting, lines, spoken(coach, talk), talk.partner_line, help_, words, summary, kept, None
    except SpeechTutorError as error:
        problem = score_view.error_html(str(error).replace(path, "The recording"))
        yield sitting, gr.skip(), gr.skip(), gr.skip(), problem, "", *[gr.skip()] * 2, None


def turn(
    coach: Coach, sitting: Sitting, recording: Recording
) -> tuple[Sitting, UtteranceScore, Correction | None]:
    """Transcribe and score what was said, mend its grammar, and let the partner answer.

    Raises:
        SpeechTutorError: when the recording or a stage fails.
    """
    transcript = coach.transcribe(recording)
    score, found = coach.assess_free(recording, transcript), coach.correct(transcript)
    scores = (*sitting.scores, score) if score.words else sitting.scores
    corrections = (*sitting.corrections, found) if found and found.edits else sitting.corrections
    so_far = talks.summarise(sitting.talk, scores, corrections)
    needs = talks.needed([phone for phone, _ in so_far.sounds], corrections)
    talk = talks.hear(sitting.talk, transcript.text, needs)
    engine = getattr(coach.tutor, "engine", None)
    if engine is not None:
        talk = Wording(engine, cache=coach.tutor.cache).talk(talk)  # type: ignore[attr-defined]
    return replace(sitting, talk=talk, scores=scores, corrections=corrections), score, found


def helped(sitting: Sitting | None, lang: str) -> tuple[Sitting | None, str]:
    """A hint, and a whole answer when asked once more."""
    if sitting is None or sitting.talk.is_over:
        return sitting, score_view.error_html("Start a talk first.")
    text = talks.help_text(sitting.talk, lang)
    asked = replace(sitting.talk, trouble=talks.Trouble.HELP)
    return replace(sitting, talk=asked), talk_view.hint_html(sitting.talk, text, lang)


def ended(sitting: Sitting | None, lang: str) -> str:
    """The summary of a talk, over or broken off."""
    if sitting is None:
        return score_view.error_html("Start a talk first.")
    found = talks.summarise(sitting.talk, sitting.scores, sitting.corrections, LearnerState())
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
    w.said = gr.Textbox(visible="hidden")
    return w


def wire(
    w: SimpleNamespace,
    coach: Coach,
    explain: gr.Dropdown,
    tap: Callable[[Last, int, str], tuple[Any, Any]],
    browser_voice: str | None,
) -> None:
    """What each widget does; `tap` shows a word, `browser_voice` speaks where there is no model voice."""
    begun = [w.sitting, w.scene, w.lines, w.voice, w.said, w.message, w.words, w.summary, w.last]
    heard = [w.sitting, w.lines, w.voice, w.said, w.message, w.words, w.summary, w.last, w.mic]

    def replied(sitting: Sitting | None, path: str | None, lang: str) -> Iterator[tuple[Any, ...]]:
        yield from answer(coach, sitting, path, lang)

    def tapped(kept: Last, lang: str, event: gr.EventData) -> tuple[Any, Any]:
        return tap(kept, event._data["word"], lang)

    def told(event: Any) -> None:
        if browser_voice is not None:
            event.then(None, w.said, js=browser_voice)

    told(w.start.click(lambda *given: start(coach, *given), [w.scene_name, w.level, explain], begun))
    for event in (w.mic.stop_recording, w.mic.upload):
        cleared = event(lambda: ("", gr.Audio(visible=False)), None, [w.detail, w.own], queue=False)
        told(cleared.then(replied, [w.sitting, w.mic, explain], heard, show_progress="hidden"))
    w.hint.click(helped, [w.sitting, explain], [w.sitting, w.message])
    w.again.click(lambda sitting: spoken(coach, sitting.talk) if sitting else gr.skip(), w.sitting, w.voice)
    if browser_voice is not None:
        w.again.click(None, w.said, js=browser_voice)
    w.finish.click(ended, [w.sitting, explain], w.summary)
    w.words.click(tapped, [w.last, explain], [w.detail, w.own])
