"""Every screen of the app as a picture, to be looked at: `python -m tests.support.screens OUT --lang zh es`.

Needs the models, chromium and playwright. The pictures of a look go to OUT/LANG-SCHEME-SIZE; learners made up
for them live in a store of its own.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from demo import app, grading, private, serving
from demo.practice import FREE, KINDS, OWN
from speechtutor import audio
from speechtutor.content.tables import languages
from speechtutor.core import Attempt, Exercise, Recording
from speechtutor.learner.store import SqlStore
from speechtutor.pipeline import Coach
from speechtutor.report import attempts, class_page, learner_page, run_page, sources
from tests.conftest import EXAMPLES, chromium
from tests.support import evaluated
from tests.support.browser import PHONE, upload, visit
from tests.support.pictures import coach

SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": PHONE}
WAIT = 60_000
LOCALES = {"en": "en-US", "zh": "zh-CN", "es": "es-ES"}
ROLES = {"ruth": "teacher", "root": "admin", "ana": "learner"}
SAID = {
    "weather-errors": "I think the weather is very nice today.",
    "dinner-errors": "We like rice and chips for dinner.",
    "bench-dropped": "Please put the big red bag beside the old wooden bench.",
    "village-long": "My three brothers have a farm in the village, "
    "and every winter they come down to visit us.",
    "dinner-good": "We like rice and chips for dinner.",
    "weather-good": "I think the weather is very nice today.",
}
"""Readings of a learner over some weeks, with their errors."""
PASSAGE = ("weather-errors", "bench-dropped", "village-long", "dinner-errors")


@dataclass
class Album:
    """Where pictures of one look go, and how a page of that look is opened."""

    browser: Any
    folder: Path
    how: dict[str, Any]
    url: str
    classroom: str
    grading: str
    pages: list[Path]
    sounds: Path

    def shot(self, page: Any, name: str) -> None:
        """A picture of the whole page, without a focus that is only there because a program clicked."""
        page.wait_for_timeout(400)
        page.screenshot(path=self.folder / f"{name}.png", full_page=True)

    @contextmanager
    def visit(self, name: str = "") -> Iterator[Any]:
        """The app, on a page of its own."""
        page = visit(self.browser, self.url, name, **self.how)
        try:
            yield page
        finally:
            page.context.close()

    @contextmanager
    def signed_in(self, name: str) -> Iterator[Any]:
        """The app with a sign-in, by an account."""
        page = self.browser.new_context(**self.how).new_page()
        page.goto(self.classroom)
        page.locator("input[type=password]").wait_for(timeout=WAIT)
        page.locator("input, textarea").first.fill(name)
        page.locator("input[type=password]").fill("pw")
        page.keyboard.press("Enter")
        page.locator("#card [data-id]:not([data-id=for_you])").wait_for(timeout=WAIT)
        try:
            yield page
        finally:
            page.context.close()


def kind(page: Any, name: str) -> None:
    """Choose a kind of exercise by its place in the menu, which is the same in all languages."""
    before = page.evaluate("window.speechtutor.shown()")
    page.locator("#kind input").click()
    page.get_by_role("option").nth(list(KINDS).index(name)).click()
    page.wait_for_function("before => window.speechtutor.shown() !== before", arg=before, timeout=WAIT)


def own_text(page: Any, words: str) -> None:
    if not page.locator("#text textarea").is_visible():
        kind(page, OWN)
    page.locator("#text textarea").fill(words)
    page.locator("#use").click()
    page.locator("#card .say").filter(has_text=words[:20]).wait_for(timeout=WAIT)


def take(page: Any, path: Path, where: str = "mic") -> None:
    """A take that is judged to its end."""
    upload(page, path, where)
    page.locator("#next").wait_for(timeout=WAIT)
    page.wait_for_timeout(500)


def tab(page: Any, name: str, inside: str) -> None:
    page.locator(f"[role=tab][data-tab-id={name}]").click()
    page.locator(inside).first.wait_for(timeout=WAIT)


# --- the rooms ------------------------------------------------------------------------------------------


def first(album: Album) -> None:
    """A first visit, the check of the microphone, and a placement."""
    with album.visit("newcomer") as page:
        album.shot(page, "first-visit")
        page.locator("#check > button").click()
        page.locator("#check-mic .st-record").click()
        page.wait_for_timeout(2_500)
        page.locator("#check-mic .st-record").click()
        page.locator("#checked .st-fine, #checked .st-note").first.wait_for(timeout=WAIT)
        album.shot(page, "microphone-check")
    with album.visit("placed") as page:
        page.locator("#place").click()
        page.locator("#welcome").wait_for(state="hidden", timeout=WAIT)
        album.shot(page, "placement")
        upload(page, EXAMPLES / "weather-good.flac")
        page.locator("#message [role=note]").first.wait_for(timeout=WAIT)
        album.shot(page, "placement-another-text")


def practise(album: Album) -> None:
    """A reading before and after its takes, a word, the details."""
    with album.visit("ana") as page:
        album.shot(page, "practise-before")
        page.locator("#mic .st-record").click()
        page.locator("#mic .st-on").wait_for(timeout=WAIT)
        page.wait_for_timeout(1_200)
        album.shot(page, "practise-recording")
        page.locator("#mic .st-cancel").click()
        own_text(page, SAID["dinner-errors"])
        take(page, EXAMPLES / "dinner-errors.flac")
        album.shot(page, "practise-after")
        page.locator("#words .st-wrong").first.click()
        page.locator("#detail [data-sound]").nth(1).wait_for(timeout=WAIT)
        album.shot(page, "practise-word")
        page.locator("#again").click()
        page.locator("#words button").first.wait_for(state="hidden", timeout=WAIT)
        take(page, EXAMPLES / "dinner-good.flac")
        page.locator("#advice .st-changes").wait_for(timeout=WAIT)
        page.locator("#details > button").click()
        page.locator("#result .st-seen").first.wait_for(timeout=WAIT)
        album.shot(page, "practise-details")


def kinds(album: Album) -> None:
    """Each kind of exercise before a take, and what is particular about it."""
    with album.visit("bo") as page:
        for name in KINDS:
            if name not in ("for_you", OWN):
                kind(page, name)
                album.shot(page, f"kind-{name}")
            if name in ("pair", "quiet"):
                page.locator("#card .st-choice").first.click()
                page.locator("#card [role=status]").wait_for(timeout=WAIT)
                album.shot(page, f"kind-{name}-chosen")
        kind(page, FREE)
        take(page, EXAMPLES / "beach-free.flac")
        album.shot(page, "free-talk-after")
        kind(page, "question")
        take(page, EXAMPLES / "beach-free.flac")
        album.shot(page, "question-after")


def passage(album: Album) -> None:
    """Several sentences: while they are judged, and after."""
    with album.visit("ana") as page:
        own_text(page, " ".join(SAID[name] for name in PASSAGE))
        upload(page, album.sounds / "passage.wav")
        page.locator("#message progress").wait_for(timeout=WAIT)
        album.shot(page, "passage-waiting")
        page.locator("#next").wait_for(timeout=WAIT)
        album.shot(page, "passage-after")


def trouble(album: Album) -> None:
    """What is no speech, no sound, or no microphone."""
    with album.visit("ana") as page:
        for name, wait in (("silent.wav", "#message [role]"), ("noisy.wav", "#message [role=note]")):
            own_text(page, SAID["weather-good"] if name == "noisy.wav" else SAID["dinner-good"])
            upload(page, album.sounds / name)
            page.locator("#again").wait_for(timeout=WAIT)
            page.locator(wait).first.wait_for(timeout=WAIT)
            album.shot(page, f"trouble-{Path(name).stem}")
        upload(page, album.sounds / "bad.wav")
        page.locator("#message [role=alert]").wait_for(timeout=WAIT)
        album.shot(page, "trouble-no-audio")
        page.evaluate(
            "() => { navigator.mediaDevices.getUserMedia = () => "
            "Promise.reject(new DOMException('', 'NotAllowedError')); }"
        )
        page.locator("#mic .st-record").click()
        page.locator("#mic .st-problem").wait_for(timeout=WAIT)
        album.shot(page, "trouble-denied")


def talk(album: Album) -> None:
    """A talk from the choice of a scene to its summary."""
    with album.visit("bo") as page:
        tab(page, "talk", "#start-talk")
        album.shot(page, "talk-choice")
        page.locator("#start-talk").click()
        page.locator("#talk-voice audio").wait_for(timeout=WAIT)
        page.locator("#hint").click()
        page.locator("#talk-message .st-hint").wait_for(timeout=WAIT)
        album.shot(page, "talk-hint")
        upload(page, EXAMPLES / "dinner-errors.flac", "talk-mic")
        page.locator("#talk-words button").first.wait_for(timeout=WAIT)
        album.shot(page, "talk-answered")
        page.locator("#talk-words button").nth(2).click()
        page.locator("#talk-detail [data-sound]").first.wait_for(timeout=WAIT)
        page.locator("#finish").click()
        page.locator("#talk-summary .st-summary").wait_for(timeout=WAIT)
        album.shot(page, "talk-summary")


def record(album: Album) -> None:
    """Progress with and without anything in it, and the settings."""
    with album.visit("nobody-yet") as page:
        tab(page, "progress", "#progress h2")
        album.shot(page, "progress-empty")
        tab(page, "settings", "#save-you")
        album.shot(page, "settings")
    with album.visit("ana") as page:
        tab(page, "progress", "#progress .st-tile")
        album.shot(page, "progress")


def classroom(album: Album) -> None:
    """Sign-in, homework, the class and an admin's part."""
    page = album.browser.new_context(**album.how).new_page()
    page.goto(album.classroom)
    page.locator("input[type=password]").wait_for(timeout=WAIT)
    album.shot(page, "sign-in")
    page.locator("input, textarea").first.fill("ana")
    page.locator("input[type=password]").fill("wrong")
    page.keyboard.press("Enter")
    page.wait_for_timeout(1_500)
    album.shot(page, "sign-in-refused")
    page.context.close()
    with album.signed_in("ruth") as page:
        tab(page, "class", "#class table")
        album.shot(page, "class")
        for fold, inside in (("#give", "#assign"), ("#answers", "#show-work")):
            page.locator(f"{fold} > button").click()
            page.locator(inside).wait_for(timeout=WAIT)
        page.locator("#show-work").click()
        page.locator("#results table").wait_for(timeout=WAIT)
        album.shot(page, "class-unfolded")
    with album.signed_in("ana") as page:
        tab(page, "homework", "#homework [data-task]")
        album.shot(page, "homework")
        page.locator("#homework [data-task]").first.click()
        page.locator("#card .why").first.wait_for(timeout=WAIT)
        page.wait_for_timeout(1_000)
        album.shot(page, "homework-card")
    with album.signed_in("root") as page:
        tab(page, "class", "#class table")
        page.locator("#admin > button").click()
        page.locator("#show-log").click(timeout=WAIT)
        page.locator("#log table, #log p").first.wait_for(timeout=WAIT)
        album.shot(page, "admin")


