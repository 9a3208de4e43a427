"""What learners say of themselves: kept, checked, and believed by the priors."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from speechtutor.core.profile import Profile
from speechtutor.errors import InputError
from speechtutor.learner import priors
from speechtutor.learner.profiles import first_languages
from speechtutor.learner.store import SqlStore
from tests.learner.conftest import NOON, attempt


def test_who_said_nothing_has_an_empty_profile(store: SqlStore) -> None:
    assert store.profiles.get("ana") == Profile("ana") and list(store.profiles.every()) == []


def test_a_profile_comes_back_and_replaces_the_one_before(store: SqlStore) -> None:
    full = Profile(
        "Ana María", "es", "B1", ("fluency",), ("food", "travel"), 20, 1990, "", None, True, 7, True
    )
    store.profiles.put(full, NOON)
    store.profiles.put(replace(full, minutes=25), NOON)
    assert store.profiles.get("Ana María") == replace(full, minutes=25)
    assert [one.learner for one in store.profiles.every()] == ["Ana María"] and store.learners() == (
        "Ana María",
    )


def test_first_language_and_level_are_the_state_s_beginning(store: SqlStore) -> None:
    """As `priors.begin` says, before and after attempts, and whenever they are set."""
    store.append(attempt("ana"))
    before = store.state("ana")
    store.profiles.put(Profile("ana", l1="es", level="B2"), NOON)
    after = store.state("ana")
    assert (before.l1, after.l1) == (None, "es") and after.n_attempts == 1
    begun = priors.begin("ana", l1="es", level="B2")
    store.profiles.put(Profile("ben", l1="es", level="B2"), NOON)
    assert store.state("ben") == replace(begun, learner="ben")
    assert after.ability.value > before.ability.value + 0.3
    store.append(attempt("ana", 1))
    assert store.verify("ana") and store.rebuild("ana").l1 == "es"


def test_the_languages_that_something_is_known_of() -> None:
    assert first_languages() == ("es", "ja", "zh")


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ({"level": "C2"}, "no level 'C2', only A1"),
        ({"goals": ("win",)}, "no goal 'win', only pronunciation"),
        ({"interests": ("war",)}, "no interest 'war', only daily"),
        ({"l1": "x"}, "a first language is a code"),
        ({"l1": "e;"}, "a first language is a code"),
        ({"minutes": 0}, "minutes a day .--minutes. must be from 1 to 240, not 0"),
        ({"keep_days": 366}, "must be from 1 to 365, not 366"),
        ({"born": 1800}, "year of birth .--born. must be from 1906 to 2026"),
        ({"guardian": "a\nb"}, "cannot be kept"),
        ({"born": 2010}, "ana may be under 16"),
        ({"born": 2010, "guardian": "Rosa"}, "ana may be under 16"),
        ({"born": 2010, "consent": NOON}, "ana may be under 16"),
    ],
)
def test_what_cannot_be(store: SqlStore, field: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        store.profiles.put(replace(Profile("ana"), **field), NOON)  # type: ignore[arg-type]
    assert store.profiles.get("ana") == Profile("ana")


def test_of_age() -> None:
    """In 2026 who was born in 2010 may be 15 still; with consent by name it is kept, and 2009 needs none."""
    assert [Profile("a", born=year).is_minor(2026) for year in (2009, 2010, 2011)] == [False, True, True]
    assert not Profile("a").is_minor(2026)


def test_a_minor_with_consent(store: SqlStore) -> None:
    kid = Profile("kid", born=2014, guardian="Rosa", consent=datetime(2026, 5, 1, tzinfo=UTC))
    store.profiles.put(kid, NOON)
    assert store.profiles.get("kid") == kid
