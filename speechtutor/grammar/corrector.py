"""The corrector that needs no model: fluent text, then the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from speechtutor.core import Correction, GrammarEdit
from speechtutor.grammar.edits import apply, edits_between, joined, tokens
from speechtutor.grammar.fluency import fluent
from speechtutor.grammar.rules import proposals

ROUNDS = 3
"""An edit may show the next: "since two year" needs years, and then for."""


class RuleCorrector:
    """Rules alone: few edits, almost all of them right."""

    name = "rules"

    def correct(self, text: str) -> Correction:
        """The text with its clear mistakes mended; the edits count tokens of the fluent text."""
        smooth = fluent(text)
        words = tokens(smooth)
        edits = rule_edits(words)
        made = joined(apply(words, edits)) if edits else smooth
        return Correction(text, smooth, made, edits, self.name)


def rule_edits(words: Sequence[str]) -> tuple[GrammarEdit, ...]:
    """All edits of the rules, those included that an earlier one made possible."""
    first = _once(words)
    made = once = apply(words, first)
    for _ in range(ROUNDS - 1):
        more = _once(made)
        if not more:
            break
        made = apply(made, more)
    if made == once:
        return first
    whole = edits_between(words, made)
    known = {(e.start, e.end, e.after): e for e in first}
    sure = min((e.confidence for e in first if e.confidence is not None), default=0.9)
    return tuple(
        known.get((e.start, e.end, e.after), replace(e, confidence=sure, source="rule")) for e in whole
    )


def _once(words: Sequence[str]) -> tuple[GrammarEdit, ...]:
    """All edits of the rules that do not depend on one another."""
    return tuple(replace(edit, source=f"rule: {edit.source}") for edit in proposals(words))


def load_rules(checkpoint: str | None = None, device: str | None = None) -> RuleCorrector:
    """The rules; they have no weights, so both arguments are only there for the registry."""
    del checkpoint, device
    return RuleCorrector()
