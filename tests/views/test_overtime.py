"""A learner over time as pictures: nothing is called a change that is none, and a pause costs nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from speechtutor.content.tables import languages
from speechtutor.core import Attempt, Exercise, LearnerState
from speechtutor.learner import progress
from speechtutor.views import overtime
from tests.support.judged import SINK

START = datetime(2026, 5, 4, tzinfo=UTC)
READ = Exercise("I think so.", (), "sound")


def tries(values: list[list[float]], apart: int = 4) -> list[Attempt]:
    return [
        Attempt("ana", READ, replace(SINK, overall=value), START + timedelta(days=apart * day, minutes=i))
        for day, several in enumerate(values)
        for i, value in enumerate(several)
    ]


def test_the_trend_has_a_band_where_the_noise_is_known() -> None:
    svg = overtime.trend_svg(tries([[0.5, 0.6], [0.6, 0.7], [0.7, 0.8]]))
    assert svg.count("<circle") == 3 and 'class="band"' in svg and "from 55 on 2026-05-04" in svg
    alone = overtime.trend_svg(tries([[0.5], [0.6]]))
    assert 'class="band"' not in alone and "shaded band" not in alone
    assert overtime.trend_svg(tries([[0.5, 0.9]])) == "", "one day is no trend"


def test_then_and_now_says_in_words_whether_it_is_better() -> None:
    better = overtime.then_html(tries([[0.30, 0.31, 0.30], [0.90, 0.91, 0.90]]))
    assert "30 (05-04) → 90 (05-08)" in better and "really better" in better
    same = overtime.then_html(tries([[0.5, 0.6, 0.4], [0.5, 0.6, 0.55]]))
    assert "no real change" in same
    assert overtime.then_html(tries([[0.5, 0.9]])) == "" == overtime.then_html([])


def test_the_heat_map_says_each_share_as_a_number_too() -> None:
    html = overtime.heat_html(tries([[0.5] * 3, [0.6] * 3]))
    assert html.count("<tr>") > 3 and 'class="h0"' in html and 'class="h3"' in html
    assert overtime.heat_html(tries([[0.5] * 3])) == ""


@pytest.mark.parametrize("lang", list(languages()))
def test_a_pause_is_not_held_against_anybody(lang: str) -> None:
    told = tries([[0.5], [0.6]], apart=7)
    kept = overtime.practice_line(told, progress.practice(told, START.date() + timedelta(days=7)), lang)
    assert "2" in kept
    later = overtime.practice_line(told, progress.practice(told, START.date() + timedelta(days=300)), lang)
    assert "0" in later and "2 " not in later
    assert overtime.practice_line([], progress.practice([], START.date()), lang) == ""


def test_a_learner_without_contrasts_has_no_list_of_them() -> None:
    assert overtime.contrasts_html(LearnerState()) == ""
