"""A talk as a value, without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import talk
from demo.prefs import Prefs
from demo.talk import Sitting, answer, helped, shown, spoken, start
from speechtutor import audio
from speechtutor.errors import AudioError
from speechtutor.grammar import load_rules
from speechtutor.models import fake
from speechtutor.pipeline import Coach
from speechtutor.tutor.phrasing import LlmTutor
from tests.demo.test_practice import GOOD, coach

EN, ZH = Prefs(lang="en"), Prefs(lang="zh")


def said(judge: Coach, sitting: Sitting, path: str | None = GOOD, prefs: Prefs = EN) -> Sitting:
    *_, last = answer(judge, sitting, path, prefs)
    return last


def test_a_talk_hears_scores_and_answers() -> None:
    judge = coach("a table for two please")
    sitting = start("restaurant", "A2")
    seen = shown(sitting, EN)
    assert "waiter comes" in seen.scene and "How many people" in seen.lines
    waiting, turned, voiced = answer(judge, sitting, GOOD, EN)
    assert waiting.waiting and "listening" in shown(waiting, EN).message
    assert turned.voice is None and voiced.voice is not None, "the words come before the voice"
    assert voiced.talk is not None and voiced.talk.slots == {"people": "two"} and len(voiced.scores) == 1
    after = shown(voiced, EN)
    assert "a table for two please" in after.lines and voiced.line.endswith("What would you like to drink?")
    assert after.message == "" and 'data-word="4"' in after.words and after.summary == ""


def test_beginners_are_spoken_to_slowly_and_at_their_own_speed() -> None:
    sitting = start("restaurant", "A2")
    voice = spoken(coach(), sitting, EN).voice
    assert voice is not None
    assert voice.duration == pytest.approx(0.1 * len(sitting.line) / talk.RATES["A2"], abs=0.01)
    slower = spoken(coach(), sitting, Prefs(lang="en", speed=0.8)).voice
    assert slower is not None and slower.duration > voice.duration
    assert spoken(coach(synthesizer=None), sitting, EN) == sitting


def test_a_stuck_learner_gets_help_in_the_language_asked_for() -> None:
    final = said(coach(""), start("small_talk", "A1"), prefs=ZH)
    seen = shown(final, ZH)
    assert "我没有听到你的声音" in seen.message and "提示" in seen.message and "I am …" in seen.message
    assert final.scores == ()
    first = helped(final, ZH)
    assert "可以这样开头" in shown(first, ZH).message
    assert "可以这样说" in shown(helped(first, ZH), ZH).message, "asked once more it is the whole answer"


def test_the_scene_is_told_in_the_language_asked_for() -> None:
    sitting = start("restaurant", "A2")
    assert "服务员" in shown(sitting, ZH).scene and "camarero" in shown(sitting, Prefs(lang="es")).scene


def test_a_talk_to_its_end_is_summed_up() -> None:
    judge = coach("i think i like music and three things", grammar=load_rules())
    sitting = start("small_talk", "B1")
    for _ in range(12):
        sitting = said(judge, sitting)
        assert sitting.talk is not None
        if sitting.talk.is_over:
            break
    assert sitting.talk is not None and sitting.talk.is_over and sitting.talk.asked[0] == "TH"
    summary = shown(sitting, EN).summary
    assert "You have reached the goal" in summary and "music" in summary
    assert "th&quot; as in" in summary and "Now say" in summary
    assert "Start a talk first" in shown(said(judge, sitting), EN).message


def test_what_is_missing_in_a_talk_is_said(tmp_path: Path) -> None:
    judge = coach()
    assert "Start a talk first" in shown(said(judge, Sitting()), EN).message
    sitting = start("free", "A1")
    assert "Record your answer" in shown(said(judge, sitting, None), EN).message
    bad = tmp_path / "text.wav"
    bad.write_text("this is no sound")
    with pytest.raises(AudioError, match="not an audio file"):
        said(judge, sitting, str(bad))
    assert "Start a talk first" in shown(helped(Sitting(), EN), EN).message


def test_a_model_may_word_the_partners_line() -> None:
    class Warm:
        name = "warm"

        def generate(self, messages: object, *, max_tokens: int) -> Iterator[str]:
            yield "Very good. And what would you like to drink?"

    judge = coach("a table for two please", tutor=LlmTutor(Warm()))
    assert said(judge, start("restaurant", "A2")).line == "Very good. And what would you like to drink?"


def test_a_turn_is_not_lost_with_the_partners_voice() -> None:
    from speechtutor.core import Recording
    from speechtutor.errors import InputError

    class Mute:
        def speak(self, text: str, *, rate: float = 1.0, phones: str | None = None) -> Recording:
            raise InputError("no voice")

    final = said(coach("a table for two please", synthesizer=Mute()), start("restaurant", "A2"))
    assert "no voice" in shown(final, EN).message and "a table for two" in shown(final, EN).lines


def test_the_sound_of_a_turn_can_be_heard_again() -> None:
    final = said(coach("a table for two please"), start("restaurant", "A2"))
    assert final.take is not None
    assert final.take.recording.duration == pytest.approx(audio.load(GOOD).duration)
    assert isinstance(coach().synthesizer, fake.FakeSynthesizer)
