"""The model voice says a text once; a voice waits for checks, but not for ever."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from demo.voices import FirstScorer, FirstTranscriber, Lane, Remembered
from speechtutor.core import Recording
from speechtutor.errors import TextError
from speechtutor.models.fake import FakeScorer, FakeSynthesizer, FakeTranscriber, FakeTutor
from speechtutor.pipeline import Coach


class Counting:
    """A voice that counts, and waits for a sign before it speaks."""

    def __init__(self, samples: int = 1600) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.samples = samples
        self.go, self.begun = threading.Event(), threading.Event()
        self.go.set()

    def speak(self, text: str, *, rate: float = 1.0, phones: str | None = None) -> Recording:
        self.asked.append((text, rate, phones))
        self.begun.set()
        self.go.wait(10)
        if not text:
            raise TextError("nothing to say")
        return Recording(np.full(self.samples, 0.1, np.float32))


def test_a_text_is_said_once_by_rate_and_phones() -> None:
    voice = Counting()
    remembered = Remembered(voice)
    for _ in range(3):
        for given in ({}, {"rate": 0.7}, {"phones": "AY"}):
            assert remembered.speak("I", **given).duration == 0.1
    assert voice.asked == [("I", 1.0, None), ("I", 0.7, None), ("I", 1.0, "AY")]


def test_a_failure_is_not_remembered() -> None:
    voice = Counting()
    for _ in range(2):
        with pytest.raises(TextError):
            Remembered(voice).speak("")
    assert len(voice.asked) == 2


def test_what_was_heard_longest_ago_is_forgotten_first() -> None:
    voice = Counting(samples=1000)  # 4,000 bytes
    remembered = Remembered(voice, most_bytes=8_000)
    for text in ("a", "b", "a", "c", "a", "b"):
        remembered.speak(text)
    assert [text for text, *_ in voice.asked] == ["a", "b", "c", "b"]


def test_ten_who_ask_for_one_sentence_at_once_hear_it_once() -> None:
    voice = Counting()
    voice.go.clear()
    remembered = Remembered(voice)
    with ThreadPoolExecutor(10) as pool:
        asked = [pool.submit(remembered.speak, "good morning") for _ in range(10)]
        voice.begun.wait(10)
        voice.go.set()
        assert len({id(one.result()) for one in asked}) == 1
    assert len(voice.asked) == 1


def test_what_was_said_is_heard_at_once_while_another_text_is_being_made() -> None:
    voice = Counting()
    remembered = Remembered(voice)
    known = remembered.speak("known")
    voice.go.clear()
    voice.begun.clear()
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(remembered.speak, "other")
        voice.begun.wait(10)
        assert remembered.speak("known") is known
        assert not other.done()
        voice.go.set()


def test_a_voice_waits_for_a_check_and_a_check_for_no_voice() -> None:
    lane, order = Lane(patience=30), []
    voice = Counting()
    remembered = Remembered(voice, lane)
    with ThreadPoolExecutor(1) as pool:
        with lane.check():
            asked = pool.submit(remembered.speak, "hello")
            assert not voice.begun.wait(0.2), "it waits while somebody is checked"
            order.append("checked")
        asked.result()
        voice.go.clear()
        voice.begun.clear()
        second = pool.submit(remembered.speak, "again")
        voice.begun.wait(10)
        with lane.check():
            order.append("checked beside a voice")
            assert not second.done()
        voice.go.set()
    assert order == ["checked", "checked beside a voice"]


def test_a_voice_does_not_wait_for_ever() -> None:
    lane = Lane(patience=0.01)
    with lane.check():
        assert Remembered(Counting(), lane).speak("hello").duration == 0.1


def test_a_coach_of_stages_that_take_turns_is_the_same_coach() -> None:
    lane = Lane()
    plain = Coach(FakeTranscriber("hello think"), FakeScorer(), FakeTutor())
    turns = Coach(FirstTranscriber(plain.transcriber, lane), FirstScorer(plain.scorer, lane), plain.tutor)
    hum = FakeSynthesizer().speak("hello")
    assert turns.coach(hum) == plain.coach(hum)
    assert turns.scorer.align(hum, "think") == plain.scorer.align(hum, "think")


@pytest.mark.parametrize("text", ["123-" * 25_000, "1," * 50_000, "a" * 100_000])
def test_a_text_that_is_too_long_is_refused_unread(text: str) -> None:
    lane, hum = Lane(), FakeSynthesizer().speak("hello")
    scorer, asked = FirstScorer(FakeScorer(), lane), Counting()
    voice = Remembered(asked, lane)
    for call in (lambda: scorer.score(hum, text), lambda: scorer.align(hum, text), lambda: voice.speak(text)):
        with pytest.raises(TextError, match="100000 characters; at most 8000"):
            call()
    assert asked.asked == []
