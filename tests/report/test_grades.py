"""Grades that were clicked: blindness, order, the record, what becomes of it."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speechtutor.cli import main
from speechtutor.corpora import manifest
from speechtutor.errors import InputError, StorageError, require
from speechtutor.evaluation.agreement import alpha
from speechtutor.evaluation.result import Row
from speechtutor.report import (
    agreed,
    grade_table,
    grades,
    grading,
    labels,
    overrides,
    rubric,
    run_page,
    sheet,
    sources,
)
from speechtutor.report.desk import Desk
from speechtutor.report.grades import Given
from speechtutor.report.overrides import LABELS, MACHINE
from speechtutor.report.run_page import Options
from speechtutor.report.sources import Source
from tests.conftest import PROJECT
from tests.report.test_grading import rows as manifest_rows
from tests.support import evaluated

NOW = datetime(2026, 11, 1, tzinfo=UTC)
FULL = Given(8, [5, 10], [[0, 1, 2, 2], [2, 2, 2]])


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return sources.load(evaluated.scoring_run(tmp_path / "run", 14))


def save(source: Source, name: str, who: str, said: Given = FULL, minute: int = 0) -> grades.Grade:
    """What the page does with a save."""
    row = overrides.row_of(source.run.rows, name, Path("run"))
    blind = desk(source, who).is_blind(row)
    made = grades.make(row, said, who, NOW + timedelta(minutes=minute), blind=blind)
    grades.append(source.record, made)
    return made


def desk(source: Source, who: str) -> Desk:
    typed = overrides.read(source.typed) if source.typed else []
    return Desk(source.run.rows, who, grades.read(source.record).grades, typed)


# --- blindness ------------------------------------------------------------------------------------------


def other_opinion(row: Row) -> Row:
    """The same utterance, of which machine and labels say something else throughout."""

    def changed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: changed(one) for key, one in value.items()}
        if isinstance(value, list):
            return [changed(one) for one in value]
        return 77.7 if isinstance(value, float) else value

    return replace(row, detail=changed(row.detail))


def test_a_blind_page_is_the_same_whatever_the_machine_said(source: Source) -> None:
    row = source.run.rows[3]
    for skipped in ("", "noise"):
        page = sheet.html(row, None, revealed=False, skipped=skipped)
        assert page == sheet.html(other_opinion(row), None, revealed=False, skipped=skipped)
    mine = grades.make(row, FULL, "Ann", NOW, blind=True)
    shown = sheet.html(row, mine, revealed=True)
    # Of 100 the machine gives the word 43, the sentence 60 and TH 20; the raters give the word 50.
    for told in ("machine 4.3", "raters 5.0", "machine 6.0", "machine 0.4", 'data-grade="8"'):
        assert told in shown, told
    assert "machine 7.8" in sheet.html(other_opinion(row), mine, revealed=True)


def test_the_first_save_is_blind_and_the_next_is_not(source: Source) -> None:
    assert not desk(source, "Ann").may_see("u1")
    first = save(source, "u1", "Ann")
    assert first.blind and desk(source, "Ann").may_see("u1")
    assert not desk(source, "Bo").may_see("u1"), "what Ann saved shows Bo nothing"
    later = save(source, "u1", "Ann", replace(FULL, sentence=6), 1)
    assert not later.blind
    assert [one.score for one in grades.read(source.record).grades] == [80, 60], "both are kept"
    assert save(source, "u1", "Bo").blind and save(source, "u2", "Ann").blind


def test_a_grader_who_typed_an_override_has_seen_it(source: Source) -> None:
    row = source.run.rows[1]
    assert source.typed is not None
    overrides.append(source.typed, overrides.make(row, 1, None, 30, "ann", NOW))
    assert not save(source, "u1", "Ann").blind and save(source, "u2", "Ann").blind


def test_the_same_name_in_other_letters_is_the_same_grader(source: Source) -> None:
    save(source, "u1", "Ann Lee")
    again = desk(source, "  ann  lee ")
    assert again.who == "Ann Lee" and again.may_see("u1")


def test_a_skip_shows_nothing_and_may_be_graded_blind_later(source: Source) -> None:
    row = source.run.rows[0]
    grades.append(source.record, grades.skip(row, "silent", "Ann", NOW))
    now = desk(source, "Ann")
    assert not now.may_see("u0") and now.skipped("u0") == "silent" and not now.is_open("u0")
    assert (now.progress.n_items, now.progress.n_graded, now.progress.n_skipped) == (14, 0, 1)
    assert save(source, "u0", "Ann").blind
    now = desk(source, "Ann")
    assert (now.progress.n_graded, now.progress.n_skipped, now.skipped("u0")) == (1, 0, "")
    with pytest.raises(InputError, match="a reason to skip"):
        grades.skip(row, "tired", "Ann", NOW)


# --- order ----------------------------------------------------------------------------------------------


def test_each_grader_has_an_order_of_their_own(source: Source) -> None:
    order = {who: [row.id for row in desk(source, who).rows] for who in ("Ann", "Bo")}
    assert sorted(order["Ann"]) == sorted(order["Bo"]) == sorted(row.id for row in source.run.rows)
    assert order["Ann"] != order["Bo"]
    assert [row.id for row in desk(source, "Ann").rows] == order["Ann"], "the same every time"
    fewer = Desk(source.run.rows[:-1], "Ann", ())
    gone = source.run.rows[-1].id
    assert [row.id for row in fewer.rows] == [name for name in order["Ann"] if name != gone]


def test_next_is_the_next_open_one_round_the_end(source: Source) -> None:
    order = [row.id for row in desk(source, "Ann").rows]
    save(source, order[1], "Ann")
    now = desk(source, "Ann")
    found = [now.next_open(), now.next_open(order[0]), now.next_open(order[-1])]
    assert [row and row.id for row in found] == [order[0], order[2], order[0]]
    assert now.beside(order[0], -1).id == order[-1]
    for name in order:
        save(source, name, "Ann")
    assert desk(source, "Ann").next_open() is None
    with pytest.raises(InputError, match="no utterance 'u99'"):
        now.place("u99")


# --- the record -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"sentence": 11}, "sentence"),
        ({"sentence": -1}, "sentence"),
        ({"sentence": 7.5}, "sentence"),
        ({"sentence": "8"}, "sentence"),
        ({"words": [5, 11]}, "words"),
        ({"sounds": [[3]]}, "sounds"),
        ([], "the grades"),
        ({}, "nothing is graded"),
        ({"words": [None, None], "sounds": [[None] * 4, [None] * 3]}, "nothing is graded"),
        ({"sentence": 5, "words": [5]}, "not of the words"),
        ({"sentence": 5, "words": [5, 5], "sounds": [[2] * 3, [2] * 3]}, "not of the words"),
    ],
)
def test_what_is_no_grade_is_refused(source: Source, said: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        grades.make(source.run.rows[0], grades.given(said), "Ann", NOW, blind=True)


def test_a_grade_comes_back_as_it_was_written(source: Source) -> None:
    made = save(source, "u3", " Ann \n Lee ", replace(FULL, note="a clear  s"))
    assert grades.read(source.record).grades == [made]
    assert (made.who, made.score, made.machine, made.rated, made.note) == ("Ann Lee", 80, 60, 60, "a clear s")
    first = made.words[0]
    assert (first.text, first.score, first.machine, first.rated) == ("think", 50, 43, 50)
    assert [sound.score for sound in first.sounds] == [0, 50, 100, 100], "0, 1 and 2 as 0-100"
    with pytest.raises(InputError, match="cannot be a grader's name"):
        grades.make(source.run.rows[0], FULL, MACHINE, NOW, blind=True)


def test_a_damaged_line_is_told_and_left_out(source: Source) -> None:
    save(source, "u1", "Ann")
    with source.record.open("ab") as file:
        file.write(b'{"id": "u2", "who": "Ann", "at"')  # a killed writer's half line
    save(source, "u3", "Ann")
    found = grades.read(source.record)
    assert [one.id for one in found.grades] == ["u1", "u3"]
    assert len(found.problems) == 1 and "row 2: not a grade" in found.problems[0]
    given, problems = grades.of_source(source)
    assert problems == list(found.problems) and {one.id for one in given} == {"u1", "u3"}
    built = run_page.build(source.run.folder, options=Options(draws=20))
    assert any("row 2: not a grade" in problem for problem in built.problems)


def test_two_graders_at_once_and_a_kill(source: Source) -> None:
    """Processes that save as fast as they can; one is killed: all that was told to be saved is there."""
    code = (
        "import sys; from pathlib import Path; from datetime import datetime, UTC\n"
        "from speechtutor.report import grades as g\n"
        "for i in range(10_000 if sys.argv[2] == 'Cy' else 40):\n"
        "    one = g.Grade('u1', sys.argv[2], str(i), True, 'x' * 1500, float(i % 100))\n"
        "    g.append(Path(sys.argv[1]), one)\n"
        "    print(i, flush=True)\n"
    )
    ann, bo, cy = (
        subprocess.Popen(
            [sys.executable, "-c", code, str(source.record), who], cwd=PROJECT, stdout=subprocess.PIPE
        )
        for who in ("Ann", "Bo", "Cy")
    )
    assert cy.stdout is not None
    told = [int(cy.stdout.readline()) for _ in range(5)]
    cy.kill()
    told += [int(line) for line in cy.stdout.read().split()]
    assert [one.communicate() and one.returncode for one in (ann, bo)] == [0, 0]
    cy.wait()
    found = grades.read(source.record)
    for who in ("Ann", "Bo"):
        assert [one.at for one in found.grades if one.who == who] == [str(i) for i in range(40)]
    assert {one.at for one in found.grades if one.who == "Cy"} >= {str(i) for i in told}
    assert len(found.problems) <= 1, "at most the line that the kill cut off"


def test_a_full_disk_acknowledges_nothing(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    made = save(source, "u1", "Ann")

    def write(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(StorageError, match="No space left"):
        save(source, "u2", "Ann")
    monkeypatch.undo()
    assert grades.read(source.record).grades == [made]


def test_the_rubric_leaves_no_grade_without_words() -> None:
    for scale in rubric.SCALES.values():
        told = [n for low, high, _ in scale.descriptors() for n in range(low, high + 1)]
        assert sorted(told) == list(range(scale.most + 1))
        assert [scale.grade(scale.points(n)) for n in range(scale.most + 1)] == list(range(scale.most + 1))


# --- what becomes of them ------------------------------------------------------------------------------


def test_a_later_save_withdraws_what_it_leaves_out_but_not_the_blind_one(source: Source) -> None:
    save(source, "u1", "Ann")
    save(source, "u1", "Ann", Given(6, [None, 10], [[None] * 4, [None] * 3]), 1)
    given, _ = grades.of_source(source)
    stands = overrides.standing(given)
    assert {item: one[0].score for item, one in stands.items()} == {("u1", 0, None): 60, ("u1", 2, None): 100}
    blind = overrides.standing(one for one in given if one.blind)
    assert len(blind) == 10 and blind["u1", 0, None][0].score == 80 and blind["u1", 1, None][0].score == 50


def test_krippendorff_of_his_own_example() -> None:
    """Krippendorff (2011), four observers and twelve units with gaps: 0.849 with the interval metric.

    By hand, D_o = (1/40) sum of 2 m SS / (m - 1) and D_e = 2 SS_all / 39 over the 40 pairable values.
    """
    n = np.nan
    observers = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, n, n, n],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, n, 3],
        [n, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, n],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, n],
    ]
    assert alpha(np.transpose(observers)) == pytest.approx(0.849, abs=5e-4)
    # Two graders, four items: squared differences 0, 0, 1, 1 give D_o = 1/2; the values 1 1 2 2 3 4 4 5 have
    # mean 2.75 and SS 15.5, so D_e = 2 * 15.5 / 7 and alpha = 1 - 0.5 * 7 / 31.
    assert alpha([[1, 1], [2, 2], [3, 4], [4, 5]]) == pytest.approx(1 - 3.5 / 31)
    assert np.isnan(alpha([[3, 3], [3, 3]])) and np.isnan(alpha([[1, n], [n, 2]])) and np.isnan(alpha([[]]))
    with pytest.raises(ValueError, match="shape"):
        alpha([1, 2])


def test_blind_and_seen_agreement_are_never_mixed(source: Source) -> None:
    for i in range(12):
        save(source, f"u{i}", "Ann", replace(FULL, sentence=i % 10))
        save(source, f"u{i}", "Bo", replace(FULL, sentence=min(i % 10 + 1, 10)))
        save(source, f"u{i}", "Bo", replace(FULL, sentence=6), 1)  # what the machine says: 60
    given, _ = grades.of_source(source)
    found = grading.grading(source.run.rows, given, draws=50)
    blind = {(p.unit, p.first, p.second): p for p in found.pairs if p.blind}
    seen = {(p.unit, p.first, p.second): p for p in found.pairs if not p.blind}
    both = blind["sentence", "Ann", "Bo"]
    # Bo is one of ten points higher throughout: 0.1 of the scale, in perfect order.
    assert both.found is not None and both.n_items == 12
    assert both.found.bias.value == pytest.approx(0.1) and both.found.pcc.value == pytest.approx(1)
    after = seen["sentence", "Bo", MACHINE]
    assert after.found is not None and after.found.same_level == 1
    assert blind["sentence", "Bo", MACHINE].found != after.found
    assert not any("Ann" in pair for pair in seen), "Ann never graded anything that she had seen"
    assert ("word", "Ann", LABELS) in blind and blind["sound", "Ann", "Bo"].n_items == 84
    whole = {one.unit: one for one in found.together}
    assert whole["sentence"].n_graders == 2 and whole["sentence"].alpha is not None
    assert found.n_blind == 2 * 12 * 10 and found.n_seen == 12 * 10
    text = run_page.build(source.run.folder, options=Options(draws=20)).page.read_text(encoding="utf-8")
    for told in ("Agreement, blind", "Agreement, the machine seen", "never mixed", "Krippendorff"):
        assert told in text, told
    page = agreed.html(found)
    assert "Ann and Bo" in page and "1.00 [1.00, 1.00]" in page and "too few" not in page


def test_the_tab_says_too_few_and_shows_only_blind_ones(source: Source) -> None:
    assert "Nobody has graded" in agreed.html(grading.grading(source.run.rows, []))
    for i in range(9):
        for who in ("Ann", "<b>Bo"):
            save(source, f"u{i}", who, Given(5, [None] * 2, [[None] * 4, [None] * 3]))
    save(source, "u1", "Ann", Given(6, [1, 1], [[0] * 4, [0] * 3]), 1)
    given, _ = grades.of_source(source)
    page = agreed.html(grading.grading(source.run.rows, given, draws=20))
    assert page.count("too few yet") == 6, "five pairs of sentences and all together"
    assert "<caption>Words" not in page and "<b>Bo" not in page and "&lt;b&gt;Bo" in page


def test_the_spreadsheet_holds_every_grade(source: Source, tmp_path: Path) -> None:
    save(source, "u1", "=Ann")
    save(source, "u1", "=Ann", replace(FULL, sentence=6), 1)
    grades.append(source.record, grades.skip(source.run.rows[2], "noise", "Bo", NOW))
    out = tmp_path / "grades.xlsx"
    assert main(["report", "export-grades", str(source.run.folder), "--out", str(out)]) == 0
    book = require("openpyxl", extra="tables").load_workbook(out)
    head, *rows = book["grades"].values
    found = [dict(zip(head, row, strict=True)) for row in rows]
    assert tuple(head) == grade_table.GRADES and len(found) == 2 * 10 + 1
    sentences = [one for one in found if one["unit"] == "sentence" and not one["skipped"]]
    assert [(one["grade"], one["of"], one["score"], one["blind"], one["stands"]) for one in sentences] == [
        (8, 10, 80, True, False), (6, 10, 60, False, True),
    ]  # fmt: skip
    assert found[-1]["skipped"] == "noise" and found[0]["who"] == "'=Ann", "a name is no formula"
    sound = next(one for one in found if one["unit"] == "sound")
    assert (sound["expected"], sound["ipa"], sound["grade"], sound["of"], sound["machine"]) == (
        "TH", "θ", 0, 2, 20,
    )  # fmt: skip
    assert (
        main(["report", "export-grades", str(source.run.folder), "--out", str(out.with_suffix(".csv"))]) == 0
    )
    text = out.with_suffix(".csv").read_text(encoding="utf-8-sig")
    assert len(list(csv.DictReader(io.StringIO(text)))) == 21
    assert main(["report", "export-grades", str(source.run.folder), "--out", str(tmp_path / "x.pdf")]) == 2
    only = list(csv.DictReader(io.StringIO(grade_table.csv_text(source, {"u2"}).removeprefix("\ufeff"))))
    assert [one["id"] for one in only] == ["u2"], "the rest would not be blind any more"


def test_grades_become_training_labels(source: Source, tmp_path: Path) -> None:
    rows, out = tmp_path / "rows.jsonl", tmp_path / "new.jsonl"
    manifest.write(rows, manifest_rows(14))
    save(source, "u3", "Ann")
    save(source, "u3", "Bo", replace(FULL, sentence=6))
    save(source, "u3", "Bo", replace(FULL, sentence=2), 1)
    run = str(source.run.folder)
    assert main(["report", "export-labels", run, str(rows), "--out", str(out)]) == 0
    (row,) = manifest.read(out)
    assert row.scores is not None and row.scores.overall == 0.8
    assert row.scores.accuracy == 0.5, "the mean of 80 and Bo's last word, 20"
    assert row.scores.words[0].score == 0.5 and row.scores.words[0].phones[1].score == 0.5
    assert main(["report", "export-labels", run, str(rows), "--out", str(out), "--blind"]) == 0
    (row,) = manifest.read(out)
    assert row.scores is not None and row.scores.accuracy == 0.7, "the mean of the blind ones, 80 and 60"
    record = json.loads(out.read_text(encoding="utf-8"))["overrides"]
    assert all(grader["blind"] for one in record for grader in one["graders"])


def test_another_text_under_the_same_id_is_no_label(source: Source, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    manifest.write(rows, [replace(row, text="other words", scores=None) for row in manifest_rows(14)])
    save(source, "u3", "Ann", Given(8, [None] * 2, [[None] * 4, [None] * 3]))
    given, _ = grades.of_source(source)
    with pytest.raises(InputError, match=r"row 4 \(u3\): its text is not 'think rice'"):
        labels.export(source.run.rows, given, rows, tmp_path / "new.jsonl")
