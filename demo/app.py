"""The learner's app: say a sentence or talk freely, see every sound, get feedback, say the next one.

Only wiring lives here: `build(coach)` connects widgets to a `Coach`, what is shown comes from
`speechtutor.views`, and `serve` (`speechtutor app`, `make app`) starts it with the real models.
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

from demo import talk
from speechtutor import audio, scenes, views
from speechtutor.advice import languages, message, sentence_bank
from speechtutor.core import ErrorType, LearnerState, Recording, UtteranceScore
from speechtutor.errors import SpeechTutorError
from speechtutor.pipeline import Coach
from speechtutor.tutor import RuleTutor

EXAMPLES = Path(__file__).resolve().parent / "examples"
EXAMPLE = (EXAMPLES / "dinner-errors.flac", "We like rice and chips for dinner.")
READ, FREE = "Read a sentence", "Talk freely"
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
    views.CSS
    + scenes.CSS
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
    coach: Coach, path: str | None, mode: str, text: str, lang: str = "en"
) -> Iterator[tuple[Any, ...]]:
    """The score at once, then the feedback as it is written: message, words, result, feedback, next, last."""
    missing = "" if path else "Record yourself or upload a recording first."
    if not missing and mode == READ and not text.strip():
        missing = f"Type a sentence first, or choose “{FREE}”."
    if path is None or missing:
        yield views.error_html(missing), "", "", "", gr.skip(), None
        return
    yield '<div role="status">Listening …</div>', "", "", "", gr.skip(), None
    try:
        recording = audio.load(path)
        score = coach.assess(recording, text.strip() if mode == READ else None)
        learner, written = LearnerState(explain=lang), ""
        advice = RuleTutor().advise(score, learner)
        heard = message("result", "heard", lang, text=score.text) if mode == FREE and score.text else ""
        notes = f"<p>{escape(heard)}</p>" * bool(heard) + views.cautions_html(score.cautions, lang)
        shown = notes, views.words_html(score, lang), views.result_html(score, lang)
        kept = views.next_sentence(advice, score.text), (score, recording)
        yield *shown, "…", *kept
        for piece in coach.advise_stream(score, learner):
            written += piece
            yield *shown, views.feedback_markdown(written), *kept
        yield *shown, views.feedback_markdown(written, advice), *kept
    except SpeechTutorError as error:
        yield views.error_html(str(error).replace(path, "The recording")), "", "", "", gr.skip(), None


def speak(coach: Coach, text: str, rate: float = 1.0) -> tuple[Any, str]:
    """The model voice, or a message; without a model voice the browser's own speaks instead."""
    if coach.synthesizer is None:
        return gr.skip(), ""
    try:
        return gr.Audio(playable(coach.synthesizer.speak(text, rate=rate)), visible=True), ""
    except SpeechTutorError as error:
        return gr.skip(), views.error_html(str(error))


