"""What is chosen next and why, and the placement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import combinations, pairwise

import numpy as np
import pytest

from speechtutor.content.tables import sentence_bank
from speechtutor.core import Exercise, LearnerState
from speechtutor.errors import InputError
from speechtutor.learner import belief, skills
from speechtutor.learner.belief import Belief
from speechtutor.learner.evidence import Evidence
from speechtutor.practice import path, placement
from speechtutor.practice.bank import Bank, Floats, bank_of, set_cover
from speechtutor.practice.path import MASTERED, SUCCESS

START = datetime(2026, 1, 1, tzinfo=UTC)
THREE = Exercise("Three thin thieves threw things.", ("TH",), "sound")
SEA = Exercise("She sees six sunny seas.", ("S",), "sound")
GOOD = Exercise("We go to the big green garden.", ("G",), "sound")


def knows(*weak: str, strong: int = 40) -> LearnerState:
    """Somebody who says everything of the bank right, but for some sounds."""
    names = {name for one in sentence_bank() for name in skills.of_text(one.text)}
    said = [
        Evidence(name, 0.02 if name in weak else 1.0)
        for name in sorted(names)
        if skills.kind_of(name) == "sound"
    ]
    return belief.learn(LearnerState("ana"), START, said * strong)


def worth(rows: tuple[int, ...], cover: Floats, need: Floats) -> float:
    left = need.copy()
    for i in rows:
        left = left * (1 - cover[i])
    return float((need - left).sum())


@pytest.mark.parametrize("seed", range(6))
def test_a_set_cover_is_as_good_as_greedy_promises(seed: int) -> None:
    """Against all choices of three rows; greedy reaches 1 - 1/e of the best (Nemhauser et al., 1978)."""
    rng = np.random.default_rng(seed)
    cover = rng.random((8, 12)) * (rng.random((8, 12)) < 0.4)
    need = rng.random(12)
    found = set_cover(cover, need, 3)
    best = max(worth(rows, cover, need) for rows in combinations(range(8), 3))
    assert worth(tuple(found), cover, need) >= (1 - 1 / np.e) * best
    slow: list[int] = []
    for _ in range(3):
        gains = [-1.0 if i in slow else worth((*slow, i), cover, need) for i in range(8)]
        slow.append(int(np.argmax(gains)))
    assert found == slow


def test_a_cover_ends_when_nothing_is_left_to_cover() -> None:
    cover = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert set_cover(cover, np.array([2.0, 1.0]), 3) == [0, 2]
    assert set_cover(cover, np.zeros(2), 3) == []
    assert set_cover(cover, np.array([1.0, 1.0]), 1, np.array([0.1, 0.2, 1.0])) == [2]


def test_success_by_hand() -> None:
    """Two words of one and two sounds, each right with 0.8: (0.8 + 0.64) / 2 = 0.72."""
    bank = Bank([Exercise("I go.")])
    p = np.array([0.8 if skills.kind_of(name) == "sound" else 0.1 for name in bank.skills])
    assert bank.success(p) == pytest.approx([0.72])


def test_cover_halves_with_every_time() -> None:
    bank = Bank([THREE])
    column = bank.skills.index("sound:TH:onset")
    n = skills.of_text(THREE.text)["sound:TH:onset"]
    assert n >= 4 and bank.cover[0, column] == 1 - 0.5**n
    assert not any(name.startswith("grammar:") for name in bank.skills), "reading practises no grammar"


def test_expected_shortfall_is_that_of_draws() -> None:
    rng = np.random.default_rng(0)
    for logit, sd in ((1.0, 0.5), (2.5, 0.8), (6.0, 0.5)):
        draws = belief.odds(MASTERED) - (logit + sd * rng.normal(size=200_000))
        slow = float(np.maximum(draws, 0).mean())
        one = Belief(0.5, logit, sd, 1.0)
        assert path.shortfall("sound:TH:onset", one) == pytest.approx(slow, abs=5e-3)


def test_the_weak_sound_is_practised_and_said_why() -> None:
    weak = knows("sound:TH:onset", "sound:TH:coda")
    step = path.choose(weak, Bank([SEA, THREE, GOOD]), np.random.default_rng(0), START + timedelta(days=9))
    assert step.exercise == THREE and step.skill == "sound:TH:onset" and step.why == "due"
    assert path.reason(step) == "Chosen because /θ/ at the start of syllables is due."
    assert "/θ/" in path.reason(step, "es") and "/θ/" in path.reason(step, "zh")


def test_what_was_never_said_is_new_and_what_rests_is_no_reason() -> None:
    step = path.explained(LearnerState(), GOOD, START)
    assert step.why == "new" and step.skill.startswith("sound:G:")
    assert 0 < step.success < 1
    weak = knows("sound:TH:onset")
    assert path.explained(weak, THREE, START).why == "weak", "met a moment ago, so not due yet"
    assert path.explained(knows(), SEA, START + timedelta(days=400)).why in ("review", "due")


def test_variety() -> None:
    state, bank, now = knows(), Bank([SEA, THREE, GOOD]), START
    values = path.fresh(bank.exercises, [SEA])
    assert values[0] < min(values[1:])
    given: list[Exercise] = []
    for i in range(6):
        given.append(path.choose(state, bank, np.random.default_rng(i), now, given).exercise)
    assert all(one != other for one, other in pairwise(given))


def test_the_band_of_success_is_worth_most() -> None:
    low, high = SUCCESS
    inside, below, above = path.fit(np.array([(low + high) / 2, low - 0.2, 1.0]))
    assert inside == 1.0 and below < inside and above < inside


def test_a_session_covers_what_is_needed_without_repeating() -> None:
    state = knows("sound:TH:onset", "sound:G:onset")
    steps = path.session(state, bank_of(sentence_bank()), 5, START + timedelta(days=5))
    texts = [step.exercise.text for step in steps]
    assert len(set(texts)) == 5
    practised = {name for text in texts for name in skills.of_text(text)}
    assert {"sound:TH:onset", "sound:G:onset"} <= practised


def test_an_empty_bank_is_an_error() -> None:
    with pytest.raises(InputError, match="no exercise"):
        path.choose(LearnerState(), Bank([]), np.random.default_rng(0), START)


def test_the_same_choice_for_the_same_seed() -> None:
    bank, state = bank_of(sentence_bank()), knows("sound:V:onset")
    chosen = {path.choose(state, bank, np.random.default_rng(3), START).exercise for _ in range(3)}
    assert len(chosen) == 1


# --- the placement --------------------------------------------------------------------------------


@pytest.mark.parametrize(("right", "level"), [(0.35, "A1"), (0.99, "B2")])
def test_a_placement_ends_where_the_answers_say(right: float, level: str) -> None:
    state, given, answered = LearnerState("ana"), list[Exercise](), set[str]()
    while (item := placement.item(given, answered, state)) is not None:
        assert placement.item([*given, item], answered, state) == item, "until it is answered"
        given.append(item)
        answered.add(item.id)
        said = [Evidence(name, right, 0.6, word) for name, word in placement.sounds_of(item.text)]
        state = belief.learn(state, START, said)
    assert placement.LEAST <= len(given) <= placement.MOST
    assert len({one.text for one in given}) == len(given)
    found = placement.placed(state)
    assert found.level == level and (found.sure >= placement.SURE or len(given) == placement.MOST)


def test_a_placement_names_what_falls_behind() -> None:
    found = placement.placed(knows("sound:TH:onset", strong=10))
    assert found.weak[0] == "sound:TH:onset"
    assert placement.placed(LearnerState()).weak == ()


def test_information_is_most_where_answers_are_open() -> None:
    """p (1 - p) / (1 + p (1 - p) v): at a half and v = 0.3 it is 0.25 / 1.075 = 0.2326."""
    from speechtutor.learner.priors import Prior

    one = [("sound:TH:onset", "")]
    assert placement.information(LearnerState(), one, Prior()) == pytest.approx(0.25 / 1.075)
    assert placement.information(LearnerState(), one, Prior(4.0)) < 0.1


# --- what was failed ------------------------------------------------------------------------------

SOUNDS = sorted({n for one in sentence_bank() for n in skills.of_text(one.text) if n.startswith("sound:")})


def said(text: str, rng: np.random.Generator, failed: str = "") -> list[Evidence]:
    """A good reading of a text, but for one sound."""
    return [
        Evidence(name, 0.05 if name == failed else float(rng.beta(9, 1.2)), 0.58)
        for name, n in skills.of_text(text).items()
        if skills.kind_of(name) == "sound"
        for _ in range(n)
    ]


@cache
def two_days() -> tuple[LearnerState, tuple[Exercise, ...], datetime]:
    """Somebody who has practised twenty exercises of the path and mostly said them well."""
    rng, bank, now = np.random.default_rng(1), bank_of(sentence_bank()), START
    state, given = LearnerState("ana"), list[Exercise]()
    for i in range(20):
        now = START + timedelta(days=i // 10, minutes=i % 10)
        given.append(path.choose(state, bank, rng, now, given).exercise)
        state = belief.learn(state, now, said(given[-1].text, rng))
    return state, tuple(given), now


def after(sound: str) -> tuple[LearnerState, list[Exercise], datetime]:
    """The same somebody after one more exercise, in which a sound was failed."""
    state, given, now = two_days()
    rng, now = np.random.default_rng(2), now + timedelta(minutes=1)
    with_it = [one for one in sentence_bank() if sound in skills.of_text(one.text)]
    failed = next((one for one in with_it if one not in given[-path.LAST :]), with_it[0])
    state = belief.learn(state, now, said(failed.text, rng, sound))
    assert state.skills[sound].failed
    return state, [*given, failed], now


def comes_again(sound: str, within: int) -> bool:
    rng, bank = np.random.default_rng(3), bank_of(sentence_bank())
    state, given, now = after(sound)
    for i in range(within):
        given.append(path.choose(state, bank, rng, now + timedelta(minutes=i + 1), given).exercise)
        if sound in skills.of_text(given[-1].text):
            return True
        state = belief.learn(state, now + timedelta(minutes=i + 1), said(given[-1].text, rng))
    return False


def test_a_failed_sound_comes_again_soon() -> None:
    """Of all sounds: more than half in the very next exercise, though much else is new; most within three."""
    assert np.mean([comes_again(sound, 1) for sound in SOUNDS]) > 0.5
    assert np.mean([comes_again(sound, 3) for sound in SOUNDS]) > 0.7


@pytest.mark.parametrize("sound", SOUNDS)
def test_a_session_begins_with_the_failed_sound(sound: str) -> None:
    state, given, now = after(sound)
    steps = path.session(state, bank_of(sentence_bank()), 5, now, given)
    others = [
        one for one in sentence_bank() if sound in skills.of_text(one.text) and one not in given[-path.LAST :]
    ]
    assert not others or any(sound in skills.of_text(step.exercise.text) for step in steps[:3])


def test_once_it_came_out_right_a_failed_sound_rests_again() -> None:
    sound = "sound:TH:onset"
    state = belief.learn(knows(), START, [Evidence(sound, 0.1)])
    later = START + timedelta(minutes=5)
    again = belief.learn(state, later, [Evidence(sound, 0.95)])
    assert state.skills[sound].failed and not again.skills[sound].failed
    one = Belief(0.7, 0.8, 0.5, 9.0)
    assert path.wanted(again, sound, one, later) < 0.5 * path.wanted(state, sound, one, later)
    bank = bank_of(sentence_bank())
    assert path.view(state, bank, later).failed.sum() == 1 and not path.view(again, bank, later).failed.any()
