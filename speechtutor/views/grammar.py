"""A correction for programs and for pages: JSON of schema version 1, and HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any

from speechtutor.core import Correction, GrammarEdit
from speechtutor.grammar.edits import joined, spans, tokens
from speechtutor.grammar.tips import findings, table, tips
from speechtutor.schema import probability

CSS = """
.st-grammar{border-left:5px solid #0072b2;background:#e3f1fa;color:#00344f;padding:.5rem .8rem;margin:.4rem 0}
.st-grammar *{color:inherit!important}
.st-grammar del{text-decoration:line-through;opacity:.75}
.st-grammar ins{font-weight:600;text-decoration:underline}
.st-grammar ul{margin:.2rem 0 0 1.1rem}
"""


def correction_json(correction: Correction, lang: str = "en") -> dict[str, Any]:
    """The value of the optional key `grammar` (schema version 1; readers that do not know it lose nothing).

    `heard` is the transcript, `fluent` the same without disfluencies, `corrected` with the edits made;
    an edit's `char_start` and `char_end` count characters of `fluent`, half-open, and an insertion is
    empty there. `id` is what a tip's `evidence` cites; it is null for an edit too unsure to mention.
    `refused` says why proposals were not made, "" where none was turned down.
    """
    places = spans(correction.fluent)
    ids = {finding.edit: finding.id for finding in findings(correction)}
    return {
        "heard": correction.heard,
        "fluent": correction.fluent,
        "corrected": correction.text,
        "edits": [_edit(edit, ids.get(edit), places) for edit in correction.edits],
        "tips": [{"text": tip.text, "evidence": tip.evidence} for tip in tips(correction, lang)],
        "source": correction.source,
        "refused": correction.refused,
    }


def _edit(edit: GrammarEdit, id: str | None, places: list[tuple[int, int]]) -> dict[str, Any]:
    if edit.end > edit.start:
        start, end = places[edit.start][0], places[edit.end - 1][1]
    else:
        start = end = places[edit.start - 1][1] if edit.start else 0
    return {
        "id": id,
        "kind": edit.kind.value,
        "before": edit.before,
        "after": edit.after,
        "char_start": start,
        "char_end": end,
        "confidence": probability(edit.confidence),
        "source": edit.source,
    }


def grammar_html(correction: Correction | None, lang: str = "en") -> str:
    """The fluent text with its edits marked, and what to say about them; "" where nothing was corrected."""
    if correction is None or not correction.edits:
        return ""
    told = "".join(f"<li>{escape(tip.text)}</li>" for tip in tips(correction, lang))
    marked = "".join(_marked(correction))
    listed = f"<ul>{told}</ul>" if told else ""
    return (
        f'<div class="st-grammar" role="note"><b>{escape(table(lang)["title"])}</b>'
        f'<div lang="en">{marked}</div>{listed}</div>'
    )


def _marked(correction: Correction) -> Iterator[str]:
    """The tokens of the fluent text, changed ones struck out before what takes their place."""
    words, place = tokens(correction.fluent), 0
    pieces: list[tuple[str, str]] = []
    for edit in sorted(correction.edits, key=lambda e: (e.start, e.end)):
        pieces += [(word, "") for word in words[place : edit.start]]
        pieces += [(edit.before, "del")] if edit.before else []
        pieces += [(edit.after, "ins")] if edit.after else []
        place = edit.end
    pieces += [(word, "") for word in words[place:]]
    text = ""
    for piece, tag in pieces:
        # `joined` knows which marks close up; only the space before the piece is taken from it.
        whole = joined([text, piece]) if text else piece
        space = " " if text and re.search(r"\s" + re.escape(piece) + r"$", whole) else ""
        shown = escape(piece)
        yield space + (f"<{tag}>{shown}</{tag}>" if tag else shown)
        text = piece.split()[-1]
