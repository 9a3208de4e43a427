"""Take the disfluencies out of speech: fillers, repetitions, broken-off words and repaired starts.

Only the reparandum and the editing term go (Shriberg, 1994), and only where the words themselves
show that they were given up; a word of content is never taken out.
"""

from __future__ import annotations

from collections.abc import Sequence

from speechtutor.grammar import morphology as m
from speechtutor.grammar.edits import is_word, joined, tokens
from speechtutor.text.marks import is_sentence_mark

FILLERS = frozenset("um umm uh uhh uhm er erm err hm hmm mm mmm ah eh ehm".split())
_PHRASES = (("you", "know"), ("i", "mean"))
"""Fillers of two words; only between marks, where they are no clause of their own."""
_REPAIRS = (("sorry",), ("no", "sorry"), ("i", "mean"), ("or", "rather"), ("no", "wait"), ("no", ",", "wait"))
_DASHES = frozenset({"-", "–", "—", "...", "…"})
_PAUSES = _DASHES | {","}
_LONGEST = 4
"""Words that may be said twice in a row and still be a slip."""
_SMALL = m.ARTICLES | m.PREPOSITIONS | m.AUXILIARIES | m.POSSESSIVES | m.SINGULAR_PRONOUNS | m.PLURAL_PRONOUNS
_MEANT_TWICE = frozenset(
    """very really so much many more far long no yes yeah ok okay bye ha haha hee please thank thanks well
    never again had that who old big little good oh wow hey hello hi now there knock zero one two three four
    five six seven eight nine ten""".split()
)


def fluent(text: str) -> str:
    """The text without its disfluencies; a text without any comes back as it is written."""
    words = tokens(text)
    kept = _unrepeated(_repaired(_whole_words(_unfilled(words))))
    if kept == words:
        return text
    kept = _tidy(kept)
    if kept and words and words[0][:1].isupper() and is_word(kept[0]):
        kept[0] = kept[0][:1].upper() + kept[0][1:]
    return joined(kept)


def _unfilled(words: Sequence[str]) -> list[str]:
    kept: list[str] = []
    place = 0
    while place < len(words):
        low = [w.lower() for w in words[place : place + 2]]
        before = words[place - 1] if place else ""
        after = words[place + 2] if place + 2 < len(words) else ""
        if low[0] in FILLERS:
            place += 1
        elif tuple(low) in _PHRASES and after in _PAUSES and (before in _PAUSES or not before):
            place += 2
        else:
            kept.append(words[place])
            place += 1
            continue
        # The mark that set the filler off goes with it.
        if place < len(words) and words[place] in _PAUSES and (not kept or kept[-1] in _PAUSES):
            place += 1
    return kept


def _whole_words(words: list[str]) -> list[str]:
    """Without pieces of words that were broken off with a dash and begun again: "wa- want"."""
    kept: list[str] = []
    for i, word in enumerate(words):
        tail = words[i + 1 : i + 3]
        broken = len(tail) == 2 and tail[0] in _DASHES and _begins(tail[1], word)
        dash = word in _DASHES and i and i + 1 < len(words) and _begins(words[i + 1], words[i - 1])
        if not broken and not dash:
            kept.append(word)
    return kept


def _begins(word: str, piece: str) -> bool:
    """Whether `piece` is a beginning of `word` and no word itself, or the same word."""
    low, part = word.lower(), piece.lower()
    return is_word(piece) and low.startswith(part) and (low == part or not m.known(part))


def _repaired(words: list[str]) -> list[str]:
    """Without a start that a repair takes back and begins with the same word: "the red, sorry, the blue"."""
    low = [w.lower() for w in words]
    for place in range(1, len(words)):
        for term in _REPAIRS:
            end = place + len(term)
            if tuple(low[place:end]) != term or low[place - 1] not in _PAUSES:
                continue
            after = end + (end < len(words) and words[end] in _PAUSES)
            for back in range(2, _LONGEST + 2):
                start = place - back
                if start >= 0 and after < len(words) and low[start] == low[after]:
                    return _repaired(words[:start] + words[after:])
    for place in range(1, len(words) - 1):
        if words[place] in _DASHES:
            for back in range(1, _LONGEST + 1):
                start = place - back
                if start >= 0 and is_word(words[start]) and low[start] == low[place + 1]:
                    return _repaired(words[:start] + words[place + 1 :])
    return words


def _unrepeated(words: list[str]) -> list[str]:
    """Without words said twice in a row, with or without a comma between them."""
    low = [w.lower() for w in words]
    for size in range(_LONGEST, 0, -1):
        for start in range(len(words) - 2 * size + 1):
            first = low[start : start + size]
            if not all(is_word(w) for w in first) or (size == 1 and first[0] in _MEANT_TWICE):
                continue
            if size > 1 and set(first) <= _MEANT_TWICE:
                continue
            gap = start + size
            if all(map(_own, words[start:gap], words[gap : gap + size])):
                continue
            gap += gap < len(words) and words[gap] in _PAUSES
            if low[gap : gap + size] == first:
                return _unrepeated([*words[: start + 1], *words[gap + 1 :]])
    return words


def _own(first: str, second: str) -> bool:
    """Whether a word said twice may be a name, such as Lin Lin, or one of another language."""
    bare = first.lower().partition("'")[0]
    capitals = first[:1].isupper() and second[:1].isupper()
    return (capitals and bare not in _SMALL) or not m.known(bare)


def _tidy(words: list[str]) -> list[str]:
    """Without commas that nothing stands before, or that came together."""
    kept: list[str] = []
    for word in words:
        if word in _PAUSES and (not kept or kept[-1] in _PAUSES):
            continue
        if is_sentence_mark(word) and kept and kept[-1] == ",":
            kept.pop()
        kept.append(word)
    return kept
