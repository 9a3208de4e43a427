"""What a try is worth and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from speechtutor.core import Attempt, Exercise, Outcome, SentenceScore
from speechtutor.learner.homework import Task
from speechtutor.practice.answers import outcome
from speechtutor.practice.grading import MOST_SOUNDS, grades, value_of
from speechtutor.report import homework as report
from speechtutor.views import homework
from tests.support.judged import SINK, said, utterance

AT = datetime(2026, 5, 1, tzinfo=UTC)
READ = Exercise("I think the weather is nice today.", (), "sound")
WORD = Exercise("Use it.", (), "vocabulary", points=(("use",),))


def task(exercise: Exercise = READ) -> Task:
    return Task("t", "ana", "Week 1", "Ruth", AT, AT + timedelta(days=7), 0, exercise)


def tried(
    day: float, overall: float | None, exercise: Exercise = READ, found: Outcome | None = None
) -> Attempt:
    return Attempt("ana", exercise, replace(SINK, overall=overall), AT + timedelta(days=day), found)


def test_the_best_try_counts_and_says_what_was_wrong() -> None:
    (found,) = grades([task()], [tried(1, 0.5), tried(2, 0.9), tried(3, 0.7), tried(3, 0.99, WORD)])
    assert (found.value, found.tries, found.done, found.late) == (0.9, 3, True, False)
    assert found.at == AT + timedelta(days=2) and found.why == 'to work on: /θ/ in "think" (heard /s/)'


def test_a_text_of_several_sentences_says_what_each_is_worth() -> None:
    text = "I think so. We go."
    sentences = tuple(
        SentenceScore(a, b, 0.0, 1.0, value, value, value, value)
        for a, b, value in ((0, 12, 0.4), (12, 18, 0.9))
    )
    several = replace(tried(1, 0.8), score=replace(SINK, text=text, sentences=sentences))
    (found,) = grades([task()], [tried(2, 0.5), several])
    assert found.sentences == (("I think so.", 0.4), ("We go.", 0.9)), "those of the try that counts"
    (alone,) = grades([task()], [tried(1, 0.5)])
    assert alone.sentences == ()
    html = homework.list_html([found, alone], "2026-05-02")
    assert html.count('<ol class="each"') == 1 and '<b>40</b> <span lang="en">I think so.</span>' in html
    page = report.page([found, alone])
    assert page.count('<ol class="each"') == 1 and "<b>90</b> We go." in page


def test_late_unanswered_and_unjudged() -> None:
    (late,) = grades([task()], [tried(8, 0.9)])
    assert late.late and late.done
    (none,) = grades([task()], [tried(-1, 0.9)])
    assert (none.value, none.tries, none.done, none.late, none.why) == (
        None,
        0,
        False,
        False,
        "not answered yet",
    )
    (unjudged,) = grades([task()], [tried(1, None)])
    assert (unjudged.value, unjudged.tries) == (None, 1) and "once more" in unjudged.why


def test_an_answer_in_one_s_own_words_is_graded_by_what_was_said() -> None:
    one = tried(1, 0.2, WORD, outcome(WORD, "we use it every day"))
    assert value_of(one) == 1.0
    (found,) = grades([task(WORD)], [one])
    assert found.done and found.why == "I heard everything that belongs to it."
    assert value_of(tried(1, 0.2, WORD)) == 0.2


def test_of_equal_tries_the_first_counts() -> None:
    (found,) = grades([task()], [tried(2, 0.9), tried(1, 0.9)])
    assert found.at == AT + timedelta(days=1)


def test_many_wrong_sounds_are_not_all_told() -> None:
    words = [said(f"{first.lower()}an", f"{first} AE N", 0, "") for first in "PTKBDP"]
    one = Attempt("ana", READ, utterance(*words), AT + timedelta(days=1))
    (found,) = grades([task()], [one])
    assert found.why.count("heard nothing") == MOST_SOUNDS and found.why.endswith("and 1 more")


def test_fine() -> None:
    one = Attempt("ana", READ, utterance("we", "go"), AT + timedelta(days=1))
    assert grades([task()], [one])[0].why == "no sound was called wrong"
    assert pytest.approx(0.8) == grades([task()], [one])[0].value
