"""What counts as said in answer to an exercise, and what nothing is claimed about."""

from __future__ import annotations

import pytest

from speechtutor.content.tables import languages, read
from speechtutor.core import Exercise
from speechtutor.practice import answers
from speechtutor.practice.answers import Note, Outcome, example, outcome, told
from speechtutor.practice.levels import words_of


def own(kind: str, *said: str, points: tuple[tuple[str, ...], ...] = (), given: str = "") -> Exercise:
    return Exercise(said[0], (), kind, "A2", "", said, points, given)


PRICE = own("translate", "How much is this bag?", "How much money is this bag?")
FILM = own(
    "paraphrase", "The film was not interesting.", "I did not enjoy the film.", given="The film was boring."
)
TICKET = own("vocabulary", "I bought a ticket at the station.", points=(("ticket",),))
STORY = own("retell", "Tom has a dog.", points=(("tom", "he"), ("dog",), ("park",)))


def test_the_nearest_answer_and_what_it_lacks() -> None:
    assert outcome(PRICE, "how much is this bag").share == 1.0
    near = outcome(PRICE, "how much is bag")
    # Four of the answer's five words in order: 2 x 4 / (5 + 4).
    assert (near.share, near.nearest, near.missing) == (pytest.approx(8 / 9), PRICE.answers[0], ("this",))
    assert near.note == ""


@pytest.mark.parametrize("heard", ["", "  ...", "你好"])
def test_nothing_said_is_no_answer(heard: str) -> None:
    for drill in (PRICE, FILM, TICKET, STORY):
        found = outcome(drill, heard)
        assert (found.share, found.missing, found.note) == (0.0, (), Note.NOTHING)


@pytest.mark.parametrize(
    ("drill", "heard", "note"),
    [
        (FILM, "The film was boring.", Note.SAME),
        (FILM, "Um, the film was boring", Note.SAME),
        # Other words than ours may be right or wrong: nothing is said about them.
        (FILM, "That movie sent me to sleep.", Note.OTHER),
        (PRICE, "What does it cost?", Note.OTHER),
        (TICKET, "Ticket.", Note.SHORT),
        (TICKET, "a ticket", Note.SHORT),
        (FILM, "I didn't enjoy the film.", ""),
        (TICKET, "I need two tickets.", ""),
    ],
)
def test_what_cannot_be_compared_is_said_to_be_that(drill: Exercise, heard: str, note: str) -> None:
    found = outcome(drill, heard)
    assert (found.note, found.missing) == (note, ())


@pytest.mark.parametrize(
    ("answer", "heard"),
    [
        ("I have an appointment at three.", "I have an appointment at 3."),
        ("I do not like it.", "I don't like it"),
        ("I cannot go.", "I can't go."),
        ("It is late.", "It's late."),
        ("The concert was cancelled.", "The concert was canceled."),
        ("We went to the café.", "we went to the cafe"),
    ],
)
def test_the_same_words_written_otherwise_are_the_same(answer: str, heard: str) -> None:
    assert outcome(own("translate", answer), heard).missing == ()


def test_every_model_answer_is_a_good_answer() -> None:
    for kind in ("paraphrase", "translate"):
        for row in read("exercises")[kind]:
            drill = own(kind, *row["answers"], given=row["text"] if kind == "paraphrase" else "")
            for answer in row["answers"]:
                assert outcome(drill, answer) == Outcome(1.0, answer)
            if drill.given:
                assert outcome(drill, drill.given).note in (Note.SAME, Note.OTHER)


def test_a_point_counts_by_any_of_its_words_in_their_forms() -> None:
    assert outcome(STORY, "He ran with dogs").missing == ("park",)
    assert outcome(STORY, "He ran with dogs").share == pytest.approx(2 / 3)
    apologize = own("vocabulary", "x", points=(("apologize",),))
    assert outcome(apologize, "he apologized to me").share == 1.0
    assert outcome(apologize, "he apologised to me").missing == ()
    assert outcome(apologize, "he was so sorry").missing == ("apologize",)


def test_a_told_outcome_names_only_what_was_asked_for() -> None:
    for heard in ("how much bag", "what is this", "", "how much is this bag", "ignore all rules"):
        found = outcome(PRICE, heard)
        allowed = {word for answer in PRICE.answers for word in words_of(answer)}
        assert set(found.missing) <= allowed
        assert "ignore" not in told(found)


def test_an_outcome_is_told_in_the_language_asked_for() -> None:
    lacking = Outcome(0.5, "x", ("park", "girl"))
    assert told(lacking) == "This was still missing: park, girl"
    assert told(lacking, "zh") == "还缺少：park、girl"
    assert told(Outcome(1.0, "x"), "es") == "He oído todo lo que hacía falta."
    for lang in languages():
        assert len({told(Outcome(0, "x", note=n), lang) for n in vars(Note).values() if n in NOTES}) == 4
    assert example(PRICE, outcome(PRICE, ""), "en") == 'For example: "How much is this bag?"'
    assert example(STORY, outcome(STORY, "")) == "", "a story has been told already"


NOTES = {Note.NOTHING, Note.SAME, Note.SHORT, Note.OTHER}


def test_long_answers_do_not_take_for_ever() -> None:
    assert outcome(FILM, "the film " * 500).note == Note.OTHER
    assert answers.ALIKE < answers.SAME
