"""The learner's app: say a sentence or talk freely, see every sound, get feedback, say the next one.

Only wiring lives here: `build(coach)` connects widgets to a `Coach`, what is shown comes from
`speechtutor.views.score`, and `serve` (`speechtutor app`, `make app`) starts it with the real models.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from html import escape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
import numpy as np

from demo import drills, talk
from speechtutor import audio
from speechtutor.content.tables import languages, message, sentence_bank
from speechtutor.core import ErrorType, Exercise, LearnerState, Recording, Transcript, UtteranceScore
from speechtutor.errors import SpeechTutorError
from speechtutor.pipeline import Coach
from speechtutor.tutor.rules import RuleTutor
from speechtutor.views import score as score_view
from speechtutor.views import talk as talk_view
from speechtutor.views.grammar import CSS as GRAMMAR_CSS
from speechtutor.views.grammar import grammar_html

EXAMPLES = Path(__file__).resolve().parent / "examples"
EXAMPLE = (EXAMPLES / "dinner-errors.flac", "We like rice and chips for dinner.")
READ, TASK, FREE = "Read a sentence", "Do an exercise", "Talk freely"
HOUR, MARGIN = 3600, 0.06

# Browsers change a voice by default (gain control, noise suppression); a score must hear it as it is.
HEAD = """<script>(()=>{const m=navigator.mediaDevices;if(!m)return;const g=m.getUserMedia.bind(m);
m.getUserMedia=c=>{if(c&&c.audio){const a=c.audio===true?{}:c.audio;
c={...c,audio:{...a,echoCancellation:false,autoGainControl:false,noiseSuppression:false}}}
return g(c)}})()</script>"""
TAP = """element.addEventListener('click', (event) => {
  const word = event.target.closest('[data-word]');
  if (word) trigger('click', {word: Number(word.dataset.word)});
});"""
TO_WORDS = (
    "() => document.querySelector('#words button')?.scrollIntoView({behavior: 'smooth', block: 'center'})"
)
BROWSER_VOICE = "(text) => speechSynthesis.speak(new SpeechSynthesisUtterance(text))"
CSS = (
    score_view.CSS
    + talk_view.CSS
    + drills.CSS
    + GRAMMAR_CSS
    + """.gradio-container{max-width:760px!important;margin:0 auto!important;padding:.6rem!important}
#sentence textarea{font-size:1.25rem}
footer{display:none!important}"""
)

Last = tuple[UtteranceScore, Recording] | None


def playable(recording: Recording) -> tuple[int, np.ndarray]:
    """A recording as the player wants it."""
    return recording.sample_rate, (recording.samples * 32767).astype(np.int16)


def preferred(accepted: str) -> str:
    """The first language of explanation in a browser's list such as `zh-CN,zh;q=0.9,en;q=0.8`."""
    codes = [part.split(";")[0].strip().lower().split("-")[0] for part in accepted.split(",")]
    return next((code for code in codes if code in languages()), "en")


def assess(
    coach: Coach, path: str | None, mode: str, text: str, lang: str = "en", drill: Exercise | None = None
) -> Iterator[tuple[Any, ...]]:
    """The score at once, then the feedback as it is written: message, words, result, feedback, next, last."""
    missing = "" if path else "Record yourself or upload a recording first."
    if not missing and mode == READ and not text.strip():
        missing = f"Type a sentence first, or choose “{FREE}”."
    if not missing and mode == TASK and drill is None:
        missing = "Choose an exercise first."
    if path is None or missing:
        yield score_view.error_html(missing), "", "", "", gr.skip(), None
        return
    yield '<div role="status">Listening …</div>', "", "", "", gr.skip(), None
    drill = drill if mode == TASK else None
    target = drills.target(drill) if drill else text.strip() if mode == READ else None
    try:
        recording = audio.load(path)
        transcript = None if target is not None else coach.transcribe(recording)
        score = (
            coach.assess(recording, target)
            if transcript is None
            else coach.assess_free(recording, transcript)
        )
        learner, written = LearnerState(explain=lang), ""
        advice = RuleTutor().advise(score, learner)
        notes = _notes(transcript, drill, lang) + score_view.cautions_html(score.cautions, lang)
        judged = score_view.words_html(score, lang), score_view.result_html(score, lang)
        kept = score_view.next_sentence(advice, score.text), (score, recording)
        yield notes, *judged, "…", *kept
        for piece in coach.advise_stream(score, learner):
            written += piece
            yield notes, *judged, score_view.feedback_markdown(written), *kept
        if transcript is not None:
            notes += grammar_html(coach.correct(transcript), lang)
        yield notes, *judged, score_view.feedback_markdown(written, advice), *kept
    except SpeechTutorError as error:
        yield score_view.error_html(str(error).replace(path, "The recording")), "", "", "", gr.skip(), None


