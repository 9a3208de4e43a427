"""Rules that are almost always right: each looks at a few words and proposes one edit.

A rule fires only where the words allow no other reading that a learner is likely to mean. What
needs the sense of the sentence is left to a model.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.resources import files

from speechtutor.core import GrammarEdit, GrammarKind
from speechtutor.grammar import morphology as m
from speechtutor.grammar import sentence_rules
from speechtutor.grammar.edits import is_word

Rule = Callable[[Sequence[str], int], GrammarEdit | None]

_S = m.SINGULAR_PRONOUNS
_P = m.PLURAL_PRONOUNS
_DO_FORMS = {"do": "does", "don't": "doesn't", "have": "has", "haven't": "hasn't", "are": "is", "am": "is",
             "were": "was", "aren't": "isn't", "weren't": "wasn't"}  # fmt: skip
_THEY_FORMS = {"does": "do", "doesn't": "don't", "has": "have", "hasn't": "haven't", "is": "are",
               "was": "were", "isn't": "aren't", "wasn't": "weren't"}  # fmt: skip
_I_FORMS = {"is": "am", "are": "am", "has": "have", "does": "do", "doesn't": "don't", "were": "was"}
_STOP_BEFORE_HE = m.AUXILIARIES | frozenset(
    """let lets let's make makes made see saw seen watch watched hear heard help helps helped did do does
    don't doesn't didn't can't couldn't won't wouldn't shouldn't isn't suggest suggested recommend
    insist if wish
    and or nor to than as""".split()
)
_MANDATIVE = frozenset(
    """suggest suggests suggested recommend recommends recommended insist insists insisted demand demands
    demanded propose proposes proposed request requests requested require requires required urge urges urged
    advise advises advised ask asks asked order orders ordered prefer prefers preferred desire
    important essential vital necessary crucial imperative advisable desirable urgent fitting lest""".split()
)
"""Behind them "that he go" is right: the subjunctive."""
_HEADS = frozenset("lot lots most some all many plenty".split())
"""Before "of" they leave the number to the noun behind it: "a lot of people is" is wrong."""
_ADVERBS = frozenset("always never often usually sometimes also really still already just only ever".split())
_GERUND_AFTER = frozenset("enjoy enjoys enjoyed finish finished avoid avoided".split())
_TO_VERBS = frozenset(
    "want wants wanted need needs needed hope hopes hoped decide decided plan plans".split()
)
_TO_MISSING = frozenset(
    """
    go buy eat see watch be know learn visit play make do get take speak talk meet try find sleep live study
""".split()
)
_NO_TO = frozenset(
    "can could will would should must may might can't couldn't won't wouldn't shouldn't".split()
)
_NEG_DO = frozenset("don't doesn't didn't".split())
_BE_AGREE = frozenset("agree disagree".split())
_NO_PLURAL = frozenset("percent dozen hundred thousand million pm am o'clock star".split())
_IRREGULAR_MORE = frozenset("better worse easier bigger smaller faster older younger cheaper happier".split())


def _edit(
    words: Sequence[str], start: int, end: int, after: str, kind: GrammarKind, rule: str, sure: float = 0.9
) -> GrammarEdit | None:
    before = " ".join(words[start:end])
    if start == 0 and words[0][:1].isupper() and after:
        after = after[:1].upper() + after[1:]
    return None if before == after else GrammarEdit(start, end, before, after, kind, sure, rule)


def _low(words: Sequence[str], i: int) -> str:
    return words[i].lower() if 0 <= i < len(words) else ""


def a_or_an(words: Sequence[str], i: int) -> GrammarEdit | None:
    """A before a vowel's letter becomes an, and the other way round."""
    low = _low(words, i)
    if low not in ("a", "an") or i + 1 >= len(words) or not words[i + 1].isascii():
        return None
    # A capital alone, as in "an A", is spelled out, and an unknown word may be said otherwise.
    if len(words[i + 1]) == 1 or words[i + 1].isupper() or not m.known(words[i + 1]):
        return None
    vowel = m.vowel_sound(words[i + 1])
    if vowel is None or (low == "an") == vowel:
        return None
    return _edit(words, i, i + 1, "an" if vowel else "a", GrammarKind.ARTICLE, "a/an", 0.98)


