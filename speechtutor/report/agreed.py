"""How far graders agree so far, as a part of the graders' page: blind grades only, in the page's language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from speechtutor.content.tables import headed, message
from speechtutor.report.grading import FEWEST, Grading, Pair, Together, spoken
from speechtutor.report.overrides import LABELS, MACHINE, UNITS

COLUMNS = ("between", "shared", "correlation", "icc", "same", "bias")


def html(found: Grading, lang: str = "en") -> str:
    """A table for sentences, words and sounds: the pairs, then all graders together by Krippendorff's alpha.

    Numbers stand there from `FEWEST` shared items on.
    """
    about = f"<p>{_told('blind_only', lang, n=str(FEWEST))}</p>"
    tables = [_table(kind, found, lang) for kind in UNITS]
    return about + ("".join(tables) or f"<p>{_told('nobody', lang)}</p>")


def _told(key: str, lang: str, **values: str) -> str:
    return escape(message("grading", key, lang, **values))


def _table(kind: str, found: Grading, lang: str) -> str:
    """The table of a unit, "" where nobody graded one."""
    pairs = [_pair(pair, lang) for pair in found.pairs if pair.blind and pair.unit == kind]
    if not pairs:
        return ""
    together = [_together(one, lang) for one in found.together if one.unit == kind]
    head = "".join(f'<th scope="col">{_told(name, lang)}</th>' for name in COLUMNS)
    named = _told(f"unit_{kind}", lang)
    return (  # what scrolls on a phone has to be reached by the keyboard
        f'<div class="gr-table" role="region" tabindex="0" aria-label="{named}">'
        f"<table><caption>{named}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join([*pairs, *together])}</tbody></table></div>"
    )


def _line(named: str, n_shared: int, numbers: Sequence[str]) -> str:
    """A row; what is one cell is as wide as all numbers."""
    wide = f' colspan="{len(COLUMNS) - 2}"' if len(numbers) == 1 else ""
    cells = "".join(f"<td{wide}>{number}</td>" for number in numbers)
    return f'<tr><th scope="row">{named}</th><td>{n_shared}</td>{cells}</tr>'


def _pair(pair: Pair, lang: str) -> str:
    second = {MACHINE: "the_machine", LABELS: "the_labels"}.get(pair.second)
    named = message("grading", second, lang) if second else pair.second
    return _line(_told("and", lang, first=pair.first, second=named), pair.n_items, list(_numbers(pair, lang)))


def _numbers(pair: Pair, lang: str) -> Iterator[str]:
    if pair.found is None:
        yield _told("too_few", lang)
        return
    yield spoken(pair.found.pcc)
    yield spoken(pair.found.icc_single)
    yield f"{100 * pair.found.same_level:.0f} %"
    yield spoken(pair.found.bias, 100, 1)


def _together(one: Together, lang: str) -> str:
    told = _told("too_few", lang) if one.alpha is None else spoken(one.alpha)
    named = _told("together", lang, n=str(one.n_graders))
    return _line(named, one.n_items, [headed(_told("alpha", lang), told, lang)])
