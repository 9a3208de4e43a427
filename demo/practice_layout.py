"""The widgets of the Practise tab from top to bottom."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import gradio as gr

from demo import recorder, serving
from demo.labels import Labels, Making, choices, text
from demo.practice import KINDS, Screen
from speechtutor.practice import library
from speechtutor.practice.levels import LEVELS
from speechtutor.text.phones import PHONES
from speechtutor.views.score import sound_name

HOUR = 3600
TAP = """element.addEventListener('click', (event) => {
  const word = event.target.closest('[data-word]');
  if (word) trigger('click', {word: Number(word.dataset.word)});
});"""
CHOICE = """element.addEventListener('click', (event) => {
  const choice = event.target.closest('[data-choice]');
  if (choice) trigger('click', {choice: Number(choice.dataset.choice)});
});"""
HEAR = """element.addEventListener('click', (event) => {
  const word = event.target.closest('[data-hear]');
  if (word) trigger('click', {hear: word.dataset.hear});
});"""


def sounds_offered() -> list[tuple[str | Making, str]]:
    """Every sound by an example word, with "any" first."""
    named = [(partial(sound_name, phone, "example"), phone) for phone in PHONES]
    return [("app.any_sound", ""), *named]


def topics_offered() -> list[tuple[str | Making, str]]:
    """What the library is about, with "any" first."""
    return [("app.any_topic", ""), *((f"topic.{one}", one) for one in library.topics())]


def layout(labels: Labels) -> SimpleNamespace:
    """The widgets from top to bottom, by name."""
    w = SimpleNamespace(
        screen=gr.State(Screen(), time_to_live=HOUR), shown=gr.Textbox(visible="hidden", elem_id="shown"),
        asked=gr.State({"kind": "for_you", "level": "A2", "sound": "", "topic": ""}),
    )  # fmt: skip
    with gr.Row(elem_id="wish"):
        menu = [(f"kind.{name}", name) for name in KINDS]
        w.kind = labels.add(
            gr.Dropdown, label=text("app.kind"), choices=choices(menu), value="for_you", elem_id="kind",
            filterable=False, min_width=250, scale=4,
        )  # fmt: skip
        w.level = labels.add(
            gr.Dropdown, label=text("app.level"), choices=list(LEVELS), value="A2", elem_id="level",
            filterable=False, min_width=80, scale=1,
        )  # fmt: skip
        w.sound = labels.add(
            gr.Dropdown, label=text("app.sound"), choices=choices(sounds_offered()), value="",
            elem_id="sound", filterable=False, min_width=140, scale=2,
        )  # fmt: skip
        w.topic = labels.add(
            gr.Dropdown, label=text("app.topic"), choices=choices(topics_offered()), value="",
            elem_id="topic", filterable=False, min_width=140, scale=2,
        )  # fmt: skip
    with gr.Column(visible=False, elem_id="own") as w.own:
        w.text = labels.add(
            gr.Textbox, value="", label=text("app.own_text"), lines=3, max_lines=12, elem_id="text",
            max_length=serving.TEXT_LENGTH,
        )  # fmt: skip
        w.use = labels.add(gr.Button, value=text("app.use_text"), elem_id="use")
    w.card = gr.HTML(elem_id="card", js_on_load=CHOICE)
    with gr.Row(elem_id="listen"):
        w.hear = labels.add(gr.Button, value=text("app.hear"), min_width=90, elem_id="hear")
        w.slowly = labels.add(gr.Button, value=text("app.slowly"), min_width=90, elem_id="slowly")
        w.story = labels.add(gr.Button, value=text("app.show_text"), min_width=90, visible=False)
        w.skip = labels.add(gr.Button, value=text("app.skip"), min_width=90, elem_id="skip")
    w.voice = gr.HTML(elem_id="voice")
    w.recorder, w.mic = recorder.layout(labels, "mic")
    w.message = gr.HTML(elem_id="message")
    w.cancel = labels.add(
        gr.Button, value=text("app.cancel_work"), visible="hidden", elem_id="cancel", size="sm"
    )
    w.words = gr.HTML(elem_id="words", js_on_load=TAP)
    w.detail = gr.HTML(elem_id="detail")
    w.advice = gr.HTML(elem_id="advice", js_on_load=HEAR)
    with gr.Row(elem_id="on"):
        w.again = labels.add(gr.Button, value=text("app.again"), visible="hidden", elem_id="again")
        w.next = labels.add(
            gr.Button, value=text("app.next"), visible="hidden", elem_id="next", variant="primary"
        )
    with labels.add(
        gr.Accordion, label=text("app.details"), open=False, visible=False, elem_id="details"
    ) as w.details:
        w.result = gr.HTML(elem_id="result")
    return w
