"""A reading of several sentences, a line for each: its score, its text, and the way to its words."""

from __future__ import annotations

from html import escape

from speechtutor.content.tables import message
from speechtutor.core import UtteranceScore
from speechtutor.schema import percent

CSS = """
.st-sentences{list-style:none;margin:.3rem 0;padding:0!important;max-height:18rem;overflow:auto}
.st-sentence{font:inherit;display:grid;grid-template-columns:2.2rem 3.5rem 1fr;gap:.2rem .6rem;width:100%;
 align-items:center;text-align:left;min-height:44px;padding:.2rem .4rem;border:0;background:none;
 color:inherit;cursor:pointer;border-radius:0!important;box-shadow:none!important;
 border-bottom:1px solid rgba(128,128,128,.35)}
.st-sentence b{font-variant-numeric:tabular-nums;text-align:right}
.st-sentence span:last-child{overflow-wrap:anywhere}
.st-sentence:focus-visible{outline:3px solid #e69f00;outline-offset:-3px}
"""


def sentences_html(score: UtteranceScore, lang: str = "en") -> str:
    """The sentences as buttons that carry the index of their first word in `data-go`; "" for one alone."""
    if len(score.sentences) < 2:
        return ""
    rows = []
    for one in score.sentences:
        said = escape(score.text_of(one))
        points = f"{percent(one.overall):.0f}"
        bar = f'<span class="st-bar" aria-hidden="true"><i style="width:{points}%"></i></span>'
        rows.append(
            f'<li><button type="button" class="st-sentence" data-go="{_first(score, one.char_start)}">'
            f'<b>{points}</b>{bar}<span lang="en">{said}</span></button></li>'
        )
    heading = escape(message("result", "sentences", lang), quote=True)
    return f'<p>{heading}</p><ol class="st-sentences" aria-label="{heading}">{"".join(rows)}</ol>'


def _first(score: UtteranceScore, start: int) -> int:
    """The index of the first word from a place of the text on; what was said beside the text has none."""
    places = [i for i, w in enumerate(score.words) if w.char_start is not None and w.char_start >= start]
    return places[0] if places else 0
