"""The library: enough of it, each item of its level, nothing said of it that its text does not bear out."""

from __future__ import annotations

import importlib
import re
import xml.etree.ElementTree as ET
from collections import Counter

import pytest

from speechtutor.content.tables import contrasts, read, sounds
from speechtutor.core import Exercise
from speechtutor.errors import InputError
from speechtutor.learner import skills
from speechtutor.practice import library
from speechtutor.practice.answers import ENOUGH, outcome
from speechtutor.practice.exercises import BREATH, KINDS, _all, in_language
from speechtutor.practice.levels import LEVELS, MAX_WORDS, level_of, phones_in, problems, text_level, words_of
from speechtutor.text.lexicon import load_lexicon
from speechtutor.text.phones import pronounce
from speechtutor.text.speech_plan import plan_speech
from tests.conftest import SHARED, need


def test_there_is_enough_of_everything() -> None:
    own = [one for one in library.of_kind("sentence") if one.topic]
    assert len(own) >= 600 and len({one.text for one in own}) == len(own)
    assert len(library.topics()) == 12
    cells = Counter((one.topic, one.level) for one in own)
    assert len(cells) == 60 and min(cells.values()) >= 5
    kinds = Counter(one.kind for one in library.items())
    assert (
        kinds["pair"] >= 300 and kinds["opening"] >= 40 and kinds["twister"] >= 20 and kinds["picture"] >= 12
    )


def test_a_sentence_stands_under_its_level() -> None:
    wrong = [(one.text, text_level(one.text)) for one in library.of_kind("sentence")
             if one.topic and text_level(one.text) != one.level]  # fmt: skip
    assert wrong == []


def test_levels_by_hand() -> None:
    """Words alone are A1 in all of these: grammar and length make the rest."""
    assert text_level("I like old books.") == "A1"
    assert text_level("She saw the film.") == "A2"  # the past
    assert text_level("I had seen him before.") == "B1"  # the past perfect
    assert text_level("You should have come.") == "A2"  # come is not among the forms that tell: nothing more
    assert text_level("You should have left early.") == "B2"
    long = "I go " + "and I go " * 5 + "home."
    assert len(words_of(long)) == MAX_WORDS["B1"] - 2 and text_level(long) == "B1"
    assert text_level("") is None and text_level("I go " + "and I go " * 12) is None
    assert text_level("the flibbertigibbet") is None


def test_a_word_of_the_last_level_is_no_word_of_the_list() -> None:
    source = SHARED / "data" / "cefrj" / "vocabulary.csv"
    need(source.is_file(), "no CEFR-J word list")
    recipe = importlib.import_module("recipes.prepare_levels")
    known = recipe.headwords(source.read_text(encoding="utf-8"))
    hardest = {word for one in library.items() for word in words_of(one.text) if level_of(word) == "C1"}
    assert len(hardest) > 100
    assert not [word for word in hardest if any(lemma in known for lemma in recipe.lemmas(word))]


def test_every_item_is_safe_and_sayable() -> None:
    lexicon = load_lexicon("en")
    for one in library.items():
        texts = [one.text, *filter(None, (one.ask, one.more))]
        assert [problems(text, one.level) for text in texts] == [[]] * len(texts), one
        assert one.phones and one.skills and set(one.phones) <= set(sounds())
    words = {word for one in library.items() for word in words_of(one.text) if level_of(word) == "C1"}
    guessed = sorted(word for word in words if "-" not in word and word not in lexicon._lines)
    # Read by hand: what the letters-to-sounds rules make of these is right.
    assert guessed == (
        "autocorrect crumples drizzled frolicked jotting physiotherapist pram smouldered strummed".split()
    )


def test_the_model_voice_says_what_is_scored() -> None:
    for one in library.of_kind("sentence"):
        if one.topic in ("travel", "technology"):
            for planned, word in zip(plan_speech(one.text), pronounce(one.text), strict=True):
                assert planned.phones in word.pronunciations, (one.text, word.text)


def test_phones_and_skills_by_hand() -> None:
    """ "Is this seat free?" is IH Z | DH IH S | S IY T | F R IY."""
    (one,) = (one for one in library.of_kind("sentence", "A1", "travel") if one.text == "Is this seat free?")
    assert one.phones == ("DH", "F", "IH", "IY", "R", "S", "T", "Z")
    assert {"sound:DH:onset", "sound:S:onset", "sound:S:coda", "cluster:F R:onset"} <= set(one.skills)
    assert "grammar:be_present" in one.skills and not any(name.startswith("word:") for name in one.skills)


# --- pairs --------------------------------------------------------------------------------------------


