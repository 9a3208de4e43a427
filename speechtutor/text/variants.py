"""Other pronunciations that are as good: regular differences between accents and styles.

The rules are data (`[[variants]]` of the language file). A lattice that is too small marks good
speech as wrong, one that is too big hides errors, so it is capped and ordered: the citation form,
the lexicon's others, each accent as a whole, then single differences.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from speechtutor.text.inflect import Phones
from speechtutor.text.language import Language, Rule

MAX_VARIANTS = 8
"""Pronunciations kept per word, the citation form among them."""


def rewrite(phones: Phones, rules: Iterable[Rule], word: str) -> Phones:
    """Phones after all rules that suit the word's spelling, each wherever it applies."""
    line = "".join(phone + " " for phone in phones)
    for rule in rules:
        if rule.spelling is None or rule.spelling.search(word):
            line = rule.find.sub(rule.replace, line)
    return tuple(line.split())


def _candidates(word: str, listed: tuple[Phones, ...], rules: tuple[Rule, ...]) -> Iterator[Phones]:
    yield from listed
    common = [rule for rule in rules if rule.accent == "any"]
    accents = dict.fromkeys(rule.accent for rule in rules if rule.accent != "any")
    for phones in listed:
        for accent in reversed(accents):
            yield rewrite(phones, [rule for rule in rules if rule.accent == accent], word)
    for rule in rules:
        yield rewrite(listed[0], [rule], word)
    syllabic = [rule for rule in common if rule.name != "weak-schwa"]
    for accent in accents:
        yield rewrite(listed[0], [*syllabic, *(rule for rule in rules if rule.accent == accent)], word)


def expand(word: str, listed: tuple[Phones, ...], language: Language) -> tuple[Phones, ...]:
    """The accepted pronunciations of a word, the first as listed; unique apart from stress."""
    # A list in the language file is complete: its weak forms are chosen, not derived.
    complete = word in language.words
    kept: dict[Phones, Phones] = {}
    for phones in listed if complete else _candidates(word, listed, language.rules):
        kept.setdefault(tuple(phone.rstrip("012") for phone in phones), phones)
        if len(kept) == MAX_VARIANTS:
            break
    return tuple(kept.values())
