"""What has become of a learner: by hand, and never more than noise allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from math import isnan

import numpy as np
import pytest

from speechtutor.core import Attempt, Exercise, UtteranceScore
from speechtutor.core.profile import Profile
from speechtutor.learner import mastery, progress, skills, summary
from speechtutor.learner.change import Change, beyond
from speechtutor.practice import path
from tests.support.judged import SINK, phone, utterance, word

MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)


def tried(day: float, overall: float | None = 0.7, text: str = "we go", fluency: float = 0.5) -> Attempt:
    score = replace(utterance(*text.split()), overall=overall, fluency=fluency, text=text)
    return Attempt("ana", Exercise(text, (), "sound"), score, MONDAY + timedelta(days=day))


def sounded(day: float, right: float) -> Attempt:
    """THINK with TH right with this probability."""
    phones = (phone("TH", 1 - right), *(phone(p) for p in ("IH", "NG", "K")))
    score = UtteranceScore("think", (word("think", phones),), overall=right)
    return Attempt("ana", Exercise("think"), score, MONDAY + timedelta(days=day))


def test_heat_by_hand() -> None:
    """Ten days in two columns of five: TH 0.2 and 0.4 in the first (0.3 of 2), 0.9 in the second."""
    found = progress.heat([sounded(0, 0.2), sounded(9, 0.9), sounded(4, 0.4)], columns=2)
    th = [(one.start, round(one.right, 6), one.n) for one in found if one.phone == "TH"]
    assert th == [(date(2026, 3, 2), 0.3, 2), (date(2026, 3, 7), 0.9, 1)]
    assert progress.heat([]) == []
    assert len({one.start for one in progress.heat([sounded(day, 0.5) for day in range(400)])}) <= 12


def test_trend_by_hand() -> None:
    """Two days of two: 0.4 and 0.6, 0.5 and 0.5. Spread sqrt(0.02 / 2) = 0.1, band 0.196 / sqrt(2)."""
    first = [tried(0, fluency=0.4), tried(0.01, fluency=0.6)]
    second = [tried(1, fluency=0.5), tried(1.01, fluency=0.5)]
    found = progress.trend([*second, *first])
    assert [(one.day.day, one.n) for one in found] == [(2, 2), (3, 2)]
    assert [one.value for one in found] == pytest.approx([0.5, 0.5])
    assert [one.band for one in found] == pytest.approx([1.96 * 0.1 / 2**0.5] * 2)
    assert isnan(progress.trend([tried(0), tried(1)])[0].band)
    assert progress.trend([tried(0, None)], "overall") == []


def test_a_pause_takes_nothing() -> None:
    """Days 0, 1 and 8 (Monday 2, Tuesday 3, Tuesday 10 March): three days, two weeks."""
    attempts = [tried(day) for day in (0, 1, 1.1, 8)]
    assert progress.practice(attempts, date(2026, 3, 10)) == progress.Practice(3, 3, 2, date(2026, 3, 10))
    assert progress.practice(attempts, date(2026, 3, 16)).weeks == 2, "the week at hand only adds"
    later = progress.practice(attempts, date(2026, 3, 31))
    assert (later.days, later.lately, later.weeks) == (3, 1, 0)
    assert progress.practice([], date(2026, 3, 2)) == progress.Practice(0, 0, 0, None)


def test_then_and_now_are_the_same_sentence_days_apart() -> None:
    attempts = [
        tried(0, 0.3, "We go"),
        tried(1, 0.4, "they go"),
        tried(2, 0.9, "we  go"),
        tried(1.5, 0.8, "they go"),
    ]
    (found,) = progress.matched(attempts)
    assert (found.then.score.overall, found.now.score.overall, found.change.value) == (
        0.3,
        0.9,
        pytest.approx(0.6),
    )
    assert found.change.real


def test_a_noisy_learner_s_sentence_has_not_changed() -> None:
    """Scores that move by 0.3 within a day: the same 0.3 between days is nothing."""
    attempts = [
        one for day in range(4) for one in (tried(day, 0.4, f"a{day} x"), tried(day + 0.01, 0.8, f"b{day} x"))
    ]
    attempts += [tried(0.02, 0.5), tried(3.02, 0.8)]
    (found,) = progress.matched(attempts)
    assert found.text == "we go" and not found.change.real


def test_overall_change_by_hand() -> None:
    """0.3 and 0.5 twice each, then more: spread 0.1155, error 0.0816; t of 6 degrees of freedom at 0.999 is
    5.208 (tables of Student's t), so 0.42 is not claimed (5.14 errors) and 0.43 is (5.27)."""
    flat = [0.3, 0.5, 0.3, 0.5]
    for more, real in ((0.42, False), (0.43, True)):
        attempts = [tried(day, value) for day, value in enumerate([*flat, *(v + more for v in flat)])]
        found = progress.change(attempts)
        assert found is not None and found.value == pytest.approx(more) and found.real is real
        assert found.error == pytest.approx((0.04 * 2 / 6) ** 0.5 * (1 / 4 + 1 / 4) ** 0.5)
        assert found.limit == pytest.approx(5.2076, abs=1e-4)
    same = progress.change([tried(d, v) for d, v in enumerate(flat * 2)])
    assert same is not None and same.value == 0.0 and not same.real
    assert progress.change(attempts[:7]) is None, "three are too few"
    assert progress.change(attempts, date(2026, 3, 5)) is None
    since = progress.change(attempts, date(2026, 3, 6))
    assert since is not None and since.value == found.value


def test_of_learners_who_stay_the_same_few_are_told_of_a_change() -> None:
    """However often they look: after every take of a month, at three takes a day."""
    rng, told = np.random.default_rng(3), 0
    for _ in range(100):
        values = np.clip(rng.normal(0.6, 0.12, 90), 0, 1)
        attempts = [tried(i / 3, float(value)) for i, value in enumerate(values)]
        looks = (progress.change(attempts[:n]) for n in range(9, 91, 3))
        told += any(found is not None and found.real for found in looks)
    assert told <= 10


def test_beyond_is_holm() -> None:
    """p of z = 3, 2.2 and 1: 0.0027, 0.0278 and 0.317 against 0.05/3, 0.05/2 and 0.05: the first alone."""
    tested = {"a": Change(1.0, 1.0), "b": Change(-3.0, 1.0), "c": Change(2.2, 1.0), "d": Change(9.0, 0.0)}
    tested.pop("d")
    assert list(beyond(tested)) == ["b"] and list(beyond({"c": tested["c"]})) == ["c"]
    assert beyond({"d": Change(9.0, 0.0)}) == {} and beyond({}) == {}


def rising(n: int, slope: float) -> list[Attempt]:
    rng = np.random.default_rng(5)
    return [
        sounded(i / 4, float(np.clip(0.3 + slope * i + rng.normal(0, 0.05), 0.02, 0.98))) for i in range(n)
    ]


def forecasts(attempts: Sequence[Attempt]) -> dict[str, progress.Forecast]:
    state = mastery.replay(attempts)
    found = progress.forecasts(attempts, state, {name: path.goal(name) for name in state.skills})
    return {one.skill: one for one in found}


def test_a_sound_that_rises_has_a_time_and_one_that_does_not_has_none() -> None:
    ahead = forecasts(rising(40, 0.006))["sound:TH:onset"]
    assert ahead.attempts is not None
    low, middle, high = ahead.attempts
    assert 0 < low <= middle <= high <= progress.MOST_ATTEMPTS
    faster = forecasts(rising(40, 0.012))["sound:TH:onset"]
    assert faster.attempts is not None and faster.attempts[1] < middle
    assert forecasts(rising(40, 0.0))["sound:TH:onset"].attempts is None
    assert forecasts(rising(9, 0.006))["sound:TH:onset"].attempts is None, "too little heard"


def test_the_hardest_come_first_and_need_evidence() -> None:
    attempts = rising(12, 0.0)
    found = progress.hardest(mastery.replay(attempts), "sound")
    assert found[0][0] == "sound:TH:onset" and [one.p for _, one in found] == sorted(
        one.p for _, one in found
    )
    assert progress.hardest(mastery.replay(attempts[:3]), "sound") == []


def test_a_summary_says_what_the_parts_say() -> None:
    attempts = [sounded(i / 4, 0.05 if i < 60 else 0.95) for i in range(120)]
    state, now = mastery.replay(attempts), MONDAY + timedelta(days=500)
    found = summary.of(Profile("ana"), state, attempts, now)
    assert (
        found["n_attempts"] == 120
        and found["overall"]["real"]
        and found["n_due"] > len(found["due"]) == summary.TOLD
    )
    assert [row["skill"] for row in found["changed"]] == ["sound:TH:onset"], "the others stayed the same"
    text = "\n".join(summary.lines(found))
    assert f"really better: {skills.label('sound:TH:onset')}" in text and "up by" in text
    nobody = summary.of(Profile("ben"), mastery.replay([]), [], now)
    assert "too little" in summary.said_of(nobody["overall"]) and nobody["changed"] == []
    assert summary.NOT_YET in "\n".join(summary.lines(nobody))


def test_who_stays_the_same_is_told_so() -> None:
    """The same utterance again and again: nothing has changed, whatever is looked at."""
    attempts = [Attempt("ana", Exercise(SINK.text), SINK, MONDAY + timedelta(hours=i)) for i in range(20)]
    found = summary.of(Profile("ana"), mastery.replay(attempts), attempts, MONDAY + timedelta(days=2))
    assert not found["overall"]["real"]
    assert all(abs(row["log_odds"]) > 0 for row in found["changed"])


def test_nothing_is_mastered_that_was_heard_too_seldom() -> None:
    """Three perfect readings leave every sound near the prior: nothing is claimed until there is evidence."""
    attempts = [sounded(i / 10, 0.01) for i in range(60)]
    for n in (3, 60):
        state = mastery.replay(attempts[:n])
        found = summary.of(Profile("ana"), state, attempts[:n], attempts[n - 1].at)
        enough = [
            name
            for name, one in state.skills.items()
            if one.n >= progress.HEARD and skills.kind_of(name) != "word"
        ]
        assert found["heard"] == len(enough) <= found["met"]
        assert found["mastered"] <= found["heard"]
        assert (found["mastered"] > 0) == (n == 60)
