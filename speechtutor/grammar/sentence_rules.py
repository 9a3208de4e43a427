"""Rules that look at the whole clause: missing articles, objects and helpers, number, verb forms.

As in `rules`, each proposes one edit, and only where the words show that no other reading is meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from speechtutor.core import GrammarEdit, GrammarKind
from speechtutor.grammar import morphology as m
from speechtutor.grammar.edits import is_word
from speechtutor.text.marks import is_sentence_mark

K = GrammarKind
_SUBJECTS = m.SINGULAR_PRONOUNS | m.PLURAL_PRONOUNS
_BETWEEN = frozenset("already ever never also always just really still not only even".split())
_DEGREE = frozenset("very really so quite pretty such too".split())
_WH = frozenset("what where when why how".split())
_CLAUSE_START = frozenset(
    "and but so because if when while yes no ok okay well hope think believe know then".split()
)
_COUNT = frozenset(
    """movie film book song game animal dog cat car story documentary novel video flower picture photo woman
    man child friend restaurant suggestion question actor actress singer player""".split()
)
_ROLES = frozenset(
    """kid child student teacher doctor engineer nurse driver lawyer writer actor actress singer musician
    artist programmer cook chef farmer manager worker housewife beginner girl boy man woman
    teenager fan""".split()
)
_KINDS_OF_FILM = frozenset(
    "horror action comedy romance romantic science fiction thriller drama terror war".split()
)
_NO_OBJECT = frozenset("like love enjoy enjoyed loved liked hate hated deserve deserved".split())
_ING_AFTER = frozenset("enjoy enjoys love loves hate hates".split())
_ING_VERBS = frozenset(
    "spend listen go eat read learn buy write sing swim watch play talk cook meet sleep".split()
)
_ING_PREPOSITIONS = frozenset("for of without about by after before in".split())
_UNITS = frozenset("week night year month summer weekend sunday monday saturday".split())
_COUNTRIES = frozenset({"US", "USA", "UK", "UAE", "Philippines", "Netherlands", "USSR", "EU"})
_BARE_UNCOUNTABLE = frozenset("information advice news homework furniture equipment luggage".split())
_FEELINGS = {"exciting": "excited", "boring": "bored", "interesting": "interested", "surprising": "surprised",
             "tiring": "tired", "disappointing": "disappointed", "confusing": "confused"}  # fmt: skip
_STATES = frozenset("like know want have think understand need see agree remember".split())


def _low(words: Sequence[str], i: int) -> str:
    return words[i].lower() if 0 <= i < len(words) else ""


def _starts(words: Sequence[str], i: int) -> bool:
    """Whether a sentence begins here."""
    return i == 0 or is_sentence_mark(words[i - 1])


def _ends(words: Sequence[str], i: int) -> bool:
    """Whether nothing but a mark stands here."""
    return i >= len(words) or not is_word(words[i])


def _mark(words: Sequence[str], i: int) -> str:
    """The mark that closes the sentence of word `i`, "" when there is none."""
    return next((w for w in words[i:] if is_sentence_mark(w)), "")


def _edit(
    words: Sequence[str], start: int, end: int, after: str, kind: GrammarKind, rule: str, sure: float
) -> GrammarEdit:
    if after and end > start and words[start][:1].isupper() and words[start] != "I":
        after = after[:1].upper() + after[1:]
    return GrammarEdit(start, end, " ".join(words[start:end]), after, kind, sure, rule)


def bare_plural(words: Sequence[str], i: int) -> GrammarEdit | None:
    """I like movie, any romantic movie, one of my favorite song: a countable noun needs its plural."""
    low = _low(words, i)
    at = i + 1
    if low == "one" and _low(words, i + 1) == "of" and _low(words, i + 2) in m.POSSESSIVES | {"the", "these"}:
        at, noun_at = i + 3, None
        for place in range(at, min(at + 4, len(words))):
            if not is_word(words[place]) or _low(words, place) in m.CLOSED - {"very"}:
                break
            if m.singular(_low(words, place)) and (
                _ends(words, place + 1) or _low(words, place + 1) in m.CLOSED
            ):
                noun_at = place
                break
        favorite = _low(words, at) in ("favorite", "favourite") and (
            _ends(words, at + 1) or _low(words, at + 1) == "is"
        )
        if favorite:
            return _edit(words, at, at + 1, f"{words[at]}s", K.PLURAL, "one of many", 0.85)
        if noun_at is None or {"JJ", "JJS"} & m.tags(_low(words, noun_at)):
            return None
        made = m.pluralised(_low(words, noun_at))
        return (made and _edit(words, noun_at, noun_at + 1, made, K.PLURAL, "one of many", 0.9)) or None
    if low not in ("like", "likes", "love", "loves", "dislike", "hate", "prefer", "watching"):
        return None
    while "JJ" in m.tags(_low(words, at)) or _low(words, at) in _KINDS_OF_FILM | {"watch", "watching"}:
        at += 1
    noun = _low(words, at)
    if noun not in _COUNT or not (
        _ends(words, at + 1) or _low(words, at + 1) in ("about", "with", "and", "or")
    ):
        return None
    made = m.pluralised(noun)
    return (made and _edit(words, at, at + 1, made, K.PLURAL, "plural in general", 0.85)) or None


def after_do(words: Sequence[str], i: int) -> GrammarEdit | None:
    """Did you watched, does he goes: the bare verb follows the subject."""
    if _low(words, i) not in ("do", "does", "did", "don't", "doesn't", "didn't"):
        return None
    if _low(words, i + 1) not in _SUBJECTS:
        return None
    at = i + 2 + (_low(words, i + 2) in _BETWEEN - {"not"})
    verb = _low(words, at)
    tags = m.tags(verb)
    if not tags & {"VBD", "VBZ"} or tags & {"VB", "JJ", "NN", "NNS"} or verb in m.AUXILIARIES:
        return None
    made = m.inflect(verb, "VERB", "VB")
    return (made and _edit(words, at, at + 1, made, K.TENSE, "bare verb after do", 0.93)) or None


def participle(words: Sequence[str], i: int) -> GrammarEdit | None:
    """I've already saw: the participle follows have."""
    low = _low(words, i)
    if low not in ("have", "has", "haven't", "hasn't") and not low.endswith("'ve"):
        return None
    at = i + 1
    while _low(words, at) in _BETWEEN:
        at += 1
    verb = _low(words, at)
    made = _PARTICIPLES.get(verb)
    return (made and _edit(words, at, at + 1, made, K.TENSE, "participle after have", 0.93)) or None


