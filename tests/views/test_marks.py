"""Chinese is written with Chinese marks, in the catalogue and wherever code puts texts together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from demo import assigning, practice_view, welcome
from demo.guard import Guard
from demo.practice import Screen, Take, Wish
from demo.prefs import Prefs
from speechtutor import audio
from speechtutor.content.tables import read
from speechtutor.core import Attempt, Caution, Code, ErrorType, Exercise, LearnerState, Skill
from speechtutor.grammar import tips
from speechtutor.learner.rows import Known
from speechtutor.practice import talk
from speechtutor.practice.grading import Grade, grades
from speechtutor.practice.path import Step
from speechtutor.practice.placement import Placed
from speechtutor.practice.retake import Changes
from speechtutor.report import agreed, grading, sheet
from speechtutor.tutor.rules import RuleTutor
from speechtutor.views import homework, mouth, overtime, practice, progress, score
from speechtutor.views import talk as talk_view
from speechtutor.views.score import NOTATIONS
from tests.conftest import EXAMPLES
from tests.demo.test_practice import coach
from tests.support import evaluated, judged
from tests.support.marks import half_width

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ZH = Prefs(lang="zh")
MANY = judged.utterance(
    "we", judged.said("like", "L AY K", 0, "R"), judged.said("rice", "R AY S", 2, ""),
    judged.omitted("with"), judged.said("chips", "CH IH P S", 0, "SH"),
    judged.marked("garden", ErrorType.UNEXPECTED_BREAK), replace(judged.THINK, inserted=((0, "T"),)),
    judged.said("very", "V EH R IY", 0, None), cautions=(Caution(Code.NOISY, "why"),),
)  # fmt: skip
STATE = LearnerState(
    "ana",
    skills={
        "sound:TH:onset": Skill(value=-2.0, variance=0.1, n=9, due=NOW),
        "contrast:TH-S": Skill(value=-2.0, variance=0.1, n=9, due=NOW),
    },
    n_attempts=9,
)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("没做.", True), ("没做。", False), ("好, 再来", True), ("再来 (一次)", True), ("rice: 好", True),
        ("词：rice", False), ('请说："I think so."', False), ("<p>I think so.</p><p>好</p>", False),
        ("<b>词</b>: rice", True), ('<p aria-label="词, 好">好</p>', True), ("3.5 分", False),
        ("表格（.csv）", False),
        ("<style>.a{}</style><p>好</p>", False),
    ],
)  # fmt: skip
def test_what_is_looked_for(text: str, wrong: bool) -> None:
    assert bool(half_width(text)) == wrong


def leaves(table: dict[str, Any]) -> Iterator[str]:
    for one in table.values():
        if isinstance(one, dict):
            yield from leaves(one)
        elif isinstance(one, str):
            yield one


def test_every_sentence_of_the_catalogue() -> None:
    texts = [*leaves(read("messages.zh")), *leaves(tips.table("zh"))]
    assert len(texts) > 600
    assert [wrong for text in texts for wrong in half_width(text)] == []


def tries(days: int = 9) -> list[Attempt]:
    return [
        Attempt(
            "ana", Exercise(MANY.text, (), "sound"), replace(MANY, overall=value), NOW - timedelta(days=day)
        )
        for day in range(days, 0, -3)
        for value in (0.5, 0.6, 0.7)
    ]


def works() -> list[Grade]:
    from tests.practice.test_grading import task

    own = [replace(one, exercise=task().exercise, at=task().at + timedelta(days=1)) for one in tries()]
    return [*grades([task(), task()], own, "zh"), *grades([task()], [], "zh")]


def screen() -> str:
    step = Step(Exercise(MANY.text, kind="sound"), "sound:TH:onset", "due", 1.0)
    take = Take(audio.load(EXAMPLES / "weather-good.flac"), MANY, done=True)
    take = replace(take, feedback=RuleTutor().advise(MANY, LearnerState(explain="zh")))
    shown = practice_view.shown(Screen(Wish(), step, "sound", take), ZH, has_voice=False)
    return "".join((shown.card, shown.message, shown.words, shown.advice, shown.result))


def words() -> str:
    shown = [score.words_html(MANY, "zh", notation) for notation in (None, *NOTATIONS)]
    return "".join(
        shown + [score.word_html(one, "zh", way) for one in MANY.words for way in (None, *NOTATIONS)]
    )


def a_talk() -> str:
    begun = talk.begin("restaurant")
    found = talk.TalkSummary(
        True, 3, (("people", "two"), ("drink", "tea")), ("rice",), (("TH", "think"),),
        (("he go", "he goes"),), Exercise("I think so."),
    )  # fmt: skip
    return (
        talk_view.summary_html(found, "zh")
        + talk_view.hint_html(replace(begun, trouble=talk.Trouble.SHORT), "可以这样说", "zh")
        + talk_view.talk_html(begun, "zh")
    )


def graders() -> str:
    rows = [evaluated.scored_row(i) for i in range(2)]
    return agreed.html(grading.grading(rows, [], draws=10), "zh") + "".join(
        sheet.html(rows[0], None, True, "zh", reason, "1") for reason in ("", "noise")
    )


COMPOSED: dict[str, Callable[[], str]] = {
    "a take": screen,
    "words": words,
    "a talk": a_talk,
    "homework": lambda: (
        homework.list_html(works(), "2027-01-01", "zh")
        + homework.results_html(works(), "zh")
        + homework.waiting_line(works(), "zh")
        + "".join(homework.line_html(one, 2, "zh") for one in works())
    ),
    "progress": lambda: progress.progress_html(STATE, tries(), NOW, "zh"),
    "over time": lambda: overtime.contrasts_html(STATE, "zh"),
    "the class": lambda: progress.class_html([(Known("ana", 9, "", "2026-05-01T10"), STATE)], "zh"),
    "changes": lambda: practice.changes_html(Changes(("rice", "chips"), ("very", "we"), 1), "zh"),
    "a placement": lambda: practice.placed_html(
        Placed(0.5, 0.1, "A2", 0.9, ("sound:TH:onset", "sound:R:onset")), "zh"
    ),
    "a mouth": lambda: mouth.mouth_svg("N", '"n"', "zh"),
    "graders": graders,
    "a table of homework": lambda: assigning._columns("zh") + assigning._choose_table("zh"),
}


@pytest.mark.parametrize("name", COMPOSED)
def test_what_is_put_together(name: str) -> None:
    html = COMPOSED[name]()
    assert "，" in html or "。" in html or "：" in html or "、" in html
    assert half_width(html) == []


def test_a_greeting_and_a_fault(tmp_path: Path) -> None:
    class Store:
        """As much of a store as a greeting asks for."""

        def state(self, learner: str) -> LearnerState:
            return replace(STATE, learner=learner)

    greeting = welcome.back(replace(coach(), store=Store()), "ana", "zh")
    assert "ana，" in greeting and half_width(greeting) == []
    fault = Guard(tmp_path).told(RuntimeError("x"), lang="zh")
    assert "（详情：" in fault and half_width(fault) == []
