"""Grammar of speech: fluent text, minimal edits with a type, precise rules, synthetic mistakes.

    heard text ──fluency──▶ fluent text ──rules (+ a model's proposals, guarded)──▶ Correction(GrammarEdit…)

Nothing here loads a model; `speechtutor.models.llm_grammar` adds one's proposals to the rules.
"""

from __future__ import annotations

from speechtutor.grammar.corrector import RuleCorrector, load_rules
from speechtutor.grammar.edits import apply, edits_between, joined, tokens
from speechtutor.grammar.fluency import fluent
from speechtutor.grammar.guard import refusal

__all__ = [
    "RuleCorrector",
    "apply",
    "edits_between",
    "fluent",
    "joined",
    "load_rules",
    "refusal",
    "tokens",
]
