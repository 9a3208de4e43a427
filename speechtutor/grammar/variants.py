"""Where English has two right forms: to put one in the place of the other corrects nothing.

After Quirk, Greenbaum, Leech and Svartvik (1985), chapters 10 (concord) and 3 (verb forms).
"""

from __future__ import annotations

from collections.abc import Sequence

from speechtutor.core import GrammarEdit

_COLLECTIVE = frozenset(
    """family team staff government class committee group company crew audience couple public majority
    minority band club crowd army population choir jury council enemy data media""".split()
)
"""Nouns that stand for their members as well: "my family are", "the data is" (10.36)."""
_CONCORD = tuple(
    frozenset(pair.split())
    for pair in (
        "is are",
        "was were",
        "has have",
        "does do",
        "isn't aren't",
        "wasn't weren't",
        "hasn't haven't",
        "doesn't don't",
    )
)
_AMOUNTS = tuple(
    tuple(phrase.split()) for phrase in ("a lot", "lots", "a couple", "plenty", "a bunch", "loads")
)
"""After "there is", which speakers keep whatever follows (10.46 note)."""
_OF_SEVERAL = frozenset("none neither either any".split())
""""Neither of them is", and "are" (10.41)."""
_WISHED = frozenset("god heaven heavens lord long".split())
"""What the formulas of wishing begin with: "God save the king", "Long live the queen" (3.60)."""
_SAME = tuple(
    frozenset(group.split())
    for group in (
        "learnt learned", "got gotten", "who whom", "burnt burned", "dreamt dreamed", "spelt spelled",
        "spoilt spoiled", "leapt leaped", "lit lighted", "proved proven", "toward towards", "till until",
        "shall will", "round around", "among amongst",
        "while whilst",
    )
)  # fmt: skip


def both_right(words: Sequence[str], edit: GrammarEdit) -> bool:
    """Whether the words of an edit are right before it as well; `words` are the tokens that it changes."""
    low = [word.lower() for word in words]
    old, new = edit.before.lower().split(), edit.after.lower().split()
    if len(old) != 1 or len(new) != 1:
        return False
    before, after = low[: edit.start], low[edit.end :]
    pair = {old[0], new[0]}
    if len(pair) < 2:
        return False
    if pair in _SAME:
        return True
    if _wish(before, old[0], new[0]):
        return True
    if not (pair in _CONCORD or _s_of_a_verb(*pair)):
        return False
    return _of_members(before) or _existential(before, after) or _unreal(before, pair)


def _s_of_a_verb(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return long in (f"{short}s", f"{short}es")


def _wish(before: Sequence[str], old: str, new: str) -> bool:
    """The base form behind "God" or "Long", at the beginning."""
    return len(before) == 1 and before[0] in _WISHED and new.startswith(old.removesuffix("e")) and new != old


def _of_members(before: Sequence[str]) -> bool:
    """Behind a noun of several people, or one of several; an adverb may stand between."""
    near = list(before[-2:])
    if any(word in _COLLECTIVE for word in near):
        return True
    # "neither of them is", "none of my friends are"
    return any(before[-at] == "of" and before[-at - 1] in _OF_SEVERAL for at in (2, 3) if len(before) > at)


def _existential(before: Sequence[str], after: Sequence[str]) -> bool:
    return before[-1:] == ["there"] and any(tuple(after[: len(one)]) == one for one in _AMOUNTS)


def _unreal(before: Sequence[str], pair: set[str]) -> bool:
    """Of what is not so: "if I was" and "if I were", "I wish it was" and "were" (3.62)."""
    return pair == {"was", "were"} and any(word in ("if", "wish", "though") for word in before[-3:-1])
