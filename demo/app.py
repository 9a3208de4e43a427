"""The learner's app: say a sentence or talk freely, see every sound, get feedback, say the next one.

Only wiring lives here: `build(coach)` connects widgets to a `Coach`, whose steps are shown as they come;
what is shown comes from `speechtutor.views.score`, and `serve` (`speechtutor app`, `make app`) starts it
with the real models and the learners' store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from html import escape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import speechtutor  # noqa: F401  # before gradio, which reports its start otherwise

# isort: split
import gradio as gr
import numpy as np

from demo import drills, learners, private, serving, talk, voices
from demo.guard import Guard
from demo.layout import BROWSER_VOICE, CSS, FREE, HEAD, HOUR, READ, TAP, TASK, TO_WORDS, explained, layout
from demo.learners import GUEST, name_of
from speechtutor.content.tables import languages, message, sentence_bank
from speechtutor.core import ErrorType, Exercise, Recording, Transcript, UtteranceScore
from speechtutor.errors import SpeechTutorError
from speechtutor.files import disk
from speechtutor.files.guard import LOGS
from speechtutor.pipeline import Advised, Coach, Corrected, Heard, Piece, Scored
from speechtutor.practice.answers import outcome
from speechtutor.views import score as score_view
from speechtutor.views.grammar import grammar_html

EXAMPLES = Path(__file__).resolve().parent / "examples"
EXAMPLE = (EXAMPLES / "dinner-errors.flac", "We like rice and chips for dinner.")
MARGIN = 0.06

Last = tuple[UtteranceScore, Recording] | None
Shown = tuple[Any, ...]
"""What a take shows: message, words, result, feedback, next sentence, and the take itself."""


def playable(recording: Recording) -> tuple[int, np.ndarray]:
    """A recording as the player wants it."""
    return recording.sample_rate, (recording.samples * 32767).astype(np.int16)


def preferred(accepted: str) -> str:
    """The first language of explanation in a browser's list such as `zh-CN,zh;q=0.9,en;q=0.8`."""
    codes = [part.split(";")[0].strip().lower().split("-")[0] for part in accepted.split(",")]
    return next((code for code in codes if code in languages()), "en")


def failed(problem: str) -> Shown:
    """What is shown of a take that could not be judged, `problem` being HTML."""
    return problem, "", "", "", gr.skip(), None


def assess(
    coach: Coach,
    path: str | None,
    mode: str,
    text: str,
    lang: str = "en",
    drill: Exercise | None = None,
    learner: str = GUEST,
    guard: Guard | None = None,
) -> Iterator[Shown]:
    """The score at once, then the feedback as it is written, then the grammar; always an end."""
    missing = "" if path else "Record yourself or upload a recording first."
    if not missing and mode == READ and not text.strip():
        missing = f"Type a sentence first, or choose “{FREE}”."
    if not missing and mode == TASK and drill is None:
        missing = "Choose an exercise first."
    if path is None or missing:
        yield failed(score_view.error_html(missing))
        return
    yield failed('<div role="status">Listening …</div>')
    drill = drill if mode == TASK else None
    target = drills.target(drill) if drill else text.strip() if mode == READ else None
    guard = guard or Guard(disk.home() / LOGS)
    yield from guard.steps(_taken(coach, path, target, lang, drill, name_of(learner)), failed, path)


def _taken(
    coach: Coach, path: str, target: str | None, lang: str, drill: Exercise | None, learner: str
) -> Iterator[Shown]:
    """What the coach's steps show, one after another."""
    recording = private.TAKES.load(path)
    notes = words = result = written = ""
    said: str | None = "…"
    following: Any = gr.skip()
    last: Last = None
    for step in coach.steps(recording, target, learner, explain=lang, exercise=drill, judge=outcome):
        match step:
            case Heard():
                notes = _notes(step.transcript, drill, lang)
                continue
            case Scored():
                score, last = step.score, (step.score, recording)
                notes += score_view.cautions_html(score.cautions, lang)
                words, result = score_view.words_html(score, lang), score_view.result_html(score, lang)
            case Piece():
                written += step.text
                said = score_view.feedback_markdown(written)
            case Advised():
                said = score_view.feedback_markdown(written, step.feedback)
                following = score_view.next_sentence(step.feedback, score.text)
                notes += "".join(map(drills.note_html, step.feedback.warnings))
            case Corrected():
                notes += grammar_html(step.correction, lang)
            case _:
                continue
        yield notes, words, result, said, following, last


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
    if coach.synthesizer is not None and word.text:
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
    label = f"{score_view.shown(word)}: {', then '.join(voices)}"
    return detail, gr.Audio(playable(sound), label=label, visible=True)


