from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demo import app, drills, private, talk
from speechtutor import audio, hub, registry
from speechtutor.core import Exercise, Recording, UtteranceScore
from speechtutor.errors import InputError
from speechtutor.grammar import load_rules
from speechtutor.models import fake
from speechtutor.pipeline import Coach
from speechtutor.practice.exercises import KINDS
from speechtutor.tutor.phrasing import LlmTutor
from speechtutor.tutor.rules import RuleTutor
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


# Languages of explanation.


def test_the_feedback_and_the_labels_are_in_the_language_asked_for(judge: Coach) -> None:
    rules = coach(tutor=RuleTutor(), synthesizer=fake.FakeSynthesizer())
    final = last(app.assess(rules, str(GOOD), app.FREE, "", "zh"))
    assert "我听到的是：hello think" in final[0]
    assert "很好" in final[1] and "准确度" in final[2]
    assert "舌尖放在上下齿之间" in final[3] and "**下一步：**" in final[3]
    assert final[4].isascii(), "what is to be said stays English"
    assert "不准确" in app.tap(judge, final[5], 1, "zh")[0]


@pytest.mark.parametrize(
    ("accepted", "lang"),
    [("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("fi, es-MX;q=0.5", "es"), ("fi", "en"), ("", "en"), (";,;", "en")],
)
def test_the_browser_says_which_language_comes_first(accepted: str, lang: str) -> None:
    assert app.preferred(accepted) == lang


# Exercises, without a browser.


@pytest.mark.parametrize("kind", [kind for _, kind in drills.KINDS])
def test_an_exercise_shows_what_is_asked_and_never_the_answer(kind: str) -> None:
    drill, prompt = drills.new(kind, "A2", "en", np.random.default_rng(0))
    assert drill is not None and drill.kind == kind
    shown, (hear, _, story) = drills.box(drill), drills.buttons(drill)
    assert shown.visible is True if drill.is_read else shown.visible == "hidden"
    assert (hear.visible, story.visible) == (drill.is_read or kind == "retell", kind == "retell")
    assert not any(answer in prompt + (shown.value or "") for answer in drill.answers if kind != "retell")
    assert set(k for _, k in drills.KINDS) == set(KINDS)


def test_an_exercise_that_is_read_is_judged_by_its_text() -> None:
    drill, _ = drills.new("pair", "A2", "en", np.random.default_rng(0))
    final = last(app.assess(hears("something else"), str(GOOD), app.TASK, "typed before", "en", drill))
    assert drill is not None and final[5][0].text == drill.text and final[0] == ""


def test_an_answer_in_own_words_is_judged_as_heard_and_its_grammar_mended() -> None:
    judge = hears("she don't like the ticket", grammar=load_rules())
    drill = Exercise("I bought a ticket.", (), "vocabulary", "A2", points=(("ticket",),))
    first, *_, final = list(app.assess(judge, str(GOOD), app.TASK, "", "zh", drill))[1:]
    assert "该说的我都听到了" in first[0] and "I bought a ticket." in first[0]
    assert "st-grammar" not in first[0], "the score does not wait for the grammar"
    assert "<ins>doesn&#x27;t</ins>" in final[0] and "语法" in final[0]
    assert final[5][0].text == "she don't like the ticket"


def test_free_talk_shows_its_grammar_and_a_read_text_has_none() -> None:
    judge = hears("she don't like it", grammar=load_rules())
    assert "<ins>doesn&#x27;t</ins>" in last(app.assess(judge, str(GOOD), app.FREE, ""))[0]
    assert "st-grammar" not in last(app.assess(judge, str(GOOD), app.READ, "she don't like it"))[0]


def test_an_exercise_has_to_be_chosen(judge: Coach) -> None:
    assert "Choose an exercise" in last(app.assess(judge, str(GOOD), app.TASK, TEXT))[0]
    drill, reason = drills.new("translate", "C9", "en", np.random.default_rng(0))
    assert drill is None and "C9" in reason
    assert drills.buttons(None)[0].visible is False


@pytest.mark.writes_home
def test_models_are_taken_only_where_they_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert [registry.ready(stage) for stage in ("grammar", "tutor", "scorer")] == ["rules", "rules", "raters"]
    monkeypatch.setattr(hub, "located", lambda name: tmp_path)
    assert registry.ready("grammar") == "smollm2-135m-instruct"
    pytest.importorskip("faster_whisper")
    assert registry.ready("tutor") == "smollm2-135m-tutor"


# Talks, without a browser.


def hears(text: str, **stages: Any) -> Coach:
    return coach(transcriber=fake.FakeTranscriber(text), **stages)


def test_a_talk_hears_scores_and_answers() -> None:
    judge = hears("a table for two please", synthesizer=fake.FakeSynthesizer())
    sitting, scene, lines, voice, said, *_ = talk.start(judge, "restaurant", "A2", "en")
    assert "waiter comes" in scene and "How many people" in lines and "How many people" in said
    rate, samples = _value(voice)
    assert len(samples) / rate == pytest.approx(0.1 * len(said) / talk.RATES["A2"], abs=0.01)
    final = last(talk.answer(judge, sitting, str(GOOD), "en"))
    assert "a table for two please" in final[1] and final[3].endswith("What would you like to drink?")
    assert final[4] == "" and 'data-word="4"' in final[5] and final[6] == ""
    assert final[0].talk.slots == {"people": "two"} and len(final[0].scores) == 1
    assert final[8] is None, "the microphone is free for the next answer"


def test_a_stuck_learner_gets_help_in_the_language_asked_for() -> None:
    judge = hears("")
    sitting = talk.start(judge, "small_talk", "A1", "zh")[0]
    final = last(talk.answer(judge, sitting, str(GOOD), "zh"))
    assert "我没有听到你的声音" in final[4] and "提示" in final[4] and "I am …" in final[4]
    assert final[0].scores == ()
    sitting, first = talk.helped(final[0], "zh")
    assert "可以这样开头" in first
    assert "可以这样说" in talk.helped(sitting, "zh")[1], "asked once more it is the whole answer"


def test_a_talk_to_its_end_is_summed_up() -> None:
    judge = hears("i think i like music and three things", grammar=load_rules())
    sitting = talk.start(judge, "small_talk", "B1", "en")[0]
    for _ in range(12):
        final = last(talk.answer(judge, sitting, str(GOOD), "en"))
        sitting = final[0]
        if sitting.talk.is_over:
            break
    assert sitting.talk.is_over and sitting.talk.asked[0] == "TH"
    assert "You have reached the goal" in final[6] and "music" in final[6]
    assert "th&quot; as in" in final[6] and "Now say" in final[6]
    assert "Start a talk first" in last(talk.answer(judge, sitting, str(GOOD), "en"))[4]


def test_what_is_missing_in_a_talk_is_said(judge: Coach, tmp_path: Path) -> None:
    assert "Start a talk first" in last(talk.answer(judge, None, str(GOOD), "en"))[4]
    sitting = talk.start(judge, "free", "A1", "en")[0]
    assert "Record your answer" in last(talk.answer(judge, sitting, None, "en"))[4]
    bad = tmp_path / "text.wav"
    bad.write_text("this is no sound")
    final = last(talk.answer(judge, sitting, str(bad), "en"))
    assert "not an audio file" in final[4] and str(tmp_path) not in final[4] and final[0] == sitting
    assert "Start a talk first" in talk.helped(None, "en")[1] and "Start a talk" in talk.ended(None, "en")
    assert "nothing to sum up" in talk.ended(sitting, "en")


def test_a_model_may_word_the_partners_line() -> None:
    class Warm:
        name = "warm"

        def generate(self, messages: object, *, max_tokens: int) -> Iterator[str]:
            yield "Very good. And what would you like to drink?"

    judge = hears("a table for two please", tutor=LlmTutor(Warm()))
    sitting = talk.start(judge, "restaurant", "A2", "en")[0]
    said = last(talk.answer(judge, sitting, str(GOOD), "en"))[3]
    assert said == "Very good. And what would you like to drink?"


# In a real browser.


@pytest.fixture(scope="module")
def url(judge: Coach, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app as it is served: what was heard is gone from its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(private, "home", lambda: tmp_path_factory.mktemp("home"))
        with private.private_folder() as folder:
            page = app.build(judge)
            _, address, _ = app.launch(page, prevent_thread_lock=True)
            yield address
            page.close()
            assert not list(folder.rglob("*.flac")), "a recording was kept"


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


@pytest.mark.browser
def test_an_exercise_in_the_browser(page: Any) -> None:
    from playwright.sync_api import expect

    page.get_by_text(app.TASK).click()
    expect(page.locator("#prompt .st-task")).to_be_visible(timeout=20_000)
    expect(page.get_by_label("Say this")).to_be_hidden()
    page.locator("#kind input").click()
    page.get_by_role("option", name="Retell a story").click()
    expect(page.locator("#prompt")).to_contain_text("tell it in your own words", timeout=20_000)
    page.get_by_role("button", name="Show the text").click()
    expect(page.get_by_label("Say this")).to_be_visible(timeout=20_000)
    upload(page, GOOD)
    expect(page.locator("#message")).to_contain_text("This was still missing", timeout=20_000)
    expect(page.locator("#words button")).to_have_count(2)
    page.get_by_role("button", name="Next sentence").click()
    expect(page.locator("#task")).to_be_hidden(timeout=20_000)
    expect(page.get_by_label("Say this")).to_be_editable()


@pytest.mark.browser
def test_a_talk_in_the_browser(page: Any, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    page.get_by_role("tab", name="Talk").click()
    page.get_by_role("button", name="Start the talk").click()
    lines = page.locator("#talk .st-line")
    expect(lines).to_have_count(1, timeout=20_000)
    expect(lines.first).to_contain_text("How many people are you today?")
    expect(page.locator("#talk-voice")).to_be_visible()
    page.get_by_role("button", name="Give me a hint").click()
    expect(page.locator("#talk-message")).to_contain_text("A table for …", timeout=20_000)
    mic = page.locator("#talk-mic")
    mic.get_by_role("button", name="Record", exact=True).click()
    stop = mic.get_by_role("button", name="Stop", exact=True)
    expect(stop).to_be_visible()
    page.wait_for_timeout(2_000)
    stop.click()
    expect(lines).to_have_count(3, timeout=30_000)
    expect(lines.nth(1)).to_contain_text("hello think")
    expect(lines.nth(2)).to_contain_text("What would you like to drink?")
    words = page.locator("#talk-words button")
    expect(words).to_have_count(2)
    words.nth(1).click()
    expect(page.locator("#talk-detail")).to_contain_text("I heard /s/", timeout=20_000)
    expect(mic.get_by_role("button", name="Record", exact=True)).to_be_visible()
    page.get_by_role("button", name="Finish").click()
    summary = page.locator("#talk-summary")
    expect(summary).to_contain_text("Turns you spoke: 1", timeout=20_000)
    expect(summary).to_contain_text('"th" as in "think"')


@pytest.mark.browser
def test_the_language_of_the_page_is_the_browsers_and_can_be_changed(browser: Any, url: str) -> None:
    from playwright.sync_api import expect

    context = browser.new_context(locale="zh-CN", viewport=PHONE)
    opened = context.new_page()
    opened.goto(url)
    expect(opened.locator("#explain input")).to_have_value("中文", timeout=20_000)
    opened.get_by_role("button", name="Try an example").click()
    words = opened.locator("#words button")
    expect(words).to_have_count(7, timeout=20_000)
    expect(words.nth(0)).to_contain_text("很好")
    opened.locator("#explain input").click()
    opened.get_by_role("option", name="Español").click()
    opened.get_by_role("button", name="Check my pronunciation").click()
    expect(words.nth(0)).to_contain_text("bien", timeout=20_000)
    context.close()
