"""What was heard becomes words again, without help from what would make sense."""

from __future__ import annotations

import pytest

from speechtutor.core import Edit, ErrorType, PhoneScore, UtteranceScore, WordScore
from speechtutor.text import verbatim
from speechtutor.text.verbatim import Sounded, sounded


def word(text: str, phones: str, inserted: tuple[tuple[int, str], ...] = ()) -> WordScore:
    """`TH>S` is a TH heard as S, `T>` one that was left out."""
    found = []
    for one in phones.split():
        canonical, changed, heard = one.partition(">")
        edit = Edit.MATCH if not changed else Edit.SUBSTITUTION if heard else Edit.DELETION
        found.append(PhoneScore(canonical, 1.0, edit=edit, heard=heard if changed else None))
    return WordScore(text, 1.0, phones=tuple(found), inserted=inserted)


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (word("think", "TH>S IH NG K"), "sink"),
        (word("rice", "R>L AY S"), "lice"),
        (word("walked", "W AO K T>"), "walk"),
        (word("ask", "AE S K", ((3, "T"),)), "asked"),
        (word("think", "TH IH NG K"), "think"),
        (word("Mr.", "M IH S T ER"), "Mr."),
        (word("nice", "N AY S>ZH"), "/naɪʒ/"),
        (word("a", "AH>"), "//"),
    ],
)
def test_a_word_is_what_it_sounded_like(one: WordScore, told: str) -> None:
    (found,) = sounded(UtteranceScore(one.text, (one,)), {"sink": 1, "lice": 2, "walk": 0, "asked": 0})
    assert (found.meant, found.text) == (one.text, told)


def test_of_words_that_sound_the_same_the_common_one_is_written() -> None:
    score = UtteranceScore("light", (word("light", "L>R AY T"),))
    for common in ("right", "write", "rite"):
        assert sounded(score, {common: 0})[0].word == common


def test_a_transcript_has_neither_what_was_left_out_nor_what_the_text_does_not_have() -> None:
    gone = word("a", "AH>")
    extra = WordScore("", None, error_type=ErrorType.INSERTION, phones=word("", "DH AH").phones)
    score = UtteranceScore("I think a", (word("I", "AY"), extra, word("think", "TH>S IH NG K"), gone))
    found = sounded(score, {"sink": 0})
    assert found[1] == Sounded("think", "sink", ("S", "IH", "NG", "K"))
    assert verbatim.text(found) == "I sink"