def another(bank: list[str], current: str) -> str:
    """The sentence after the current one."""
    return bank[(bank.index(current) + 1) % len(bank)] if current in bank else bank[0]


def proceed_button(last: Last, following: str) -> gr.Button:
    """Leads on once there is a score; says whether it is the same sentence again."""
    if last is None:
        return gr.Button(visible="hidden")
    return gr.Button("Say it again" if following == last[0].text else "Next sentence →", visible=True)


def proceed(
    last: Last, following: str, mode: str, drill: Exercise | None
) -> tuple[str, str, Exercise | None]:
    """What to say next: the same exercise once more, or the sentence that the advice leads to."""
    if mode == TASK and drill is not None and last is not None and following == last[0].text:
        return drill.text, TASK, drill
    return following, READ, None


def _wire(w: SimpleNamespace, coach: Coach, bank: list[str], who: SimpleNamespace, guard: Guard) -> None:
    """What each widget does."""
    out = [w.message, w.words, w.result, w.feedback, w.following, w.last]
    detail = [w.detail, w.own]

    def judge(
        path: str | None, chosen: str, text: str, lang: str, drill: Exercise | None, name: str
    ) -> Iterator[Shown]:
        yield from assess(coach, path, chosen, text, lang, drill, name, guard)

    def tapped(kept: Last, lang: str, event: gr.EventData) -> tuple[Any, Any]:
        index = event._data["word"]
        shown: tuple[Any, Any] = guard.once(tap, lambda told: (told, gr.skip()))(coach, kept, index, lang)
        return shown

    def judged(event: Callable[..., Any]) -> None:
        cleared = event(lambda: ("", gr.Audio(visible=False)), None, detail, queue=False)
        given = [w.mic, w.mode, w.sentence, who.explain, w.drill, who.learner]
        done = cleared.then(judge, given, out, show_progress="hidden")
        done.then(proceed_button, [w.last, w.following], w.proceed, queue=False)

    for event in (w.mic.stop_recording, w.mic.upload, w.check.click):
        judged(event)
    chosen = [w.mic, w.sentence, w.mode, w.drill]
    judged(w.example.click(lambda: (str(EXAMPLE[0]), EXAMPLE[1], READ, None), None, chosen).then)
    w.words.click(tapped, [w.last, who.explain], detail)
    w.words.change(None, js=TO_WORDS)
    js = None if coach.synthesizer else BROWSER_VOICE
    for button, rate in ((w.hear, 1.0), (w.slowly, 0.7)):
        said = guard.once(partial(_said, coach, rate), lambda told: (gr.skip(), told))
        button.click(said, w.sentence, [w.voice, w.message], js=js)
    w.story.click(lambda: gr.Textbox(visible=True), None, w.sentence, queue=False)
    _wire_choice(w, bank, coach, who, guard)
    given = [w.last, w.following, w.mode, w.drill]
    proceeded = w.proceed.click(proceed, given, chosen[1:], queue=False)
    cleared = [w.message, w.words, w.detail, w.feedback, w.result, w.mic, w.proceed]
    proceeded.then(
        lambda: ("", "", "", "", "", None, gr.Button(visible="hidden")), None, cleared, queue=False
    )


def _said(coach: Coach, rate: float, text: str) -> tuple[Any, str]:
    return speak(coach, text, rate)


