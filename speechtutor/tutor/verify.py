"""Hold a model's text against the evidence: what is not borne out by it is refused.

The verifier reads strictly. Every word must come from a closed vocabulary or from the evidence;
words in quotes, sounds, places, numbers and kinds of error must be those of the finding; how to
make a sound must be told in the words of our own hint. A right text that is refused only loses its
warmth, since the rule-based text takes its place; a wrong one that passes would cost trust.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from speechtutor.content.tables import catalogue
from speechtutor.tutor.evidence import Evidence
from speechtutor.tutor.facts import (
    QUOTED,
    Facts,
    Violation,
    asks,
    check,
    comes_after,
    facts,
    facts_of,
    words_of,
)
from speechtutor.tutor.rules import picked

__all__ = ["Violation", "holds", "normal", "split_sentences", "verify", "verify_explained", "verify_sentence"]

MAX_STATEMENTS = 4
MAX_WORDS = 70
MAX_SENTENCE_WORDS = 30
RUN = 5
"""Words in a row that may not come twice."""
LONG_RUN = 9
"""Words in a row that what is told of a second finding may not take from the first: two may sound a little
closer to something else, but how to make a sound is said once."""

_PLAIN = re.compile(r"""[A-Za-z .,;:!?'"\-/()0-9\n]*""")
_BOUNDARY = re.compile(r"""(?<=[.!?])\s+|(?<=[.!?]")\s+(?=[A-Z"])""")
_STRAIGHT = str.maketrans({"“": '"', "”": '"', "’": "'", "‘": "'", "–": ",", "—": ","})


def verify(text: str, evidence: Evidence) -> list[Violation]:
    """All reasons to refuse a whole text; an empty list means that it may be shown."""
    found, tidy = facts(evidence), normal(text)
    problems = [v for one in split_sentences(tidy) for v in _sentence(one, facts_of(one, evidence))]
    problems += _order(tidy, evidence)
    if "\n" in tidy:
        problems.append(Violation("markup", "more than one line"))
    return [*problems, *_coverage(tidy, found), *_length(tidy), *_repetition(tidy)]


def verify_sentence(sentence: str, evidence: Evidence, *, before: str = "") -> list[Violation]:
    """Reasons to refuse one sentence of a text that is still being written, after what came before."""
    tidy = normal(sentence)
    text = f"{before} {tidy}".strip()
    problems = [*_sentence(tidy, facts_of(tidy, evidence)), *_order(text, evidence)]
    return [*problems, *_length(text), *_repetition(text)]


def verify_explained(text: str, evidence: Evidence, lang: str) -> list[Violation]:
    """Reasons to refuse a text in another language than English.

    Such texts come from the catalogue of messages, so only what the evidence filled in is looked at:
    every word in quotes and, where the language has its own script, every Latin one must be the
    evidence's, the flagged word must be named, and there may be no number.
    """
    found = facts(evidence)
    quoted = {name.lower() for name in QUOTED.findall(text)}
    if not catalogue(lang)["language"]["latin"]:
        quoted |= set(re.findall(r"[a-z']+", text.lower()))
    problems = [Violation("mention", name) for name in sorted(quoted - found.names - found.sounds)]
    problems += [Violation("number", digits) for digits in re.findall(r"\d+", text)]
    if found.flagged and found.flagged not in quoted:
        problems.append(Violation("coverage", f"does not name {found.flagged!r}"))
    return problems


def normal(text: str) -> str:
    """The text with typographic quotes and dashes made plain and outer space removed."""
    return text.translate(_STRAIGHT).strip()


def split_sentences(text: str) -> list[str]:
    """Sentences with their final marks; a closing quote belongs to the sentence before it."""
    return [part for part in _BOUNDARY.split(text) if part.strip()]


def _sentence(sentence: str, found: Facts) -> Iterator[Violation]:
    if not _PLAIN.fullmatch(sentence) or "//" in sentence or sentence.startswith("-"):
        yield Violation("markup", sentence[:60])
    if sentence.count('"') % 2:
        yield Violation("markup", "an unclosed quote")
    if len(words_of(sentence)) > MAX_SENTENCE_WORDS:
        yield Violation("length", f"a sentence of {len(words_of(sentence))} words")
    yield from check(sentence, found)


def _order(text: str, evidence: Evidence) -> Iterator[Violation]:
    """What comes second is told second, and once."""
    told = [facts_of(sentence, evidence).finding for sentence in split_sentences(text)]
    second = [at for at, finding in enumerate(told) if finding and finding is not picked(evidence)[0]]
    first = facts(evidence).flagged
    before = text if not second else " ".join(split_sentences(text)[: second[0]])
    if second and (len(second) > 1 or not holds(words_of(before), words_of(first))):
        yield Violation("order", "the second finding without the first before it, or twice")


def _coverage(text: str, found: Facts) -> Iterator[Violation]:
    statements = [words_of(s) for s in split_sentences(text) if not asks(s)]
    if not any(statements):
        yield Violation("empty", "no statement")
    elif found.flagged and not any(holds(statement, words_of(found.flagged)) for statement in statements):
        yield Violation("coverage", f"does not name {found.flagged!r}")


def holds(words: list[str], part: list[str]) -> bool:
    """Whether words stand in a text one after the other: "is" is in "it is" and not in "this"."""
    return any(words[i : i + len(part)] == part for i in range(len(words) - len(part) + 1))


def _length(text: str) -> Iterator[Violation]:
    sentences, n_words = split_sentences(text), len(words_of(text))
    n_questions = sum(map(asks, sentences))
    if n_words > MAX_WORDS or len(sentences) - n_questions > MAX_STATEMENTS:
        yield Violation("length", f"{n_words} words in {len(sentences)} sentences")
    if n_questions > 1:
        yield Violation("length", "more than one question")


def _twice(words: Sequence[str], n: int) -> tuple[str, ...]:
    """The first `n` words in a row that come twice."""
    runs = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    return next((run for run, count in Counter(runs).items() if count > 1), ())


def _repetition(text: str) -> Iterator[Violation]:
    words, said = words_of(text), [" ".join(words_of(sentence)) for sentence in split_sentences(text)]
    if len(set(said)) < len(said):
        yield Violation("repetition", "a sentence twice")
    sentences = split_sentences(text)
    first = " ".join(one for one in sentences if not comes_after(one))
    parts = [words_of(part) for part in (first, *filter(comes_after, sentences))]
    run = next(filter(None, (*(_twice(part, RUN) for part in parts), _twice(words, LONG_RUN))), None)
    if run:
        yield Violation("repetition", " ".join(run))
    if any(a == b == c for a, b, c in zip(words, words[1:], words[2:], strict=False)):
        yield Violation("repetition", "a word three times")
