"""`speechtutor homework`: assigned, answered by id, graded, reported, withdrawn; and `practice --session`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from speechtutor import cli
from tests.conftest import PROJECT

Run = Callable[..., tuple[int, str, str]]
pytestmark = pytest.mark.writes_home
SPOKEN = PROJECT / "demo" / "examples" / "weather-good.flac"
FAKES = ("--scorer", "fake", "--transcriber", "fake")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*argv: object) -> tuple[int, str, str]:
        status = cli.main([str(word) for word in argv])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def test_the_whole_way(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "items.csv"
    table.write_text("text\nI think the weather is very nice today.\n", encoding="utf-8")
    assert run("homework", "assign", "Week 1", "--learners", "ana, ben", "--items", table)[0] == 0
    again = run("homework", "assign", "Week 1", "--learners", "ana", "--items", table)
    assert "1 were given under this title before" in again[2]
    (mine,) = json.loads(run("homework", "list", "ana", "--json")[1])
    assert (mine["grade"], mine["done"], mine["why"]) == (None, "no", "not answered yet")
    asked = json.loads(run("practice", "--learner", "ana", "--exercise", mine["id"], "--json")[1])
    assert asked["text"] == "I think the weather is very nice today." and asked["id"] == mine["id"]
    for _ in range(2):
        status, out, _ = run(
            "practice", "--learner", "ana", "--exercise", mine["id"], "--answer", SPOKEN, *FAKES, "--json"
        )
        assert status == 0 and json.loads(out)["id"] == mine["id"]
    (mine,) = json.loads(run("homework", "list", "ana", "--json")[1])
    assert (mine["tries"], mine["done"]) == (2, "yes")
    assert run("homework", "report", "Week 1", "--out", tmp_path / "r.html")[1].endswith("1 of 2 done\n")
    assert run("homework", "withdraw", "Week 1")[1] == "Week 1: 2 exercises withdrawn\n"
    assert run("homework", "withdraw", "Week 1")[0] == 2


def test_our_own_sentences_as_homework(run: Run) -> None:
    run("homework", "assign", "Food", "--learners", "ana", "--topic", "food", "--level", "a1", "--most", "3")
    assert len(run("homework", "list")[1].splitlines()) == 3


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("assign", "W", "--learners", "ana"), "either --items"),
        (("assign", "W", "--learners", "ana", "--topic", "food", "--most", "0"), "--most must be 1"),
        (("assign", "W", "--learners", "ana", "--topic", "food", "--due", "1999-01-01"), "is over"),
        (("assign", "W", "--learners", ",", "--topic", "food"), "one of them is empty"),
        (("assign", "W", "--learners", "all", "--topic", "food"), "one of them is empty"),
    ],
)
def test_what_cannot_be(run: Run, argv: tuple[str, ...], says: str) -> None:
    status, out, err = run("homework", *argv)
    assert (status, out) == (2, "") and says in err


def test_a_session_is_answered_by_id(run: Run) -> None:
    run("learner", "set", "ana", "--level", "A2", "--minutes", "2", "--goals", "pronunciation")
    steps = json.loads(run("practice", "--learner", "ana", "--session", "0", "--json")[1])
    assert len(steps) == 3 and all(step["reason"] for step in steps)
    one = steps[0]
    found = json.loads(run("practice", "--learner", "ana", "--exercise", one["id"], "--json")[1])
    assert (found["text"], found["kind"]) == (one["text"], one["kind"])
    people = run("practice", "--learner", "ana", "--session", "1")[1]
    assert "Chosen because" in people
    for argv, says in (
        (("--session", "5"), "name them with --learner"),
        (("--learner", "ana", "--exercise", "nothing"), "was given no exercise 'nothing'"),
        (("--exercise", one["id"]), "name them with --learner"),
        (("--learner", "ana", "--exercise", one["id"], "--seed", "3"), "leave one of them out"),
        (("--learner", "ana", "--session", "999"), "1 to 240 minutes"),
    ):
        status, out, err = run("practice", *argv)
        assert (status, out) == (2, "") and says in err
