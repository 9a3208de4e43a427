"""How good a reply is beyond being true: a rubric that code can compute, and how varied many replies are.

The verifier says whether a text may be shown; the rubric says which of several that may be shown helps most.
It looks for what feedback research asks for: specific praise, one thing to do, and how to do it (Hattie and
Timperley, 2007; Lyster and Saito, 2010).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import exp, log

from speechtutor.tutor.evidence import Evidence
from speechtutor.tutor.facts import QUOTED, WORD, asks, facts, words_of
from speechtutor.tutor.verify import holds, split_sentences

SHORTEST, LONGEST = 8, 45
"""Words of a reply that is neither curt nor a lecture."""

PLAIN_GRADE = 5.0
"""School grade up to which a reply is plain enough for A2 (ours)."""

OPENING = 3
"""Words by which two openings are told apart."""

SAID_OF_HOW = 0.8
"""Share of the hint's words from which a reply says how."""


@dataclass(frozen=True, slots=True)
class Rubric:
    """What a reply does, each 0 or 1; None where the evidence has nothing of the kind."""

    word: float | None
    """Names the word of the finding."""
    sound: float | None
    """Names its sound."""
    how: float | None
    """Says how to make it, in the words of our hint."""
    task: float
    """Ends with one question and asks no other: one thing to do."""
    praise: float
    """Begins with praise of what was good, by its name where it is a word."""
    plain: float
    """Is easy to read."""
    length: float
    """Is neither curt nor long."""

    @property
    def total(self) -> float:
        """The mean of what applies, in [0, 1]."""
        known = [value for value in self.parts().values() if value is not None]
        return sum(known) / len(known)

    def parts(self) -> dict[str, float | None]:
        """All by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def rubric(text: str, evidence: Evidence) -> Rubric:
    """What a reply about the evidence does."""
    known, sentences, words = facts(evidence), split_sentences(text), words_of(text)
    questions = [sentence for sentence in sentences if asks(sentence)]
    told = [words_of(sentence) for sentence in sentences]
    first = set(told[0]) if told else set()
    best = evidence.strengths[0].word.lower() if evidence.strengths else ""
    hint = known.hint
    return Rubric(
        word=float(holds(words, words_of(known.flagged))) if known.flagged else None,
        sound=float(bool(re.search(rf"\b{re.escape(known.target)}\b", text.lower())))
        if known.target
        else None,
        how=float(any(len(hint & set(t)) >= SAID_OF_HOW * len(hint) for t in told)) if hint else None,
        task=float(len(questions) == 1 and asks(sentences[-1])),
        praise=float(bool(first) and (not best or set(words_of(best)) <= first)),
        plain=float(reading_grade(text) <= PLAIN_GRADE),
        length=float(SHORTEST <= len(words) <= LONGEST),
    )


def reading_grade(text: str) -> float:
    """The school grade that a text needs (Kincaid et al., 1975); syllables are runs of vowel letters."""
    words = words_of(text)
    if not words:
        return 0.0
    syllables = sum(max(len(re.findall(r"[aeiouy]+", word.removesuffix("e") or word)), 1) for word in words)
    n_sentences = max(len(split_sentences(text)), 1)
    return 0.39 * len(words) / n_sentences + 11.8 * syllables / len(words) - 15.59


def masked(text: str) -> list[str]:
    """The words of a reply with what it quotes as one and the same word: what is left is its manner."""
    return WORD.findall(QUOTED.sub(" Q ", text).lower())


def opening(text: str) -> str:
    """The first words of a reply, whatever it quotes."""
    return " ".join(masked(text)[:OPENING])


def distinct(texts: Sequence[str], n: int = 2) -> float:
    """The share of different n-grams among all of the texts, what they quote masked (Li et al., 2016)."""
    grams = [tuple(words[i : i + n]) for words in map(masked, texts) for i in range(len(words) - n + 1)]
    return len(set(grams)) / len(grams) if grams else 0.0


def self_bleu(texts: Sequence[str], most: int = 4) -> float:
    """How alike texts are, in [0, 1]: the mean BLEU of each against all others (Zhu et al., 2018).

    What they quote is masked; counts are smoothed by one so that short texts have a value.
    """
    words = [row for row in map(masked, texts) if row]
    if len(words) < 2:
        return 0.0
    grams = [[Counter(zip(*(row[i:] for i in range(n)), strict=False)) for row in words]
             for n in range(1, most + 1)]  # fmt: skip
    return sum(_bleu(grams, [len(row) for row in words], at) for at in range(len(words))) / len(words)


def _bleu(grams: Sequence[Sequence[Counter[tuple[str, ...]]]], lengths: Sequence[int], at: int) -> float:
    """BLEU (Papineni et al., 2002) of one text against all others; the nearest length is the reference's."""
    total = 0.0
    for of_order in grams:
        mine = of_order[at]
        most: Counter[tuple[str, ...]] = Counter()
        for other, counts in enumerate(of_order):
            if other != at:
                most |= counts & mine
        total += log((sum(most.values()) + 1) / (sum(mine.values()) + 1)) / len(grams)
    others = [length for other, length in enumerate(lengths) if other != at]
    nearest = min(others, key=lambda length: (abs(length - lengths[at]), length))
    return exp(total) * min(1.0, exp(1 - nearest / lengths[at]))