def _notes(transcript: Transcript | None, drill: Exercise | None, lang: str) -> str:
    """What was heard of free speech, and what of an exercise was said."""
    if transcript is None:
        return ""
    heard = message("result", "heard", lang, text=transcript.text) if transcript.words else ""
    told = drills.verdict(drill, transcript.text, lang) if drill else ""
    return f"<p>{escape(heard)}</p>" * bool(heard) + told


def speak(coach: Coach, text: str, rate: float = 1.0) -> tuple[Any, str]:
    """The model voice, or a message; without a model voice the browser's own speaks instead."""
    if coach.synthesizer is None:
        return gr.skip(), ""
    try:
        return gr.Audio(playable(coach.synthesizer.speak(text, rate=rate)), visible=True), ""
    except SpeechTutorError as error:
        return gr.skip(), score_view.error_html(str(error))


def tap(coach: Coach, last: Last, index: int, lang: str = "en") -> tuple[Any, Any]:
    """A tapped word: its sounds, and the learner's own voice followed by the model's."""
    if last is None:
        return gr.skip(), gr.skip()
    score, recording = last
    word, voices, parts = score.words[index], [], []
    detail = score_view.word_html(word, lang)
    if word.start is not None and word.end is not None and word.error_type is not ErrorType.OMISSION:
        voices.append("your voice")
        parts.append(recording.crop(word.start - MARGIN, word.end + MARGIN).samples)
    if coach.synthesizer is not None:
        try:
            parts += [
                np.zeros(recording.sample_rate // 3, np.float32),
                coach.synthesizer.speak(word.text).samples,
            ]
            voices.append("the model voice")
        except SpeechTutorError as error:
            detail += score_view.error_html(str(error))
    if not parts:
        return detail, gr.Audio(visible=False)
    sound = Recording(np.concatenate(parts), recording.sample_rate)
    label = f"{word.text}: {', then '.join(voices)}"
    return detail, gr.Audio(playable(sound), label=label, visible=True)


def another(bank: list[str], current: str) -> str:
    """The sentence after the current one."""
    return bank[(bank.index(current) + 1) % len(bank)] if current in bank else bank[0]


def proceed_button(last: Last, following: str) -> gr.Button:
    """Leads on once there is a score; says whether it is the same sentence again."""
    if last is None:
        return gr.Button(visible="hidden")
    return gr.Button("Say it again" if following == last[0].text else "Next sentence →", visible=True)


def _layout(first: str) -> SimpleNamespace:
    """The widgets from top to bottom, by name."""
    w = SimpleNamespace(last=gr.State(None, time_to_live=HOUR), following=gr.State(first))
    w.mode = gr.Radio([READ, TASK, FREE], value=READ, show_label=False, container=False, elem_id="mode")
    vars(w).update(vars(drills.layout()))
    w.sentence = gr.Textbox(first, label="Say this, or type your own", elem_id="sentence", max_lines=4)
    with gr.Row():
        w.hear = gr.Button("▶ Hear it", size="sm", min_width=90)
        w.slowly = gr.Button("▶ Slowly", size="sm", min_width=90)
        w.story = gr.Button("Show the text", size="sm", min_width=90, visible=False)
        w.another = gr.Button("↻ Another", size="sm", min_width=90)
    w.voice = gr.Audio(label="Model voice", autoplay=True, interactive=False, visible=False, elem_id="voice")
    at_16k = gr.WaveformOptions(sample_rate=16_000)
    sources: list[Any] = ["microphone", "upload"]
    w.mic = gr.Audio(
        sources=sources,
        type="filepath",
        label="Your voice",
        elem_id="mic",
        buttons=[],
        waveform_options=at_16k,
    )
    with gr.Row():
        w.check = gr.Button("Check my pronunciation", variant="primary", min_width=180)
        w.example = gr.Button("Try an example", min_width=120)
    w.message, w.words = gr.HTML(elem_id="message"), gr.HTML(elem_id="words", js_on_load=TAP)
    w.detail = gr.HTML(elem_id="detail")
    w.own = gr.Audio(autoplay=True, interactive=False, visible=False, elem_id="own", buttons=[])
    w.feedback, w.result = gr.Markdown(elem_id="feedback"), gr.HTML(elem_id="result")
    w.proceed = gr.Button("Next sentence →", visible="hidden", elem_id="next")
    return w


def _wire(w: SimpleNamespace, coach: Coach, bank: list[str], explain: gr.Dropdown) -> None:
    """What each widget does."""
    out = [w.message, w.words, w.result, w.feedback, w.following, w.last]

    def judge(
        path: str | None, chosen: str, text: str, lang: str, drill: Exercise | None
    ) -> Iterator[tuple[Any, ...]]:
        yield from assess(coach, path, chosen, text, lang, drill)

    def tapped(kept: Last, lang: str, event: gr.EventData) -> tuple[Any, Any]:
        return tap(coach, kept, event._data["word"], lang)

    def judged(event: Callable[..., Any]) -> None:
        cleared = event(lambda: ("", gr.Audio(visible=False)), None, [w.detail, w.own], queue=False)
        given = [w.mic, w.mode, w.sentence, explain, w.drill]
        done = cleared.then(judge, given, out, show_progress="hidden")
        done.then(proceed_button, [w.last, w.following], w.proceed, queue=False)

    for event in (w.mic.stop_recording, w.mic.upload, w.check.click):
        judged(event)
    chosen = [w.mic, w.sentence, w.mode, w.drill]
    judged(w.example.click(lambda: (str(EXAMPLE[0]), EXAMPLE[1], READ, None), None, chosen).then)
    w.words.click(tapped, [w.last, explain], [w.detail, w.own])
    w.words.change(None, js=TO_WORDS)
    js = None if coach.synthesizer else BROWSER_VOICE
    w.hear.click(lambda text: speak(coach, text), w.sentence, [w.voice, w.message], js=js)
    w.slowly.click(lambda text: speak(coach, text, 0.7), w.sentence, [w.voice, w.message], js=js)
    w.story.click(lambda: gr.Textbox(visible=True), None, w.sentence, queue=False)
    _wire_choice(w, bank, explain)
    proceeded = w.proceed.click(lambda text: (text, READ, None), w.following, chosen[1:], queue=False)
    cleared = [w.message, w.words, w.detail, w.feedback, w.result, w.mic, w.proceed]
    proceeded.then(
        lambda: ("", "", "", "", "", None, gr.Button(visible="hidden")), None, cleared, queue=False
    )


def _wire_choice(w: SimpleNamespace, bank: list[str], explain: gr.Dropdown) -> None:
    """What is to be said: a sentence, an exercise, or whatever the learner likes."""
    rng = np.random.default_rng()
    shown = [w.drill, w.prompt, w.sentence, w.hear, w.slowly, w.story]
    asked = [w.kind, w.level, explain]

    def drilled(kind: str, level: str, lang: str) -> tuple[Any, ...]:
        drill, prompt = drills.new(kind, level, lang, rng)
        return drill, prompt, drills.box(drill), *drills.buttons(drill)

    def switched(mode: str, text: str, drill: Exercise | None, *given: str) -> tuple[Any, ...]:
        task = gr.Column(visible=mode == TASK)
        if mode == TASK:
            return *drilled(*given), task, gr.Button(visible=True)
        text = bank[0] if drill is not None or not text.strip() else text
        read = mode == READ
        voice = gr.Button(visible=read), gr.Button(visible=read), gr.Button(visible=False)
        sentence = gr.Textbox(text, visible=True if read else "hidden", interactive=True)
        return None, "", sentence, *voice, task, gr.Button(visible=read)

    def following(mode: str, text: str, *given: str) -> tuple[Any, ...]:
        if mode == TASK:
            return drilled(*given)
        return None, "", another(bank, text), gr.skip(), gr.skip(), gr.skip()

    w.mode.change(switched, [w.mode, w.sentence, w.drill, *asked], [*shown, w.task, w.another], queue=False)
    w.another.click(following, [w.mode, w.sentence, *asked], shown, queue=False)
    for choice in (w.kind, w.level):
        choice.input(drilled, asked, shown, queue=False)


def _explained() -> gr.Dropdown:
    """The language of explanation; labelled in all of them."""
    names = [(name, code) for code, name in languages().items()]
    label = "Explain in · Explicar en · 讲解语言"
    return gr.Dropdown(names, value="en", label=label, elem_id="explain", filterable=False)


def _arrived(request: gr.Request) -> str:
    return preferred(request.headers.get("accept-language", ""))


def build(coach: Coach, sentences: list[str] | None = None) -> gr.Blocks:
    """The whole page around a coach; `sentences` are to choose from."""
    bank = sentences or [EXAMPLE[1], *(exercise.text for exercise in sentence_bank())]
    page = gr.Blocks(title="speechtutor", delete_cache=(HOUR, HOUR), analytics_enabled=False)
    with page:
        explain = _explained()
        with gr.Tab("Practise", elem_id="practise-tab"):
            _wire(_layout(bank[0]), coach, bank, explain)
        with gr.Tab("Talk", elem_id="talk-tab"):
            widgets = talk.layout(TAP)
            voice = None if coach.synthesizer else BROWSER_VOICE
            talk.wire(widgets, coach, explain, partial(tap, coach), voice)
        page.load(_arrived, None, explain, queue=False)
    return page


def launch(page: gr.Blocks, **options: Any) -> Any:
    """Start a page as the app wants it: our styles, system fonts, nothing from other hosts."""
    theme = gr.themes.Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    fixed = {"max_file_size": "50mb", "footer_links": [], "ssr_mode": False, "quiet": True} | options
    return page.launch(css=CSS, head=HEAD, theme=theme, allowed_paths=[str(EXAMPLES)], **fixed)


def grammar_model() -> str:
    """The model that corrects free speech: the one with our adapter once it has been pulled, else the rules.

    The app never fetches it by itself: it would keep a learner without a network waiting.
    """
    from speechtutor import hub, registry

    name = registry.READERS["grammar"]
    needed = registry.find("grammar", name).checkpoint
    here = needed is not None and hub.located(needed) is not None
    return name if here else registry.default("grammar")


def serve(
    host: str = "127.0.0.1",
    port: int = 7860,
    device: str | None = None,
    open_browser: bool = False,
    grammar: str | None = None,
    strictness: str | None = None,
) -> None:
    """Load the real models, then serve until interrupted; `grammar` names another than `grammar_model`."""
    from speechtutor import registry

    coach = Coach(
        registry.load("transcriber", device=device),
        registry.load_scorer(device=device, strictness=strictness),
        registry.load("tutor", device=device),
        synthesizer=registry.load("synthesizer", device=device),
        grammar=registry.load("grammar", grammar or grammar_model(), device=device),
    )
    page = build(coach)
    launch(page, server_name=host, server_port=port, inbrowser=open_browser, prevent_thread_lock=True)
    print(f"The app is at http://{host}:{port} (Ctrl-C stops it)", flush=True)
    page.block_thread()
