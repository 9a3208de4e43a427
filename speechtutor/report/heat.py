"""An utterance laid out for reading: words with their sounds, or a text against what was heard.

Everything is said by colour, by a mark and in words, under the thresholds and classes of the
learner's app (`speechtutor.views.score`), so that a grader sees what a learner saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from speechtutor.core import ErrorType, PhoneScore, WordScore
from speechtutor.core.score import RATED_WRONG
from speechtutor.evaluation.result import Row
from speechtutor.report.overrides import Item, Override
from speechtutor.report.overrides import mean as mean_score
from speechtutor.schema import fraction
from speechtutor.text.phones import PHONES, to_ipa
from speechtutor.tutor.labels import Label, phone_label, word_label
from speechtutor.views import score as score_view


def ipa(phone: str) -> str:
    """A phone in IPA; a symbol that is none of ours stays as it is."""
    return to_ipa(phone) if phone in PHONES else phone


@dataclass(frozen=True, slots=True)
class Chip:
    """One sound: `style` is a class of `views.CSS`; scores 0-100; `verdict` compares with the raters."""

    number: int
    ipa: str
    phone: str
    style: str
    mark: str
    label: str
    machine: float | None
    rated: float | None
    graded: float | None
    heard: str
    perceived: str
    verdict: str


@dataclass(frozen=True, slots=True)
class WordView:
    """One word with its sounds, as `Chip`s."""

    number: int
    text: str
    style: str
    mark: str
    label: str
    machine: float | None
    rated: float | None
    graded: float | None
    chips: Sequence[Chip]


Graded = Mapping[Item, Sequence[Override]]


def words_of(row: Row) -> Sequence[Mapping[str, Any]]:
    """The judged words of a row; none when its kind judges no words."""
    words = row.detail.get("words") or ()
    return words if words and isinstance(words[0], Mapping) else ()


def view(row: Row, graded: Graded) -> list[WordView]:
    """The words of a scored row, numbered from 1."""
    return [_word(row, number, word, graded) for number, word in enumerate(words_of(row), start=1)]


def _word(row: Row, number: int, word: Mapping[str, Any], graded: Graded) -> WordView:
    phones = word.get("phones") or ()
    label = word_label(word_score(word))
    return WordView(
        number=number,
        text=word["text"],
        style=_style(label),
        mark=score_view.MARKS[label],
        label=label.value,
        machine=(word.get("model") or {}).get("accuracy"),
        rated=(word.get("raters") or {}).get("accuracy"),
        graded=_graded(graded, (row.id, number, None)),
        chips=[_chip(phone, i, graded, (row.id, number, i)) for i, phone in enumerate(phones, start=1)],
    )


def _chip(phone: Mapping[str, Any], number: int, graded: Graded, item: Item) -> Chip:
    score = phone_score(phone)
    label = phone_label(score)
    heard, perceived = phone.get("heard"), phone.get("perceived")
    return Chip(
        number=number,
        ipa=ipa(score.canonical),
        phone=score.canonical,
        style=_style(label),
        mark=score_view.MARKS[label],
        label=label.value,
        machine=phone.get("score"),
        rated=phone.get("rated"),
        graded=_graded(graded, item),
        heard=_named(heard if label in (Label.WRONG, Label.MISSING) else None, score.canonical),
        perceived=_named(perceived, score.canonical),
        verdict=verdict(label, phone.get("rated")),
    )


def _graded(graded: Graded, item: Item) -> float | None:
    given = graded.get(item)
    return mean_score(given) if given else None


def _named(phone: str | None, canonical: str) -> str:
    """A phone heard in place of the canonical one, in IPA; empty when it was that one or nobody says."""
    if phone is None or phone == canonical:
        return ""
    return ipa(phone) if phone else "nothing"


def verdict(label: Label, rated: float | None) -> str:
    """Where the machine and the raters part ways on whether a sound is wrong."""
    if rated is None or label is Label.UNKNOWN:
        return ""
    flagged, wrong = label in (Label.WRONG, Label.MISSING), rated < 100 * RATED_WRONG
    if flagged == wrong:
        return ""
    return "false alarm" if flagged else "missed"


def _style(label: Label) -> str:
    return f"st-{label.name.lower()}"


def phone_score(phone: Mapping[str, Any]) -> PhoneScore:
    """A sound of a row as the library's value."""
    score = phone.get("score")
    return PhoneScore(
        phone["expected"],
        fraction(score),
        phone.get("start"),
        phone.get("end"),
        heard=phone.get("heard"),
        confidence=phone.get("confidence"),
        error_probability=phone.get("error_probability"),
        said_probability=phone.get("said_probability"),
    )


def word_score(word: Mapping[str, Any]) -> WordScore:
    """A word of a row as the library's value."""
    score = (word.get("model") or {}).get("accuracy")
    return WordScore(
        word["text"],
        fraction(score),
        error_type=ErrorType(word.get("error_type") or ErrorType.NONE),
        phones=tuple(phone_score(phone) for phone in word.get("phones") or ()),
    )


@dataclass(frozen=True, slots=True)
class Edited:
    """A stretch of a text against what was heard: same, changed, left out or put in."""

    kind: str
    reference: str
    hypothesis: str


def edited(reference: str, hypothesis: str) -> list[Edited]:
    """Both texts side by side, by the minimum edits that the error rate counts."""
    import jiwer

    if not reference.split() or not hypothesis.split():
        kind = "left out" if reference.split() else "put in"
        return [Edited(kind, reference, hypothesis)] if (reference + hypothesis).strip() else []
    found = jiwer.process_words(reference, hypothesis)
    kinds = {"equal": "same", "substitute": "changed", "delete": "left out", "insert": "put in"}
    parts = []
    for chunk in found.alignments[0]:
        left = found.references[0][chunk.ref_start_idx : chunk.ref_end_idx]
        right = found.hypotheses[0][chunk.hyp_start_idx : chunk.hyp_end_idx]
        if chunk.type == "substitute":  # as many words on both sides
            parts += [Edited(kinds[chunk.type], *pair) for pair in zip(left, right, strict=True)]
        else:
            parts.append(Edited(kinds[chunk.type], " ".join(left), " ".join(right)))
    return parts