_PARTICIPLES = {
    "saw": "seen", "went": "gone", "did": "done", "ate": "eaten", "wrote": "written", "took": "taken",
    "gave": "given", "knew": "known", "drank": "drunk", "drove": "driven", "spoke": "spoken", "was": "been",
    "forgot": "forgotten", "broke": "broken", "chose": "chosen", "were": "been", "began": "begun",
    "became": "become", "came": "come", "fell": "fallen", "grew": "grown", "sang": "sung", "swam": "swum",
}  # fmt: skip


def verb_in_ing(words: Sequence[str], i: int) -> GrammarEdit | None:
    """I love spend time, for never get paid, without say."""
    low = _low(words, i)
    at = i + 1
    if low in _ING_AFTER and _low(words, at) in _ING_VERBS and not _ends(words, at + 1):
        made = m.inflect(_low(words, at), "VERB", "VBG")
        return (made and _edit(words, at, at + 1, made, K.TENSE, "verb in -ing", 0.85)) or None
    if low in _ING_PREPOSITIONS:
        at += _low(words, at) in ("never", "not")
        verb = _low(words, at)
        if verb in ("get", "be", "become", "say", "know", "think", "eat", "learn", "go", "do"):
            if verb in ("do", "go", "say", "think") and low not in ("without",):
                return None
            made = m.inflect(verb, "VERB", "VBG") or "being"
            return _edit(words, at, at + 1, made, K.TENSE, "-ing after a preposition", 0.88)
    return None


