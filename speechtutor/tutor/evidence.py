"""What may be said about an utterance: findings, strengths and cautions, each with an id.

Everything a tutor tells a learner is drawn from an `Evidence`; the verifier holds a model's text
against it. What is said goes by the same labels as what is shown (`tutor.labels`), so that neither
contradicts the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from speechtutor.content.tables import sounds
from speechtutor.core import Caution, Code, ErrorType, LearnerState, Mastery, UtteranceScore
from speechtutor.tutor.findings import ALL_GOOD, SMALL_WORDS, Finding, FindingKind, findings
from speechtutor.tutor.labels import Label, phone_label, plain, word_label

WELL_SAID = 0.8
"""Score from which a word or an aspect is praised."""

MOSTLY_MISSING = 0.5
"""Share of omitted words from which the text was not read at all."""

BY_CHANCE = 0.05
"""Probability, all sounds looked at together, below which a run of good sounds is better than the record."""

SHORTEST_RECORD = 6
"""Attempts at a sound from which there is a record to be better than."""

_BLOCKING = frozenset({Code.SILENCE, Code.TOO_SHORT, Code.OFF_TEXT})
_WRONG = frozenset({Label.WRONG, Label.MISSING, Label.EXTRA})
_POOR = frozenset({Code.TOO_QUIET, Code.CLIPPED, Code.NOISY, Code.TRUNCATED})


@dataclass(frozen=True, slots=True)
class Strength:
    """One true thing to praise: a sound better than before, a word, the pace, every word, or the try itself.

    `word` is what is named: the word, or the respelling of the sound.
    """

    id: str
    kind: str
    word: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that may be said about an utterance; findings and strengths come best first.

    `flawless` says that every sound may be praised: nothing is shown as unclear, the whole is good and
    so was the recording; `unnamed` that something is shown as wrong which may not be spoken of.
    """

    text: str
    findings: tuple[Finding, ...]
    strengths: tuple[Strength, ...]
    cautions: tuple[Caution, ...] = ()
    judged: bool = True
    flawless: bool = False
    unnamed: bool = False


def gather(score: UtteranceScore, learner: LearnerState) -> Evidence:
    """Collect and rank what the score says; nothing is judged where the recording cannot be."""
    cautions = _cautions(score)
    codes = {caution.code for caution in cautions}
    if codes & _BLOCKING or not _measured(score):
        return Evidence(score.text, (), (), cautions, judged=False)
    found = findings(score, learner)
    labels = {word_label(word) for word in score.words}
    good = score.overall is None or score.overall >= ALL_GOOD
    flawless = not found and good and labels <= {Label.GOOD} and not codes & _POOR
    unnamed = not found and bool(labels & _WRONG)
    praised = _strengths(score, found, learner)
    return Evidence(score.text, found, praised, cautions, flawless=flawless, unnamed=unnamed)


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


def _strengths(
    score: UtteranceScore, found: tuple[Finding, ...], learner: LearnerState
) -> tuple[Strength, ...]:
    praised = []
    improved = improved_sound(score, found, learner)
    if improved:
        praised.append(("better", improved))
    best = _best_word(score, {finding.word.lower() for finding in found})
    if best:
        praised.append(("word", best))
    pauses = (FindingKind.BREAK, FindingKind.REPETITION, FindingKind.SAID_TWICE)
    if score.fluency is not None and score.fluency >= WELL_SAID and _none(found, *pauses):
        praised.append(("fluency", ""))
    beyond = (FindingKind.UNSURE, FindingKind.INSERTION, FindingKind.EXTRA_SPEECH)
    lost = any(word_label(word) is Label.MISSING for word in score.words)
    if score.words and not lost and _none(found, *beyond):
        praised.append(("complete", ""))
    praised.append(("thanks", ""))
    return tuple(Strength(f"s{n}", kind, word) for n, (kind, word) in enumerate(praised, 1))


def improved_sound(score: UtteranceScore, found: tuple[Finding, ...], learner: LearnerState) -> str:
    """The respelling of a sound that came out better than this learner's record bears out; "" for none.

    All of it in this utterance must be shown as good, often enough that the record, taken as a Beta
    distribution (its posterior predictive, Bonferroni over the sounds looked at), makes that unlikely.
    """
    told = {name for finding in found for name in (finding.phone, finding.heard) if name}
    barred = {sounds()[name].label for name in told if name in sounds()}
    places: dict[str, list[Label]] = {}
    for word in score.words:
        for phone in word.phones:
            places.setdefault(phone.canonical, []).append(phone_label(phone))
    tried = []
    for name, labels in places.items():
        known = learner.phones.get(name)
        if known and known.n_attempts >= SHORTEST_RECORD and name in sounds():
            good = set(labels) == {Label.GOOD} and sounds()[name].label not in barred
            tried.append((_chance(known, len(labels)) if good else 1.0, name))
    if not tried or min(tried)[0] * len(tried) >= BY_CHANCE:
        return ""
    return sounds()[min(tried)[1]].label


def _chance(known: Mastery, n: int) -> float:
    """The probability that all of `n` sounds are good, by a record with a flat prior."""
    good = 1.0 + known.mean * known.n_attempts
    every = 2.0 + known.n_attempts
    return prod((good + i) / (every + i) for i in range(n))


def _none(found: tuple[Finding, ...], *kinds: FindingKind) -> bool:
    return not any(
        finding.kind in kinds or (FindingKind.UNSURE in kinds and not finding.sure) for finding in found
    )


def _best_word(score: UtteranceScore, flagged: set[str]) -> str:
    """The best-said word that is shown as good and has no finding; "" when none is.

    Small words are praised only where there is no other; long ones come first among equals.
    """
    shown = [(plain(word.text), word, -i) for i, word in enumerate(score.words)]
    doubtful = {text.lower() for text, word, _ in shown if word_label(word) is not Label.GOOD} | flagged
    good = [
        (text.lower() not in SMALL_WORDS, word.score, len(text), place, text)
        for text, word, place in shown
        if word.score is not None
        and word.score >= WELL_SAID
        and text.lower() not in doubtful
        and word.error_type is ErrorType.NONE
        and len(text) > 1
    ]
    return max(good)[-1] if good else ""
