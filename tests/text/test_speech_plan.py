from __future__ import annotations

import pytest

from speechtutor.errors import TextError
from speechtutor.text.phones import pronounce
from speechtutor.text.speech_plan import MAX_WORDS, SpokenWord, plan_speech

TEXT = "I think the weather is very nice today."


def said(text: str, phones: str | None = None) -> list[str]:
    return [" ".join(word.phones) for word in plan_speech(text, phones)]


def of(text: str, word: str, phones: str | None = None) -> SpokenWord:
    return next(spoken for spoken in plan_speech(text, phones) if spoken.word.text == word)


def test_every_word_is_said_as_the_lexicon_accepts_it() -> None:
    for spoken in plan_speech("The boys and the old man go to an inn, but can they eat a bit of it?"):
        assert spoken.phones in spoken.word.pronunciations
        assert len(spoken.stress) == len(spoken.phones)


def test_function_words_are_weak_but_not_before_a_stop() -> None:
    assert said("the end")[0] == "DH IY"
    assert said("the boy")[0] == "DH AH"
    assert max(of("Look at him now.", "at").stress) == 0
    assert max(of("What are you looking at?", "at").stress) == 1
    assert of("We can wait, I know.", "I").stress == (2,)


def test_content_words_keep_the_lexicon_s_stress() -> None:
    word = of(TEXT, "weather")
    assert word.stress == pronounce("weather")[0].stress[0]


def test_override_of_a_word_leaves_the_others_alone() -> None:
    usual, wrong = said(TEXT), said(TEXT, "think=S IH1 NG K; very=w eh r iy")
    assert wrong[1] == "S IH NG K" and wrong[5] == "W EH R IY"
    assert [i for i, (a, b) in enumerate(zip(usual, wrong, strict=True)) if a != b] == [1, 5]


def test_stress_of_an_override() -> None:
    # Digits given: as given. Same number of vowels: the lexicon's (T AH0 D EY1). Else: the first vowel.
    assert of(TEXT, "today", "today=T AH1 D EY0").stress == (-1, 1, -1, 0)
    assert of(TEXT, "today", "today=D AH D EY").stress == (-1, 0, -1, 1)
    assert of(TEXT, "today", "today=T UW AH D EY").stress == (-1, 1, 0, -1, 0)
    assert of(TEXT, "think", "think=S S").stress == (-1, -1)


def test_one_of_several_same_words() -> None:
    text = "Very, very good."
    assert said(text, "very=W EH R IY")[:2] == ["W EH R IY", "W EH R IY"]
    assert said(text, "very@2=W EH R IY")[:2] == ["V EH R IY", "W EH R IY"]


def test_whole_sentence_with_kept_and_omitted_words() -> None:
    assert said("I think so.", "* | S IH1 NG K | S OW1") == ["AY", "S IH NG K", "S OW"]
    assert said("I think so.", "AY1 | - | *") == ["AY", "", "S OW"]
    assert said("think", "S IH1 NG K") == ["S IH NG K"]


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ("think=S IH1 NG Q", "'Q'"),
        ("think=S9 IH", "'S9'"),
        ("think=S1 IH", "consonant"),
        ("think=", "nothing given"),
        ("sink=S IH", "'sink'"),
        ("think@2=S IH", "1 time"),
        ("think@x=S IH", "1 time"),
        ("think=S IH; nonsense", "WORD=PHONES"),
        ("AY1 | S IH1 NG K", "2 group(s) between | for 8 word(s)"),
        ("", "1 group(s)"),
        ("- | - | - | - | - | - | - | -", "every word is left out"),
    ],
)
def test_a_wrong_override_is_named(spec: str, names: str) -> None:
    with pytest.raises(TextError) as caught:
        plan_speech(TEXT, spec)
    assert names in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_book_is_refused() -> None:
    with pytest.raises(TextError, match=f"at most {MAX_WORDS} are said at once"):
        plan_speech("word " * (MAX_WORDS + 1))
