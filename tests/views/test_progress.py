"""What a learner sees of their progress: never more than was heard."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from speechtutor.content.tables import languages, read
from speechtutor.core import Attempt, Exercise, LearnerState, Skill, UtteranceScore
from speechtutor.core.inventory import PHONES
from speechtutor.learner.rows import Known
from speechtutor.views import progress
from speechtutor.views.progress import (
    change_line,
    class_html,
    due_skills,
    lately_svg,
    map_html,
    progress_html,
    standing,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def known(**skills: Skill) -> LearnerState:
    names = {"TH": "sound:TH:onset", "IH": "sound:IH:nucleus", "R": "sound:R:onset"}
    return LearnerState("ana", skills={names[key]: skill for key, skill in skills.items()}, n_attempts=9)


def tries(*overall: float | None) -> list[Attempt]:
    return [
        Attempt("ana", Exercise("x"), UtteranceScore("x", (), overall=one), NOW + timedelta(days=i))
        for i, one in enumerate(overall)
    ]


class Tiles(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.phones: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        phone = dict(attrs).get("data-phone")
        self.phones += [phone] if tag == "button" and phone else []


def test_every_sound_has_one_tile() -> None:
    assert sorted(Tiles(map_html(LearnerState())).phones) == sorted(PHONES)


def test_nothing_is_said_of_a_sound_that_was_heard_too_seldom() -> None:
    seldom = known(TH=Skill(value=-3.0, variance=0.01, n=progress.ENOUGH - 1))
    assert standing(seldom, "TH") == "unknown"
    often = known(TH=Skill(value=-3.0, variance=0.01, n=progress.ENOUGH))
    assert standing(often, "TH") == "weak"


@pytest.mark.parametrize(("value", "stands"), [(6.0, "secure"), (-6.0, "weak")])
def test_a_sound_stands_where_its_evidence_puts_it(value: float, stands: str) -> None:
    assert standing(known(IH=Skill(value=value, variance=0.01, n=20)), "IH") == stands


def test_a_sound_is_as_good_as_its_worst_place() -> None:
    state = LearnerState(
        "ana",
        skills={
            "sound:R:onset": Skill(6.0, 0.01, 9),
            "sound:R:coda": Skill(-6.0, 0.01, 9),
        },
    )
    assert standing(state, "R") == "weak"


def test_what_is_due_comes_by_how_long_it_has_been() -> None:
    state = known(
        TH=Skill(n=3, due=NOW - timedelta(days=1)),
        R=Skill(n=3, due=NOW - timedelta(days=3)),
        IH=Skill(n=3, due=NOW + timedelta(days=1)),
    )
    assert due_skills(state, NOW) == ("sound:R:onset", "sound:TH:onset")


def test_a_change_is_told_beyond_chance_only() -> None:
    """The noise of one sentence, over five and five: t of 8 at 0.999, 4.5008, x noise x sqrt(2 / 5)."""
    least = 4.5008 * float(read("learner")["noise"]) * (2 / 5) ** 0.5
    start, up = 0.4, 0.4 + 1.05 * least
    assert "more than chance" in change_line(tries(*[start] * 5, *[up] * 5))
    assert "No real change" in change_line(tries(*[start] * 5, *[start + 0.9 * least] * 5))
    assert "lower" in change_line(tries(*[up] * 5, *[start] * 5))
    assert "No real change" in change_line(tries(None, 0.5))


def test_the_last_takes_are_drawn_from_bottom_to_top() -> None:
    svg = lately_svg(tries(0.0, 1.0))
    low, high = (float(part.split('"')[0]) for part in svg.split('cy="')[1:])
    assert low > high, "0 is at the bottom"
    assert "from 0 to 100 of 100" in svg
    assert lately_svg(tries(None)) == ""
    assert lately_svg(tries(*[0.5] * 99)).count("<circle") == progress.SHOWN


def test_the_class_is_a_table_that_ranks_nobody() -> None:
    weak = known(TH=Skill(value=-2.0, variance=0.1, n=9))
    rows = [
        (Known("<b>", 3, "2026-11-01T10", "2026-11-20T10"), weak),
        (Known("zoe", 0, "", ""), LearnerState()),
    ]
    html = class_html(rows)
    assert "&lt;b&gt;" in html and "<td>3</td><td><time>2026-11-20</time></td>" in html
    assert "&quot;th&quot; as in &quot;think&quot; at the start" in html
    assert html.index("&lt;b&gt;") < html.index("zoe") and "<td>0</td><td>–</td><td>–</td>" in html
    assert "Nobody has practised" in class_html([])


@pytest.mark.parametrize("lang", list(languages()))
def test_the_screen_in_every_language(lang: str) -> None:
    empty = progress_html(LearnerState(), [], NOW, lang)
    assert "data-phone" in empty and "st-numbers" not in empty
    state = replace(known(TH=Skill(n=5, due=NOW)), n_attempts=2)
    full = progress_html(state, tries(0.4, 0.6), NOW, lang)
    assert "<b>2</b>" in full and full.count("st-tile") == len(PHONES)
