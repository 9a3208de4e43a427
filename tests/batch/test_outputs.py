"""The other forms of a batch say what its rows say."""

from __future__ import annotations

import csv
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from speechtutor.batch import outputs
from speechtutor.batch.judge import Plan
from speechtutor.batch.run import Job, run
from speechtutor.corpora.formats import textgrid
from speechtutor.errors import MissingExtraError
from speechtutor.tables import COLUMNS, frame
from tests.batch.conftest import values
from tests.batch.here import inline

FAKE = Plan("fake", "fake", "fake")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("per", list(COLUMNS))
def test_csv(manifest: Path, tmp_path: Path, per: str) -> None:
    (manifest.parent / "u1.wav").unlink()
    job = Job(manifest, tmp_path / "s.csv", FAKE, per=per)
    assert run(job, inline(), lambda _: None).n_failed == 1
    found, table = rows(job.out), frame(values(job.rows), per)  # type: ignore[arg-type]
    assert [row["id"] for row in found] == table["id"].tolist()
    assert [*found[0]] == list(table.columns)
    score = "overall" if per == "utterance" else "score"
    assert [float(row[score] or "nan") for row in found] == pytest.approx(table[score].tolist(), nan_ok=True)


def test_parquet(manifest: Path, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    job = Job(manifest, tmp_path / "s.parquet", FAKE, per="phone")
    run(job, inline(), lambda _: None)
    found, table = pandas.read_parquet(job.out), frame(values(job.rows), "phone")
    assert list(found.columns) == list(table.columns) and len(found) == len(table)
    assert found["heard"].isna().tolist() == table["heard"].isna().tolist()
    assert found["score"].tolist() == table["score"].tolist()
    assert not list(tmp_path.glob(".s.parquet.*[!k]"))  # nothing half-made is left but the lock


def test_another_form_of_the_same_rows_judges_nothing_again(manifest: Path, tmp_path: Path) -> None:
    job = Job(manifest, tmp_path / "s.csv", FAKE, per="word")
    run(job, inline(), lambda _: None)
    assert run(replace(job, per="phone"), inline(), lambda _: None).n_before == 6
    assert "expected" in rows(job.out)[0]


def test_textgrids(manifest: Path, tmp_path: Path) -> None:
    text = manifest.read_text("utf-8").replace('"id": "u1"', '"id": "../u1"')
    manifest.write_text(text.replace('"id": "u2"', '"id": "anna/u2"'), "utf-8")
    (manifest.parent / "u3.wav").unlink()
    job = Job(manifest, tmp_path / "s.jsonl", FAKE, also={"textgrid": tmp_path / "grids"})
    run(job, inline(), lambda _: None)
    made = {
        path.relative_to(tmp_path / "grids").as_posix() for path in (tmp_path / "grids").rglob("*.TextGrid")
    }
    assert made == {"u0.TextGrid", "%2E%2E/u1.TextGrid", "anna/u2.TextGrid", "u4.TextGrid", "u5.TextGrid"}
    tiers = textgrid(tmp_path / "grids" / "u0.TextGrid")  # "I think so", TH heard as S
    assert list(tiers) == ["words", "phones", "heard", "word scores", "phone scores"]
    assert [span.label for span in tiers["words"]] == ["I", "think", "so"]
    assert [span.label for span in tiers["phones"]] == "AY TH IH NG K S OW".split()
    assert [span.label for span in tiers["heard"] if span.label] == ["S"]
    assert {span.label for span in tiers["phone scores"]} == {"100.0", "20.0"}
    assert all(spans[0].start == 0 and spans[-1].end == 1.0 for spans in tiers.values())


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a/b", "a/b"), ("/etc/x", "etc/x"), ("../../x", "%2E%2E/%2E%2E/x"), ("a\\..\\b", "a%5C..%5Cb"),
        ("C:x", "C%3Ax"), ("a\0b", "a%00b"), ("naïve", "na%C3%AFve"), (".", "%2E"),
    ],
)  # fmt: skip
def test_an_id_is_no_way_out(name: str, path: str) -> None:
    assert outputs.file_name(name) == path


def test_the_class_report_reads_a_batch(manifest: Path, tmp_path: Path) -> None:
    from speechtutor.report.attempts import from_path as attempts

    (manifest.parent / "u1.wav").unlink()
    job = Job(manifest, tmp_path / "s.jsonl", FAKE)
    run(job, inline(), lambda _: None)
    log = attempts(job.out)
    assert len(log.attempts["u"]) == 5
    assert log.problems == ["Not counted: 1 recording that failed."]


def test_what_writes_parquet_is_asked_for_first(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"speechtutor\[tables\]"):
        run(Job(manifest, tmp_path / "s.parquet", FAKE), inline(), lambda _: None)
    assert not (tmp_path / "s.parquet.jsonl").exists()
