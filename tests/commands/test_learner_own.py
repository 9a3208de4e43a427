"""`speechtutor learner` show, set, verify, rebuild, graph, backup, restore, sweep, audit, research."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from speechtutor import cli
from speechtutor.core.profile import Profile
from speechtutor.files import disk
from speechtutor.learner.store import open_store
from tests.learner.conftest import attempt

Run = Callable[..., tuple[int, str, str]]
pytestmark = pytest.mark.writes_home


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("SPEECHTUTOR_USER", "Ruth")

    def call(*argv: object) -> tuple[int, str, str]:
        status = cli.main(["learner", *map(str, argv)])
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.fixture
def home() -> Path:
    store = open_store()
    for minute in range(9):
        store.append(attempt("ana", minute))
    store.close()
    return disk.home()


def test_set_keeps_what_is_not_named_and_show_tells_it(run: Run, home: Path) -> None:
    assert run("set", "ana", "--l1", "es", "--level", "b1", "--interests", "food,travel", "--json")[0] == 0
    found = json.loads(run("set", "ana", "--minutes", "20", "--goals", "fluency", "--json")[1])
    assert (found["l1"], found["level"], found["minutes"]) == ("es", "B1", 20)
    assert (found["interests"], found["goals"]) == (["food", "travel"], ["fluency"])
    assert json.loads(run("set", "ana", "--interests", "none", "--json")[1])["interests"] == []
    shown = json.loads(run("show", "ana", "--json")[1])
    assert shown["profile"]["l1"] == "es" and shown["n_attempts"] == 9 and shown["practised"]["days"] == 1
    assert "no real change yet" in run("show", "ana")[1]
    store = open_store()
    assert store.state("ana").l1 == "es"


def test_a_first_language_that_nothing_is_known_of_is_said(run: Run) -> None:
    assert run("set", "ana", "--l1", "es")[2] == ""
    status, out, err = run("set", "ana", "--l1", "de")
    assert (status, "de" in out) == (0, True) and "nothing is known of speakers of de" in err


def test_a_minor_is_kept_with_a_guardian_s_consent_alone(run: Run) -> None:
    born = datetime.now(UTC).year - 10
    status, out, err = run("set", "kid", "--born", born)
    assert (status, out) == (2, "") and "needs the consent of a guardian" in err
    assert run("list")[1] == ""
    found = json.loads(run("set", "kid", "--born", born, "--guardian", "Rosa", "--json")[1])
    assert found["guardian"] == "Rosa" and found["consent"]


def test_show_writes_a_page(run: Run, home: Path, tmp_path: Path) -> None:
    status, _, err = run("show", "ana", "--page", tmp_path / "ana.html", "--since", "2026-05-01")
    assert status == 0 and "ana-sounds.xlsx" in err
    assert "<svg" in (tmp_path / "ana.html").read_text("utf-8")
    assert run("show", "nobody")[0] == 2


def test_verify_finds_a_changed_state_and_rebuild_mends_it(run: Run, home: Path) -> None:
    assert run("verify")[:2] == (0, "ana: as the attempts say\n")
    with sqlite3.connect(home / "learners.db") as connection:
        connection.execute("""UPDATE states SET state = replace(state, '"n_attempts":9', '"n_attempts":8')""")
        connection.execute(
            """UPDATE states SET state = replace(state, '"n_attempts": 9', '"n_attempts": 8')"""
        )
    connection.close()
    status, out, _ = run("verify", "ana", "--json")
    assert (status, json.loads(out)) == (1, {"ana": False})
    assert run("rebuild", "ana")[1] == "ana: from 9 attempts\n"
    assert run("verify")[0] == 0 and run("verify", "nobody")[0] == 2


def test_the_graph_in_three_forms(run: Run) -> None:
    rows = json.loads(run("graph", "--json")[1])
    known = [row["id"] for row in rows]
    assert all(known.index(need) < known.index(row["id"]) for row in rows for need in row["needs"])
    dot = run("graph", "--dot")[1]
    assert dot.startswith("digraph skills {") and '"sound:S:onset" -> "cluster:S T:onset";' in dot
    assert len(run("graph")[1].splitlines()) == len(rows)


def test_backup_and_restore(run: Run, home: Path, tmp_path: Path) -> None:
    assert run("backup", tmp_path / "away.db")[0] == 0
    assert run("delete", "ana")[0] == 0
    assert run("restore", tmp_path / "away.db")[0] == 2, "not over what is there"
    assert "9 attempts" in run("restore", tmp_path / "away.db", "--replace")[1]
    assert "ana" in run("list")[1] and run("verify")[0] == 0


def test_the_log_says_who_did_what(run: Run, home: Path, tmp_path: Path) -> None:
    run("show", "ana")
    run("export", "ana", "--out", tmp_path / "x.json")
    run("backup", tmp_path / "away.db")
    rows = json.loads(run("audit", "--json")[1])
    assert [(row["who"], row["what"], row["learner"]) for row in rows] == [
        ("Ruth", "show", "ana"), ("Ruth", "export", "ana"), ("Ruth", "backup", "*"),
    ]  # fmt: skip
    assert "Ruth  show  ana" in run("audit", "ana")[1]
    run("delete", "ana")
    assert "ana" not in run("audit")[1]


def test_research_tells_no_small_cell(run: Run, tmp_path: Path) -> None:
    store = open_store()
    now = datetime.now(UTC)
    for number in range(6):
        store.append(attempt(f"p{number}"))
        store.append(attempt(f"p{number}", 1))
        store.append(attempt(f"p{number}", 2))
        l1 = "es" if number < 5 else "ja"
        store.profiles.put(Profile(f"p{number}", l1=l1, level="A2", research=True), now)
    store.close()
    out = tmp_path / "cells.csv"
    assert run("research", "--out", out)[0] == 0
    text = out.read_text("utf-8-sig")
    rows = list(csv.DictReader(text.splitlines()))
    assert {row["learners"] for row in rows if row["l1"] == "es"} == {"5"}
    assert {(row["learners"], row["p"]) for row in rows if row["l1"] == "ja"} == {("", "")}
    assert "p3" not in text and not any("word:" in row["skill"] for row in rows)


def test_sweep(run: Run, home: Path) -> None:
    assert run("sweep")[1] == "0 recordings deleted\n"
