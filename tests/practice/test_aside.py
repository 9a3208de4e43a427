"""Questions about English and answers beside the point: told from what we hold, and led back."""

from __future__ import annotations

import pytest

from speechtutor.practice.aside import UNKNOWN_WHY, answered, strays
from speechtutor.practice.levels import words_of
from speechtutor.practice.scenarios import scenarios
from speechtutor.practice.talk import TO_QUESTION, Trouble, begin, hear


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("Why went?", '"went" is the past of "go"'),
        ("why is it goes", 'After he, she and it we say "goes"'),
        ("Why children?", '"children" is more than one child'),
        ("why better", 'the word is "good"'),
        ("Why an?", "before a vowel sound"),
        ("How do you spell bread?", "B-R-E-A-D"),
        ("how do you pronounce thin", "th, ih, n"),
        ("What does the word bill mean?", "could I have the bill"),
        ("what does qwrtz mean", "I do not know the word"),
        ("how do you spell qwrtz", "I do not know the word"),
        ("how do you say apple in Chinese", "I speak English only"),
        ("why not bread", UNKNOWN_WHY),
    ],
)
def test_a_question_is_answered_from_what_is_known(question: str, told: str) -> None:
    answer = answered(words_of(question))
    assert answer is not None and told in answer, answer


@pytest.mark.parametrize(
    "text",
    ["", "why", "What do you mean?", "I went home.", "Why is it cold today?", "I do not know why.",
     "That is why I like it so much, because my mother cooks.", "what does it mean"],
)  # fmt: skip
def test_no_question_about_a_word(text: str) -> None:
    assert answered(words_of(text)) is None


def test_what_a_word_means_is_never_made_up() -> None:
    """The sentence that is given is one of ours and holds the word."""
    for word in ("menu", "table", "reservation", "weekend"):
        told = answered(["what", "does", word, "mean"])
        assert told is not None and told.startswith(f'I have no dictionary for "{word}"')
        assert word in words_of(told.split('Here it is in a sentence: "')[1])


def test_books_may_be_two_things() -> None:
    told = answered(["why", "books"])
    assert told is not None and "more than one book" in told and "After he, she and it" in told


def test_answers_of_a_script_do_not_stray_and_others_do() -> None:
    listening = [(s, step) for s in scenarios() for step in s.steps if step.options]
    assert len(listening) >= 8
    for _, step in listening:
        assert not any(strays(step, words_of(text)) for text in step.example.values())
        assert not strays(step, words_of("no thank you")), "too short to be anything"
    others = [
        strays(step, words_of(other.example["A2"]))
        for script, step in listening
        for elsewhere in scenarios()
        if elsewhere.id != script.id
        for other in elsewhere.steps
    ]
    # Some share a word by chance ("I worked for two years": a table for two?).
    assert sum(others) / len(others) > 0.75


def test_who_strays_is_led_back_once() -> None:
    talk = hear(begin("restaurant"), "My brother plays football every evening")
    assert talk.trouble == Trouble.OFF_TOPIC and talk.step == "people"
    assert talk.partner_line.startswith(TO_QUESTION) and "How many people" in talk.partner_line
    again = hear(talk, "My brother plays football every evening")
    assert again.step != "people", "who says it twice may mean it"


def test_a_question_in_a_talk_is_answered_and_the_talk_goes_on() -> None:
    talk = hear(begin("restaurant"), "What does reservation mean?")
    assert "I have no dictionary" in talk.partner_line and "How many people" in talk.partner_line
    assert talk.step == "people" and not talk.trouble
    assert hear(talk, "Two people, please.").step == "drink"
