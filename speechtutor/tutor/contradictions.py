"""Where what is said of an utterance and what is shown of it cannot both be true: none may ever be found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from speechtutor.core import Code, UtteranceScore, WordScore
from speechtutor.tutor.evidence import Evidence
from speechtutor.tutor.findings import Finding, FindingKind
from speechtutor.tutor.labels import Label, heard_as, plain, word_label
from speechtutor.tutor.rules import picked

_POOR = set(Code) - {Code.FREE_SPEECH}
_OF_SOUNDS = {FindingKind.SUBSTITUTION, FindingKind.DELETION, FindingKind.UNCLEAR, FindingKind.EXTRA_SOUND}


def contradictions(score: UtteranceScore, evidence: Evidence) -> Iterator[str]:
    """Each contradiction in words."""
    if evidence.judged:
        labels = [word_label(word) for word in score.words]
        yield from _praise(score, evidence, labels)
        for finding in picked(evidence):
            yield from _correction(finding, score.words[finding.index], labels[finding.index])


def _praise(score: UtteranceScore, evidence: Evidence, labels: Sequence[Label]) -> Iterator[str]:
    if evidence.flawless and (evidence.findings or set(labels) - {Label.GOOD}):
        yield "every sound is praised beside a word that is not shown as good"
    if evidence.flawless and _POOR & {caution.code for caution in evidence.cautions}:
        yield "every sound is praised beside a warning"
    best = evidence.strengths[0]
    shown = {labels[i] for i, w in enumerate(score.words) if best.word and plain(w.text) == best.word}
    if shown - {Label.GOOD}:
        yield f"{best.word!r} is praised and shown as {', '.join(sorted(shown))}"
    if best.kind == "complete" and Label.MISSING in labels:
        yield "every word is said to be there and one is shown as left out"


def _correction(finding: Finding, word: WordScore, label: Label) -> Iterator[str]:
    if finding.kind in _OF_SOUNDS and label in (Label.GOOD, Label.UNKNOWN):
        yield f"a sound of {word.text!r} is called wrong and the word shown as {label}"
    named = {(phone.canonical, heard_as(phone)) for phone in word.phones}
    if finding.phone is not None and (finding.phone, finding.heard) not in named:
        yield f"{finding.phone} in {word.text!r} is told as {finding.heard!r} and shown otherwise"
    if finding.kind is FindingKind.OMISSION and label is not Label.MISSING:
        yield f"{word.text!r} is said to be left out and shown as {label}"