def graders(album: Album) -> None:
    """The graders' page before a name, with a sheet, after a save, and the agreement."""
    page = album.browser.new_context(**album.how).new_page()
    page.goto(album.grading)
    page.locator("#begin").wait_for(timeout=WAIT)
    lang = album.folder.name.partition("-")[0]
    if lang != "en":
        page.locator("#language input").click()
        page.get_by_role("option").nth(list(languages()).index(lang)).click()
    album.shot(page, "grading-name")
    page.locator("#grader textarea, #grader input").fill(f"grader {album.folder.name}")
    page.locator("#begin").click()
    page.locator(".gr[data-begun]").wait_for(timeout=WAIT)
    album.shot(page, "grading-sheet")
    page.locator('.gr-target[data-at="s"]').click()
    page.locator('.gr-scale[data-unit=sentence] [data-digit="8"]').click()
    page.locator('.gr-target[data-at="w1"]').click()
    page.locator('.gr-scale[data-unit=word] [data-digit="5"]').click()
    page.locator("[data-save]").click()
    page.locator(".gr-machine").first.wait_for(timeout=WAIT)
    album.shot(page, "grading-saved")
    page.get_by_role("tab").nth(1).click()
    page.locator("#agreed table, #agreed p").first.wait_for(timeout=WAIT)
    album.shot(page, "grading-agreement")
    page.context.close()


