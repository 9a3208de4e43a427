"""Does a recogniser write what a learner said, or what the learner should have said?

A recogniser with a strong language model "repairs": it writes the right word where a wrong one was
spoken. That flatters its word error rate against the text that was read, and hides from a learner
what has to be practised.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from speechtutor.core import WordScore
from speechtutor.core.score import RATED_WRONG
from speechtutor.text.tokens import words_for_wer

WORD_BELOW = 0.5
"""In [0, 1]: a word is mispronounced when raters gave it less, or a phone of it less than `RATED_WRONG`."""


@dataclass(frozen=True, slots=True)
class Repairs:
    """Rated words of the reference and how many of them the recogniser wrote.

    The share of repaired words says little without that of well spoken words: who writes nothing
    repairs nothing.
    """

    n_wrong: int
    n_repaired: int
    n_right: int
    n_heard: int

    @property
    def share(self) -> float:
        """Of the mispronounced words, how many were written as if they had been right; nan without any."""
        return self.n_repaired / self.n_wrong if self.n_wrong else float("nan")

    @property
    def heard(self) -> float:
        """Of the well spoken words, how many were written; nan without any."""
        return self.n_heard / self.n_right if self.n_right else float("nan")

    def __str__(self) -> str:
        return (
            f"{self.share:.3f} of {self.n_wrong} mispronounced words repaired, "
            f"{self.heard:.3f} of {self.n_right} others heard"
        )


def mispronounced(word: WordScore) -> bool | None:
    """Whether raters found the word wrong as a whole or in one phone; None when nobody rated it."""
    phones = [phone.score for phone in word.phones if phone.score is not None]
    if word.score is None and not phones:
        return None
    whole = word.score is not None and word.score < WORD_BELOW
    return whole or any(score < RATED_WRONG for score in phones)


def written(reference: Sequence[str], hypothesis: Sequence[str]) -> list[bool]:
    """Whether each word of the reference stands in the hypothesis, by jiwer's minimum edit distance.

    Case and punctuation do not count; a reference word of several parts (well-known) is written when
    all of them are, and one without a letter or figure never is.
    """
    import jiwer

    parts = [words_for_wer(word) for word in reference]
    said = words_for_wer(" ".join(hypothesis))
    flat = [part for word in parts for part in word]
    hits: set[int] = set()
    if flat and said:
        for chunk in jiwer.process_words(" ".join(flat), " ".join(said)).alignments[0]:
            if chunk.type == "equal":
                hits |= set(range(chunk.ref_start_idx, chunk.ref_end_idx))
    found, first = [], 0
    for word in parts:
        found.append(bool(word) and all(i in hits for i in range(first, first + len(word))))
        first += len(word)
    return found


def repaired(words: Sequence[WordScore], hypothesis: Sequence[str]) -> Repairs:
    """Count the mispronounced words of one utterance that the recogniser wrote as the reference.

    `words` are the words that were to be read, with raters' scores; `hypothesis` what was written.
    Words that nobody rated are left out.
    """
    n: dict[bool, list[int]] = {True: [0, 0], False: [0, 0]}
    for word, hit in zip(words, written([word.text for word in words], hypothesis), strict=True):
        wrong = mispronounced(word)
        if wrong is not None:
            n[wrong][0] += 1
            n[wrong][1] += hit
    return Repairs(*n[True], *n[False])


def total(counted: Iterable[Repairs]) -> Repairs:
    """The counts of a corpus."""
    rows = [(r.n_wrong, r.n_repaired, r.n_right, r.n_heard) for r in counted]
    return Repairs(*(sum(column) for column in zip(*rows, strict=True))) if rows else Repairs(0, 0, 0, 0)