def subject_verb(words: Sequence[str], i: int) -> GrammarEdit | None:
    """He go, I goes, they has: the verb right after a pronoun that is the subject."""
    subject, before = _low(words, i), _low(words, i - 1)
    verb_at = i + 1 + (_low(words, i + 1) in _ADVERBS)
    verb = _low(words, verb_at)
    if not verb or subject not in _S | _P:
        return None
    if before in _STOP_BEFORE_HE or before.endswith("n't") or (before and before in m.PREPOSITIONS):
        return None
    if before in _MANDATIVE or (before == "that" and _low(words, i - 2) in _MANDATIVE):
        return None
    if subject in ("it", "you") and (m.verb(before) or before in ("and", "or")):
        return None  # an object, as in "I saw it come"
    if before == "and" and (subject in _P or i < 3):
        return None  # "you and I are"
    table = _I_FORMS if subject == "i" else _DO_FORMS if subject in _S else _THEY_FORMS
    if verb in m.AUXILIARIES or verb.endswith("n't"):
        made = table.get(verb)
        if made is None or (verb == "were" and (before in ("if", "wish", "as", "though") or subject == "i")):
            return None
        return _edit(words, verb_at, verb_at + 1, made, GrammarKind.AGREEMENT, "subject and verb", 0.95)
    return _full_verb(words, verb_at, third=subject in _S)


def _full_verb(words: Sequence[str], at: int, *, third: bool) -> GrammarEdit | None:
    verb, found = _low(words, at), m.tags(_low(words, at))
    if third and {"VB", "VBP"} & found and not {"VBD", "VBZ"} & found and not m.AUXILIARIES & {verb}:
        if not (m.only_verb(verb) or verb in _COMMON_VERBS):
            return None
        made = m.inflect(verb, "VERB", "VBZ")
    elif not third and "VBZ" in found and not {"VB", "VBD"} & found:
        made = m.inflect(verb, "VERB", "VB")
    else:
        return None
    return (made and _edit(words, at, at + 1, made, GrammarKind.AGREEMENT, "subject and verb", 0.92)) or None


_COMMON_VERBS = frozenset(
    """like love want need look work play talk help live watch study call think go come make take get give
    walk cook drink run start try use cost feel hope plan move show visit dance rest answer""".split()
)


def this_or_these(words: Sequence[str], i: int) -> GrammarEdit | None:
    """This before a plural that can be nothing else."""
    low, noun = _low(words, i), _low(words, i + 1)
    made = {"this": "these", "that": "those"}.get(low)
    follower = _low(words, i + 2)
    if made and m.plural(noun) and "VBZ" not in m.tags(noun) and follower not in ("'s",):
        if low == "that" and not (
            i == 0 or m.verb(_low(words, i - 1)) or _low(words, i - 1) in m.PREPOSITIONS
        ):
            return None
        return _edit(words, i, i + 1, made, GrammarKind.AGREEMENT, "this and these", 0.9)
    return None


def more_comparative(words: Sequence[str], i: int) -> GrammarEdit | None:
    """More better, most biggest: one of the two is enough."""
    low, follower = _low(words, i), _low(words, i + 1)
    tag = {"more": "JJR", "most": "JJS"}.get(low)
    fits = tag is not None and tag in m.tags(follower) and "NN" not in m.tags(follower)
    if not fits and not (low == "more" and follower in _IRREGULAR_MORE):
        return None
    if follower in ("more", "most", "less", "least", "later", "other", "people"):
        return None
    return _edit(words, i, i + 1, "", GrammarKind.OTHER, "more with -er", 0.95)


def plural_after_number(words: Sequence[str], i: int) -> GrammarEdit | None:
    """Two book, many friend, these movie: a countable noun in the singular after a plural determiner."""
    low, noun, follower = _low(words, i), _low(words, i + 1), _low(words, i + 2)
    number = low in m.NUMBERS or (low.isdigit() and low not in ("0", "1") and len(low) < 4)
    if not number and low not in m.PLURAL_DETERMINERS - {"both"}:
        return None
    found = m.tags(noun)
    if "NN" not in found or "NNS" in found or noun in m.UNCOUNTABLE or {"JJ", "VBZ", "RB"} & found:
        return None
    # "two bus stops", "a five minute walk": the noun belongs to the next one.
    if (
        m.noun(follower)
        or "JJ" in m.tags(follower)
        or follower in ("-", "of", "hundred", "thousand", "million")
    ):
        return None
    if number and (_low(words, i - 1) in {"a", "an", "the", "level", "at", "chapter", "number", "page"}):
        return None
    if noun in _NO_PLURAL or (noun == "year" and follower in ("old", "-")):
        return None
    made = m.pluralised(noun)
    return (
        made and _edit(words, i + 1, i + 2, made, GrammarKind.PLURAL, "plural after a number", 0.93)
    ) or None


