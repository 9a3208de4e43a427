"""Edits with a type and the correction that they make; everyone reads them from `speechtutor.core`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class GrammarKind(StrEnum):
    """What a grammar edit is about."""

    ARTICLE = "article"
    AGREEMENT = "agreement"
    TENSE = "tense"
    PREPOSITION = "preposition"
    PLURAL = "plural"
    WORD_ORDER = "word order"
    WORD_CHOICE = "word choice"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class GrammarEdit:
    """Tokens [start, end) of a text that become `after`; either side may be empty.

    `confidence` is a probability or None; `source` names the rule or model that proposed it.
    """

    start: int
    end: int
    before: str
    after: str
    kind: GrammarKind
    confidence: float | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Correction:
    """A text corrected as little as possible.

    `heard` is what came in, `fluent` the same without fillers and repetitions, `text` the fluent
    text with the edits made; the edits count tokens of `fluent`. `refused` says why a model's
    proposal was turned down, "" when none was.
    """

    heard: str
    fluent: str
    text: str
    edits: tuple[GrammarEdit, ...] = ()
    source: str = "rules"
    refused: str = ""
