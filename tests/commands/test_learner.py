"""`speechtutor learner`: who is remembered, everything of one learner, and nothing of one."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from speechtutor import cli
from speechtutor.core import Attempt, Exercise
from speechtutor.files import disk, jsonio
from speechtutor.learner.store import open_store
from tests.learner.conftest import attempt, bytes_of, change
from tests.support.judged import SINK

Run = Callable[..., tuple[int, str, str]]
pytestmark = pytest.mark.writes_home


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*argv: object) -> tuple[int, str, str]:
        status = cli.main([str(word) for word in argv])
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.fixture
def home() -> Path:
    store = open_store()
    for minute in range(3):
        store.append(attempt("Anamaría", minute))
    store.append(attempt("ben"))
    store.give("Anamaría", 7, "x", Exercise("A sentence that was given."))
    store.close()
    return disk.home()


def test_list(run: Run, home: Path) -> None:
    status, out, err = run("learner", "list")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "Anamaría       3 attempts  2026-05-01 to 2026-05-01",
        "ben            1 attempt  2026-05-01 to 2026-05-01",
    ]
    rows = json.loads(run("learner", "list", "--json")[1])
    assert [(row["learner"], row["n_attempts"]) for row in rows] == [("Anamaría", 3), ("ben", 1)]


def test_export(run: Run, home: Path, tmp_path: Path) -> None:
    change(home / "learners.db", "score", "{", 2)
    out = tmp_path / "ana.json"
    assert run("learner", "export", "Anamaría", "--out", out)[::2] == (0, "")
    if os.name == "posix":
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
    found = json.loads(out.read_text("utf-8"))
    assert [jsonio.convert(row, Attempt, "it").score for row in found["attempts"]] == [SINK, SINK]
    assert len(found["unreadable"]) == len(found["given"]) == 1 and found["state"]["n_attempts"] == 3
    again = json.loads(run("learner", "export", "Anamaría")[1])
    assert [row["what"] for row in again.pop("audit")] == ["export", "export"] and len(
        found.pop("audit")
    ) == 1
    assert again == found


def test_delete_leaves_no_byte_under_the_home(run: Run, home: Path) -> None:
    needles = ["Anamaría".encode(), rb"Anamar\\u00eda", b"A sentence that was given"]
    assert any(needle in bytes_of(home) for needle in needles)
    assert run("learner", "delete", "Anamaría") == (0, "Anamaría: 3 attempts deleted\n", "")
    assert not any(needle in bytes_of(home) for needle in needles)
    assert [row["learner"] for row in json.loads(run("learner", "list", "--json")[1])] == ["ben"]
    status, out, err = run("learner", "delete", "Anamaría")
    assert (status, out) == (2, "") and "is called 'Anamaría'" in err and err.count("\n") == 1


def test_delete_names_backups_and_reports_that_it_leaves(run: Run, home: Path) -> None:
    with sqlite3.connect(home / "learners.db") as store, sqlite3.connect(home / "copy.bak") as copy:
        store.backup(copy)
    (home / "reports").mkdir()
    (home / "models").mkdir()
    holding = {
        "reports/class.html": "<td>Anamaría</td>",
        "key.json": json.dumps({"Anamaría": "Learner 01"}),
        "plain.csv": "Anamaría,TH",
    }
    others = {"other.txt": "Anamaríasson, ben", "empty": "", "models/words.txt": "Anamaría"}
    for name, text in (holding | others).items():
        (home / name).write_text(text, encoding="utf-8")
    status, out, err = run("learner", "delete", "Anamaría", "--json")
    assert status == 0
    expected = sorted(str(home / name) for name in ("copy.bak", *holding))
    assert sorted(json.loads(out)["elsewhere"]) == expected
    assert err.count("\n") == 4 and all(path in err for path in expected)
    assert all((home / name).exists() for name in (*holding, *others, "copy.bak"))


def test_another_store_by_url(run: Run, home: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'other.db'}"
    status, _, err = run("learner", "list", "--store", url)
    assert status == 2 and "there is no learner store at" in err and not (tmp_path / "other.db").exists()
    store = open_store(url)
    store.append(attempt("zoe"))
    store.close()
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "notes.txt").write_text("zoe")
    assert run("learner", "delete", "zoe", "--store", url) == (0, "zoe: 1 attempt deleted\n", "")
    assert b"zoe" not in (tmp_path / "other.db").read_bytes()


@pytest.mark.parametrize("verb", ["export", "delete"])
def test_nobody_of_that_name(run: Run, home: Path, verb: str) -> None:
    for name in ("nobody", "ANAMARÍA", "%", "' OR 1=1 --"):
        status, out, err = run("learner", verb, name)
        assert (status, out, err.count("\n")) == (2, "", 1) and "nobody in" in err


def test_no_store_yet(run: Run) -> None:
    status, out, err = run("learner", "list")
    assert (status, out) == (2, "") and "there is no learner store at" in err
    assert not (disk.home() / "learners.db").exists()
