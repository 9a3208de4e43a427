"""Synthetic learner errors: rules that put one plausible mistake into a clean sentence.

Each rule undoes what learners find hard (articles, agreement, tense and verb form, prepositions,
number, order, confusable words, small words that are left out); how often each is used follows
`WEIGHTS`. A sentence that a rule cannot change is left to the others.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from speechtutor.core import GrammarKind
from speechtutor.grammar import morphology as m
from speechtutor.grammar.edits import is_word

Change = tuple[int, int, str]
"""Tokens [start, end) become these words."""
Noise = Callable[[Sequence[str], random.Random], list[Change]]

WEIGHTS: dict[GrammarKind, float] = {
    GrammarKind.ARTICLE: 2.0,
    GrammarKind.AGREEMENT: 2.0,
    GrammarKind.TENSE: 3.0,
    GrammarKind.PREPOSITION: 3.0,
    GrammarKind.PLURAL: 2.0,
    GrammarKind.WORD_ORDER: 1.0,
    GrammarKind.WORD_CHOICE: 2.0,
    GrammarKind.OTHER: 1.5,
}

_SWAPPED = (
    "in on at",
    "to for",
    "of from by",
    "in to into",
    "with by for",
    "about of on",
    "for since during",
)
_PREPOSITION_SWAPS = {w: [o for g in _SWAPPED if w in g.split() for o in g.split() if o != w]
                      for w in {w for g in _SWAPPED for w in g.split()}}  # fmt: skip
_CONFUSED = (
    "say tell talk", "told said", "make do", "makes does", "made did", "look see watch", "saw watched looked",
    "seen watched", "much many", "fun funny", "other another", "story history", "job work", "trip travel",
    "excited exciting", "interested interesting", "bored boring", "tired tiring", "surprised surprising",
    "hear listen", "good well", "very much", "too very", "also too", "than then", "because so", "who which",
    "who what", "during while", "until when", "favorite best", "borrow lend", "teach learn", "true truth",
    "easy easily", "real really", "quick quickly", "nice nicely", "beautiful beautifully", "slow slowly",
    "different difference", "important importance", "happy happiness", "death dead", "danger dangerous",
    "success successful", "health healthy", "recommend indicate", "horror terror", "few little",
    "them it", "remember remind", "everyone everything", "anything any", "something some", "people person",
)  # fmt: skip
_CONFUSIONS: dict[str, list[str]] = {}
for _group in _CONFUSED:
    for _word in _group.split():
        _CONFUSIONS.setdefault(_word, []).extend(w for w in _group.split() if w != _word)
_ADVERBS = frozenset("always never often usually sometimes also really still already just only ever".split())
_AGREE = {"is": "are", "are": "is", "was": "were", "were": "was", "has": "have", "have": "has", "does": "do",
          "do": "does", "don't": "doesn't", "doesn't": "don't", "am": "is"}  # fmt: skip
_INSERTED_AFTER = {"discuss": "about", "enter": "to", "marry": "with", "reach": "to", "answer": "to",
                   "suggest": "for", "recommend": "for", "visit": "to", "contact": "with",
                   "ask": "to"}  # fmt: skip
_EVERY = frozenset("i you he she it we they".split())


def _low(words: Sequence[str], i: int) -> str:
    return words[i].lower() if 0 <= i < len(words) else ""


def _as(span: tuple[int, int], made: str | None) -> list[Change]:
    return [(*span, made)] if made else []


def _article(words: Sequence[str], rng: random.Random) -> list[Change]:
    found = []
    for i, word in enumerate(words):
        low, after = word.lower(), _low(words, i + 1)
        if low in m.ARTICLES:
            found += [(i, i + 1, ""), (i, i + 1, "")]
            found.append((i, i + 1, {"a": "the", "an": "a", "the": rng.choice(["a", "a", "this"])}[low]))
        elif is_word(word) and low not in m.CLOSED and _low(words, i - 1) not in m.CLOSED - m.PREPOSITIONS:
            bare = m.plural(low) or low in m.UNCOUNTABLE
            if bare and not {"JJ", "VBG"} & m.tags(_low(words, i - 1)) and is_word(after or "x"):
                found.append((i, i, "the"))
    return found


def _agreement(words: Sequence[str], rng: random.Random) -> list[Change]:
    found = []
    for i, word in enumerate(words):
        low, before = word.lower(), _low(words, i - 1)
        if low in _AGREE and (before in _EVERY or m.noun(before)):
            found.append((i, i + 1, _AGREE[low]))
        elif before in m.SINGULAR_PRONOUNS or (m.singular(before) and not m.noun(low)):
            if "VBZ" in m.tags(low) and (made := m.inflect(low, "VERB", "VB")):
                found.append((i, i + 1, made))
        elif before in m.PLURAL_PRONOUNS and "VB" in m.tags(low) and low not in m.AUXILIARIES:
            found += _as((i, i + 1), m.inflect(low, "VERB", "VBZ"))
        if low in ("this", "these") and m.noun(_low(words, i + 1)):
            found.append((i, i + 1, "these" if low == "this" else "this"))
    return found


def _tense(words: Sequence[str], rng: random.Random) -> list[Change]:
    found = []
    for i, word in enumerate(words):
        low = word.lower()
        if low in ("will", "have", "has", "had", "did", "'ll") and m.verb(_low(words, i + 1)):
            found.append((i, i + 1, ""))
        if low in _PAST_BE:
            if "VBG" in m.tags(_low(words, i + 1)):
                found.append((i, i + 1, ""))
            found.append((i, i + 1, _PAST_BE[low]))
        base = m.inflect(low, "VERB", "VB")
        if base is not None and low not in m.AUXILIARIES and "NN" not in m.tags(low):
            found += _verb_forms(words, i, base, rng)
    return found


_PAST_BE = {"is": "was", "are": "were", "am": "was", "was": "is", "were": "are"}
_BARE_AFTER = m.MODALS | m.DO | {"don't", "didn't", "doesn't", "can't", "won't"}


def _verb_forms(words: Sequence[str], i: int, base: str, rng: random.Random) -> list[Change]:
    """The verb at `i` in another form than its place asks for."""
    low, before = words[i].lower(), _low(words, i - 1)
    tags = m.tags(low)
    if "VBD" in tags and ("VBN" not in tags or before in _EVERY):
        return [(i, i + 1, base)] * 2
    if "VBN" in tags and before in m.HAVE | m.BE:
        return [(i, i + 1, w) for w in (base, m.inflect(low, "VERB", "VBD")) if w and w != low]
    if "VBG" in tags:
        return [(i, i + 1, base), (i, i + 1, f"to {base}")]
    if "VB" in tags and before == "to":
        return [(i - 1, i + 1, low), *_as((i - 1, i + 1), m.inflect(low, "VERB", "VBG"))]
    if "VB" in tags and before in _BARE_AFTER:
        made = [m.inflect(low, "VERB", tag) for tag in ("VBG", "VBD")]
        return [(i, i, "to"), *((i, i + 1, w) for w in made if w and w != low)]
    if {"VBP", "VB"} & tags and before in _EVERY:
        made_one = m.inflect(low, "VERB", rng.choice(["VBG", "VBD"]))
        return _as((i, i + 1), made_one if made_one != low else None)
    return []


def _preposition(words: Sequence[str], rng: random.Random) -> list[Change]:
    found = []
    for i, word in enumerate(words):
        low = word.lower()
        if low == "to" and "VB" in m.tags(_low(words, i + 1)):
            continue
        if low in _PREPOSITION_SWAPS:
            found += [(i, i + 1, rng.choice(_PREPOSITION_SWAPS[low])), (i, i + 1, "")]
        base = next(iter(m.lemmas(low).get("VERB", ())), "")
        if base in _INSERTED_AFTER and _low(words, i + 1) not in m.PREPOSITIONS | {""}:
            found.append((i + 1, i + 1, _INSERTED_AFTER[base]))
        if low in ("last", "next", "every") and m.noun(_low(words, i + 1)):
            found.append((i, i, rng.choice(["in", "on"])))
    return found


def _plural(words: Sequence[str], rng: random.Random) -> list[Change]:
    found: list[Change] = []
    for i, word in enumerate(words):
        low, before = word.lower(), _low(words, i - 1)
        if low in m.CLOSED or before in _EVERY:
            continue
        if m.plural(low) and "VBZ" not in m.tags(low):
            base = m.lemmas(low)["NOUN"][0]
            found += [(i, i + 1, base)] * 2
        elif m.plural(low) and before in m.PLURAL_DETERMINERS | m.NUMBERS | m.POSSESSIVES:
            found.append((i, i + 1, m.lemmas(low)["NOUN"][0]))
        elif low in m.UNCOUNTABLE and (made := m.inflect(low, "NOUN", "NNS")):
            found.append((i, i + 1, made if made != low else f"{low}s"))
        elif m.singular(low) and before in m.SINGULAR_DETERMINERS | m.POSSESSIVES | {"the"}:
            found += _as((i, i + 1), m.pluralised(low))
    return found


def _order(words: Sequence[str], rng: random.Random) -> list[Change]:
    found: list[Change] = []
    for i in range(len(words) - 1):
        low, after = _low(words, i), _low(words, i + 1)
        pair = f"{words[i + 1]} {words[i]}"
        adverb = (low in _ADVERBS and m.verb(after)) or (m.verb(low) and after in _ADVERBS)
        adjective = "JJ" in m.tags(low) and m.noun(after) and low not in m.CLOSED and not m.verb(after)
        question = low in m.QUESTION_WORDS and after in m.BE | m.DO | m.MODALS
        if adverb or adjective:
            found.append((i, i + 2, pair.lower() if i == 0 else pair))
        elif question and _low(words, i + 2) in _EVERY:
            found.append((i + 1, i + 3, f"{words[i + 2]} {words[i + 1]}"))
        elif low == "enough" and i and "JJ" in m.tags(_low(words, i - 1)):
            found.append((i - 1, i + 1, f"{words[i]} {words[i - 1]}"))
        if low == "very" and after == "much" and i:
            found.append((i - 1, i + 2, f"very much {words[i - 1]}"))
    return found


def _choice(words: Sequence[str], rng: random.Random) -> list[Change]:
    return [
        (i, i + 1, rng.choice(_CONFUSIONS[word.lower()]))
        for i, word in enumerate(words)
        if word.lower() in _CONFUSIONS and not (word.lower() in m.DO and _auxiliary(words, i))
    ]


def _auxiliary(words: Sequence[str], i: int) -> bool:
    """Whether a form of do only helps another verb."""
    return _low(words, i + 1) in _EVERY | {"not", "n't"} or i == 0


def _small_words(words: Sequence[str], rng: random.Random) -> list[Change]:
    found: list[Change] = []
    for i, word in enumerate(words):
        low, before, after = word.lower(), _low(words, i - 1), _low(words, i + 1)
        if low in ("it", "them", "that", "one") and m.verb(before) and not m.verb(after):
            found += [(i, i + 1, "")] * 2
        if low in ("it's", "that's", "there's"):
            found += [(i, i + 1, "is")] * 2
        if low in ("i'm", "he's", "she's", "you're", "we're", "they're"):
            found.append((i, i + 1, low.partition("'")[0].replace("i", "I")))
        if low in ("is", "are", "am") and before in _EVERY:
            found.append((i, i + 1, ""))
        if low in _EVERY and after in m.AUXILIARIES and i and low == "it":
            found.append((i, i + 1, ""))
        if low in ("do", "did", "does") and after in _EVERY and i <= 1:
            found.append((i, i + 1, ""))
        if low in ("better", "easier", "bigger", "cheaper", "faster", "older"):
            found.append((i, i, "more"))
    return found


NOISES: dict[GrammarKind, Noise] = {
    GrammarKind.ARTICLE: _article,
    GrammarKind.AGREEMENT: _agreement,
    GrammarKind.TENSE: _tense,
    GrammarKind.PREPOSITION: _preposition,
    GrammarKind.PLURAL: _plural,
    GrammarKind.WORD_ORDER: _order,
    GrammarKind.WORD_CHOICE: _choice,
    GrammarKind.OTHER: _small_words,
}


def spoil(words: Sequence[str], n_errors: int, rng: random.Random) -> tuple[list[str], list[GrammarKind]]:
    """The sentence with up to `n_errors` mistakes, and what they are, in the order they were made.

    A mistake is never put beside an earlier one, so that each stays what it is.
    """
    made, kinds = list(words), []
    touched: list[tuple[int, int]] = []
    for _ in range(n_errors):
        options = list(WEIGHTS)
        while options:
            kind = rng.choices(options, [WEIGHTS[k] for k in options])[0]
            options.remove(kind)
            free = [c for c in NOISES[kind](made, rng) if _apart(c, touched) and _changes(made, c)]
            if free:
                start, end, after = rng.choice(free)
                made, touched = _put(made, (start, end, after), touched)
                kinds.append(kind)
                break
    return made, kinds


def _changes(words: Sequence[str], change: Change) -> bool:
    start, end, after = change
    kept = len(words) - (end - start) + len(after.split())
    return " ".join(words[start:end]).lower() != after.lower() and kept > 1


def _apart(change: Change, touched: Sequence[tuple[int, int]]) -> bool:
    return all(change[1] + 1 < start or change[0] > end + 1 for start, end in touched)


def _put(
    words: list[str], change: Change, touched: Sequence[tuple[int, int]]
) -> tuple[list[str], list[tuple[int, int]]]:
    start, end, after = change
    new = after.split()
    made = words[:start] + new + words[end:]
    if start == 0 and made and words[0][:1].isupper():
        made[0] = made[0][:1].upper() + made[0][1:]
        if words[0] != "I" and len(made) > 1 and not new and made[1] == words[0]:
            made[1] = made[1].lower()
    shift = len(new) - (end - start)
    moved = [(a + shift, b + shift) if a >= end else (a, b) for a, b in touched]
    return made, [*moved, (start, start + len(new))]
