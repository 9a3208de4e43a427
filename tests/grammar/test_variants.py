"""What is right in two forms is not corrected into the other; what is wrong still is."""

from __future__ import annotations

import pytest

from speechtutor.grammar.edits import edits_between, tokens
from speechtutor.grammar.guard import edit_refusal
from speechtutor.grammar.variants import both_right

BOTH = [
    ("My family are coming tonight.", "My family is coming tonight."),
    ("The team was playing well.", "The team were playing well."),
    ("The government have decided.", "The government has decided."),
    ("Our staff always work hard.", "Our staff always works hard."),
    ("The data is here.", "The data are here."),
    ("There is a lot of people here.", "There are a lot of people here."),
    ("There was plenty of seats.", "There were plenty of seats."),
    ("None of them are ready.", "None of them is ready."),
    ("Neither of my brothers is here.", "Neither of my brothers are here."),
    ("If I was you, I would go.", "If I were you, I would go."),
    ("I wish it were true.", "I wish it was true."),
    ("I have learnt a lot.", "I have learned a lot."),
    ("We walked toward the sea.", "We walked towards the sea."),
]
WISHES = [
    ("God save the king.", "God saves the king."),
    ("God save the king.", "God saved the king."),
    ("Long live the queen.", "Long lives the queen."),
    ("Heaven help us.", "Heaven helps us."),
]
WRONG = [
    ("My brother are coming tonight.", "My brother is coming tonight."),
    ("The people is here.", "The people are here."),
    ("There is many people here.", "There are many people here."),
    ("If he go, I stay.", "If he goes, I stay."),
    ("They was at home.", "They were at home."),
    ("He live here.", "He lives here."),
    ("One of them are ready.", "One of them is ready."),
    ("I have learn a lot.", "I have learned a lot."),
    (
        "The family of my friend live here and he like it.",
        "The family of my friend live here and he likes it.",
    ),
]


@pytest.mark.parametrize(("said", "other"), BOTH)
def test_either_form_stays(said: str, other: str) -> None:
    for one, two in ((said, other), (other, said)):
        words = tokens(one)
        (edit,) = edits_between(words, tokens(two))
        assert both_right(words, edit) and edit_refusal(words, edit) == "both are right"


@pytest.mark.parametrize(("wish", "other"), WISHES)
def test_a_wish_stays_and_what_is_none_may_become_one(wish: str, other: str) -> None:
    words, more = tokens(wish), tokens(other)
    assert all(both_right(words, edit) for edit in edits_between(words, more))
    assert not any(both_right(more, edit) for edit in edits_between(more, words))


@pytest.mark.parametrize(("wrong", "right"), WRONG)
def test_what_is_wrong_is_not_kept(wrong: str, right: str) -> None:
    words = tokens(wrong)
    assert not any(both_right(words, edit) for edit in edits_between(words, tokens(right)))