def test_a_pair_differs_in_its_two_sounds_and_nothing_else() -> None:
    for one in library.of_kind("pair"):
        first, second = (word.pronunciations for word in pronounce(one.text))
        assert len(first) == len(second) == 1, one.text
        different = [(a, b) for a, b in zip(first[0], second[0], strict=True) if a != b]
        assert different == [one.sounds], one.text
        assert LEVELS.index(one.level) <= LEVELS.index("B1")
        assert skills.contrast(*one.sounds) in one.skills


def test_pairs_are_what_the_recipe_makes() -> None:
    """Not the whole of it, which takes a minute: three contrasts among the words that ship."""
    source = SHARED / "data" / "cefrj" / "vocabulary.csv"
    need(source.is_file(), "no CEFR-J word list")
    listed = importlib.import_module("recipes.prepare_levels").headwords(source.read_text(encoding="utf-8"))
    recipe = importlib.import_module("recipes.prepare_pairs")
    shipped = {tuple(key.split()): [tuple(pair.split()) for pair in text.split(", ")]
               for key, text in read("pairs")["pairs"].items()}  # fmt: skip
    words = {word for rows in shipped.values() for row in rows for word in row}
    words = list(recipe.sayable({word: listed[word] for word in words}))
    for contrast in (("TH", "S"), ("L", "R"), ("V", "B")):
        assert recipe.pairs(words, contrast, 24) == shipped[contrast]
    assert set(shipped) <= {one.phones for one in contrasts().values()}


def test_the_recipe_leaves_out_what_has_two_readings() -> None:
    recipe = importlib.import_module("recipes.prepare_pairs")
    said = {
        word
        for word, *_ in recipe.sayable({"live": 0, "ship": 0, "sheep": 0, "kill": 0, "delight": 3, "ms": 0})
    }
    assert said == {"ship", "sheep"}


# --- pictures -----------------------------------------------------------------------------------------


def test_a_drawing_is_our_own_svg_and_its_description_names_what_is_in_it() -> None:
    for one in library.of_kind("picture"):
        text = library.drawing(one.picture)
        root = ET.fromstring(text)
        assert root.tag.endswith("svg") and root.get("viewBox") == "0 0 400 250"
        assert len(list(root.iter())) > 15 and not re.search(r"href|script|url\(|<image", text)
        found = outcome(Exercise(one.text, (), "picture", one.level, points=one.points), one.text)
        assert (found.share, found.missing) == (1.0, ())
    with pytest.raises(InputError, match=r"no picture '../x', only kitchen"):
        library.drawing("../x")


def test_what_a_description_lacks_is_told() -> None:
    one = library.of_kind("picture")[0]
    found = outcome(Exercise(one.text, (), "picture", points=one.points), "I see a cat and a table.")
    assert found.missing == ("woman", "soup", "apple", "window") and found.share == pytest.approx(2 / 6)


# --- exercises ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("kind", KINDS[6:])
def test_kinds_of_the_library(kind: str, level: str) -> None:
    import numpy as np

    found = list(_all(kind, level, (), (), "en", np.random.default_rng(0)))
    assert len(found) >= 2 and len({one.id for one in found}) == len(found)
    for one in found:
        assert (one.kind, one.level) == (kind, level) and one.prompt
        assert one.is_read == (kind in ("repeat", "shadow", "listen", "twister"))
        assert in_language(one, "zh").id == one.id and in_language(one, "zh").prompt != one.prompt
    if kind == "listen":
        assert all(one.text in one.given.split(", ") for one in found)
    if kind == "shadow":
        assert max(len(words_of(one.text)) for one in found) == BREATH
    if kind == "question":
        assert all(one.given.endswith((".", "?")) and one.given in one.prompt for one in found)


def test_a_question_wants_an_answer_of_some_length() -> None:
    """At B1 twelve words are enough: six are half of it."""
    one = Exercise("An example.", (), "question", "B1", given="Why?")
    half = outcome(one, "because it was cold and dark")
    assert ENOUGH["B1"] == 12 and half.share == 0.5 and half.note == "brief"
    assert outcome(one, "because it was cold and dark and nobody had brought a lamp with them").note == ""
    assert outcome(one, "").note == "nothing"


# --- asking -------------------------------------------------------------------------------------------


def test_words_by_level_and_topic() -> None:
    known = library.words("A1", "food")
    assert known["bread"] == "A1" and set(known.values()) == {"A1"} and "recipe" not in known
    assert library.words(None, "food").items() > known.items()
    assert phones_in("bread")


def test_what_there_is_not_is_said() -> None:
    for asked, says in ((("song",), "no kind 'song'"), (("sentence", "C2"), "no level 'C2'"),
                        (("sentence", "A1", "war"), "no topic 'war', only daily")):  # fmt: skip
        with pytest.raises(InputError, match=says):
            library.of_kind(*asked)
    with pytest.raises(InputError, match="no topic"):
        library.words("A1", "war")
