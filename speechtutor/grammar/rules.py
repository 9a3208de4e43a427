"""Rules that are almost always right: each looks at a few words and proposes one edit.

A rule fires only where the words allow no other reading that a learner is likely to mean. What
needs the sense of the sentence is left to a model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from speechtutor.core import GrammarEdit, GrammarKind
from speechtutor.grammar import morphology as m
from speechtutor.grammar import sentence_rules
from speechtutor.grammar.edits import is_word

Rule = Callable[[Sequence[str], int], GrammarEdit | None]

_S = m.SINGULAR_PRONOUNS
_P = m.PLURAL_PRONOUNS
_DO_FORMS = {"do": "does", "don't": "doesn't", "have": "has", "haven't": "hasn't", "are": "is", "am": "is",
             "were": "was", "aren't": "isn't", "weren't": "wasn't"}  # fmt: skip
_THEY_FORMS = {"does": "do", "doesn't": "don't", "has": "have", "hasn't": "haven't", "is": "are", "was": "were",
               "isn't": "aren't", "wasn't": "weren't"}  # fmt: skip
_I_FORMS = {"is": "am", "are": "am", "has": "have", "does": "do", "doesn't": "don't", "were": "was"}
_STOP_BEFORE_HE = m.AUXILIARIES | frozenset(
    """let lets let's make makes made see saw seen watch watched hear heard help helps helped did do does don't
    doesn't didn't can't couldn't won't wouldn't shouldn't isn't suggest suggested recommend insist if wish
    and or nor to than as""".split()
)
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
    if subject in ("it", "you") and (m.verb(before) or before in ("and", "or")):
        return None  # an object, as in "I saw it come"
    if before == "and":
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
    if tag is None or tag not in m.tags(follower) or "NN" in m.tags(follower):
        if not (low == "more" and follower in _IRREGULAR_MORE):
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
    if noun in ("percent", "dozen", "hundred", "thousand", "million", "pm", "am", "o'clock", "year", "star"):
        if noun != "year" or follower in ("old", "-"):
            return None
    made = m.pluralised(noun)
    return (
        (made and _edit(words, i + 1, i + 2, made, GrammarKind.PLURAL, "plural after a number", 0.93)) or None
    )


def bare_after_modal(words: Sequence[str], i: int) -> GrammarEdit | None:
    """Can goes, didn't went, can to go: the bare verb follows."""
    low = _low(words, i)
    if low not in _NO_TO | _NEG_DO:
        return None
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
    for (wrong, blocked), (after, kind) in _PHRASES.items():
        size = len(wrong)
        if tuple(w.lower() for w in words[i : i + size]) == wrong and _low(words, i + size) not in blocked:
            start, end, text = after
            return _edit(words, i + start, i + end, text, kind, "fixed phrase", 0.9)
    return None


