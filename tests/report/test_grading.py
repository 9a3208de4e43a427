from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from speechtutor.cli import main
from speechtutor.core import PhoneScore, Utterance, UtteranceScore, WordScore
from speechtutor.corpora import manifest
from speechtutor.errors import InputError, StorageError
from speechtutor.report import grading, labels, overrides, run_page, runs
from speechtutor.report.overrides import LABELS, MACHINE
from speechtutor.report.run_page import Options
from tests.conftest import PROJECT
from tests.support import evaluated

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return evaluated.scoring_run(tmp_path / "run", 14)


def say(
    run: Path, name: str, word: int, phone: int | None, score: float | None, who: str
) -> overrides.Override:
    row = overrides.row_of(runs.load(run).rows, name, run)
    made = overrides.make(row, word, phone, score, who, NOW)
    overrides.append(run, made)
    return made


def test_an_override_stands_beside_the_original(run: Path) -> None:
    before = (run / "utterances.jsonl").read_bytes()
    made = say(run, "u3", 1, 2, 30, "  Ann \n Lee ")
    assert (run / "utterances.jsonl").read_bytes() == before
    assert overrides.read(run) == [made]
    assert (made.who, made.text, made.expected, made.machine, made.rated) == (
        "Ann Lee",
        "think",
        "IH",
        90,
        10,
    )
    say(run, "u3", 1, 2, 40, "Bo")
    say(run, "u3", 1, 2, 35, "Ann Lee")
    given = overrides.standing(overrides.read(run))["u3", 1, 2]
    assert len(overrides.read(run)) == 3, "nothing is ever taken away"
    assert [(one.who, one.score) for one in given] == [("Bo", 40), ("Ann Lee", 35)]
    assert overrides.mean(given) == 37.5
    say(run, "u3", 1, 2, None, "Bo")
    say(run, "u3", 1, 2, None, "Ann Lee")
    assert overrides.standing(overrides.read(run)) == {}


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["u99", "--word", "1", "--score", "5", "--who", "A"], "no utterance 'u99'"),
        (["u1", "--word", "3", "--score", "5", "--who", "A"], "has 2 words, so there is no word 3"),
        (["u1", "--word", "0", "--score", "5", "--who", "A"], "no word 0"),
        (
            ["u1", "--word", "1", "--phone", "5", "--score", "5", "--who", "A"],
            "4 sounds, so there is no sound 5",
        ),
        (["u1", "--word", "1", "--score", "101", "--who", "A"], "from 0 to 100, not 101"),
        (["u1", "--word", "1", "--score", "-1", "--who", "A"], "from 0 to 100, not -1"),
        (["u1", "--word", "1", "--score", "nan", "--who", "A"], "from 0 to 100, not nan"),
        (["u1", "--word", "1", "--score", "5", "--who", " "], "needs a name"),
        (["u1", "--word", "1", "--score", "5", "--who", MACHINE], "cannot be a grader's name"),
        (["u1", "--word", "1", "--score", "5", "--who", "x" * 101], "100 characters"),
        (["u1", "--word", "1", "--who", "A"], "either --score or --withdraw"),
        (["u1", "--word", "1", "--who", "A", "--withdraw"], "nothing of it that could be withdrawn"),
        (["u1", "--word", "x", "--score", "5", "--who", "A"], "word"),
    ],
)
def test_bad_overrides_are_one_line(
    run: Path, args: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "override", str(run), *args]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
    assert not (run / overrides.FILE).exists()


