"""Homework in the app: given by a teacher, said by a learner, graded, and nobody's else to see."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from demo import admin, assigning, homework, planned, practice, practice_view, welcome
from demo.assigning import Wanted
from demo.classroom import Classroom
from demo.guard import Guard
from demo.practice import HOMEWORK, SESSION, Screen, Wish, following, fresh
from demo.prefs import Prefs
from demo.rates import Rates
from speechtutor.content.tables import languages
from speechtutor.core import Exercise
from speechtutor.core.profile import Profile
from speechtutor.errors import InputError
from speechtutor.learner.store import SqlStore
from speechtutor.models import fake
from speechtutor.practice import course, library
from speechtutor.practice.path import Step
from tests.demo.test_practice import EN, coach, rng, said

NOW = datetime.now(UTC)
TEXT = Wanted(("ana",), title="Week 1", lines="I think so.\nWe like rice.")
ROLES = {"ruth": "teacher", "root": "admin", "ana": "learner", "bo": "learner"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    opened = SqlStore(f"sqlite:///{tmp_path / 'l.db'}")
    yield opened
    opened.close()


@pytest.fixture
def judge(store: SqlStore) -> Any:
    return coach(store=store, scorer=fake.FakeScorer(errors={}))


def account(name: str | None) -> Any:
    return SimpleNamespace(username=name, client=SimpleNamespace(host="127.0.0.1"), headers={})


# A learner's side


def test_homework_is_seen_said_and_graded(judge: Any) -> None:
    told = assigning.assign(judge, TEXT, "ruth", NOW, "en")
    assert "Week 1: 2 exercises for 1 learner," in told
    html = homework.shown(judge, "ana", EN, NOW)
    assert html.count("data-task=") == 2 and "0 of 2 done" in html and "from ruth" in html
    assert "You have homework" in welcome.back(judge, "ana", "en")
    screen = fresh(judge, Wish(HOMEWORK), "ana", "en", rng())
    assert screen.exercise is not None and screen.exercise.text == "I think so."
    assert "Homework: Week 1" in practice_view.shown(screen, EN).card
    screen = said(judge, screen)
    card = practice_view.shown(screen, EN).card
    assert "✓ done" in card and "of 100, best of 1" in card and "no sound was called wrong" in card
    screen = following(judge, screen, "ana", "en", rng())
    assert screen.exercise is not None and screen.exercise.text == "We like rice."
    screen = following(judge, said(judge, screen), "ana", "en", rng())
    assert screen.exercise is None and "No homework is waiting" in practice_view.shown(screen, EN).card
    html = homework.shown(judge, "ana", EN, NOW)
    assert "2 of 2 done" in html and "Say it once more" in html


def test_one_exercise_is_asked_for_by_its_id_and_only_by_whose_it_is(judge: Any) -> None:
    assigning.assign(judge, TEXT, "ruth", NOW, "en")
    second = planned.work(judge, "ana", "en")[1].task.exercise.id
    screen = fresh(judge, Wish(HOMEWORK, task=second), "ana", "en", rng())
    assert screen.exercise is not None and screen.exercise.id == second and screen.wish.task == ""
    assert fresh(judge, Wish(HOMEWORK, task=second), "bo", "en", rng()).exercise is None
    assert "Nobody has given you homework" in homework.shown(judge, "bo", EN, NOW)


def test_what_was_said_badly_is_not_done_and_says_why(store: SqlStore) -> None:
    judge = coach(store=store)
    assigning.assign(judge, replace(TEXT, lines="I think so."), "ruth", NOW, "en")
    screen = said(judge, fresh(judge, Wish(HOMEWORK), "ana", "en", rng()))
    assert screen.grade is not None and screen.grade.tries == 1 and "/θ/" in screen.grade.why
    zh = planned.work(judge, "ana", "zh")[0].why
    assert "可以练" in zh and "think" in zh


@pytest.mark.parametrize("lang", list(languages()))
def test_overdue_homework_still_counts(judge: Any, lang: str) -> None:
    assigning.assign(judge, TEXT, "ruth", NOW, "en")
    html = homework.shown(judge, "ana", Prefs(lang=lang), NOW + timedelta(days=30))
    told = {"en": "It still counts", "zh": "现在做也算", "es": "Todavía cuenta"}
    assert told[lang] in html and html.count("data-task=") == 2


def test_a_take_where_nothing_is_left_is_answered_in_words(judge: Any) -> None:
    screen = fresh(judge, Wish(HOMEWORK), "ana", "en", rng())
    assert "nothing left to say" in practice_view.shown(said(judge, screen), EN).message


# A teacher's side


def test_the_sources_of_homework(judge: Any, tmp_path: Path) -> None:
    def kinds(**how: Any) -> list[str]:
        return [one.kind for one in assigning.exercises(replace(TEXT, **how), "en")]

    assert kinds(source="words", lines="bread\n\n tea ") == ["vocabulary", "vocabulary"]
    assert kinds(source="questions", lines="Where do you live?") == ["question"]
    assert kinds(source="of_ours", topic="food", most=3) == ["sound"] * 3
    table = tmp_path / "table.csv"
    table.write_text("word;text\nbread;We buy bread.\n", encoding="utf-8")
    assert kinds(source="table", table=str(table)) == ["vocabulary"]


@pytest.mark.parametrize(
    ("how", "told"),
    [({"learners": ()}, "Choose for whom"), ({"title": "  "}, "Give it a name"),
     ({"lines": " \n"}, "Write something to say"), ({"source": "table"}, "Choose a table first"),
     ({"lines": "…"}, "row 1: there is nothing to say")],
)  # fmt: skip
def test_what_is_missing_is_named(judge: Any, how: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        assigning.assign(judge, replace(TEXT, **how), "ruth", NOW, "en")


def test_a_bad_table_is_named_without_its_place(judge: Any, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("words\nbread\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"^table\.csv: no column text") as found:
        assigning.from_table(table)
    assert str(tmp_path) not in str(found.value)


def test_the_spreadsheet_holds_the_grades(judge: Any) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    assigning.assign(judge, TEXT, "ruth", NOW, "en")
    said(judge, fresh(judge, Wish(HOMEWORK), "ana", "en", rng()))
    data = base64.b64decode(assigning.spreadsheet(judge, "Week 1", "ruth"))
    rows = list(openpyxl.load_workbook(io.BytesIO(data))["homework"].values)
    assert rows[0][:2] == ("learner", "title") and [row[6] for row in rows[1:]] == ["yes", "no"]
    assert "✓ done" in assigning.results(judge, None, "ruth", "en")


# Who may what


def call(wanted: Any, *given: Any) -> Any:
    """What a call of the page gives for what the page holds."""
    return wanted(*given)


CALLS: dict[str, tuple[Any, ...]] = {
    "told": (EN,),
    "assign": (["ana"], False, "Week 1", 7, "sentences", "I think so.", "", "A2", 8, None, EN),
    "results": (None, EN),
    "spreadsheet": (None, EN),
    "withdraw": ("Week 1", EN),
}
ADMIN_CALLS: dict[str, tuple[Any, ...]] = {"export": ("bo", EN), "delete": ("bo", "bo", EN), "log": (EN,)}


@pytest.mark.parametrize("name", [None, "ana", "nobody"])
@pytest.mark.parametrize("what", [*CALLS, *ADMIN_CALLS])
def test_a_learner_is_told_nothing_of_others(judge: Any, tmp_path: Path, name: str | None, what: str) -> None:
    said(judge, fresh(judge, Wish("sound"), "bo", "en", rng()))
    room = Classroom(judge, Guard(tmp_path), ROLES)
    found = getattr(room, what)(*(CALLS | ADMIN_CALLS)[what], account(name))
    assert found in ("", ("", ""))
    assert judge.store.homework.tasks() == [] and judge.store.audit.entries() == []
    assert "ana" in judge.store.learners(), "nothing was deleted"
    visible = room.seen(account(name))
    assert [one["visible"] for one in visible] == [False, False]
    assert all(one["__type__"] == "update" and "choices" not in one for one in room.names(account(name)))


@pytest.mark.parametrize("what", list(ADMIN_CALLS))
def test_a_teacher_is_no_admin(judge: Any, tmp_path: Path, what: str) -> None:
    room = Classroom(judge, Guard(tmp_path), ROLES)
    assert getattr(room, what)(*ADMIN_CALLS[what], account("ruth")) in ("", ("", ""))
    assert [one["visible"] for one in room.seen(account("ruth"))] == [True, False]


def test_a_teacher_gives_sees_and_takes_back_and_it_is_written_down(judge: Any, tmp_path: Path) -> None:
    room, ruth = Classroom(judge, Guard(tmp_path), ROLES), account("ruth")
    assert "1 exercise for 1 learner," in call(room.assign, *CALLS["assign"], ruth)
    assert "ana" in room.told(EN, ruth) and "I think so." in room.results(None, EN, ruth)
    assert "1 exercise taken back" in room.withdraw("Week 1", EN, ruth)
    assert "Choose which homework first" in room.withdraw(None, EN, ruth)
    entries = judge.store.audit.entries()
    assert {one.who for one in entries} == {"ruth"}
    assert [one.what for one in entries] == ["homework Week 1", "class", "homework list",
                                             "homework withdraw Week 1"]  # fmt: skip


def test_an_admin_takes_a_record_along_and_deletes_it(judge: Any, tmp_path: Path) -> None:
    room, root = Classroom(judge, Guard(tmp_path), ROLES), account("root")
    said(judge, fresh(judge, Wish("sound"), "bo", "en", rng()))
    data, told = room.export("ana", EN, root)
    assert json.loads(data)["learner"] == "ana" and "handed" in told
    assert "Choose a learner first" in room.export(None, EN, root)[1]
    assert "not ana" in room.delete("ana", "an", EN, root) and "ana" in judge.store.learners()
    assert "deleted" in room.delete("ana", "ana", EN, root) and "ana" not in judge.store.learners()
    log = room.log(EN, root)
    assert "root" in log and "delete a learner" in log
    assert "ana" not in log, "the name goes with the record"
    assert admin.SHOWN and [one["visible"] for one in room.seen(root)] == [True, True]


def test_whoever_asks_too_often_is_asked_to_wait() -> None:
    rates = Rates("2/minute")
    assert [rates.wait("ana"), rates.wait("ana"), rates.wait("bo")] == [0, 0, 0]
    assert 1 <= rates.wait("ana") <= 60


# A session


def test_a_session_follows_minutes_and_goals_and_ends(judge: Any, store: SqlStore) -> None:
    store.profiles.put(Profile("ana", minutes=3, goals=("vocabulary",)), NOW)
    screen, kinds = fresh(judge, Wish(SESSION), "ana", "en", rng()), []
    for n in range(1, 9):
        if screen.exercise is None:
            break
        kinds.append(screen.exercise.kind)
        assert f"{n} of {screen.all} in today" in practice_view.shown(screen, EN).card
        screen = following(judge, screen, "ana", "en", rng())
    assert kinds and set(kinds) <= set(course.KINDS["vocabulary"])
    assert "That was today's session" in practice_view.shown(screen, EN).card.replace("&#x27;", "'")


def test_what_helps_most_follows_the_goals(judge: Any, store: SqlStore) -> None:
    store.profiles.put(Profile("ana", goals=("vocabulary",)), NOW)
    screen = fresh(judge, Wish(), "ana", "en", rng())
    assert screen.exercise is not None and screen.exercise.kind == "vocabulary"


def test_a_question_is_asked_by_the_voice_and_a_picture_is_seen(judge: Any) -> None:
    question = fresh(judge, Wish("question"), "ana", "en", rng())
    assert question.exercise is not None and question.said == question.exercise.given
    picture = fresh(judge, Wish("picture"), "ana", "en", rng())
    card = practice_view.shown(picture, EN).card
    assert picture.exercise is not None and "<svg" in card and picture.exercise.text not in card
    listen = Exercise("sheep", ("SH",), "listen", "A2", given="ship, sheep")
    shown = practice._shown(Screen(Wish(SESSION)), Step(listen, "", "new", 1.0), rng(), None)
    assert shown.words == ("ship", "sheep") and shown.said == "sheep" and shown.secret == 1


def test_a_topic_is_kept_to(judge: Any) -> None:
    texts = []
    for seed in range(6):
        chance = np.random.default_rng(seed)
        one = fresh(judge, Wish("echo", "A2", topic="food"), "ana", "en", chance).exercise
        assert one is not None
        texts.append(library.topic_of(one.text))
    assert set(texts) == {"food"}
