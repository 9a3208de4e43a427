"""Exercises: what the data promises, what is chosen for whom, and what counts as said."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from speechtutor.content.tables import read
from speechtutor.core import Exercise, LearnerState, Mastery
from speechtutor.errors import InputError
from speechtutor.practice import exercises, levels
from speechtutor.practice.answers import outcome
from speechtutor.practice.exercises import KINDS, in_language, next_step
from speechtutor.practice.levels import LEVELS, level_of, phones_in, problems
from speechtutor.practice.path import LAST
from speechtutor.text.phones import PHONES
from tests.conftest import PROJECT, SHARED, need

NOBODY = LearnerState()


def drill(seed: int = 0, learner: LearnerState = NOBODY, **asked: object) -> Exercise:
    return next_step(learner, np.random.default_rng(seed), None, **asked).exercise  # type: ignore[arg-type]


def own_rows() -> list[tuple[str, str, str]]:
    """Kind, level and text of everything that is to be said in the learner's own words."""
    found = []
    for kind in ("vocabulary", "paraphrase", "translate", "story"):
        for row in read("exercises")[kind]:
            texts = [*([row["text"]] if "text" in row else []), *row.get("answers", [])]
            found += [(kind, row["level"], text) for text in texts]
    return found


# --- levels ---------------------------------------------------------------------------------------


def test_levels_by_hand() -> None:
    """CEFR-J: dog and be are A1, tourist is A2, compromise is B1 as a noun, reluctant is B2."""
    assert level_of("The dog was small.") == "A1"
    assert level_of("The tourist is small.") == "A2"
    assert level_of("a compromise") == "B1"
    assert level_of("reluctant") == "B2"
    assert level_of("the flibbertigibbet") is None
    assert level_of("") is None


def test_levels_are_what_the_recipe_computes() -> None:
    source = SHARED / "data" / "cefrj" / "vocabulary.csv"
    need(source.is_file(), "no CEFR-J word list")
    recipe = importlib.import_module("recipes.prepare_levels")
    placed = recipe.levels(recipe.own_words(), recipe.headwords(source.read_text(encoding="utf-8")))
    shipped = (PROJECT / "speechtutor" / "content" / "levels.txt").read_text(encoding="utf-8")
    rows = [line.split() for line in shipped.splitlines() if not line.startswith("#")]
    assert {level: words for level, *words in rows} == placed


def test_every_word_of_ours_has_a_level() -> None:
    words = importlib.import_module("recipes.prepare_levels").own_words()
    assert sorted(words - levels.word_levels().keys()) == []


@pytest.mark.parametrize(
    ("text", "level", "why"),
    [
        ("", "A1", "nothing"),
        ("...", "A1", "nothing"),
        ("The decision had a consequence.", "A1", "above A1"),
        ("The xyzzy is here.", "B2", "above B2 or unknown: xyzzy"),
        ("I " + "and I " * 20 + "go.", "A2", "a sentence of"),
        ("Write to me@example.org.", "B2", "more than words"),
        ("My number is 555 1234.", "B2", "more than words"),
        ("<b>I like tea.</b>", "B2", "more than words"),
        ("We have a gun.", "B2", "unsafe: gun"),
        ("You are stupid.", "B2", "unsafe: stupid"),
    ],
)
def test_what_may_not_be_given(text: str, level: str, why: str) -> None:
    assert any(why in problem for problem in problems(text, level))


def test_phones_must_be_there() -> None:
    assert problems("I like tea.", "A1", ["T"]) == []
    assert problems("I like tea.", "A1", ["TH", "T", "R"]) == ["without TH, R"]


# --- the data -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "level", "text"), own_rows(), ids=lambda value: str(value)[:40])
def test_what_is_to_be_said_is_of_its_level(kind: str, level: str, text: str) -> None:
    assert problems(text, level) == []


def test_every_kind_has_exercises_at_every_level() -> None:
    for kind in KINDS:
        for level in LEVELS:
            assert drill(kinds=(kind,), level=level).kind == kind
    counts = Counter((kind, level) for kind, level, _ in own_rows())
    assert min(counts.values()) >= 2


def test_fillers_are_of_their_level_and_whole_words() -> None:
    for lists in read("exercises")["fill"].values():
        for level, text in lists.items():
            for word in text.split():
                assert LEVELS.index(level_of(word) or "none") <= LEVELS.index(level), word
    slots = {slot for row in read("exercises")["pattern"] for slot in re.findall(r"\{(\w+)\}", row["text"])}
    assert slots == set(read("exercises")["fill"])


def test_translations_are_in_their_language() -> None:
    for row in read("exercises")["translate"]:
        assert re.search(r"[\u4e00-\u9fff]", row["zh"]) and not re.search("[A-Za-z]", row["zh"])
        assert row["es"] != row["en"]
        assert not any(answer == row["en"] for answer in row["answers"])


def test_a_paraphrase_is_not_the_sentence_itself() -> None:
    for row in read("exercises")["paraphrase"]:
        assert row["text"] not in row["answers"] and len(set(row["answers"])) == len(row["answers"]) >= 2


def test_a_story_holds_its_points_and_a_word_its_sentence() -> None:
    for row in read("exercises")["story"]:
        story = Exercise(row["text"], (), "retell", row["level"], points=_points(row["points"]))
        assert outcome(story, row["text"]).share == 1.0
        assert len(row["points"]) >= 4
    for row in read("exercises")["vocabulary"]:
        one = Exercise(row["text"], (), "vocabulary", row["level"], points=((row["word"],),))
        assert outcome(one, row["text"]).share == 1.0, row["word"]


