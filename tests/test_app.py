from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demo import app
from speechtutor import audio
from speechtutor.core import Recording, UtteranceScore
from speechtutor.errors import InputError
from speechtutor.models import fake
from speechtutor.pipeline import Coach
from tests.conftest import EXAMPLES, chromium

GOOD = EXAMPLES / "weather-good.flac"
TEXT = "I think the weather is very nice today."
PHONE = {"width": 390, "height": 844}


def coach(**stages: Any) -> Coach:
    made = {
        "transcriber": fake.FakeTranscriber("hello think"),
        "scorer": fake.FakeScorer(),
        "tutor": fake.FakeTutor(),
    }
    return Coach(**{**made, **stages})


@pytest.fixture(scope="module")
def judge() -> Coach:
    return coach(synthesizer=fake.FakeSynthesizer())


def last(steps: Iterator[tuple[Any, ...]]) -> tuple[Any, ...]:
    *_, final = steps
    return final


# Callbacks, without a browser.


def test_score_comes_before_the_feedback(judge: Coach) -> None:
    steps = list(app.assess(judge, str(GOOD), app.READ, TEXT))
    waiting, first, *_, final = steps
    assert "Listening" in waiting[0] and waiting[5] is None
    assert 'data-word="7"' in first[1] and first[3] == "…"
    assert final[1] == first[1]
    assert "One sound to work on" in final[3] and "**Next:**" in final[3]
    score, recording = final[5]
    assert score.text == TEXT and recording.duration == pytest.approx(audio.load(GOOD).duration)


def test_free_talk_judges_what_was_heard(judge: Coach) -> None:
    final = last(app.assess(judge, str(GOOD), app.FREE, TEXT))
    assert "I heard: hello think" in final[0]
    assert final[5][0].text == "hello think"


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [("empty.wav", b"", "empty"), ("text.wav", b"this is no sound", "not an audio file")],
)
def test_a_bad_file_gives_one_clear_line(
    judge: Coach, tmp_path: Path, name: str, data: bytes, says: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    final = last(app.assess(judge, str(path), app.READ, TEXT))
    assert "st-error" in final[0] and says in final[0]
    assert str(tmp_path) not in final[0] and "Traceback" not in final[0]
    assert final[1] == "" and final[5] is None


def test_no_recording_and_no_text_are_said(judge: Coach) -> None:
    assert "Record yourself" in last(app.assess(judge, None, app.READ, TEXT))[0]
    assert "st-error" in last(app.assess(judge, str(GOOD), app.READ, "   "))[0]


def test_silence_shows_the_caution_and_no_score(judge: Coach, tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    audio.save(Recording(np.zeros(32_000, np.float32)), path)
    final = last(app.assess(judge, str(path), app.READ, TEXT))
    assert "st-note" in final[0] and final[1] == final[2] == ""


def test_a_tapped_word_is_heard_twice(judge: Coach) -> None:
    kept = last(app.assess(judge, str(GOOD), app.READ, TEXT))[5]
    detail, player = app.tap(judge, kept, 1)
    assert "think" in detail and "I heard /s/" in detail
    word = kept[0].words[1]
    model = judge.synthesizer.speak("think").duration
    expected = word.end - word.start + 2 * app.MARGIN + 1 / 3 + model
    rate, samples = _value(player)
    assert len(samples) / rate == pytest.approx(expected, abs=0.01)
    alone = coach(synthesizer=None)
    rate, samples = _value(app.tap(alone, kept, 1)[1])
    assert len(samples) / rate == pytest.approx(word.end - word.start + 2 * app.MARGIN, abs=0.01)


def _value(player: Any) -> tuple[int, np.ndarray]:
    recording = audio.load(player.value["path"])
    return recording.sample_rate, recording.samples


class Mute:
    def speak(self, text: str, *, rate: float = 1.0, phones: str | None = None) -> Recording:
        raise InputError("nothing to say")


def test_a_word_the_model_voice_cannot_say_is_still_the_learner_s(judge: Coach) -> None:
    kept = last(app.assess(judge, str(GOOD), app.READ, TEXT))[5]
    detail, player = app.tap(coach(synthesizer=Mute()), kept, 1)
    assert "nothing to say" in detail
    assert player.label == "think: your voice"


def test_the_model_voice_says_its_own_errors() -> None:
    assert "nothing to say" in app.speak(coach(synthesizer=Mute()), "")[1]
    assert app.speak(coach(synthesizer=None), "hi")[1] == ""


def test_another_sentence_walks_round_the_bank() -> None:
    assert [app.another(["a", "b"], text) for text in ("a", "b", "typed")] == ["b", "a", "a"]


def test_the_way_on_says_whether_it_is_the_same_sentence() -> None:
    kept = (UtteranceScore("hi", ()), Recording(np.zeros(10, np.float32)))
    assert app.proceed_button(kept, "hi").value == "Say it again"
    assert app.proceed_button(kept, "good morning").value == "Next sentence →"
    assert app.proceed_button(None, "hi").visible == "hidden"


# In a real browser.


@pytest.fixture(scope="module")
def url(judge: Coach) -> Iterator[str]:
    page = app.build(judge)
    _, address, _ = app.launch(page, prevent_thread_lock=True)
    yield address
    page.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    spoken = tmp_path_factory.mktemp("mic") / "spoken.wav"
    audio.save(audio.load(GOOD), spoken)
    flags = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={spoken}%noloop",
        "--no-sandbox",
    ]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=flags)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, url: str) -> Iterator[Any]:
    """A phone-sized page that may not call anyone else or complain."""
    context = browser.new_context(permissions=["microphone"], viewport=PHONE)
    opened = context.new_page()
    outside: list[str] = []
    complaints: list[str] = []
    opened.on(
        "request", lambda r: None if r.url.startswith((url, "data:", "blob:")) else outside.append(r.url)
    )
    # Gradio itself reports an upload that no browser can decode.
    expected = "Waveform load error"
    opened.on(
        "console",
        lambda m: complaints.append(m.text) if m.type == "error" and expected not in m.text else None,
    )
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(url)
    opened.get_by_role("button", name="Check my pronunciation").wait_for()
    yield opened
    wide = opened.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert outside == []
    assert complaints == []
    assert wide <= PHONE["width"]


