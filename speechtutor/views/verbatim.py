"""What a word of free speech sounded like, where that was another one than was probably meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape

from speechtutor.content.tables import message
from speechtutor.core import UtteranceScore
from speechtutor.practice.levels import word_levels
from speechtutor.text.verbatim import Sounded, sounded
from speechtutor.tutor.findings import SURE
from speechtutor.tutor.labels import Label, word_label

MOST = 3
"""Words that are told; all of them stand among the words."""


def others(score: UtteranceScore) -> tuple[Sounded, ...]:
    """The words that are called wrong and surely sounded like another one that learners know, the first few.

    Sounds that are no word, or a rare one, were rather not heard right: they stand under the word itself.
    """
    wrong = tuple(
        one
        for one in score.words
        if word_label(one) is Label.WRONG and (one.confidence is None or one.confidence >= SURE)
    )
    if not wrong:
        return ()
    known = word_levels()
    found = sounded(replace(score, words=wrong), known)
    return tuple(one for one in found if one.word in known and one.word != one.meant.lower())[:MOST]


def verbatim_html(words: Sequence[Sounded], lang: str = "en") -> str:
    """A line for each of them; "" for none."""
    lines = [message("take", "sounded", lang, word=one.meant, heard=one.quoted) for one in words]
    return "".join(f"<p>{escape(line)}</p>" for line in lines)