def _points(rows: list[list[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(row) for row in rows)


def test_sentences_of_patterns_hold_what_is_promised() -> None:
    """A thousand fillings: level, length and safety by code, "an" before a vowel, no word twice."""
    rng = np.random.default_rng(7)
    rows = read("exercises")["pattern"]
    for _ in range(1000 // len(rows)):
        for row in rows:
            text = exercises.fill(row["text"], row["level"], (), (), rng)
            assert problems(text, row["level"]) == [], text
            assert "{" not in text
            assert not re.search(r"\ba [aeio]", text), text
            assert not re.search(r"\ban [^aeiouh]", text), text


# --- the choice -----------------------------------------------------------------------------------


@pytest.mark.parametrize("phone", PHONES)
def test_every_sound_can_be_practised(phone: str) -> None:
    made = drill(sounds=(phone,), level="B1" if phone == "ZH" else "A2")
    assert phones_in(made.text)[phone] >= exercises.ENOUGH
    assert made.focus == (phone,)
    assert made.is_read


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("seed", range(5))
def test_a_sentence_for_two_sounds(level: str, seed: int) -> None:
    made = drill(seed, sounds=("S", "B"), level=level)
    assert set(made.focus) & {"S", "B"}
    assert problems(made.text, level) == []


def test_chosen_words_are_in_it() -> None:
    made = drill(words=("bread", "tea"), level="A1")
    assert {"bread", "tea"} <= set(levels.words_of(made.text))


def test_the_same_seed_gives_the_same_and_others_differ() -> None:
    assert drill(3) == drill(3)
    assert len({drill(seed).text for seed in range(8)}) > 3


def test_the_weakest_sounds_come_first() -> None:
    learner = LearnerState(phones={p: Mastery(0.95, 50) for p in PHONES} | {"TH": Mastery(0.05, 50)})
    made = [drill(seed, learner) for seed in range(5)]
    assert all(phones_in(exercise.text)["TH"] for exercise in made)
    assert drill(0, learner, kinds=("pair",)).focus.count("TH") == 1


def test_a_prompt_is_in_the_language_asked_for() -> None:
    chinese = drill(kinds=("translate",), lang="zh-CN", level="A1")
    assert re.search(r"[\u4e00-\u9fff]", chinese.prompt) and chinese.text.isascii()
    assert "inglés" in drill(kinds=("translate",), lang="es").prompt
    english = drill(kinds=("translate",), level="A1")
    assert all(answer not in english.prompt for answer in english.answers)


@pytest.mark.parametrize("kind", KINDS)
def test_an_exercise_is_the_same_in_every_language(kind: str) -> None:
    rng, told = np.random.default_rng(3), {}
    for lang in ("en", "es", "zh"):
        for one in exercises._all(kind, "A2", ("TH",), (), lang, rng):
            told.setdefault(one.id, {})[lang] = one
    both = [found for found in told.values() if len(found) == 3]
    assert both, "patterns are filled anew each time, but what is written down is there each time"
    for found in both:
        for lang, one in found.items():
            assert {in_language(other, lang) for other in found.values()} == {one}
    assert len({found["en"].id for found in both}) == len(both)


def test_what_is_to_be_said_makes_the_identity() -> None:
    one = drill(3)
    assert one.id == drill(3, lang="es").id and drill(3, lang="es").prompt != one.prompt
    assert Exercise("a b").id != Exercise("a", ("b",)).id and Exercise("a").id == Exercise("a", ("TH",)).id
    changed = ("text", "b"), ("kind", "pair"), ("level", "B1"), ("answers", ("a",)), ("given", "c")
    ids = {replace(Exercise("a"), **{name: value}).id for name, value in (*changed, ("points", (("a",),)))}
    assert len(ids | {Exercise("a").id}) == 7
    # sha256 of '["read", "", "a", [], [], ""]', its first twelve digits: others keep it.
    assert Exercise("a").id == "91e1b3c443a1"
    own = Exercise("My own words.")
    assert in_language(own, "es") == own


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"level": "C2"}, "no level 'C2', only A1, A2, B1, B2, C1"),
        ({"sounds": ("XX",)}, "no sound 'XX'"),
        ({"kinds": ("song",)}, "no kind 'song', only sound, pair"),
        ({"lang": "fi"}, "no explanations in 'fi'"),
        ({"words": ("xylophone",)}, "no exercise sound at level A2 with xylophone"),
    ],
)
def test_what_there_is_not_is_said(asked: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        drill(**asked)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_newcomer_is_not_given_again_what_was_given_lately(kind: str) -> None:
    """Whoever skips, or asks for another kind, gets another one also before anything is known of them."""
    rng, given = np.random.default_rng(3), []  # type: ignore[var-annotated]
    for _ in range(60):
        given.append(next_step(LearnerState(), rng, None, kinds=(kind,), recent=given).exercise)
    there = {one.text for one in exercises.all_of(kind, "A2", np.random.default_rng(3))}
    lately = min(LAST, len(there) - 1)
    for i, one in enumerate(given):
        assert one.text not in {other.text for other in given[max(i - lately, 0) : i]}, (kind, i)
