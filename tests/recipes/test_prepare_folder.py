"""Folders and tables of people's own recordings, as they come."""

from __future__ import annotations

import importlib
import logging
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recipes.prepare_folder import Config, load, run
from recipes.shared import synthetic
from speechtutor import config
from speechtutor.corpora import manifest
from speechtutor.errors import InputError, MissingExtraError
from tests.conftest import PROJECT


def recordings(folder: Path, *names: str) -> Path:
    for name in names:
        synthetic.tone(folder / name, 0.2, kind="WAV")
    return folder


def mac(folder: Path) -> None:
    recordings(folder, "ann/one.wav")
    synthetic.text(folder / "ann" / "one.txt", "Hello.")
    for name in ("ann/._one.wav", "ann/._one.txt", "__MACOSX/ann/one.wav", "ann/.DS_Store"):
        synthetic.text(folder / name, "\0\5\x16\7")


def capitals(folder: Path) -> None:
    recordings(folder, "ann/one.WAV")
    synthetic.text(folder / "ann" / "one.TXT", "Hello.")


FOLDERS: list[Callable[[Path], None]] = [mac, capitals]


@pytest.mark.parametrize("make", FOLDERS)
def test_folders_of_any_system(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path)
    (row,) = load(Config(corpus=tmp_path))
    assert (row.id, row.text, row.speaker, row.split) == ("ann/one", "Hello.", "ann", "train")


def test_scores_of_people_are_kept(tmp_path: Path) -> None:
    recordings(tmp_path, "1.wav", "2.wav")
    table = synthetic.text(
        tmp_path / "rows.csv",
        "Audio;Text;Speaker;Overall;Fluency",
        "1.wav;Hi there.;a;4,5;1",
        "2.wav;Hi.;b;;",
    )
    cfg = Config(corpus=tmp_path, table=[table], out=tmp_path / "m.jsonl", lowest=1, highest=5)
    assert str(run(cfg)) == f"2 rows in {tmp_path / 'm.jsonl'}"
    first, second = manifest.read(tmp_path / "m.jsonl")
    # (4.5 - 1) / (5 - 1) = 0.875; the worst mark is 0.
    assert first.scores is not None and (first.scores.overall, first.scores.fluency) == (0.875, 0.0)
    assert first.scores.accuracy is None and second.scores is None
    for mark, says in (
        ("6", "overall 6 is not on the scale from 1 to 5"),
        ("good", "overall 'good' is no number"),
    ):
        synthetic.text(table, "audio,text,overall", f"1.wav,Hi.,{mark}")
        with pytest.raises(InputError, match=f"line 2: {says}"):
            load(cfg)


def test_several_tables_and_their_splits(tmp_path: Path) -> None:
    recordings(tmp_path, "1.wav", "2.wav", "3.wav")
    named = {"train": "1.wav,One.,a", "dev": "2.wav,Two.,b", "test": "3.wav,Three.,c"}
    tables = [synthetic.text(tmp_path / f"{n}.csv", "audio,text,speaker", row) for n, row in named.items()]
    flags = ["--corpus", str(tmp_path), *(word for table in tables for word in ("--table", str(table)))]
    rows = load(config.build(Config, flags))
    assert [(r.text, r.split) for r in rows] == [("One.", "train"), ("Two.", "dev"), ("Three.", "test")]
    assert {r.split for r in load(config.build(Config, [*flags, "--split", "test"]))} == {"test"}


def test_folders_named_after_splits(tmp_path: Path) -> None:
    names = ("train/ann/one", "train/bob/one", "Test/eve/one", "dev/one")
    for name in names:
        recordings(tmp_path, f"{name}.wav")
        synthetic.text(tmp_path / f"{name}.txt", "Hi.")
    found = {row.id: (row.speaker, row.split) for row in load(Config(corpus=tmp_path))}
    assert found == {
        "train/ann/one": ("ann", "train"),
        "train/bob/one": ("bob", "train"),
        "Test/eve/one": ("eve", "test"),
        "dev/one": ("dev", "dev"),
    }


def test_one_speaker_is_told_how_to_be_evaluated(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recordings(tmp_path, "one.wav")
    synthetic.text(tmp_path / "one.txt", "Hi.")
    with caplog.at_level(logging.WARNING):
        assert [row.split for row in load(Config(corpus=tmp_path))] == ["train"]
    assert "there are 1; --split test" in caplog.text
    caplog.clear()
    assert [row.split for row in load(Config(corpus=tmp_path, split="test"))] == ["test"]
    assert not caplog.text


def test_texts_of_a_spreadsheet_and_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recordings(tmp_path, "ann/one.wav")
    book: Any = pytest.importorskip("openpyxl").Workbook()
    for row in (["audio", "text", "age"], ["ann\\one.wav", "Good\nmorning,\u2028everyone.", 31]):
        book.active.append(row)
    book.save(tmp_path / "rows.xlsx")
    cfg = Config(corpus=tmp_path, table=[tmp_path / "rows.xlsx"])
    (found,) = load(cfg)
    assert (found.id, found.audio, found.age) == ("ann/one", "ann/one.wav", 31)
    assert found.text == "Good morning, everyone."
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'speechtutor\[tables\]'"):
        load(cfg)


@pytest.mark.parametrize(
    ("recipe", "extra"),
    [
        ("prepare_folder", "tables"),
        ("finetune_whisper", "train"),
        ("finetune_wav2vec2", "train"),
        ("export_model", "export"),
        ("evaluate_asr", "whisper"),
    ],
)
def test_help_names_the_extra(recipe: str, extra: str, capsys: pytest.CaptureFixture[str]) -> None:
    known = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    module = importlib.import_module(f"recipes.{recipe}")
    with pytest.raises(SystemExit):
        config.build(module.Config, ["--help"])
    told = " ".join(capsys.readouterr().out.split())
    named = re.search(r"Needs pip install 'speechtutor\[(.+?)\]'", told)
    assert named is not None and extra in named[1].split(",") and extra in known
