from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from recipes import prepare_speechocean762 as recipe
from recipes.shared import synthetic
from speechtutor.core import Utterance
from speechtutor.corpora import manifest
from speechtutor.errors import InputError, StorageError
from tests.conftest import SHARED, need

ROWS = [Utterance(f"u{i}", f"u{i}.wav", "hi", f"s{i}", "train") for i in range(3)]


def test_rows_come_back_and_the_bytes_are_the_same(tmp_path: Path) -> None:
    path = synthetic.corpus(tmp_path / "corpus")
    rows = manifest.read(path)
    assert manifest.write(tmp_path / "again.jsonl", rows).n_rows == len(rows)
    assert (tmp_path / "again.jsonl").read_bytes() == path.read_bytes()
    word = rows[0].scores.words[0] if rows[0].scores else None
    assert word is not None and [p.canonical for p in word.phones] == ["HH", "AH", "L", "OW"]
    assert word.phones[0].score is not None and 0 <= word.phones[0].score <= 1


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("not json", "row 2: not JSON"),
        ("[]", "must be a JSON object"),
        ('{"id": "a"}', "lacks audio, speaker, split, text"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: str, says: str) -> None:
    good = json.dumps({"id": "u", "audio": "u.wav", "text": "t", "speaker": "s", "split": "train"})
    (tmp_path / "m.jsonl").write_text(f"{good}\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=says):
        manifest.read(tmp_path / "m.jsonl")


@pytest.mark.parametrize("score", [-1, 101, "ten", True])
def test_a_score_out_of_range_is_refused(tmp_path: Path, score: object) -> None:
    row = {
        "id": "u",
        "audio": "a",
        "text": "t",
        "speaker": "s",
        "split": "train",
        "scores": {"overall": score},
    }
    (tmp_path / "m.jsonl").write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(InputError, match="from 0 to 100"):
        manifest.read(tmp_path / "m.jsonl")


def test_clashes_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    out = tmp_path / "m.jsonl"
    for rows, says in (
        ([*ROWS, ROWS[0]], "already stands in row 1"),
        ([*ROWS, replace(ROWS[0], id="x", split="dev")], "speaker s0 is in dev here and in train at u0"),
        ([replace(ROWS[0], split="valid")], "none of train, dev, test"),
    ):
        with pytest.raises(InputError, match=says):
            manifest.write(out, rows)
    with pytest.raises(InputError, match="no audio"):
        manifest.write(out, ROWS, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageError, match="jsonl"):
        manifest.write(tmp_path / "file" / "m.jsonl", ROWS)


def test_the_dev_speakers_follow_from_the_rule() -> None:
    corpus = SHARED / "data" / "speechocean762"
    need(corpus.is_dir(), "no speechocean762")
    listed = recipe.DEV_SPEAKERS.read_text(encoding="utf-8").split()
    assert recipe.dev_speakers(corpus) == listed and len(listed) == 25
    rows = recipe.load(corpus, listed)
    shares = {split: [r for r in rows if r.split == split] for split in ("train", "dev")}
    assert [len(shares[s]) for s in shares] == [2000, 500]
    means = {
        s: sum(r.scores.overall or 0 for r in part if r.scores) / len(part) for s, part in shares.items()
    }
    assert abs(means["train"] - means["dev"]) < 0.02


def test_smoke(tmp_path: Path) -> None:
    written = recipe.run(recipe.Config(out=tmp_path / "m.jsonl", smoke=True))
    assert [row.split for row in manifest.read(written.path)] == ["train"] * 3


def annotated_row(errors: object) -> dict[str, object]:
    word = {"text": "Think", "phones": ["TH", "IH", "NG", "K"], "errors": errors}
    keys = {"id": "u", "audio": "u.wav", "text": "Think", "speaker": "s", "split": "train"}
    return keys | {"accent": "Southern", "scores": {}, "words": [word]}


def test_annotations_come_back(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    tags = [
        {"at": 0, "type": "substitution", "heard": "S"},
        {"at": 2, "type": "insertion", "heard": "?"},
        {"at": 2, "type": "deletion", "heard": ""},
        {"at": 4, "type": "insertion", "heard": "AH"},
    ]
    path.write_text(json.dumps(annotated_row(tags)), encoding="utf-8")
    (row,) = manifest.read(path)
    assert row.accent == "Southern" and row.scores is not None
    (word,) = row.scores.words
    assert [(p.heard, p.error_probability) for p in word.phones] == [("S", 1), (None, 0), ("", 1), (None, 0)]
    assert manifest.said(word) == ("S", "IH", "?", "K", "AH")
    manifest.write(path, [row])
    written = json.loads(path.read_text("utf-8"))["words"][0]
    assert written["errors"] == tags and written["said"] == ["S", "IH", "?", "K", "AH"]
    assert manifest.read(path) == [row]


@pytest.mark.parametrize(
    ("tag", "says"),
    [
        ("TH", "is no error tag of 'Think'"),
        ({"at": 1, "type": "s", "heard": "S"}, "is no error tag"),
        ({"at": 4, "type": "deletion", "heard": ""}, "fits no phone"),
        ({"at": 5, "type": "insertion", "heard": "S"}, "fits no phone"),
        ({"at": 1, "type": "match", "heard": "S"}, "fits no phone"),
    ],
)
def test_a_tag_that_fits_nothing_is_refused(tmp_path: Path, tag: object, says: str) -> None:
    (tmp_path / "m.jsonl").write_text(json.dumps(annotated_row([tag])), encoding="utf-8")
    with pytest.raises(InputError, match=f"row 1: .*{says}"):
        manifest.read(tmp_path / "m.jsonl")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_manifest_is_read_as_editors_save_it(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "m.jsonl"
    manifest.write(path, [replace(ROWS[0], text="naïve\u2028words"), ROWS[1]])
    wanted = manifest.read(path)
    path.write_bytes(path.read_text("utf-8").replace("\n", end).encode(encoding))
    assert manifest.read(path) == wanted
    assert manifest.row_numbers(wanted, str(path)) == {"u0": 1, "u1": 2}


def test_a_manifest_of_another_encoding_is_refused(tmp_path: Path) -> None:
    for data in ('{"text": "naïve"}'.encode("latin-1"), b"\xff\xfe{\x00\xd8"):
        (tmp_path / "m.jsonl").write_bytes(data)
        with pytest.raises(InputError, match="not UTF-8 text"):
            manifest.read(tmp_path / "m.jsonl")
