"""Minimal edits between two texts, each with a type, in the manner of ERRANT (Bryant et al., 2017).

ERRANT needs a tagger; here a word can be whatever the word lists allow, and its neighbours decide.
Words are aligned with a cost that makes a changed form cheaper than another word; a word that moved
a few places is one edit of word order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

from speechtutor.core import GrammarEdit, GrammarKind
from speechtutor.grammar import morphology as m
from speechtutor.text.written import APOSTROPHES

_TOKEN = re.compile(r"[^\W_]+(?:[.'’-][^\W_]+)*'?|\.\.\.|[^\w\s]|_")
_NO_SPACE_BEFORE = frozenset(".,;:!?%)]}…") | {"...", "'s", "n't", "'m", "'re", "'ve", "'ll", "'d"}
_NO_SPACE_AFTER = frozenset("([{$£€#")
_FAR = 4
"""Words that a moved word may pass."""

_AGREEING = ("am is are 'm 're 's", "was were", "has have 've", "do does", "isn't aren't", "wasn't weren't",
             "don't doesn't", "hasn't haven't")  # fmt: skip
_AGREEMENT = {word: i for i, group in enumerate(_AGREEING) for word in group.split()}
_DEMONSTRATIVES = ({"this", "these"}, {"that", "those"}, {"much", "many"}, {"little", "few"})


def tokens(text: str) -> list[str]:
    """Words, with their apostrophes, and marks; white space is lost."""
    return _TOKEN.findall(_plain(text))


def spans(text: str) -> list[tuple[int, int]]:
    """Where each of the tokens stands in the text: characters [start, end)."""
    return [match.span() for match in _TOKEN.finditer(_plain(text))]


def _plain(text: str) -> str:
    """The text with plain apostrophes, character for character."""
    return text.translate(APOSTROPHES)


def joined(words: Sequence[str]) -> str:
    """Tokens as running text: marks close up, and so do the parts of a contraction."""
    text, open_quote, glue = "", False, True
    for word in words:
        if not word.strip():
            continue
        closing = word == '"' and open_quote
        space = not (glue or closing or word.lower() in _NO_SPACE_BEFORE)
        text += f" {word}" if space else word
        glue = word in _NO_SPACE_AFTER or (word == '"' and not open_quote)
        open_quote ^= word == '"'
    return text


def is_word(token: str) -> bool:
    """Whether it is a word and not a mark."""
    return any(char.isalnum() for char in token)


def apply(words: Sequence[str], edits: Sequence[GrammarEdit]) -> list[str]:
    """The tokens with some edits made.

    Raises:
        ValueError: when two edits overlap.
    """
    made: list[str] = []
    place = 0
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        if edit.start < place:
            raise ValueError(f"two edits overlap at word {edit.start}")
        made += [*words[place : edit.start], *edit.after.split()]
        place = edit.end
    return [*made, *words[place:]]


def edits_between(before: Sequence[str], after: Sequence[str]) -> tuple[GrammarEdit, ...]:
    """The minimal edits that turn one list of tokens into the other; case is compared, marks are tokens."""
    found = []
    for i, j, k, n in _merged(_path(before, after), before, after):
        first, second = " ".join(before[i:j]), " ".join(after[k:n])
        found.append(GrammarEdit(i, j, first, second, kind_of(before, i, j, after[k:n])))
    return tuple(found)


def _cost(first: str, second: str) -> float:
    """Of putting one word in the place of another: from 0 for the same to under 2 for a stranger."""
    if first == second:
        return 0.0
    low, other = first.lower(), second.lower()
    if low == other:
        return 0.1
    if is_word(first) != is_word(second):
        return 1.99
    if any(m.shares_lemma(low, other, kind) for kind in ("NOUN", "VERB")):
        return 0.4
    both = ({low, other} <= m.PREPOSITIONS) or ({low, other} <= m.ARTICLES | m.POSSESSIVES)
    both = both or {low, other} <= m.AUXILIARIES
    return (0.7 if both else 0.9) + 0.95 * Levenshtein.normalized_distance(low, other)


def _path(before: Sequence[str], after: Sequence[str]) -> list[tuple[str, int, int]]:
    """The cheapest way through both: steps =, S, D, I with the place in each."""
    n_before, n_after = len(before), len(after)
    cost = [[0.0] * (n_after + 1) for _ in range(n_before + 1)]
    for i in range(n_before + 1):
        for j in range(n_after + 1):
            if i == j == 0:
                continue
            options = []
            if i:
                options.append(cost[i - 1][j] + 1.0)
            if j:
                options.append(cost[i][j - 1] + 1.0)
            if i and j:
                options.append(cost[i - 1][j - 1] + _cost(before[i - 1], after[j - 1]))
            cost[i][j] = min(options)
    steps = []
    i, j = n_before, n_after
    while i or j:
        here = cost[i][j]
        if i and j and abs(here - cost[i - 1][j - 1] - _cost(before[i - 1], after[j - 1])) < 1e-9:
            i, j = i - 1, j - 1
            steps.append(("=" if before[i] == after[j] else "S", i, j))
        elif i and abs(here - cost[i - 1][j] - 1.0) < 1e-9:
            i -= 1
            steps.append(("D", i, j))
        else:
            j -= 1
            steps.append(("I", i, j))
    return steps[::-1]


Span = tuple[int, int, int, int]
"""Half-open spans of the first and of the second list."""


def _merged(path: list[tuple[str, int, int]], before: Sequence[str], after: Sequence[str]) -> list[Span]:
    """Steps as edits: moved words first, then what stands together."""
    moved = _moves(path, before, after)
    found: list[Span] = []
    run: list[tuple[str, int, int]] = []
    place = 0
    for start, end in [*moved, (len(path), len(path))]:
        for step in path[place:start]:
            if step[0] == "=":
                found += _split(run)
                run = []
            else:
                run.append(step)
        found += _split(run)
        run = []
        if start < end:
            found.append(_span(path[start:end]))
        place = end
    return found


def _span(steps: Sequence[tuple[str, int, int]]) -> Span:
    op, i, j = steps[-1]
    return steps[0][1], i + (op != "I"), steps[0][2], j + (op != "D")


def _split(run: list[tuple[str, int, int]]) -> list[Span]:
    """Words that were replaced one by one are edits of their own; a run with more or fewer words is one."""
    if not run:
        return []
    if all(step[0] == "S" for step in run):
        return [_span([step]) for step in run]
    return [_span(run)]


def _moves(
    path: list[tuple[str, int, int]], before: Sequence[str], after: Sequence[str]
) -> list[tuple[int, int]]:
    """Stretches of the path in which the same words only stand in another order."""
    found, place = [], 0
    while place < len(path):
        if path[place][0] != "=":
            for end in range(min(len(path), place + 2 * _FAR), place + 1, -1):
                i, j, k, n = _span(path[place:end])
                same = Counter(w.lower() for w in before[i:j]) == Counter(w.lower() for w in after[k:n])
                if path[end - 1][0] != "=" and same and 1 < j - i <= _FAR + 1:
                    found.append((place, end))
                    place = end - 1
                    break
        place += 1
    return found


def kind_of(words: Sequence[str], start: int, end: int, after: Sequence[str]) -> GrammarKind:
    """What an edit of `words[start:end]` into `after` is about."""
    first, second = [w.lower() for w in words[start:end]], [w.lower() for w in after]
    if len(first) > 1 and Counter(first) == Counter(second):
        return GrammarKind.WORD_ORDER
    lost, won = (
        list((Counter(first) - Counter(second)).elements()),
        list((Counter(second) - Counter(first)).elements()),
    )
    changed = {*lost, *won}
    follower = words[end].lower() if end < len(words) else ""
    if changed and changed <= m.ARTICLES:
        return GrammarKind.ARTICLE
    if changed == {"to"} and "VB" in m.tags(second[-1] if second and second[-1] != "to" else follower):
        return GrammarKind.TENSE
    if changed and changed <= m.PREPOSITIONS:
        return GrammarKind.PREPOSITION
    if len(lost) == len(won) == 1:
        return _kind_of_pair(lost[0], won[0], words[start - 1].lower() if start else "")
    return _kind_of_many(lost, won)


def _kind_of_pair(old: str, new: str, before: str) -> GrammarKind:
    if {old, new} <= _AGREEMENT.keys() and _AGREEMENT[old] == _AGREEMENT[new]:
        return GrammarKind.AGREEMENT
    if {old, new} in _DEMONSTRATIVES:
        return GrammarKind.AGREEMENT
    noun, verb = (m.shares_lemma(old, new, kind) for kind in ("NOUN", "VERB"))
    if verb and (not noun or _after_subject(before)):
        # "cut" is both present and past: a bare form against one in -s is agreement.
        s_form = [w for w in (old, new) if "VBZ" in m.tags(w)]
        base = [w for w in (old, new) if {"VB", "VBP"} & m.tags(w)]
        if len(s_form) == 1 and base and base != s_form:
            return GrammarKind.AGREEMENT
        return GrammarKind.TENSE
    if noun:
        return GrammarKind.PLURAL
    if {old, new} <= m.AUXILIARIES:
        return GrammarKind.TENSE
    return GrammarKind.WORD_CHOICE if is_word(old) and is_word(new) else GrammarKind.OTHER


def _after_subject(word: str) -> bool:
    subjects = m.SINGULAR_PRONOUNS | m.PLURAL_PRONOUNS | m.AUXILIARIES
    return word in subjects | {"to", "who", "not", "n't", "don't", "doesn't", "didn't"}


def _kind_of_many(lost: Sequence[str], won: Sequence[str]) -> GrammarKind:
    """Words more or fewer than before: a verb group keeps its verb, or only auxiliaries come and go."""
    changed = [*lost, *won]
    if changed and all(w in m.AUXILIARIES or w == "to" for w in changed):
        return GrammarKind.TENSE
    rest = ([w for w in side if w not in m.AUXILIARIES and w != "to"] for side in (lost, won))
    old, new = rest
    if len(old) == len(new) == 1 and m.shares_lemma(old[0], new[0], "VERB"):
        return GrammarKind.TENSE
    return GrammarKind.OTHER
