"""Learner state as a fold, and the choice of what to practise."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pytest

from speechtutor.core import (
    Attempt,
    ErrorType,
    Exercise,
    LearnerState,
    Mastery,
    PhoneScore,
    UtteranceScore,
    WordScore,
)
from speechtutor.errors import InputError
from speechtutor.learner.mastery import PRIOR_STRENGTH, choose, observations, replay, update, weakest

START = datetime(2026, 1, 1, tzinfo=UTC)
BANK = (Exercise("weak", ("TH",)), Exercise("strong", ("S",)), Exercise("new", ("ZH",)))


def attempt(*errors: tuple[str, float], learner: str = "ana", minute: int = 0, **more: object) -> Attempt:
    phones = tuple(PhoneScore(p, 1 - e, error_probability=e) for p, e in errors)
    score = UtteranceScore("text", (WordScore("text", 0.5, phones=phones, **more),))  # type: ignore[arg-type]
    return Attempt(learner, Exercise("text"), score, START + timedelta(minutes=minute))


def test_one_phone_by_hand() -> None:
    """Beta(1, 1) after probabilities right of 0.9, 0.2 and 0.4: (1 + 1.5) / (2 + 3) = 0.5."""
    state = replay([attempt(("TH", 0.1), ("TH", 0.8)), attempt(("TH", 0.6))])
    assert state.phones["TH"].mean == pytest.approx(0.5)
    assert state.phones["TH"].n_attempts == 3
    assert (state.learner, state.n_attempts) == ("ana", 2)


def test_the_fold_is_the_beta_posterior_whatever_the_order() -> None:
    random = Random(7)
    tries = [attempt(*((random.choice("ABC"), random.random()) for _ in range(5))) for _ in range(20)]
    right: dict[str, list[float]] = {}
    for phone in (phone for one in tries for phone in one.score.words[0].phones):
        right.setdefault(phone.canonical, []).append(1 - (phone.error_probability or 0.0))
    slow = {p: (1 + sum(xs)) / (PRIOR_STRENGTH + len(xs)) for p, xs in right.items()}
    for _ in range(3):
        random.shuffle(tries)
        state = replay(tries)
        assert {p: m.mean for p, m in state.phones.items()} == pytest.approx(slow)


def test_update_leaves_the_old_state_alone() -> None:
    old = LearnerState("ana", {"TH": Mastery(0.5, 1)}, 1)
    new = update(old, attempt(("TH", 1.0)))
    assert old.phones["TH"] == Mastery(0.5, 1)
    assert new.phones["TH"].mean < 0.5


@pytest.mark.parametrize("error", [0.0, 1.0])
def test_the_mean_stays_inside_and_moves_the_right_way(error: float) -> None:
    state, means = LearnerState("ana"), []
    for minute in range(50):
        state = update(state, attempt(("TH", error), minute=minute))
        means.append(state.phones["TH"].mean)
    assert all(0 < mean < 1 for mean in means)
    assert means == sorted(means, reverse=error == 1.0)


@pytest.mark.parametrize("kind", [ErrorType.OMISSION, ErrorType.INSERTION, ErrorType.UNSURE])
def test_words_not_heard_teach_nothing(kind: ErrorType) -> None:
    assert replay([attempt(("TH", 0.9), error_type=kind)]).phones == {}


def test_unmeasured_and_unsure_phones_teach_nothing() -> None:
    phones = (
        PhoneScore("TH", None),
        PhoneScore("S", 0.1, error_probability=0.9, confidence=0.1),
        PhoneScore("Z", 0.8),
    )
    score = UtteranceScore("x", (WordScore("x", None, phones=phones),))
    state = update(LearnerState(), Attempt("anonymous", Exercise("x"), score, START))
    assert state.phones == {"Z": Mastery(pytest.approx(1.8 / 3), 1)}  # type: ignore[arg-type]


def test_nobody_and_somebody_else() -> None:
    assert replay([]) == LearnerState()
    with pytest.raises(InputError, match=r"'ben'.*'ana'"):
        replay([attempt(("TH", 0.1)), attempt(("TH", 0.1), learner="ben")])


def chosen(state: LearnerState, n: int = 300) -> Counter[str]:
    rng = np.random.default_rng(5)
    return Counter(choose(state, BANK, rng).text for _ in range(n))


def test_weak_sounds_come_first_and_new_ones_get_their_turn() -> None:
    state = LearnerState("ana", {"TH": Mastery(0.1, 40), "S": Mastery(0.95, 40)})
    counts = chosen(state)
    assert counts["weak"] > counts["new"] > 0
    assert counts["strong"] == 0


def test_without_history_everything_is_tried() -> None:
    counts = chosen(LearnerState())
    assert min(counts[exercise.text] for exercise in BANK) > 60


def test_the_choice_is_repeatable_and_ties_are_broken_by_chance() -> None:
    state = LearnerState("ana", {"TH": Mastery(0.4, 3)})
    assert chosen(state) == chosen(state)
    same = [Exercise(str(i), ("TH",)) for i in range(3)]
    rng = np.random.default_rng(1)
    assert len({choose(state, same, rng).text for _ in range(50)}) == 3


@pytest.mark.parametrize("mean", [0.0, 1.0])
def test_a_state_made_by_hand_may_be_extreme(mean: float) -> None:
    assert choose(LearnerState(phones={"TH": Mastery(mean, 9)}), BANK, np.random.default_rng(0)) in BANK


def test_banks() -> None:
    rng = np.random.default_rng(0)
    free = Exercise("anything", ())
    assert choose(LearnerState(), [free], rng) == free
    with pytest.raises(InputError, match="no exercise"):
        choose(LearnerState(), [], rng)


def test_weakest_needs_enough_attempts() -> None:
    state = LearnerState(phones={"TH": Mastery(0.2, 5), "S": Mastery(0.1, 2), "Z": Mastery(0.3, 9)})
    assert weakest(state) == ("TH", "Z")
    assert weakest(state, 1) == ("TH",)
    assert weakest(state, min_attempts=1) == ("S", "TH", "Z")


def test_a_simulated_learner_is_found_out() -> None:
    """A learner who misses TH nine times in ten and the rest one in ten: the policy drills TH."""
    rng = np.random.default_rng(3)
    state = LearnerState("ana")
    counts: Counter[str] = Counter()
    for minute in range(60):
        exercise = choose(state, BANK, rng)
        counts[exercise.text] += 1
        wrong = 0.9 if "TH" in exercise.focus else 0.1
        state = update(state, attempt(*((p, wrong) for p in exercise.focus), minute=minute))
    assert counts["weak"] > 40
    assert weakest(state, 1) == ("TH",)


def test_the_record_goes_by_what_was_said_and_not_by_what_raters_think() -> None:
    """Raters would mark it (0.9), so its word is Unsure; it was said all the same (0.97)."""
    sound = PhoneScore("TH", 0.2, confidence=0.9, error_probability=0.9, said_probability=0.97)
    word = WordScore("think", 0.2, phones=(sound,), error_type=ErrorType.UNSURE, confidence=0.9)
    assert list(observations(UtteranceScore("think", (word,)))) == [("TH", 0.97)]
    unheard = replace(word, phones=(replace(sound, said_probability=None),))
    assert list(observations(UtteranceScore("think", (unheard,)))) == []


def test_sounds_by_themselves_are_what_they_are_among_all_skills() -> None:
    from recipes.shared import attempts

    made = list(attempts.attempts(0, 1, 0, 25))
    whole, sounds = replay(made), replay(made, sounds_only=True)
    named = {name: one for name, one in whole.skills.items() if name.startswith("sound:")}
    assert sounds.skills == named and len(whole.skills) > len(named) > 20
    assert (sounds.ability, sounds.phones, sounds.latest) == (whole.ability, whole.phones, whole.latest)