def _wire_choice(
    w: SimpleNamespace, bank: list[str], coach: Coach, who: SimpleNamespace, guard: Guard
) -> None:
    """What is to be said: a sentence, an exercise, or whatever the learner likes."""
    rng = np.random.default_rng()
    shown = [w.drill, w.prompt, w.sentence, w.hear, w.slowly, w.story]
    asked = [w.kind, w.level, who.explain, who.learner, w.about]
    lent = partial(drills.lend, coach.tutor)

    def drilled(kind: str, level: str, lang: str, name: str, about: str) -> tuple[Any, ...]:
        state = coach.learner(name_of(name), lang)
        drill, prompt = drills.new(kind, level, lang, rng, state, about, lent)
        return drill, prompt, drills.box(drill), *drills.buttons(drill)

    def none(told: str) -> tuple[Any, ...]:
        return None, told, drills.box(None), *drills.buttons(None)

    new = guard.once(drilled, none)

    def switched(mode: str, text: str, drill: Exercise | None, *given: str) -> tuple[Any, ...]:
        task = gr.Column(visible=mode == TASK)
        if mode == TASK:
            return *new(*given), task, gr.Button(visible=True)
        text = bank[0] if drill is not None or not text.strip() else text
        read = mode == READ
        voice = gr.Button(visible=read), gr.Button(visible=read), gr.Button(visible=False)
        sentence = gr.Textbox(text, visible=True if read else "hidden", interactive=True)
        return None, "", sentence, *voice, task, gr.Button(visible=read)

    def following(mode: str, text: str, *given: str) -> Any:
        if mode == TASK:
            return new(*given)
        return None, "", another(bank, text), gr.skip(), gr.skip(), gr.skip()

    w.mode.change(switched, [w.mode, w.sentence, w.drill, *asked], [*shown, w.task, w.another], queue=False)
    w.another.click(following, [w.mode, w.sentence, *asked], shown, queue=False)
    for choice in (w.kind, w.level, w.about):
        choice.input(new, asked, shown, queue=False)


def _arrived(request: gr.Request) -> str:
    return preferred(request.headers.get("accept-language", ""))


def build(coach: Coach, sentences: list[str] | None = None, guard: Guard | None = None) -> gr.Blocks:
    """The whole page around a coach; `sentences` are to choose from, `guard` says where errors are logged."""
    guard = guard or Guard(disk.home() / LOGS)
    bank = sentences or [EXAMPLE[1], *(exercise.text for exercise in sentence_bank())]
    page = gr.Blocks(title="speechtutor", delete_cache=(HOUR, HOUR), analytics_enabled=False)
    with page:
        with gr.Row():
            who = learners.layout()
            who.explain = explained()
        with gr.Tab("Practise", elem_id="practise-tab"):
            _wire(layout(bank[0]), coach, bank, who, guard)
        with gr.Tab("Talk", elem_id="talk-tab"):
            widgets = talk.layout(TAP)
            voice = None if coach.synthesizer else BROWSER_VOICE
            talk.wire(widgets, coach, who, partial(tap, coach), voice, guard)
        page.load(_arrived, None, who.explain, queue=False)
        learners.wire(who, page)
    return page


def launch(page: gr.Blocks, **options: Any) -> Any:
    """Start a page as the app wants it: our styles, system fonts, nothing from other hosts."""
    theme = gr.themes.Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    serving.close(page)
    fixed: dict[str, Any] = {
        "footer_links": [],
        "ssr_mode": False,
        "quiet": True,
        **serving.options("127.0.0.1"),
        **options,
    }
    return page.launch(css=CSS, head=HEAD, theme=theme, allowed_paths=[str(EXAMPLES)], **fixed)


def serve(
    host: str = "127.0.0.1",
    port: int = 7860,
    device: str | None = None,
    open_browser: bool = False,
    grammar: str | None = None,
    store: str | None = None,
    auth_file: Path | None = None,
    without_sign_in: bool = False,
    names: tuple[str, ...] = (),
    strictness: str | None = None,
    tutor: str | None = None,
) -> None:
    """Load the real models, then serve until stopped; `tutor`, `grammar`: others than are `ready`.

    `store` is the URL of the learners' store, None the one in the home directory. `auth_file` says who
    may sign in, `without_sign_in` that nobody need, `names` what else this machine is called in requests.
    """
    from speechtutor import registry
    from speechtutor.learner.store import open_store

    serving.check_address(host, port)
    auth = serving.accounts(auth_file)
    serving.check_open(host, bool(auth), without_sign_in)
    lane, kept = voices.Lane(), open_store(store)
    coach = Coach(
        voices.FirstTranscriber(registry.load("transcriber", device=device), lane),
        voices.FirstScorer(registry.load_scorer(device=device, strictness=strictness), lane),
        registry.load("tutor", tutor or registry.ready("tutor"), device=device),
        store=kept,
        synthesizer=voices.Remembered(registry.load("synthesizer", device=device), lane),
        grammar=registry.load("grammar", grammar or registry.ready("grammar"), device=device),
    )
    with serving.until_stopped() as stop, private.private_folder() as folder:
        page = build(coach)
        how = serving.options(host, names, auth) | {"inbrowser": open_browser}
        serving.start(launch, page, host, port, **how)
        print(f"The app is at http://{how['server_name']}:{port} (Ctrl-C stops it)", flush=True)
        while not stop.wait(30):
            private.sweep(folder)
        page.close(verbose=False)
        kept.close()
