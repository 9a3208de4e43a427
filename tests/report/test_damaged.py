"""Run folders and class files with any value in any place: a page, or one line; never a traceback."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from speechtutor import cli
from speechtutor.evaluation import result
from speechtutor.schema import score_json
from tests.support import evaluated
from tests.support.judged import SINK
from tests.support.values import BYTES, GONE, VALUES, changed, places


def check(argv: list[str], capsys: pytest.CaptureFixture[str]) -> int:
    """Run a command; what it refuses is one line."""
    status = cli.main(argv)
    said = capsys.readouterr().err
    assert status in (0, 2), said
    if status == 2:
        assert said.count("\n") == 1 and said.startswith("speechtutor: error: ") and len(said) < 700, said
    return status


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    return {
        "asr": evaluated.asr_run(folder / "asr", 25),
        "scoring": evaluated.scoring_run(folder / "scoring", 8),
    }


@pytest.mark.parametrize("kind", ["asr", "scoring"])
@pytest.mark.parametrize("file", [result.CONFIG, result.SUMMARY, result.ROWS])
def test_a_value_of_another_kind(
    runs: dict[str, Path], kind: str, file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (runs[kind] / file).read_text(encoding="utf-8")
    rows = [json.loads(line) for line in whole.split("\n") if line] if file == result.ROWS else []
    value = rows[0] if rows else json.loads(whole)
    cases = [(place, other) for place in places(value) for other in (*VALUES, GONE)]
    refused = 0
    for n, (place, other) in enumerate(random.Random(762).sample(cases, min(40, len(cases)))):
        folder = tmp_path / str(n)
        shutil.copytree(runs[kind], folder)
        made = json.dumps(changed(value, place, other))
        lines = [made, *map(json.dumps, rows[1:])] if rows else [made]
        (folder / file).write_text("\n".join(lines) + "\n", encoding="utf-8")
        if n % 4 == 1 and file != result.SUMMARY:
            (folder / result.SUMMARY).unlink()
        against = ["--against", str(runs[kind])] if n % 16 == 2 else []
        page = str(tmp_path / "page.html")
        refused += check(["report", str(folder), "--out", page, "--audio", "none", *against], capsys) == 2
    assert refused > 0 or file == result.CONFIG


@pytest.mark.parametrize("file", [result.CONFIG, result.SUMMARY, result.ROWS])
@pytest.mark.parametrize("damage", BYTES)
def test_damaged_bytes(
    runs: dict[str, Path], file: str, damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(runs["scoring"], folder)
    (folder / file).write_bytes(BYTES[damage]((folder / file).read_bytes()))
    check(["report", str(folder), "--audio", "none"], capsys)


def test_a_class_file_of_other_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = json.loads(json.dumps({**score_json(SINK), "learner": "ana"}))
    cases = [(place, other) for place in places(value) if place for other in (*VALUES, GONE)]
    path = tmp_path / "scores.jsonl"
    refused = 0
    for place, other in random.Random(762).sample(cases, 150):
        path.write_text(json.dumps(changed(value, place, other)) + "\n", encoding="utf-8")
        refused += check(["report", str(path), "--class", "--out", str(tmp_path / "c.html")], capsys) == 2
    assert 50 < refused < 150


def test_a_run_shows_no_file_from_outside_its_recordings(tmp_path: Path) -> None:
    evaluated.tone(tmp_path / "secret.flac")
    folder = evaluated.scoring_run(tmp_path / "run", 3, root=tmp_path / "audio")
    (tmp_path / "audio").mkdir()
    path = folder / result.ROWS
    for audio in (str(tmp_path / "secret.flac"), "../secret.flac"):
        text = path.read_text(encoding="utf-8")
        rows = [json.loads(line) | {"audio": audio} for line in text.split("\n") if line]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        assert cli.main(["report", str(folder)]) == 0
        page = (folder / "report.html").read_text(encoding="utf-8")
        assert "data:audio" not in page and "outside the folder of the recordings" in page
