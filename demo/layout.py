"""The widgets of the Practise tab, from top to bottom, and how they look."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gradio as gr

from demo import drills, serving
from speechtutor.content.tables import languages
from speechtutor.views import score as score_view
from speechtutor.views import talk as talk_view
from speechtutor.views.grammar import CSS as GRAMMAR_CSS

READ, TASK, FREE = "Read a sentence", "Do an exercise", "Talk freely"
HOUR = 3600

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


def layout(first: str) -> SimpleNamespace:
    """The widgets from top to bottom, by name."""
    w = SimpleNamespace(last=gr.State(None, time_to_live=HOUR), following=gr.State(first))
    w.mode = gr.Radio([READ, TASK, FREE], value=READ, show_label=False, container=False, elem_id="mode")
    vars(w).update(vars(drills.layout()))
    w.sentence = gr.Textbox(
        first,
        label="Say this, or type your own",
        elem_id="sentence",
        max_lines=4,
        max_length=serving.TEXT_LENGTH,
    )
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


def explained() -> gr.Dropdown:
    """The language of explanation; labelled in all of them."""
    names = [(name, code) for code, name in languages().items()]
    label = "Explain in · Explicar en · 讲解语言"
    return gr.Dropdown(names, value="en", label=label, elem_id="explain", filterable=False)