def _phrases() -> dict[tuple[tuple[str, ...], frozenset[str]], tuple[tuple[int, int, str], GrammarKind]]:
    k = GrammarKind
    rows: list[tuple[str, str, int, int, str, GrammarKind]] = [
        ("people is", "", 1, 2, "are", k.AGREEMENT), ("people was", "", 1, 2, "were", k.AGREEMENT),
        ("people has", "", 1, 2, "have", k.AGREEMENT), ("people likes", "", 1, 2, "like", k.AGREEMENT),
        ("everybody are", "", 1, 2, "is", k.AGREEMENT), ("everyone are", "", 1, 2, "is", k.AGREEMENT),
        ("everyone have", "", 1, 2, "has", k.AGREEMENT), ("everybody have", "", 1, 2, "has", k.AGREEMENT),
        ("informations", "", 0, 1, "information", k.PLURAL), ("advices", "", 0, 1, "advice", k.PLURAL),
        ("homeworks", "", 0, 1, "homework", k.PLURAL), ("furnitures", "", 0, 1, "furniture", k.PLURAL),
        ("childs", "", 0, 1, "children", k.PLURAL), ("peoples are", "", 0, 1, "people", k.PLURAL),
        ("womans", "", 0, 1, "women", k.PLURAL), ("mans are", "", 0, 1, "men", k.PLURAL),
        ("listen music", "", 1, 1, "to", k.PREPOSITION), ("depends of", "", 1, 2, "on", k.PREPOSITION),
        ("depend of", "", 1, 2, "on", k.PREPOSITION), ("discuss about", "", 1, 2, "", k.PREPOSITION),
        ("interested on", "", 1, 2, "in", k.PREPOSITION), ("married with", "", 1, 2, "to", k.PREPOSITION),
        ("good in english", "", 1, 2, "at", k.PREPOSITION), ("afraid from", "", 1, 2, "of", k.PREPOSITION),
        ("arrive to", "", 1, 2, "at", k.PREPOSITION), ("arrived to", "", 1, 2, "at", k.PREPOSITION),
        ("looking forward to see", "", 3, 4, "seeing", k.TENSE),
        ("look forward to see", "", 3, 4, "seeing", k.TENSE),
        ("looking forward to hear", "", 3, 4, "hearing", k.TENSE),
        ("one of my friend", "'s", 3, 4, "friends", k.PLURAL),
        ("one of the most", "", 0, 0, "", k.OTHER),
        ("explain me", "", 1, 1, "to", k.PREPOSITION),
        ("in the internet", "", 0, 1, "on", k.PREPOSITION), ("in weekends", "", 0, 1, "on", k.PREPOSITION),
        ("in sunday", "", 0, 1, "on", k.PREPOSITION), ("in monday", "", 0, 1, "on", k.PREPOSITION),
        ("in saturday", "", 0, 1, "on", k.PREPOSITION), ("in friday", "", 0, 1, "on", k.PREPOSITION),
        ("on january", "", 0, 1, "in", k.PREPOSITION), ("since two years", "", 0, 1, "for", k.PREPOSITION),
        ("go to home", "", 1, 2, "", k.PREPOSITION), ("went to home", "", 1, 2, "", k.PREPOSITION),
        ("go to shopping", "", 1, 2, "", k.PREPOSITION), ("too much people", "", 1, 2, "many", k.WORD_CHOICE),
        ("much people", "", 0, 1, "many", k.WORD_CHOICE), ("much friends", "", 0, 1, "many", k.WORD_CHOICE),
        ("much movies", "", 0, 1, "many", k.WORD_CHOICE), ("many money", "", 0, 1, "much", k.WORD_CHOICE),
        ("many time to", "", 0, 1, "much", k.WORD_CHOICE), ("more easy", "", 0, 2, "easier", k.OTHER),
        ("more big", "", 0, 2, "bigger", k.OTHER), ("more cheap", "", 0, 2, "cheaper", k.OTHER),
        ("more good", "", 0, 2, "better", k.OTHER), ("more happy", "", 0, 2, "happier", k.OTHER),
        ("i very like", "", 1, 3, "really like", k.WORD_ORDER), ("almost people", "", 0, 1, "most", k.WORD_CHOICE),
        ("he go", "", 1, 2, "goes", k.AGREEMENT), ("she go", "", 1, 2, "goes", k.AGREEMENT),
        ("must to", "", 1, 2, "", k.TENSE), ("i am have", "", 1, 2, "", k.TENSE),
        ("say me", "", 0, 1, "tell", k.WORD_CHOICE),
        ("in netflix", "", 0, 1, "on", k.PREPOSITION), ("in youtube", "", 0, 1, "on", k.PREPOSITION),
        ("in amazon prime", "", 0, 1, "on", k.PREPOSITION), ("in tv", "", 0, 1, "on", k.PREPOSITION),
        ("in love for", "", 2, 3, "with", k.PREPOSITION), ("in love of", "", 2, 3, "with", k.PREPOSITION),
        ("in the mood of", "", 3, 4, "for", k.PREPOSITION), ("is truth", "", 1, 2, "true", k.WORD_CHOICE),
        ("terror movies", "", 0, 1, "horror", k.WORD_CHOICE), ("terror movie", "", 0, 1, "horror", k.WORD_CHOICE),
        ("terror film", "", 0, 1, "horror", k.WORD_CHOICE), ("terror films", "", 0, 1, "horror", k.WORD_CHOICE),
        ("sometime i", "", 0, 1, "sometimes", k.WORD_CHOICE), ("it's base on", "", 1, 2, "based", k.TENSE),
        ("is base on", "", 1, 2, "based", k.TENSE), ("just because the", "", 2, 2, "of", k.PREPOSITION),
        ("many kind of", "", 1, 2, "kinds", k.PLURAL), ("like also", "", 0, 2, "also like", k.WORD_ORDER),
        ("like very much the", "", 0, 0, "", k.OTHER), ("more in books", "", 1, 2, "into", k.PREPOSITION),
        ("i prefer more", "", 2, 3, "", k.OTHER), ("have you watch", "", 2, 3, "watched", k.TENSE),
        ("have you ever see", "", 3, 4, "seen", k.TENSE), ("have you see", "", 2, 3, "seen", k.TENSE), ("said me", "", 0, 1, "told", k.WORD_CHOICE),
        ("make a party", "", 0, 1, "have", k.WORD_CHOICE), ("do a mistake", "", 0, 1, "make", k.WORD_CHOICE),
        ("make sport", "", 0, 1, "do", k.WORD_CHOICE), ("make homework", "", 0, 1, "do", k.WORD_CHOICE),
    ]  # fmt: skip
    return {
        (tuple(wrong.split()), frozenset(blocked.split())): ((start, end, after), kind)
        for wrong, blocked, start, end, after, kind in rows
        if start != end or after
    }


_PHRASES = _phrases()

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