def tap(coach: Coach, last: Last, index: int, lang: str = "en") -> tuple[Any, Any]:
    """A tapped word: its sounds, and the learner's own voice followed by the model's."""
    if last is None:
        return gr.skip(), gr.skip()
    score, recording = last
    word, voices, parts = score.words[index], [], []
    detail = views.word_html(word, lang)
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
            detail += views.error_html(str(error))
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
    w.mode = gr.Radio([READ, FREE], value=READ, show_label=False, container=False, elem_id="mode")
    w.sentence = gr.Textbox(first, label="Say this, or type your own", elem_id="sentence", max_lines=4)
    with gr.Row():
        w.hear = gr.Button("▶ Hear it", size="sm", min_width=90)
        w.slowly = gr.Button("▶ Slowly", size="sm", min_width=90)
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

    def judge(path: str | None, chosen: str, text: str, lang: str) -> Iterator[tuple[Any, ...]]:
        yield from assess(coach, path, chosen, text, lang)

    def tapped(kept: Last, lang: str, event: gr.EventData) -> tuple[Any, Any]:
        return tap(coach, kept, event._data["word"], lang)

    def judged(event: Callable[..., Any]) -> None:
        cleared = event(lambda: ("", gr.Audio(visible=False)), None, [w.detail, w.own], queue=False)
        done = cleared.then(judge, [w.mic, w.mode, w.sentence, explain], out, show_progress="hidden")
        done.then(proceed_button, [w.last, w.following], w.proceed, queue=False)

    for event in (w.mic.stop_recording, w.mic.upload, w.check.click):
        judged(event)
    judged(
        w.example.click(lambda: (str(EXAMPLE[0]), EXAMPLE[1], READ), None, [w.mic, w.sentence, w.mode]).then
    )
    w.words.click(tapped, [w.last, explain], [w.detail, w.own])
    w.words.change(None, js=TO_WORDS)
    js = None if coach.synthesizer else BROWSER_VOICE
    w.hear.click(lambda text: speak(coach, text), w.sentence, [w.voice, w.message], js=js)
    w.slowly.click(lambda text: speak(coach, text, 0.7), w.sentence, [w.voice, w.message], js=js)
    w.another.click(lambda text: another(bank, text), w.sentence, w.sentence, queue=False)
    w.mode.change(lambda chosen: gr.Textbox(visible=chosen == READ), w.mode, w.sentence, queue=False)
    proceeded = w.proceed.click(lambda text: (text, READ), w.following, [w.sentence, w.mode], queue=False)
    cleared = [w.message, w.words, w.detail, w.feedback, w.result, w.mic, w.proceed]
    proceeded.then(
        lambda: ("", "", "", "", "", None, gr.Button(visible="hidden")), None, cleared, queue=False
    )


def _explained() -> gr.Dropdown:
    """The language of explanation; labelled in all of them."""
    names = [(name, code) for code, name in languages().items()]
    label = "Explain in · Explicar en · 讲解语言"
    return gr.Dropdown(names, value="en", label=label, elem_id="explain", filterable=False)


def _arrived(request: gr.Request) -> str:
    return preferred(request.headers.get("accept-language", ""))


def build(coach: Coach, sentences: list[str] | None = None, correct: talk.Correct | None = None) -> gr.Blocks:
    """The whole page around a coach; `sentences` are to choose from, `correct` mends the grammar of talks."""
    bank = sentences or [EXAMPLE[1], *(exercise.text for exercise in sentence_bank())]
    page = gr.Blocks(title="speechtutor", delete_cache=(HOUR, HOUR), analytics_enabled=False)
    with page:
        explain = _explained()
        with gr.Tab("Practise", elem_id="practise-tab"):
            _wire(_layout(bank[0]), coach, bank, explain)
        with gr.Tab("Talk", elem_id="talk-tab"):
            widgets = talk.layout(TAP)
            voice = None if coach.synthesizer else BROWSER_VOICE
            talk.wire(widgets, coach, explain, partial(tap, coach), voice, correct)
        page.load(_arrived, None, explain, queue=False)
    return page


def launch(page: gr.Blocks, **options: Any) -> Any:
    """Start a page as the app wants it: our styles, system fonts, nothing from other hosts."""
    theme = gr.themes.Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    fixed = {"max_file_size": "50mb", "footer_links": [], "ssr_mode": False, "quiet": True} | options
    return page.launch(css=CSS, head=HEAD, theme=theme, allowed_paths=[str(EXAMPLES)], **fixed)


def serve(
    host: str = "127.0.0.1", port: int = 7860, device: str | None = None, open_browser: bool = False
) -> None:
    """Load the real models, then serve until interrupted."""
    from speechtutor import registry
    from speechtutor.grammar import load_rules

    coach = Coach(
        registry.load("transcriber", device=device),
        registry.load("scorer", device=device),
        registry.load("tutor", device=device),
        synthesizer=registry.load("synthesizer", device=device),
    )
    page = build(coach, correct=load_rules().correct)
    launch(page, server_name=host, server_port=port, inbrowser=open_browser, prevent_thread_lock=True)
    print(f"The app is at http://{host}:{port} (Ctrl-C stops it)", flush=True)
    page.block_thread()
