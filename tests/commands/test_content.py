"""`speechtutor content`: lists for people and programs."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from speechtutor import cli
from speechtutor.practice import library

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*argv: str) -> tuple[int, str, str]:
        status = cli.main(["content", *argv])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def test_a_list_is_what_the_library_has(run: Run) -> None:
    found = json.loads(run("sentence", "--level", "c1", "--topic", "work", "--json")[1])
    assert [row["text"] for row in found] == [one.text for one in library.of_kind("sentence", "C1", "work")]
    assert all(row["phones"] and row["skills"] for row in found)
    assert len(run("opening")[1].splitlines()) == len(library.of_kind("opening"))


def test_words_and_topics(run: Run) -> None:
    assert run("topics")[1].split() == list(library.topics())
    assert json.loads(run("words", "--topic", "food", "--level", "A1", "--json")[1])["bread"] == "A1"
    assert "A1  bread" in run("words", "--topic", "food")[1].splitlines()


def test_a_drawing(run: Run) -> None:
    assert run("picture", "--drawing", "farm")[1] == library.drawing("farm")
    assert run("pair", "--drawing", "farm")[::2] == (
        2,
        "speechtutor: error: --drawing goes with picture, not with 'pair'\n",
    )


@pytest.mark.parametrize("argv", [["song"], ["pair", "--level", "D"], ["words", "--topic", "war"]])
def test_what_there_is_not(run: Run, argv: list[str]) -> None:
    status, out, err = run(*argv)
    assert status == 2 and not out and "there is no" in err and err.count("\n") == 1
