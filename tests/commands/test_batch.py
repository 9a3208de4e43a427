"""`speechtutor batch`: what it prints, its exit status, and its refusals; workers are in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from speechtutor import cli
from speechtutor.batch import pools
from tests.batch.conftest import hum, row, values, write_manifest
from tests.batch.here import inline

FAKES = ["--scorer", "fake"]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    for name in "ab":
        hum(tmp_path / "corpus" / f"{name}.wav")
    return write_manifest(tmp_path / "rows.jsonl", [row("a", "I think so"), row("b", "Sit down")])


@pytest.fixture(autouse=True)
def workers(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    asked: list[object] = []

    def opened(what: object) -> Any:
        asked.append(what)
        return inline()()

    monkeypatch.setattr(pools, "processes", opened)
    monkeypatch.setattr(pools, "cluster", opened)
    return asked


def test_it_says_how_many_and_where(
    manifest: Path, tmp_path: Path, capsys: Any, workers: list[object]
) -> None:
    out = tmp_path / "s.jsonl"
    words = ["batch", str(manifest), "--root", str(tmp_path / "corpus"), "--out", str(out), *FAKES]
    assert cli.main([*words, "--processes", "2"]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"2 rows in {out}\n" and "judging" in shown.err and workers == [2]
    assert cli.main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"out": str(out), "rows": 2, "failed": 0, "before": 2}
    score = ["score", str(tmp_path / "corpus" / "a.wav"), "I think so", "--model", "fake", "--json"]
    assert cli.main(score) == 0
    alone = json.loads(capsys.readouterr().out)
    assert values(out)[0] == {"id": "a", "speaker": "a"} | alone | {"elapsed_ms": None}


def test_a_failed_row_is_exit_status_1(manifest: Path, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "corpus" / "b.wav").unlink()
    words = ["batch", str(manifest), "--root", str(tmp_path / "corpus"), "--out", str(tmp_path / "s.csv")]
    assert cli.main([*words, *FAKES, "--cluster", "tcp://a:1"]) == 1
    shown = capsys.readouterr()
    assert shown.out == f"2 rows in {tmp_path / 's.csv'}, 1 failed\n"
    assert "speechtutor: b: " in shown.err and "Traceback" not in shown.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--processes", "0"], "processes must be 1 or more"),
        (["--processes", "2", "--cluster", "tcp://a:1"], "leave them out with --cluster"),
        (["--explain", "es"], "--feedback"),
        (["--explain", "xx", "--feedback"], "xx"),
        (["--per", "day"], "day"),
        (["--split", "night"], "night"),
        (["--out", "s.txt"], "--out"),
    ],
)
def test_refusals_are_one_line(
    manifest: Path, tmp_path: Path, capsys: Any, words: list[str], told: str
) -> None:
    given = ["batch", str(manifest), "--out", str(tmp_path / "s.jsonl"), *FAKES, *words]
    assert cli.main(given) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("\n") == 1 and told in shown.err
