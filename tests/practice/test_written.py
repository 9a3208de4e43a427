"""Sentences by a model: what is asked for, refused and given, by an engine that says what it was told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from speechtutor.content.tables import read, sentence_bank
from speechtutor.core import Exercise, LearnerState
from speechtutor.errors import InputError
from speechtutor.models.fake import FakeTutor
from speechtutor.practice.given import Asked, chosen
from speechtutor.practice.levels import word_levels
from speechtutor.practice.path import LAST
from speechtutor.practice.written import (
    EXAMPLES,
    Wish,
    Writer,
    objections,
    prompt,
    seeds,
    topics,
    vocabulary,
    writer_of,
)
from speechtutor.stages import Message
from speechtutor.tutor.phrasing import LlmTutor

TH = Wish("A2", ("TH",))
GOOD = "I think there are three birds."


class Drawer:
    """Writes what it was told to; every text is as likely as its number of words says."""

    name = "drawer"

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.asked: list[tuple[Sequence[Message], frozenset[str] | None]] = []

    def generate(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
        yield from ()

    def alternatives(
        self, messages: Sequence[Message], n: int, *, max_tokens: int, words: frozenset[str] | None = None
    ) -> list[str]:
        self.asked.append((messages, words))
        return self.texts[:n]

    def likelihoods(self, texts: Sequence[str]) -> list[float]:
        return [-10.0 / len(text.split()) for text in texts]


def test_every_word_of_an_interest_has_a_level() -> None:
    for topic, words in read("interests")["topic"].items():
        unknown = [word for word in words.split() if word not in word_levels()]
        assert not unknown, topic
        assert any(word in vocabulary("A1") for word in words.split()), topic


def test_a_good_sentence_holds() -> None:
    assert objections(GOOD, TH) == []


@pytest.mark.parametrize(
    ("text", "wish", "why"),
    [
        ("I think it is good.", TH, "too little of TH"),
        ("I think there are three birds", TH, "not one whole sentence"),
        ("i think there are three birds.", TH, "not one whole sentence"),
        ("I think three. I thank them.", TH, "not one whole sentence"),
        ("Three things.", TH, "only 2 words"),
        ("I think the thick birds think.", TH, "a word twice"),
        ("I think three particles are thin.", TH, "above A2 or unknown"),
        ("I think there are three guns.", TH, "above A2 or unknown"),
        ("Sorry, I think there are three birds.", TH, "speaks of the task"),
        (GOOD, Wish("A2", ("TH",), ("bread",)), "without bread"),
        ("He think there are three birds.", TH, "grammar"),
        (sentence_bank()[0].text, Wish("B2"), "seen before"),
        ("", TH, "there is nothing to say"),
    ],
)
def test_what_is_wrong_with_a_sentence_is_said(text: str, wish: Wish, why: str) -> None:
    assert any(found.startswith(why) for found in objections(text, wish)), objections(text, wish)


def test_what_was_given_before_is_not_given_again() -> None:
    assert objections(GOOD, TH, ["i think there are three birds"]) == ["seen before"]
    assert Writer(Drawer(GOOD)).sentence(TH, 1, [GOOD]) is None


def test_the_likeliest_of_those_that_hold_is_given() -> None:
    engine = Drawer(
        "Three things.", GOOD, "I think that there are three birds in the bath.", "He think three."
    )
    assert Writer(engine).sentence(TH, 3) == "I think that there are three birds in the bath."
    asked, words = engine.asked[0]
    assert words == vocabulary("A2")
    told = seeds(TH, np.random.default_rng(3))
    assert tuple(asked) == prompt(told, "A2") and asked[-1].content == f"A2: {', '.join(told)}"
    # Four words at -10 / 4 nats are less likely than is given; so is nothing at all.
    unlikely = [one for one in Writer(Drawer("One.")).drawn(TH, 1) if "unlikely" in one.objections]
    assert [one.text for one in unlikely] == ["One."]
    assert Writer(Drawer()).sentence(TH, 1) is None


def test_words_are_of_the_interest_and_have_the_sound() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        first, second = seeds(Wish("A2", ("CH",), about="food"), rng)
        assert first in read("interests")["topic"]["food"].split() and "ch" in first
        assert first != second and {first, second} <= vocabulary("A2")
    assert seeds(Wish("A1", words=("bread", "tea")), rng) == ("bread", "tea")
    with pytest.raises(InputError, match="no words about 'law', only food"):
        seeds(Wish("A1", about="law"), rng)
    assert "food" in topics()


def test_an_exercise_is_written_where_the_bank_has_none_or_an_interest_is_named() -> None:
    made = Writer(Drawer("The thirsty man has three apples."))
    asked = Asked("A2", ("TH",), (), ("sound",))
    for number in range(3):
        bank = chosen(LearnerState(), number, asked, "en", lent=lambda: made).exercise
        assert bank.text != made.engine.texts[0], "our own come first"  # type: ignore[attr-defined]
        # It was given long ago, and nothing like it since.
        before = [bank, *(Exercise("Hello.", kind="pair") for _ in range(LAST))]
        again = chosen(LearnerState(), number, asked, "en", before=before, lent=lambda: made).exercise
        assert again.text == "The thirsty man has three apples."
        assert again.focus == ("TH",) and again.level == "A2" and again.prompt == bank.prompt
    about = chosen(LearnerState(), 1, asked, "en", about="food", lent=lambda: made).exercise
    assert about.text == "The thirsty man has three apples."
    rare = Asked("A2", ("TH",), ("thirsty",), ("sound",))
    assert chosen(LearnerState(), 1, rare, "en", lent=lambda: made).exercise.text == about.text


def test_without_a_writer_or_a_sentence_that_holds_the_bank_stays() -> None:
    asked = Asked("A2", ("TH",), (), ("sound",))
    bank = chosen(LearnerState(), 1, asked, "en")
    assert chosen(LearnerState(), 1, asked, "en", about="food", lent=lambda: None) == bank
    assert chosen(LearnerState(), 1, asked, "en", about="food", lent=lambda: Writer(Drawer("No."))) == bank
    rare = Asked("A2", ("TH",), ("thirsty",), ("sound",))
    with pytest.raises(InputError, match="no exercise"):
        chosen(LearnerState(), 1, rare, "en", lent=lambda: Writer(Drawer("No.")))


def test_who_can_write() -> None:
    assert writer_of(FakeTutor()) is None
    assert isinstance(writer_of(LlmTutor(Drawer())), Writer)
    assert writer_of(LlmTutor(Drawer(), shots=False)) is None, "it was trained on notes alone"


def test_the_examples_hold_and_are_never_given() -> None:
    for words, text in EXAMPLES:
        assert set(words) <= set(text.lower().strip(".?").split())
        assert "seen before" in objections(text, Wish("B2", words=words))
