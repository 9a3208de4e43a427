"""What to tell a learner about the grammar of what was said: few things, from the edits alone."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from speechtutor.content.tables import join
from speechtutor.core import Correction, GrammarEdit, GrammarKind
from speechtutor.grammar.edits import apply, is_word, joined, tokens

MOST = 2
"""Things to mention about one turn."""

SURE = 0.6
"""Confidence below which an edit is not mentioned."""

AROUND = 2
"""Words shown on each side of an edit."""

WEIGHT: dict[GrammarKind, float] = {
    GrammarKind.TENSE: 0.9,
    GrammarKind.WORD_ORDER: 0.8,
    GrammarKind.AGREEMENT: 0.7,
    GrammarKind.WORD_CHOICE: 0.7,
    GrammarKind.PREPOSITION: 0.5,
    GrammarKind.PLURAL: 0.5,
    GrammarKind.ARTICLE: 0.4,
    GrammarKind.OTHER: 0.4,
}
"""Ours: how much a mistake costs understanding; what changes the meaning comes first."""


@dataclass(frozen=True, slots=True)
class GrammarFinding:
    """One edit as evidence: `heard` and `better` are it with the words around it, tokens [start, end)."""

    id: str
    edit: GrammarEdit
    heard: str
    better: str
    weight: float
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class GrammarTip:
    """A sentence for the learner and the id of the finding that bears it out."""

    text: str
    evidence: str


def findings(correction: Correction) -> tuple[GrammarFinding, ...]:
    """The edits worth mentioning, weightiest first; ids are g1, g2 ... in that order."""
    words = tokens(correction.fluent)
    sure = [edit for edit in correction.edits if edit.confidence is None or edit.confidence >= SURE]
    ranked = sorted(sure, key=lambda e: (-WEIGHT[e.kind] * (e.confidence or 1.0), e.start))
    return tuple(_finding(n, edit, words, correction.edits) for n, edit in enumerate(ranked, 1))


def _finding(
    number: int, edit: GrammarEdit, words: Sequence[str], edits: Sequence[GrammarEdit]
) -> GrammarFinding:
    """The edit with its neighbours; other edits there are made too, so that `better` is never wrong."""
    start, end = edit.start, edit.end
    while start and edit.start - start < AROUND and is_word(words[start - 1]):
        start -= 1
    while end < len(words) and end - edit.end < AROUND and is_word(words[end]):
        end += 1
    part = list(words[start:end])
    inside = [e for e in edits if start <= e.start and e.end <= end]
    moved = [replace(e, start=e.start - start, end=e.end - start) for e in inside]
    weight = WEIGHT[edit.kind] * (edit.confidence or 1.0)
    return GrammarFinding(f"g{number}", edit, joined(part), joined(apply(part, moved)), weight, start, end)


@cache
def _messages() -> dict[str, Any]:
    return tomllib.loads(files(__package__ or "").joinpath("messages.toml").read_text(encoding="utf-8"))


def languages() -> frozenset[str]:
    """Languages that tips are written in."""
    return frozenset(_messages())


def table(lang: str = "en") -> dict[str, str]:
    """The messages in a language of `languages`, English for any other."""
    found: dict[str, str] = _messages().get(lang, _messages()["en"])
    return found


def tips(correction: Correction, lang: str = "en", most: int = MOST) -> tuple[GrammarTip, ...]:
    """What to say about the weightiest edits, in a language of `languages` (English for any other).

    Each sentence quotes only words of the correction; "I heard", since a recogniser may have misheard.
    """
    said_in = table(lang)
    made = []
    for finding in _apart(findings(correction))[:most]:
        # Plain replacement: a learner's word that looks like a field stays a word.
        said = said_in["heard"].replace("{heard}", finding.heard, 1)
        before, _, after = said.partition("{better}")
        heard = f"{before}{finding.better}{after}"
        text = join((heard, said_in[finding.edit.kind.value]), lang if lang in languages() else "en")
        made.append(GrammarTip(text, finding.id))
    return tuple(made)


def _apart(found: Sequence[GrammarFinding]) -> list[GrammarFinding]:
    """Without those that a weightier one has shown already, made, among the words around it."""
    kept: list[GrammarFinding] = []
    for finding in found:
        if not any(k.start <= finding.edit.start and finding.edit.end <= k.end for k in kept):
            kept.append(finding)
    return kept


def remarks(correction: Correction, lang: str = "en") -> tuple[str, ...]:
    """What is to be seen of a correction, line by line: what it became, then why.

    That nothing was found is said as such; it does not mean that all was right.
    """
    said_in = table(lang)
    found = []
    if correction.fluent != correction.heard:
        # Plain replacement, as above.
        found.append(said_in["fluent"].replace("{text}", correction.fluent, 1))
    found.append(correction.text if correction.edits else said_in["none"])
    return tuple(found)