def a_before_singular(words: Sequence[str], i: int) -> GrammarEdit | None:
    """I was kid, it is great movie: a countable noun in the singular needs an article."""
    low = _low(words, i)
    subject = _low(words, i - 1)
    joint = low in ("it's", "that's", "he's", "she's", "i'm", "this's")
    if not joint and (low not in ("is", "was", "am") or subject not in _SUBJECTS | {"this", "that"}):
        return None
    at = i + 1 + (_low(words, i + 1) == "not")
    start, adjectives = at, 0
    while _low(words, at) in _DEGREE - {"such", "so", "too"} or _adjective(_low(words, at)):
        adjectives += _adjective(_low(words, at))
        at += 1
    noun = _low(words, at)
    boundary = _ends(words, at + 1) or _low(words, at + 1) in (
        "about",
        "from",
        "with",
        "and",
        "that",
        "in",
        "when",
    )
    right = (
        noun in _ROLES
        if not adjectives
        else noun in _COUNT | _ROLES | {"idea", "place", "series", "choice", "day"}
    )
    if not boundary or not right:
        return None
    vowel = m.vowel_sound(_low(words, start))
    article = "an" if vowel else "a"
    return GrammarEdit(start, start, "", article, K.ARTICLE, 0.88, "a with a singular noun")


def _adjective(word: str) -> bool:
    return "JJ" in m.tags(word) and word not in m.CLOSED and word not in ("kid", "same", "fan", "best", "own")


def no_article(words: Sequence[str], i: int) -> GrammarEdit | None:
    """An information, a news: no article with what cannot be counted; the US always has one."""
    low = _low(words, i)
    if low in ("a", "an") and _low(words, i + 1) in _BARE_UNCOUNTABLE and not m.noun(_low(words, i + 2)):
        return _edit(words, i, i + 1, "", K.ARTICLE, "no article", 0.9)
    if (
        low in ("from", "in", "to")
        and i + 1 < len(words)
        and words[i + 1] in _COUNTRIES
        and _ends(words, i + 2)
    ):
        return GrammarEdit(i + 1, i + 1, "", "the", K.ARTICLE, 0.9, "the with a country")
    return None


def missing_it(words: Sequence[str], i: int) -> GrammarEdit | None:
    """I like. Never heard of. Is a good movie. That nice: what a statement needs."""
    low, mark = _low(words, i), _mark(words, i)
    if _starts(words, i) and mark != "?":
        if low == "is" and _low(words, i + 1) in ("a", "an", "the", "not", "very", "more", "really", "about"):
            return _edit(words, i, i + 1, "it's", K.OTHER, "missing subject", 0.85)
        praised = _low(words, i + 1) in ("nice", "great", "awesome", "good", "cool", "amazing")
        if low == "that" and praised and _ends(words, i + 2):
            return _edit(words, i, i + 1, "that's", K.TENSE, "missing is", 0.9)
    if low in _NO_OBJECT and i + 1 < len(words) and words[i + 1] in (".", "!") and mark != "?":
        subject = i - 1 - (_low(words, i - 1) in _BETWEEN | m.MODALS)
        before = _low(words, subject - 1)
        if _low(words, subject) in _SUBJECTS - {"it"} and (
            _starts(words, subject) or before in _CLAUSE_START | {","}
        ):
            return GrammarEdit(i + 1, i + 1, "", "it", K.OTHER, 0.75, "missing object")
    if low == "of" and _low(words, i - 1) == "heard" and i + 1 < len(words) and words[i + 1] in (".", "!"):
        never = _low(words, i - 2) in ("never", "not", "haven't")
        if never:
            return GrammarEdit(i + 1, i + 1, "", "it", K.OTHER, 0.85, "missing object")
    return None


def feeling(words: Sequence[str], i: int) -> GrammarEdit | None:
    """I am boring: who feels it takes -ed."""
    low = _low(words, i)
    at = i + (2 if low == "i" and _low(words, i + 1) in ("am", "was") else 1 if low == "i'm" else 99)
    at += _low(words, at) in _DEGREE
    made = _FEELINGS.get(_low(words, at))
    if made and (_ends(words, at + 1) or _low(words, at + 1) in ("to", "in", "about", "with", "for", "by")):
        return _edit(words, at, at + 1, made, K.WORD_CHOICE, "feelings in -ed", 0.9)
    return None