def upload(page: Any, path: Path) -> None:
    mic = page.locator("#mic")
    mic.get_by_label("Upload file").click()
    mic.locator("input[type=file]").set_input_files(path)


@pytest.mark.browser
def test_upload_gives_labelled_words_feedback_and_a_way_on(page: Any) -> None:
    from playwright.sync_api import expect

    page.get_by_role("button", name="Another").click()
    page.get_by_label("Say this").fill(TEXT)
    upload(page, GOOD)
    words = page.locator("#words button")
    expect(words).to_have_count(8, timeout=20_000)
    expect(words.nth(1)).to_have_class("st-word st-wrong")
    expect(words.nth(1)).to_contain_text("✗ θ → s")
    expect(words.nth(0)).to_contain_text("✓ good")
    expect(page.locator("#result")).to_contain_text("accuracy")
    expect(page.locator("#feedback")).to_contain_text("Next:")
    words.nth(1).click()
    expect(page.locator("#detail")).to_contain_text("I heard /s/")
    expect(page.locator("#own")).to_be_visible()
    following = page.locator("#feedback").inner_text().split('"')[-2]
    page.get_by_role("button", name="Next sentence").click()
    expect(words).to_have_count(0)
    expect(page.get_by_label("Say this")).to_have_value(following)


@pytest.mark.browser
def test_a_recording_is_scored_unchanged_by_the_browser(
    page: Any, judge: Coach, monkeypatch: pytest.MonkeyPatch
) -> None:
    from playwright.sync_api import expect

    got: list[Recording] = []

    def assess(self: Coach, recording: Recording, text: str | None = None) -> UtteranceScore:
        got.append(recording)
        return self.scorer.score(recording, text or "hello")

    monkeypatch.setattr(Coach, "assess", assess)
    mic = page.locator("#mic")
    mic.get_by_role("button", name="Record", exact=True).click()
    stop = mic.get_by_role("button", name="Stop", exact=True)
    expect(stop).to_be_visible()
    page.wait_for_timeout(3_300)
    stop.click()
    expect(page.locator("#words button")).to_have_count(7, timeout=20_000)
    spoken, truth = got[0].samples, audio.load(GOOD).samples
    # Slide the loud middle of the truth over the take: gain 1 and the same shape, so nothing was "improved".
    middle = truth[12_000:28_000]
    overlap = np.correlate(spoken, middle, "valid")
    start = int(np.abs(overlap).argmax())
    part = spoken[start : start + len(middle)]
    assert np.corrcoef(part, middle)[0, 1] > 0.95
    assert np.linalg.norm(part) / np.linalg.norm(middle) == pytest.approx(1, abs=0.1)


@pytest.mark.browser
def test_a_text_file_named_wav_and_an_empty_page_are_answered_in_words(page: Any, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    page.get_by_role("button", name="Check my pronunciation").click()
    expect(page.locator("#message")).to_contain_text("Record yourself")
    bad = tmp_path / "text.wav"
    bad.write_text("this is no sound")
    upload(page, bad)
    expect(page.locator("#message [role=alert]")).to_contain_text("not an audio file", timeout=20_000)


@pytest.mark.browser
def test_the_example_and_free_talk_need_one_tap(page: Any) -> None:
    from playwright.sync_api import expect

    page.get_by_role("button", name="Try an example").click()
    expect(page.locator("#words button")).to_have_count(7, timeout=20_000)
    page.get_by_text(app.FREE).click()
    expect(page.get_by_label("Say this")).to_be_hidden()
    page.get_by_role("button", name="Check my pronunciation").click()
    expect(page.locator("#message")).to_contain_text("I heard: hello think", timeout=20_000)
    page.get_by_text(app.READ).click()
    page.get_by_role("button", name="▶ Hear it").click()
    expect(page.locator("#voice")).to_be_visible()
