"""What a recogniser heard decides what may be said about the grammar of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from speechtutor.core import Correction, GrammarEdit, Transcript
from speechtutor.grammar.edits import apply, is_word, joined, tokens

UNSURE = 0.35
"""Confidence below which a heard word bears nothing out.

Ours, and low on purpose: a recogniser is less sure of every word that it would not have expected,
a learner's mistakes among them.
"""


def borne_out(correction: Correction, transcript: Transcript) -> Correction:
    """The correction without edits of words that the recogniser was unsure of; `refused` names them.

    An edit that only puts words in rests on the words beside it.
    """
    words = tokens(correction.fluent)
    trust = _trust(words, transcript)
    kept: list[GrammarEdit] = []
    reasons = [correction.refused] if correction.refused else []
    for edit in correction.edits:
        places = _rests_on(words, edit)
        unsure = [words[i] for i in places if trust[i] is not None and (trust[i] or 0.0) < UNSURE]
        if unsure:
            reasons.append(f"not sure to have heard {', '.join(unsure)}")
        else:
            kept.append(edit)
    if len(kept) == len(correction.edits):
        return correction
    text = joined(apply(words, kept)) if kept else correction.fluent
    return replace(correction, text=text, edits=tuple(kept), refused="; ".join(reasons))


def _rests_on(words: Sequence[str], edit: GrammarEdit) -> list[int]:
    """The words that an edit changes, or those beside it where it only puts something in."""
    span = range(edit.start, edit.end) if edit.end > edit.start else range(edit.start - 1, edit.end + 1)
    return [i for i in span if 0 <= i < len(words) and is_word(words[i])]


def _trust(words: Sequence[str], transcript: Transcript) -> list[float | None]:
    """The recogniser's confidence for each token; None where the token is no heard word."""
    said: list[str] = []
    confidence: list[float | None] = []
    for word in transcript.words:
        parts = tokens(word.text)
        said += [part.lower() for part in parts]
        confidence += [word.confidence] * len(parts)
    found: list[float | None] = [None] * len(words)
    match = SequenceMatcher(None, said, [word.lower() for word in words], autojunk=False)
    for block in match.get_matching_blocks():
        found[block.b : block.b + block.size] = confidence[block.a : block.a + block.size]
    return found