def helper(words: Sequence[str], i: int) -> GrammarEdit | None:
    """What you think? Why you are late? I not like: a question or a negation needs its helper."""
    low, second, third = (_low(words, i + n) for n in range(3))
    if low in _WH and _starts(words, i) and _mark(words, i) == "?" and second in m.PLURAL_PRONOUNS:
        if third in ("are", "were", "can", "should", "will"):
            return _edit(words, i + 1, i + 3, f"{third} {words[i + 1]}", K.WORD_ORDER, "question order", 0.9)
        if "VB" in m.tags(third) and third not in m.AUXILIARIES:
            return GrammarEdit(i + 1, i + 1, "", "do", K.TENSE, 0.9, "do in a question")
    if (
        low in _SUBJECTS
        and second in ("not", "no")
        and third in _STATES
        and not _low(words, i - 1).endswith(("do", "did"))
    ):
        if _low(words, i - 1) in m.AUXILIARIES | {"why"}:
            return None
        made = "doesn't" if low in m.SINGULAR_PRONOUNS else "don't"
        return _edit(words, i + 1, i + 2, made, K.TENSE, "don't", 0.9)
    return None


def past(words: Sequence[str], i: int) -> GrammarEdit | None:
    """Yesterday I go: the time says that it is past."""
    if _low(words, i) not in _SUBJECTS or _low(words, i - 1) in m.AUXILIARIES:
        return None
    verb = _low(words, i + 1)
    tags = m.tags(verb)
    if (
        not {"VB", "VBZ"} & tags
        or "VBD" in tags
        or verb in m.AUXILIARIES - {"have", "has", "is", "are", "am", "do"}
    ):
        return None
    first = next((n for n in range(i, -1, -1) if _starts(words, n)), 0)
    last = next((n for n in range(i, len(words)) if is_sentence_mark(words[n])), len(words))
    clause = [w.lower() for w in words[first:last]]
    timed = "yesterday" in clause or any(
        a == "last" and b in _UNITS for a, b in pairwise(clause)
    ) or ("ago" in clause and "that" not in clause)  # fmt: skip
    if (
        not timed
        or "think" in clause
        or verb in ("think", "know", "hope", "guess", "mean", "believe", "remember")
    ):
        return None
    if len(clause) > 12 or any(w in clause for w in ("but", "now", "because", "so", "when", "and")):
        return None
    irregular = {"have": "had", "has": "had", "is": "was", "am": "was", "are": "were", "do": "did"}
    made = irregular.get(verb) or m.inflect(verb, "VERB", "VBD")
    if verb in ("am", "is", "are") and "VBG" in m.tags(_low(words, i + 2)):
        return None
    return (made and _edit(words, i + 1, i + 2, made, K.TENSE, "past with its time", 0.88)) or None


def noun_and_verb(words: Sequence[str], i: int) -> GrammarEdit | None:
    """The movie tell, my friends likes: the verb right after a noun that can only be its subject."""
    low, noun, verb = (_low(words, i + n) for n in range(3))
    before = _low(words, i - 1)
    opens = _starts(words, i) or before in ("and", "but", "because", "that", ",")
    if low not in m.POSSESSIVES | {"the", "this", "these", "those"} or not opens:
        return None
    tags = m.tags(verb)
    if (
        m.plural(noun)
        and "VBZ" in tags
        and not tags & {"NN", "NNS", "VB", "JJ"}
        and verb not in m.AUXILIARIES
    ):
        made = m.inflect(verb, "VERB", "VB")
    elif noun in _PEOPLE_AND_THINGS and verb in _BARE:
        made = m.inflect(verb, "VERB", "VBZ")
    else:
        return None
    return (made and _edit(words, i + 2, i + 3, made, K.AGREEMENT, "subject and verb", 0.88)) or None


_PEOPLE_AND_THINGS = frozenset(
    """movie film story book song girlfriend boyfriend brother sister mother father friend teacher boss wife
    husband daughter son family company man woman girl boy cat dog""".split()
)
_BARE = frozenset("tell love like want go say live work make take come need know think play speak".split())


def since_for(words: Sequence[str], i: int) -> GrammarEdit | None:
    """Since two years: for, with a length of time."""
    if _low(words, i) != "since" or _low(words, i + 3) == "ago":
        return None
    number, unit = _low(words, i + 1), _low(words, i + 2)
    if (number in m.NUMBERS or number.isdigit()) and unit in ("years", "months", "weeks", "days", "hours"):
        return _edit(words, i, i + 1, "for", K.PREPOSITION, "for with a length of time", 0.93)
    return None


RULES = (
    bare_plural,
    after_do,
    participle,
    verb_in_ing,
    a_before_singular,
    no_article,
    missing_it,
    feeling,
    helper,
    past,
    noun_and_verb,
    since_for,
)