def reports(album: Album) -> None:
    """Pages that are files: of a learner, a class and a run."""
    for path in album.pages:
        page = album.browser.new_context(**album.how).new_page()
        page.goto(path.as_uri())
        album.shot(page, f"report-{path.stem}")
        page.context.close()


ROOMS: dict[str, Callable[[Album], None]] = {
    one.__name__: one
    for one in (first, practise, kinds, passage, trouble, talk, record, classroom, graders, reports)
}

# --- what stands in them ----------------------------------------------------------------------------------


def sounds_of(folder: Path) -> Path:
    """Recordings that do not come with the app: a passage, silence, noise, and a file that is none."""
    folder.mkdir()
    gap = np.zeros(8_000, np.float32)
    read = [part for name in PASSAGE for part in (audio.load(EXAMPLES / f"{name}.flac").samples, gap)]
    audio.save(Recording(np.concatenate(read)), folder / "passage.wav")
    audio.save(Recording(np.zeros(48_000, np.float32)), folder / "silent.wav")
    clean = audio.load(EXAMPLES / "weather-good.flac").samples
    hiss = np.random.default_rng(0).normal(0, float(np.abs(clean).mean()) * 2, len(clean))
    audio.save(Recording((clean + hiss).clip(-1, 1).astype(np.float32)), folder / "noisy.wav")
    (folder / "bad.wav").write_text("no sound")
    return folder


