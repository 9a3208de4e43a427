"""Homework in the store: given once, found by the exercise's id, withdrawn."""

from __future__ import annotations

from datetime import timedelta

import pytest

from speechtutor.core import Exercise
from speechtutor.errors import InputError
from speechtutor.learner.store import SqlStore
from tests.learner.conftest import NOON

LATER = NOON + timedelta(days=7)
ONE, TWO = (
    Exercise("I think so."),
    Exercise("Use it.", (), "vocabulary", "A2", "Do it.", ("Use it.",), (("use",),)),
)


def test_what_was_given_comes_back_in_its_order(store: SqlStore) -> None:
    made = store.homework.assign(["ben", "ana"], [TWO, ONE], "Week 1", "Ruth", NOON, LATER)
    found = store.homework.tasks()
    assert [(t.learner, t.place, t.exercise) for t in found] == [
        ("ana", 0, TWO), ("ana", 1, ONE), ("ben", 0, TWO), ("ben", 1, ONE),
    ]  # fmt: skip
    assert {t.id for t in made} == {t.id for t in found} and {t.by for t in found} == {"Ruth"}
    assert found[0].at == NOON and found[0].due == LATER
    assert [t.learner for t in store.homework.tasks("ben", "Week 1")] == ["ben", "ben"]
    assert store.learners() == ("ana", "ben")


def test_the_same_title_is_given_once(store: SqlStore) -> None:
    store.homework.assign(["ana"], [ONE], "Week 1", "Ruth", NOON, LATER)
    made = store.homework.assign(["ana", "ben"], [ONE, ONE, TWO], "Week 1", "Ruth", NOON, LATER)
    assert [(t.learner, t.exercise) for t in made] == [("ana", TWO), ("ben", ONE), ("ben", TWO)]
    assert len(store.homework.assign(["ana"], [ONE], "Week 2", "Ruth", NOON, LATER)) == 1


def test_an_exercise_is_found_by_its_id(store: SqlStore) -> None:
    given = Exercise("Another one.")
    store.homework.assign(["ana"], [TWO], "Week 1", "Ruth", NOON, LATER)
    store.give("ana", 3, "x", given)
    assert store.exercise("ana", TWO.id) == TWO and store.exercise("ana", given.id) == given
    assert store.exercise("ben", TWO.id) is None and store.exercise("ana", "nothing") is None


def test_what_is_withdrawn_is_gone(store: SqlStore) -> None:
    store.homework.assign(["ana", "ben"], [ONE, TWO], "Week 1", "Ruth", NOON, LATER)
    assert store.homework.withdraw("Week 1", "ana") == 2
    assert {t.learner for t in store.homework.tasks()} == {"ben"}
    assert (store.homework.withdraw("Week 1"), store.homework.withdraw("Week 1")) == (2, 0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"title": " "}, "1 to 200 characters"),
        ({"by": "x" * 201}, "1 to 200 characters"),
        ({"title": "a\nb"}, "1 to 200 characters"),
        ({"exercises": []}, "one of them is empty"),
        ({"learners": []}, "one of them is empty"),
        ({"learners": [" "]}, "a learner needs a name"),
        ({"due": NOON}, "is over"),
    ],
)
def test_what_cannot_be_given(store: SqlStore, change: dict[str, object], says: str) -> None:
    asked = {
        "learners": ["ana"],
        "exercises": [ONE],
        "title": "W",
        "by": "Ruth",
        "at": NOON,
        "due": LATER,
    } | change
    with pytest.raises(InputError, match=says):
        store.homework.assign(**asked)  # type: ignore[arg-type]
    assert store.homework.tasks() == []
