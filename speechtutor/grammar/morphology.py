"""What forms an English word has and what it can be, from a word list; no tagger.

The forms are those of lemminflect (Jascob, 2019; MIT), which packs the NIH's SPECIALIST Lexicon.
A word has all the tags it can have: what it is in a sentence is left to the words around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from speechtutor.text.lexicon import load_lexicon

ARTICLES = frozenset({"a", "an", "the"})
PREPOSITIONS = frozenset(
    """about above across after against along among around as at before behind below beside between by
    during for from in into like near of off on onto out over past per since than through till to toward
    towards under until up upon with within without""".split()
)
BE = frozenset("am is are was were be been being 'm 're 's".split())
HAVE = frozenset("have has had having 've".split())
DO = frozenset("do does did doing done".split())
MODALS = frozenset("will would can could shall should may might must 'll 'd cannot wo ca".split())
AUXILIARIES = BE | HAVE | DO | MODALS
SINGULAR_PRONOUNS = frozenset("he she it".split())
PLURAL_PRONOUNS = frozenset("i you we they".split())
OBJECTS = frozenset("me him us them".split())
POSSESSIVES = frozenset("my your his her its our their".split())
SINGULAR_DETERMINERS = frozenset("a an this that every each another".split())
PLURAL_DETERMINERS = frozenset("these those many several few both".split())
NUMBERS = frozenset(
    """two three four five six seven eight nine ten eleven twelve thirteen fifteen twenty thirty forty fifty
    sixty seventy eighty ninety hundred thousand""".split()
)
UNCOUNTABLE = frozenset(
    """advice air art baggage bread cash coffee equipment evidence food fun furniture happiness health help
    homework housework information knowledge love luck luggage machinery mail milk money music news patience
    peace progress rain research rice salt sand scenery snow stuff sugar tea time traffic transport travel
    trash water weather work""".split()
)
QUESTION_WORDS = frozenset("what where when why how who which whose".split())
NEGATIONS = frozenset("not no never n't none nobody nothing neither nor cannot without hardly".split())
CLOSED = (
    ARTICLES
    | PREPOSITIONS
    | AUXILIARIES
    | SINGULAR_PRONOUNS
    | PLURAL_PRONOUNS
    | OBJECTS
    | POSSESSIVES
    | SINGULAR_DETERMINERS
    | PLURAL_DETERMINERS
    | QUESTION_WORDS
    | NEGATIONS
    | frozenset("and or but because so if then there here very too also just only all any some".split())
    | frozenset("mine yours hers ours theirs myself yourself himself herself itself ourselves".split())
    | frozenset("while although though once yes ok okay please well oh hi hello".split())
)
"""Words whose grammar is known without the lists of forms."""


@cache
def _library() -> Any:
    import lemminflect

    return lemminflect


@lru_cache(maxsize=20_000)
def lemmas(word: str) -> Mapping[str, tuple[str, ...]]:
    """The base forms by what the word can be (NOUN, VERB, ADJ, ADV, AUX); empty when unknown."""
    found: dict[str, tuple[str, ...]] = _library().getAllLemmas(word.lower())
    return found


@lru_cache(maxsize=20_000)
def forms(lemma: str, kind: str) -> Mapping[str, tuple[str, ...]]:
    """The forms of a base form by Penn tag (VBZ, NNS, JJR ...); empty when unknown."""
    found: dict[str, tuple[str, ...]] = _library().getAllInflections(lemma, kind)
    return found


@lru_cache(maxsize=20_000)
def tags(word: str) -> frozenset[str]:
    """All Penn tags that a word can have; a closed-class word that is no verb has none."""
    low = word.lower()
    if low in CLOSED - AUXILIARIES:
        return frozenset()
    found = set()
    for kind, bases in lemmas(low).items():
        for base in bases:
            found |= {tag for tag, words in forms(base, kind).items() if low in words}
    return frozenset(found)


def inflect(word: str, kind: str, tag: str) -> str | None:
    """The word in another form, such as the VBD of the VERB goes: went; None when unknown."""
    for base in lemmas(word).get(kind, ()):
        words = forms(base, kind).get(tag)
        if words:
            return words[0]
    return None


def known(word: str) -> bool:
    """Whether it is an English word of the lists."""
    low = word.lower()
    return low in CLOSED or bool(lemmas(low))


def shares_lemma(first: str, second: str, kind: str) -> bool:
    """Whether two words are forms of one noun or verb."""
    return bool(set(lemmas(first).get(kind, ())) & set(lemmas(second).get(kind, ())))


def verb(word: str) -> bool:
    """Whether it can be a verb."""
    return any(tag.startswith("VB") for tag in tags(word))


def noun(word: str) -> bool:
    """Whether it can be a noun."""
    return bool({"NN", "NNS"} & tags(word))


def only_verb(word: str) -> bool:
    """Whether it can be a verb and nothing else."""
    return verb(word) and not noun(word) and "JJ" not in tags(word)


def plural(word: str) -> bool:
    """Whether it is a plural noun, and not the same in the singular."""
    low = word.lower()
    others = [
        base
        for base in lemmas(low).get("NOUN", ())
        if base != low and low not in forms(base, "NOUN").get("NN", ())
    ]
    return "NNS" in tags(low) and bool(others) and low not in UNCOUNTABLE


def singular(word: str) -> bool:
    """Whether it is a singular countable noun, and not the same in the plural."""
    found = tags(word)
    return "NN" in found and word.lower() not in UNCOUNTABLE and _regular_plural(word) != word.lower()


def _regular_plural(word: str) -> str | None:
    return inflect(word, "NOUN", "NNS")


def pluralised(word: str) -> str | None:
    """The usual plural of a singular noun."""
    made = _regular_plural(word)
    return None if made == word.lower() else made


def vowel_sound(word: str) -> bool | None:
    """Whether the word begins with a vowel when spoken; None when speakers differ or nobody knows.

    The lexicon tells: "an hour", "a ewe", "a European", and nothing about "herb".
    """
    low = word.lower()
    if not low or not low[0].isalpha():
        return None
    lexicon = load_lexicon()
    known = lexicon.listed(low) or lexicon.derived(low)
    if not known:
        return None if low[0] in "uho" or low.startswith("eu") else low[0] in "aei"
    starts = {phones[0][-1].isdigit() for phones in known}
    return starts.pop() if len(starts) == 1 else None
