"""What may be said about an utterance: findings, strengths and cautions, each with an id.

Everything a tutor tells a learner is drawn from an `Evidence`; the verifier holds a model's text
against it. Findings are ranked by what a mix-up costs understanding (functional load, Brown 1988)
x error probability x confidence x how often this learner has missed the sound before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from speechtutor.content.tables import functional_load, sounds, word_set
from speechtutor.core import Caution, Code, ErrorType, LearnerState, PhoneScore, UtteranceScore, WordScore
from speechtutor.core.score import ERROR_THRESHOLD, LEAST_CONFIDENCE

DOUBT = 0.05
"""Error probability below which nothing is to be said against a sound."""

SURE = LEAST_CONFIDENCE
"""Confidence below which the tutor asks to repeat instead of correcting; unmeasured passes."""

WELL_SAID = 0.8
"""Score from which a word or an aspect is praised."""

ALL_GOOD = 0.75
"""Overall score below which something is to be worked on, even where no single sound is surely wrong."""

MOSTLY_MISSING = 0.5
"""Share of omitted words from which the text was not read at all."""

REPETITION_PRIOR = 4
"""Attempts at a phone after which a learner's record weighs half."""

_BLOCKING = frozenset({Code.SILENCE, Code.TOO_SHORT, Code.OFF_TEXT})
# Ours, on the scale of the functional loads: a lost content word outweighs most single sounds.
_WORD_LOAD = {"omission": 0.8, "unsure": 0.5, "extra_sound": 0.2, "break": 0.3, "monotone": 0.3}
_OTHER_LOAD = 0.2
_SMALL_WORD_SHARE = 0.5
_SMALL_WORDS = frozenset({"a", "an", "the", "of", "to", "in", "on", "at", "is", "are", "and", "it"})


class FindingKind(StrEnum):
    """What a finding is about."""

    SUBSTITUTION = "substitution"
    DELETION = "deletion"
    UNCLEAR = "unclear"
    OMISSION = "omission"
    INSERTION = "insertion"
    EXTRA_SOUND = "extra_sound"
    REPETITION = "repetition"
    BREAK = "break"
    MISSING_BREAK = "missing_break"
    MONOTONE = "monotone"
    UNSURE = "unsure"