def filled(judge: Coach, store: SqlStore, sounds: Path, now: datetime) -> None:
    """Six weeks of ana, a take of bo, and homework."""
    takes = [(EXAMPLES / f"{name}.flac", text) for name, text in SAID.items()]
    takes.append((sounds / "passage.wav", " ".join(SAID[name] for name in PASSAGE)))
    scores = {path.stem: judge.assess(audio.load(path), text) for path, text in takes}
    early, late = list(scores)[:4], list(scores)[3:]
    for days in range(42, 0, -3):
        for i, name in enumerate(early if days > 20 else late):
            exercise = Exercise(scores[name].text, (), "sound")
            store.append(Attempt("ana", exercise, scores[name], now - timedelta(days=days, minutes=-i)))
    store.append(Attempt("bo", Exercise(SAID["dinner-good"], (), "sound"), scores["dinner-good"], now))
    tasks = [Exercise(SAID[name], (), "sound") for name in ("dinner-errors", "bench-dropped")]
    tasks += [Exercise(scores["passage"].text, (), "sound"), Exercise("We had a good time.", (), "sound")]
    store.homework.assign(["ana"], tasks, "Week 1", "ruth", now - timedelta(days=2), now + timedelta(days=5))
    for task, name in zip(tasks, ("dinner-good", "bench-dropped", "passage"), strict=False):
        store.append(Attempt("ana", task, scores[name], now - timedelta(days=1)))


def pages(address: str, run: Path, folder: Path, now: datetime) -> list[Path]:
    """The pages that are written as files."""
    learner, crowd = folder / "learner.html", folder / "class.html"
    store = SqlStore(address)
    learner_page.build(
        store.profiles.get("ana"), store.state("ana"), list(store.attempts("ana")), learner, now
    )
    store.close()
    class_page.build(attempts.from_store(address), crowd)
    return [learner, crowd, run_page.build(run, folder / "run.html").page]


@contextmanager
def served(folder: Path) -> Iterator[dict[str, Any]]:
    """The app for everybody, the app with a sign-in and the graders' page; what an `Album` needs of them."""
    now, address = datetime.now(UTC), f"sqlite:///{folder / 'learners.db'}"
    store, sounds = SqlStore(address), sounds_of(folder / "sounds")
    judge = coach(store)
    filled(judge, store, sounds, now)
    for i in range(4):
        evaluated.tone(folder / "clips" / f"u{i}.flac")
    run = evaluated.scoring_run(folder / "run", 4, root=folder / "clips")
    source = sources.load(run)
    sign_in = serving.options("127.0.0.1", (), [(name, "pw") for name in ROLES])
    opened = [
        (app.build(judge), app.launch, {}),
        (app.build(judge, roles=ROLES), app.launch, sign_in),
        (grading.build(source), grading.launch, {}),
    ]
    urls = [launch(blocks, prevent_thread_lock=True, **how)[1] for blocks, launch, how in opened]
    yield {
        "url": urls[0], "classroom": urls[1], "grading": urls[2], "sounds": sounds,
        "pages": pages(address, run, folder, now),
    }  # fmt: skip
    for blocks, _, _ in opened:
        blocks.close(verbose=False)
    store.close()


def walk(album: Album, rooms: list[str]) -> int:
    """Pictures of some rooms; how many of the rooms could not be walked through."""
    failed = 0
    album.folder.mkdir(parents=True, exist_ok=True)
    for name in rooms:
        try:
            ROOMS[name](album)
        except Exception:
            failed += 1
            print(f"{album.folder.name}: {name}", traceback.format_exc(limit=-3), sep="\n", file=sys.stderr)
    print(f"{album.folder}: {len(list(album.folder.glob('*.png')))} pictures", flush=True)
    return failed


def main(given: list[str] | None = None) -> int:
    """Take them; 1 where a room could not be walked through."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--lang", nargs="+", default=["en"], choices=list(LOCALES))
    parser.add_argument("--scheme", nargs="+", default=["light"], choices=["light", "dark"])
    parser.add_argument("--size", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--room", nargs="+", default=list(ROOMS), choices=list(ROOMS))
    asked = parser.parse_args(given)
    from playwright.sync_api import sync_playwright

    failed = 0
    with tempfile.TemporaryDirectory() as name, private.private_folder(), served(Path(name)) as here:
        speaking = here["sounds"] / "passage.wav"
        flags = [
            "--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={speaking}",
        ]  # fmt: skip
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=flags)
            for lang, scheme, size in product(asked.lang, asked.scheme, asked.size):
                look = {"viewport": SIZES[size], "locale": LOCALES[lang], "color_scheme": scheme}
                album = Album(browser, asked.out / f"{lang}-{scheme}-{size}", look, **here)
                failed += walk(album, asked.room)
            browser.close()
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
