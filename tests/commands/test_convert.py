"""`speechtutor convert` on what `batch` wrote; corpora are in tests/corpora/test_interop.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from speechtutor import cli
from speechtutor.corpora.formats import textgrid
from tests.batch.conftest import manifest as _manifest
from tests.batch.conftest import row, write_manifest

manifest = _manifest  # a fixture


@pytest.fixture
def scores(manifest: Path, tmp_path: Path) -> Path:
    """What a batch wrote of six rows, one of which failed, with captions and times as it went."""
    (manifest.parent / "u5.wav").unlink()
    out = tmp_path / "s.jsonl"
    more = [
        "--vtt",
        tmp_path / "vtt",
        "--eaf",
        tmp_path / "eaf",
        "--ctm",
        tmp_path / "s.ctm",
        "--phones",
        "xsampa",
    ]
    words = ["batch", manifest, "--out", out, "--scorer", "fake", "--per", "phone", *more]
    assert cli.main(list(map(str, words))) == 1
    return out


def convert(*words: object) -> int:
    return cli.main(["convert", *map(str, words)])


def test_the_forms_are_those_of_the_batch(scores: Path, tmp_path: Path, capsys: Any) -> None:
    again = {"vtt": tmp_path / "b" / "vtt", "eaf": tmp_path / "b" / "eaf", "ctm": tmp_path / "b" / "s.ctm"}
    for form, place in again.items():
        assert convert(scores, "--to", form, "--out", place, "--phones", "xsampa", "--per", "phone") == 0
    assert "5 rows" in capsys.readouterr().out
    for form in ("vtt", "eaf"):
        made = sorted((tmp_path / form).iterdir())
        assert [path.name for path in made] == [f"u{i}.{form}" for i in range(5)]
        assert [p.read_bytes() for p in made] == [p.read_bytes() for p in sorted(again[form].iterdir())]
    assert (tmp_path / "s.ctm").read_text() == again["ctm"].read_text()
    assert (tmp_path / "s.ctm").read_text().split("\n")[1].split()[4] == "T"  # TH of "think"


def test_tables_and_textgrids_in_other_phones(scores: Path, tmp_path: Path) -> None:
    assert (
        convert(scores, "--to", "csv", "--out", tmp_path / "p.csv", "--per", "phone", "--phones", "ipa") == 0
    )
    lines = (tmp_path / "p.csv").read_text("utf-8-sig").splitlines()
    assert ",θ,θ," in lines[2] and ",s" in lines[2]  # expected, ipa, … heard
    assert convert(scores, "--to", "textgrid", "--out", tmp_path / "g", "--phones", "ipa", "--json") == 0
    assert [
        span.label for span in textgrid(tmp_path / "g" / "u0.TextGrid")["phones"]
    ] == "aɪ θ ɪ ŋ k s oʊ".split()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--to", "kaldi", "--out", "k"], "is scores; that becomes csv"),
        (["--to", "csv", "--out", "a.txt"], "must end in .csv"),
        (["--to", "pdf", "--out", "a.pdf"], "pdf"),
        (["--to", "csv", "--out", "a.csv", "--phones", "sampa"], "sampa"),
    ],
)
def test_refusals(scores: Path, tmp_path: Path, words: list[str], told: str, capsys: Any) -> None:
    words = [str(tmp_path / word) if word in ("k", "a.txt", "a.csv") else word for word in words]
    assert convert(scores, *words) == 2
    err = capsys.readouterr().err.splitlines()
    assert told in err[-1] and not (tmp_path / "a.csv").exists()


def test_a_corpus_becomes_no_captions_and_damage_is_named(tmp_path: Path, capsys: Any) -> None:
    path = write_manifest(tmp_path / "rows.jsonl", [row("u0", "hi")])
    assert convert(path, "--to", "vtt", "--out", tmp_path / "v") == 2
    assert "is a corpus; that becomes manifest, kaldi" in capsys.readouterr().err
    assert convert(tmp_path / "gone", "--to", "vtt", "--out", tmp_path / "v") == 2
    path.write_text(json.dumps({"schema_version": 1, "id": "a", "words": 3}), "utf-8")
    assert convert(path, "--to", "vtt", "--out", tmp_path / "v") == 2
    assert f"{path}, row 1: " in capsys.readouterr().err