_WORD_KINDS = {
    ErrorType.OMISSION: FindingKind.OMISSION,
    ErrorType.INSERTION: FindingKind.INSERTION,
    ErrorType.REPETITION: FindingKind.REPETITION,
    ErrorType.UNEXPECTED_BREAK: FindingKind.BREAK,
    ErrorType.MISSING_BREAK: FindingKind.MISSING_BREAK,
    ErrorType.MONOTONE: FindingKind.MONOTONE,
    ErrorType.UNSURE: FindingKind.UNSURE,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that went wrong.

    `phone` and `heard` are None for findings about a whole word; `heard` is "" for a sound that was
    left out; an extra sound has no `phone`. `position` is start, middle or end of the word. `weight` ranks
    findings, in [0, 2].
    """

    id: str
    kind: FindingKind
    word: str
    index: int
    phone: str | None = None
    heard: str | None = None
    position: str = ""
    probability: float = 1.0
    confidence: float | None = None
    weight: float = 0.0

    @property
    def sure(self) -> bool:
        """Whether to correct, or else to ask for another try."""
        return self.kind is not FindingKind.UNSURE and (self.confidence is None or self.confidence >= SURE)


@dataclass(frozen=True, slots=True)
class Strength:
    """One true thing to praise: a word, the fluency, that every word was there, or the try itself."""

    id: str
    kind: str
    word: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that may be said about an utterance; findings and strengths come best first.

    `unnamed` says that something was wrong in what may not be quoted; then not all is well.
    """

    text: str
    findings: tuple[Finding, ...]
    strengths: tuple[Strength, ...]
    cautions: tuple[Caution, ...] = ()
    judged: bool = True
    unnamed: bool = False


def gather(score: UtteranceScore, learner: LearnerState) -> Evidence:
    """Collect and rank what the score says; nothing is judged where the recording cannot be."""
    cautions = _cautions(score)
    if any(caution.code in _BLOCKING for caution in cautions) or not _measured(score):
        return Evidence(score.text, (), (), cautions, judged=False)
    found = [
        finding for i, word in enumerate(score.words) for finding in _word_findings(i, word, score, learner)
    ]
    if not found and score.overall is not None and score.overall < ALL_GOOD:
        found = list(_weakest(score))
    # The order of the text breaks ties, so equal scores always give equal advice.
    found.sort(key=lambda finding: (-finding.weight, finding.index))
    findings = tuple(replace(finding, id=f"f{n}") for n, finding in enumerate(found, 1))
    unnamed = any(not plain(word.text) and _is_wrong(word) for word in score.words)
    return Evidence(score.text, findings, _strengths(score, findings), cautions, unnamed=unnamed)


def _is_wrong(word: WordScore) -> bool:
    errors = (error_probability(phone) or 0.0 for phone in word.phones)
    return word.error_type is not ErrorType.NONE or any(error >= ERROR_THRESHOLD for error in errors)


def _measured(score: UtteranceScore) -> bool:
    if score.overall is not None or score.accuracy is not None:
        return True
    phones = (phone for word in score.words for phone in word.phones)
    return any(word.score is not None for word in score.words) or any(p.score is not None for p in phones)


def _cautions(score: UtteranceScore) -> tuple[Caution, ...]:
    """The score's cautions, with OFF_TEXT added when most of the text was left out."""
    expected = [word for word in score.words if word.error_type is not ErrorType.INSERTION]
    omitted = sum(word.error_type is ErrorType.OMISSION for word in expected)
    known = {caution.code for caution in score.cautions}
    if len(expected) > 1 and omitted / len(expected) > MOSTLY_MISSING and Code.OFF_TEXT not in known:
        found = Caution(Code.OFF_TEXT, f"{omitted} of the {len(expected)} words of the text were not heard")
        return (*score.cautions, found)
    return score.cautions


def _word_findings(
    index: int, word: WordScore, score: UtteranceScore, learner: LearnerState
) -> Iterator[Finding]:
    name = plain(word.text)
    if not name:
        return
    sureness = word.confidence if word.confidence is not None else score.confidence
    kind = _WORD_KINDS.get(word.error_type)
    if kind is not None:
        share = _SMALL_WORD_SHARE if name.lower() in _SMALL_WORDS else 1.0
        load = share * _WORD_LOAD.get(kind.value, _OTHER_LOAD)
        yield Finding("", kind, name, index, confidence=sureness, weight=load * _trust(sureness))
    if kind in (FindingKind.OMISSION, FindingKind.INSERTION, FindingKind.REPETITION, FindingKind.UNSURE):
        return
    for at, extra in word.inserted:
        if extra in sounds():
            where = _position(at, len(word.phones) + 1)
            load = _WORD_LOAD["extra_sound"] * _trust(sureness)
            yield Finding("", FindingKind.EXTRA_SOUND, name, index, None, extra, where, 1.0, sureness, load)
    for place, phone in enumerate(word.phones):
        probability = error_probability(phone)
        if probability is None or probability < ERROR_THRESHOLD or phone.canonical not in sounds():
            continue
        heard = phone.heard if phone.heard in sounds() or phone.heard == "" else None
        heard = None if heard == phone.canonical else heard
        certainty = phone.confidence if phone.confidence is not None else sureness
        load = functional_load(phone.canonical, heard)
        yield Finding(
            "",
            _phone_kind(heard),
            name,
            index,
            phone.canonical,
            heard,
            _position(place, len(word.phones)),
            probability,
            certainty,
            load * probability * _trust(certainty) * _habit(phone.canonical, learner),
        )


def _weakest(score: UtteranceScore) -> Iterator[Finding]:
    """The most doubtful sound, as unclear, where no sound is surely wrong."""
    doubts = [
        (probability, -i, -place)
        for i, word in enumerate(score.words)
        for place, phone in enumerate(word.phones)
        if plain(word.text)
        and phone.canonical in sounds()
        and (probability := error_probability(phone)) is not None
    ]
    if doubts and max(doubts)[0] >= DOUBT:
        probability, i, place = max(doubts)[0], -max(doubts)[1], -max(doubts)[2]
        word = score.words[i]
        phone = word.phones[place]
        yield Finding(
            "",
            FindingKind.UNCLEAR,
            plain(word.text),
            i,
            phone.canonical,
            None,
            _position(place, len(word.phones)),
            probability,
            phone.confidence,
            functional_load(phone.canonical, None) * probability,
        )


def _phone_kind(heard: str | None) -> FindingKind:
    if heard is None:
        return FindingKind.UNCLEAR
    return FindingKind.SUBSTITUTION if heard else FindingKind.DELETION


def _position(place: int, n_phones: int) -> str:
    if place == 0:
        return "start"
    return "end" if place == n_phones - 1 else "middle"


def _trust(confidence: float | None) -> float:
    """Weight of a confidence; an unmeasured one costs nothing."""
    return 1.0 if confidence is None else confidence


def _habit(phone: str, learner: LearnerState) -> float:
    """1 for a sound without history, up to 2 for one this learner keeps missing."""
    mastery = learner.phones.get(phone)
    if mastery is None:
        return 1.0
    seen = mastery.n_attempts / (mastery.n_attempts + REPETITION_PRIOR)
    return 1.0 + seen * (1.0 - mastery.mean)


def error_probability(phone: PhoneScore) -> float | None:
    """The calibrated error probability, or what the score leaves of 1 where there is none (raters)."""
    if phone.error_probability is not None:
        return phone.error_probability
    return None if phone.score is None else 1.0 - phone.score


def _strengths(score: UtteranceScore, findings: tuple[Finding, ...]) -> tuple[Strength, ...]:
    found = []
    best = _best_word(score, {finding.word.lower() for finding in findings})
    if best:
        found.append(("word", best))
    if (
        score.fluency is not None
        and score.fluency >= WELL_SAID
        and _none(findings, FindingKind.BREAK, FindingKind.REPETITION)
    ):
        found.append(("fluency", ""))
    if score.words and _none(findings, FindingKind.OMISSION, FindingKind.UNSURE, FindingKind.INSERTION):
        found.append(("complete", ""))
    found.append(("thanks", ""))
    return tuple(Strength(f"s{n}", kind, word) for n, (kind, word) in enumerate(found, 1))


def _none(findings: tuple[Finding, ...], *kinds: FindingKind) -> bool:
    return not any(finding.kind in kinds for finding in findings)


def _best_word(score: UtteranceScore, flagged: set[str]) -> str:
    """The best-said word without a finding, long words first among equals; "" when none is good."""
    good = [
        (word.score, len(plain(word.text)), -i, plain(word.text))
        for i, word in enumerate(score.words)
        if word.score is not None
        and word.score >= WELL_SAID
        and plain(word.text)
        and plain(word.text).lower() not in flagged
        and word.error_type is ErrorType.NONE
        and len(plain(word.text)) > 1
    ]
    return max(good)[3] if good else ""


def plain(word: str) -> str:
    """A word as it may be quoted: letters, apostrophes and hyphens only, "" when it is not a word.

    The text comes from the user and is data: what is not wordlike, or an insult, is never quoted and
    never shown to a model.
    """
    bare = word.strip().strip('.,;:!?"()[]…“”„«»-–—').replace("’", "'")
    wordlike = re.fullmatch(r"[^\W\d_]+(?:['-][^\W\d_]+)*'?", bare) and len(bare) <= 24
    return bare if wordlike and bare.lower() not in word_set("insults", group="refused") else ""