def bare_after_modal(words: Sequence[str], i: int) -> GrammarEdit | None:
    """Can goes, didn't went, can to go: the bare verb follows."""
    low = _low(words, i)
    if low not in _NO_TO | _NEG_DO or (words[i][0].isupper() and low in ("may", "will")):
        return None  # a month, a name: a modal that begins a sentence stands before its subject
    at = i + 1
    if low in _NO_TO and _low(words, at) == "to" and "VB" in m.tags(_low(words, at + 1)):
        return _edit(words, at, at + 1, "", GrammarKind.TENSE, "bare verb", 0.9)
    verb = _low(words, at)
    found = m.tags(verb)
    if not found & {"VBZ", "VBD", "VBN"} or "VB" in found or found & {"JJ", "RB"} or verb in m.MODALS:
        return None
    if "NNS" in found and low in _NO_TO and "VBZ" not in found:
        return None
    made = "have" if verb in ("has", "had") else "be" if verb in m.BE else m.inflect(verb, "VERB", "VB")
    return (made and _edit(words, at, at + 1, made, GrammarKind.TENSE, "bare verb", 0.93)) or None


def be_agree(words: Sequence[str], i: int) -> GrammarEdit | None:
    """I am agree."""
    low, verb = _low(words, i), _low(words, i + 1)
    if verb in _BE_AGREE and low in ("am", "are", "is"):
        return _edit(words, i, i + 1, "", GrammarKind.TENSE, "be with agree", 0.95)
    if verb in _BE_AGREE and low in ("i'm", "we're", "you're", "they're"):
        return _edit(
            words, i, i + 1, low.partition("'")[0].replace("i", "I"), GrammarKind.TENSE, "be with agree"
        )
    return None


def to_after_want(words: Sequence[str], i: int) -> GrammarEdit | None:
    """I want go, I need buy."""
    if (
        _low(words, i) in _TO_VERBS
        and _low(words, i + 1) in _TO_MISSING
        and _low(words, i - 1) not in m.ARTICLES
    ):
        if _low(words, i + 1) in ("play", "be", "do") and _low(words, i) in ("plan", "plans"):
            return None
        if m.noun(_low(words, i + 1)) and _low(words, i + 1) not in ("go", "buy", "eat", "see", "know"):
            return None
        return GrammarEdit(i + 1, i + 1, "", "to", GrammarKind.TENSE, 0.9, "to after want")
    return None


def gerund(words: Sequence[str], i: int) -> GrammarEdit | None:
    """I enjoy to read, she finished to eat."""
    if _low(words, i) not in _GERUND_AFTER:
        return None
    at = i + 1
    end = at + (_low(words, at) == "to") + 1
    verb = _low(words, end - 1)
    if "VB" not in m.tags(verb) or (end - at == 1 and (m.noun(verb) or "JJ" in m.tags(verb))):
        return None
    made = m.inflect(verb, "VERB", "VBG")
    return (made and _edit(words, at, end, made, GrammarKind.TENSE, "verb in -ing", 0.9)) or None


def fixed_phrases(words: Sequence[str], i: int) -> GrammarEdit | None:
    """Phrases that are wrong whatever the sense: listen music, depend of, people is, informations."""
    for wrong, (start, end, after, kind) in _phrases().items():
        if tuple(w.lower() for w in words[i : i + len(wrong)]) == wrong:
            if kind is GrammarKind.AGREEMENT and _inside(words, i):
                return None
            return _edit(words, i + start, i + end, after, kind, "fixed phrase", 0.9)
    return None


def _inside(words: Sequence[str], i: int) -> bool:
    """Whether the noun at i is not the subject but hangs on one: "the number of people is"."""
    return _low(words, i - 1) in m.PREPOSITIONS and _low(words, i - 2) not in _HEADS


@cache
def _phrases() -> dict[tuple[str, ...], tuple[int, int, str, GrammarKind]]:
    """The table of phrases: what is wrong, which of its words change, into what, and its type."""
    text = files(__package__ or "").joinpath("phrases.toml").read_text(encoding="utf-8")
    table = {}
    for line in tomllib.loads(text)["phrases"].strip().splitlines():
        kind, _, pair = line.partition(": ")
        old, new = (side.split() for side in pair.split(" -> "))
        start = next(
            (n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new))
        )
        tail = 0
        while tail < min(len(old), len(new)) - start and old[-1 - tail] == new[-1 - tail]:
            tail += 1
        after = " ".join(new[start : len(new) - tail])
        table[tuple(old)] = (start, len(old) - tail, after, GrammarKind(kind))
    return table


RULES: tuple[Rule, ...] = (
    a_or_an,
    subject_verb,
    this_or_these,
    more_comparative,
    plural_after_number,
    bare_after_modal,
    be_agree,
    to_after_want,
    gerund,
    fixed_phrases,
)


def proposals(words: Sequence[str]) -> Iterator[GrammarEdit]:
    """Edits of all rules, left to right; one that touches an earlier one is left out."""
    free = 0
    for i, word in enumerate(words):
        if not is_word(word):
            continue
        for rule in (*RULES, *sentence_rules.RULES):
            edit = rule(words, i)
            if edit is not None and edit.start >= free:
                yield edit
                free = max(edit.end, edit.start + 1)
                break
