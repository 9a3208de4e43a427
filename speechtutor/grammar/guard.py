"""What a model may not do to a learner's words: anything but a small correction is turned down whole.

Names, numbers, negations, code-switches and marks of the source stay; no content may appear that
was not there in some form, and the text may not be rewritten.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from speechtutor.core import GrammarEdit, GrammarKind
from speechtutor.grammar import morphology as m
from speechtutor.grammar.edits import is_word
from speechtutor.grammar.variants import both_right

MAX_SHARE = 0.4
"""Of the source's words that may change."""

MAX_EDITS = 6
MAX_WORDS = 3
"""That one edit may put in or take out."""

_CONFUSED = tuple(
    frozenset(group.split())
    for group in (
        "say tell speak talk said told says tells",
        "make do made did makes does making doing",
        "look see watch looked saw watched looking seeing watching seen",
        "much many lot very", "few little some any", "fun funny", "other another others", "who which that",
        "because", "than then", "there their they're", "its it's", "your you're", "good well", "so too very",
        "job work", "history story", "hear listen heard listened", "bring take", "borrow lend", "learn teach",
        "during for while", "since for", "until by", "it this that they them", "one ones", "also too either",
        "if whether", "ago before", "trip travel", "everyday day", "excited exciting", "bored boring",
        "interested interesting", "like as", "still yet already", "no not any", "house home",
        "remember remind", "terror horror", "fav favorite", "sometime sometimes", "specially especially",
        "loose lose", "quite quiet", "advice advise", "affect effect", "beside besides", "rise raise",
        "economic economical", "historic historical", "sensible sensitive", "win beat", "been gone",
    )
)  # fmt: skip
_CONNECTIVES = frozenset(
    "because so and but or if when while although though unless until before after".split()
)
"""One in the place of another changes what is said: "because" is no "so"."""

_FREE = (
    m.ARTICLES | m.PREPOSITIONS | m.AUXILIARIES | m.POSSESSIVES | m.OBJECTS | m.SINGULAR_PRONOUNS
    | m.PLURAL_PRONOUNS | m.SINGULAR_DETERMINERS | m.PLURAL_DETERMINERS
    | frozenset("who which that there so too also and or but because if it's i'm i've there's".split())
)  # fmt: skip


def refusal(words: Sequence[str], edits: Sequence[GrammarEdit]) -> str:
    """Why the edits as a whole are more than a correction; "" when they are not."""
    n_words = sum(map(is_word, words))
    changed = sum(max(len(e.before.split()), len(e.after.split())) for e in edits)
    if len(edits) > MAX_EDITS:
        return f"{len(edits)} edits"
    if changed > max(MAX_SHARE * n_words, 2):
        return f"{changed} of {n_words} words"
    return ""


def edit_refusal(words: Sequence[str], edit: GrammarEdit) -> str:
    """Why one edit may not be made; "" when it may."""
    return "both are right" if both_right(words, edit) else _refused(words, edit)


def _refused(words: Sequence[str], edit: GrammarEdit) -> str:
    old, new = edit.before.split(), edit.after.split()
    if not all(map(is_word, (*old, *new))):
        return "marks are not grammar"
    if max(len(old), len(new)) > MAX_WORDS and edit.kind is not GrammarKind.WORD_ORDER:
        return "too long"
    lost = list((Counter(map(str.lower, old)) - Counter(map(str.lower, new))).elements())
    won = list((Counter(map(str.lower, new)) - Counter(map(str.lower, old))).elements())
    if not lost and not won:
        return "" if edit.kind is GrammarKind.WORD_ORDER else "only letter case"
    for word in (*lost, *won):
        if re.search(r"\d", word) or word in m.NUMBERS:
            return f"the number {word}"
    if {w for w in lost if _negative(w)} != {w for w in won if _negative(w)} and _polarity(lost, won):
        return "negation"
    connected = [set(side) & _CONNECTIVES for side in (lost, won)]
    if all(connected):
        return f"the connection {', '.join(sorted(connected[0]))}"
    for word in old:
        if word.lower() in lost and _protected(words, edit.start, word):
            return f"the name or foreign word {word}"
    return _new_words(lost, won)


def _negative(word: str) -> bool:
    return word in m.NEGATIONS or word.endswith("n't")


def _polarity(lost: Sequence[str], won: Sequence[str]) -> bool:
    """Whether a negation came or went: don't against doesn't is none."""
    return any(map(_negative, lost)) != any(map(_negative, won))


def _protected(words: Sequence[str], start: int, word: str) -> bool:
    """A name (a capital inside the sentence) or a word of another language."""
    if not m.known(_bare(word)):
        return True
    place = next((i for i in range(start, len(words)) if words[i] == word), start)
    first = place == 0 or not is_word(words[place - 1])
    inside = word[:1].isupper() and word not in ("I",) and not word.startswith("I'")
    return inside and not first and word.lower() not in _FREE


def _new_words(lost: Sequence[str], won: Sequence[str]) -> str:
    """Content that was not there: only forms of a lost word, confusable words and small words may come."""
    for word in won:
        if _bare(word) in _FREE:
            continue
        if not m.known(_bare(word)):
            return f"the unknown word {word}"
        if not any(_related(word, old) for old in lost):
            return f"the new word {word}"
    for word in lost:
        if _bare(word) not in _FREE and not any(_related(word, new) for new in won):
            return f"the lost word {word}"
    return ""


def _bare(word: str) -> str:
    """The word in lower case without what is contracted into it: doesn't is does, it's is it."""
    low = word.lower()
    return low.removesuffix("n't") if low.endswith("n't") else low.partition("'")[0]


def _related(first: str, second: str) -> bool:
    if any(m.shares_lemma(first, second, kind) for kind in ("NOUN", "VERB")):
        return True
    if any({first, second} <= group for group in _CONFUSED):
        return True
    # exciting and excited, realist and realistic, truth and true: one family
    same = len(_common(first, second))
    return same >= 4 and same >= 0.6 * min(len(first), len(second))


def _common(first: str, second: str) -> str:
    size = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), None)
    return first[: min(len(first), len(second)) if size is None else size]