def test_on_the_command_line(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = ["report", "override", str(run), "u1", "--word", "1", "--phone", "1", "--who", "Ann"]
    assert main([*args, "--score", "55", "--note", "half"]) == 0
    assert "sound 1 (TH): 55 (machine 20) by Ann" in capsys.readouterr().out
    assert main([*args, "--withdraw", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["score"] is None
    assert len(overrides.read(run)) == 2


def test_words_of_a_recognition_run_can_be_judged(tmp_path: Path) -> None:
    folder = evaluated.asr_run(tmp_path / "asr", 3)
    rows = runs.load(folder).rows
    found = overrides.locate(rows[0], 2)
    assert found.text == rows[0].reference.split()[1] and found.machine is None
    with pytest.raises(InputError, match="no sound 1"):
        overrides.locate(rows[0], 2, 1)


def test_two_graders_at_once(run: Path) -> None:
    """Separate processes that write as fast as they can: every line arrives whole."""
    code = (
        "import sys; from pathlib import Path; from datetime import datetime, UTC\n"
        "from speechtutor.report import overrides as o\n"
        "for i in range(40):\n"
        "    one = o.Override('u1', 1, 1, float(i), sys.argv[2], datetime.now(UTC).isoformat(), 'x' * 1500)\n"
        "    o.append(Path(sys.argv[1]), one)\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(run), who], cwd=PROJECT)
        for who in ("Ann", "Bo", "Cy")
    ]
    assert [process.wait() for process in started] == [0, 0, 0]
    found = overrides.read(run)
    assert len(found) == 120
    for who in ("Ann", "Bo", "Cy"):
        assert [one.score for one in found if one.who == who] == list(range(40))


def test_a_full_disk_leaves_nothing_half_written(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = say(run, "u1", 1, 1, 10, "Ann")
    real, calls = os.write, []

    def write(descriptor: int, data: bytes) -> int:
        if b'"Bo"' not in data and not calls:
            return real(descriptor, data)
        calls.append(data)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return real(descriptor, data[:20])

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(StorageError, match="No space left"):
        say(run, "u1", 1, 1, 20, "Bo")
    monkeypatch.undo()
    assert overrides.read(run) == [made]


def test_a_torn_line_is_named_and_spoils_no_other(run: Path) -> None:
    with (run / overrides.FILE).open("w") as file:
        file.write('{"id": "u1", "wo')
    say(run, "u1", 1, 1, 20, "Bo")
    assert len((run / overrides.FILE).read_text().splitlines()) == 2
    with pytest.raises(InputError, match=r"overrides\.jsonl, row 1: not an override"):
        overrides.read(run)
    built = run_page.build(run, options=Options(draws=20))
    assert any("row 1: not an override" in problem for problem in built.problems)
    assert str(run.parent) not in built.page.read_text(encoding="utf-8")
    (run / overrides.FILE).write_text(
        '{"id": "u1", "word": 1, "phone": null, "score": 300, "who": "A", "at": ""}\n'
    )
    with pytest.raises(InputError, match="row 1"):
        overrides.read(run)


def test_agreement_is_reported(run: Path) -> None:
    for i in range(14):
        say(run, f"u{i}", 1, 1, 5 * i, "Ann")
        say(run, f"u{i}", 1, 1, min(5 * i + 10, 100), "Bo <b>")
        if i < 3:
            say(run, f"u{i}", 1, None, 50, "Ann")
    found = grading.grading(runs.load(run).rows, overrides.read(run), draws=100)
    pairs = {(p.unit, p.first, p.second): p for p in found.pairs}
    both = pairs["sound", "Ann", "Bo <b>"]
    assert both.n_items == 14 and both.found is not None
    assert both.found.bias.value == pytest.approx(0.10) and 0.8 < both.found.icc_single.value < 1
    assert pairs["sound", "Ann", MACHINE].n_items == pairs["sound", "Ann", LABELS].n_items == 14
    few = pairs["word", "Ann", MACHINE]
    assert few.n_items == 3 and few.found is None, "three items are no agreement"
    text = run_page.build(run, options=Options(draws=50)).page.read_text(encoding="utf-8")
    for told in (
        "Ann and Bo &lt;b&gt;",
        "ICC(2,1)",
        "31 scores of graders on record",
        "graders 5",
        "too few",
    ):
        assert told in text, told
    assert "<b>:" not in text and (run / "report-overrides.csv").is_file()


def human(*scores: float | None) -> UtteranceScore:
    phones = [tuple(PhoneScore(p, 1.0) for p in word) for word in (("TH", "IH", "NG", "K"), ("R", "AY", "S"))]
    words = tuple(
        WordScore(text, score, phones=p)
        for text, score, p in zip(("think", "rice"), scores, phones, strict=True)
    )
    return UtteranceScore("think rice", words, overall=0.8)


def rows(n: int) -> list[Utterance]:
    return [
        Utterance(f"u{i}", f"u{i}.flac", "think rice", f"s{i % 5}", "dev", scores=human(0.5, 1.0))
        for i in range(n)
    ]


def test_overrides_become_training_labels(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "rows.jsonl", tmp_path / "new.jsonl"
    manifest.write(source, rows(14))
    before = source.read_bytes()
    say(run, "u3", 1, 1, 10, "Ann")
    say(run, "u3", 1, 1, 20, "Bo")
    say(run, "u5", 2, None, 70, "Ann")
    assert main(["report", "export-labels", str(run), str(source), "--out", str(out)]) == 0
    assert "2 rows, 1 word and 1 sound relabelled" in capsys.readouterr().out
    third, fifth = manifest.read(out)
    assert third.scores is not None and fifth.scores is not None
    assert third.scores.words[0].phones[0].score == 0.15 and third.scores.words[0].phones[1].score == 1
    assert fifth.scores.words[1].score == 0.7 and third.scores.overall == 0.8
    (record,) = json.loads(out.read_text().splitlines()[0])["overrides"]
    assert record["was"] == 100 and [g["who"] for g in record["graders"]] == ["Ann", "Bo"]
    assert source.read_bytes() == before
    done = labels.export(runs.load(run).rows, overrides.read(run), source, out, every=True)
    assert done.n_rows == len(manifest.read(out)) == 14 and done.graders == ("Ann", "Bo")


def test_a_row_that_nobody_had_scored_gets_the_words_of_the_run(run: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "rows.jsonl", tmp_path / "new.jsonl"
    manifest.write(source, [replace(row, scores=None) for row in rows(14)])
    say(run, "u3", 1, 1, 10, "Ann")
    labels.export(runs.load(run).rows, overrides.read(run), source, out)
    (row,) = manifest.read(out)
    assert row.scores is not None and row.scores.words[0].phones[0].score == 0.1
    assert row.scores.words[0].score is None and row.scores.words[0].phones[1].score is None


def test_labels_that_cannot_be_exported(run: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "rows.jsonl", tmp_path / "new.jsonl"
    manifest.write(source, rows(3))
    given = runs.load(run).rows
    with pytest.raises(InputError, match="no override stands"):
        labels.export(given, [], source, out)
    say(run, "u9", 1, 1, 10, "Ann")
    with pytest.raises(InputError, match="has no row 'u9'"):
        labels.export(given, overrides.read(run), source, out)
    other = [replace(row, scores=None, text="other words") for row in rows(14)]
    manifest.write(
        source, [replace(r, scores=replace(human(1, 1), words=human(1, 1).words[::-1])) for r in other]
    )
    with pytest.raises(InputError, match=r"row 10 \(u9\): word 1 is not 'think'"):
        labels.export(given, overrides.read(run), source, out)
    with pytest.raises(InputError, match="another file"):
        labels.export(given, overrides.read(run), source, source)
    assert not out.exists()
