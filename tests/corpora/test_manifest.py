from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

from recipes import prepare_speechocean762 as recipe
from recipes.shared import synthetic
from speechtutor.core import Utterance
from speechtutor.corpora import manifest
from speechtutor.errors import InputError, StorageError
from tests.conftest import SHARED, need
from tests.support.built import build

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
        ("[]", "row 2: expected `object`, got `array`"),
        ('{"id": "a"}', "row 2: object missing required field `audio`"),
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
    with pytest.raises(InputError, match=r"row 1: scores\.overall: expected"):
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
        ("TH", "expected `object`"),
        ({"at": 1, "type": "s", "heard": "S"}, "type: invalid enum value 's'"),
        ({"at": "1", "type": "deletion", "heard": "S"}, "at: expected `int`"),
        ({"at": -1, "type": "deletion", "heard": "S"}, "at: expected `int` >= 0"),
        ({"at": 4, "type": "deletion", "heard": ""}, "fits no phone of 'Think'"),
        ({"at": 5, "type": "insertion", "heard": "S"}, "fits no phone"),
        ({"at": 1, "type": "match", "heard": "S"}, "fits no phone"),
    ],
)
def test_a_tag_that_fits_nothing_is_refused(tmp_path: Path, tag: object, says: str) -> None:
    (tmp_path / "m.jsonl").write_text(json.dumps(annotated_row([tag])), encoding="utf-8")
    with pytest.raises(InputError) as error:
        manifest.read(tmp_path / "m.jsonl")
    assert "row 1: words[0].errors[0]" in str(error.value) and says in str(error.value)


def refused(path: Path) -> str:
    """The line that a manifest is refused with."""
    with pytest.raises(InputError) as error:
        manifest.read(path)
    line = str(error.value)
    assert line.startswith(str(path)) and "\n" not in line and len(line) < len(str(path)) + 200, line
    return line[len(str(path)) + 2 :]


GOOD = {"id": "u", "audio": "u.wav", "text": "t", "speaker": "s", "split": "train"}
KINDS: dict[str, tuple[object, ...]] = {
    "null": (None,),
    "number": (7, 0.5, -1e300),
    "truth": (True,),
    "text": ("x", ""),
    "list": ([], ["x"], [[1]]),
    "object": ({}, {"x": 1}),
}
ALLOWED = {  # the kinds that each field may have; what a kind holds may still be wrong
    **dict.fromkeys(("id", "audio", "text", "speaker", "split", "lang"), ("text",)),
    **dict.fromkeys(("l1", "gender", "accent"), ("text", "null")),
    **dict.fromkeys(("age", "scores.overall", "words.score", "words.total"), ("null", "number")),
    "scores": ("null", "object"),
    "words": ("null", "list", "object"),
    "words.text": ("text",),
    "words.phones": ("null", "list"),
    "words.phone_scores": ("null", "list"),
    "words.errors": ("null", "list"),
}


def with_value(field: str, value: object) -> dict[str, object]:
    outer, _, inner = field.partition(".")
    if not inner:
        return {**GOOD, outer: value}
    if outer == "scores":
        return {**GOOD, "scores": {inner: value}}
    return {**GOOD, "words": [{"text": "t", inner: value}]}


@pytest.mark.parametrize("field", ALLOWED)
def test_a_field_of_another_kind_is_named_with_its_row(tmp_path: Path, field: str) -> None:
    path = tmp_path / "m.jsonl"
    for kind, values in KINDS.items():
        for value in values:
            if kind not in ALLOWED[field]:
                rows = (GOOD | {"id": "first"}, with_value(field, value))
                path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
                told = refused(path)
                named = field.replace("words.", "words[0].")
                assert told.startswith(f"row 2: {named}: expected"), (value, told)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('"age": "23"', "age: expected `float | null`, got `str`"),
        ('"age": NaN', "not JSON"),
        ('"age": 23.5', "age: expected whole years, got 23.5"),
        ('"age": -1', "age: expected `float` >= 0"),
        ('"age": ' + "9" * 5000, "age: "),
        ('"age": 1e999', "age: "),
        ('"scores": {"overall": ' + "9" * 5000 + "}", "scores.overall: "),
        ('"audio": "a\\u0000b"', "audio: holds a null character"),
        ('"audio": "a\\ud800b"', "not JSON"),
        ('"id": "\\u0000"', "id: holds a null character"),
        ('"audio": ""', "audio: expected `str` of length >= 1"),
        ('"audio": "/etc/passwd"', "audio: must be below the root of the corpus, not '/etc/passwd'"),
        ('"audio": "../x.wav"', "audio: must be below the root"),
        ('"audio": "a/../../x.wav"', "audio: must be below the root"),
        ('"audio": "a\\\\..\\\\..\\\\x.wav"', "audio: must be below the root"),
        ('"audio": "C:\\\\x.wav"', "audio: must be below the root"),
        ('"audio": "\\\\\\\\server\\\\x.wav"', "audio: must be below the root"),
        ('"x": ' + "[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ('"words": ' + "[" * 100_000 + "]" * 100_000, "words[0]: expected `object`"),
        ('"scores": ' + '{"overall":' * 100_000, "scores.overall: expected"),
        ('"words": [{"text": "t", "phones": ["T", 5]}]', "words[0].phones[1]: expected `str`"),
        ('"words": [{"phones": ["T"]}]', "words[0]: object missing required field `text`"),
        (
            '"words": [{"text": "t", "phones": ["T"], "phone_scores": [1, 2]}]',
            "words[0].phone_scores: 2 scores",
        ),
    ],
    ids=lambda text: text[:24],
)
def test_a_value_that_cannot_be_used_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(f"{json.dumps(GOOD)[:-1]}, {text}}}\n", encoding="utf-8")
    assert refused(path).startswith(f"row 1: {says}")


def test_a_number_that_is_passed_over_may_have_any_length(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(f'{json.dumps(GOOD)[:-1]}, "x": {"9" * 5000}, "age": 23.0}}\n', encoding="utf-8")
    (row,) = manifest.read(path)
    assert row.age == 23 and isinstance(row.age, int)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_manifest_is_read_as_editors_save_it(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "m.jsonl"
    manifest.write(path, [replace(ROWS[0], text="naïve\u2028words\x85here"), ROWS[1]])
    wanted = manifest.read(path)
    path.write_bytes(path.read_text("utf-8").replace("\n", end).encode(encoding))
    assert manifest.read(path) == wanted
    assert manifest.row_numbers(wanted, str(path)) == {"u0": 1, "u1": 2}


def test_every_field_comes_back(tmp_path: Path) -> None:
    """Built from the hints: a field that is added to an utterance cannot be forgotten here."""
    made = replace(build(Utterance), audio="a/u.wav", split="dev", scores=None, phones=None)
    assert None not in [getattr(made, f.name) for f in fields(made) if f.name not in ("scores", "phones")]
    manifest.write(tmp_path / "m.jsonl", [made])
    assert manifest.read(tmp_path / "m.jsonl") == [made]


RIGHT = (
    "age_float audio_dir backslash bom bom_crlf crlf empty_text filler_text gender_null good id_slash "
    "id_space lang_region lang_upper mojibake nbsp nel tabs text_cjk text_emoji u2028 utf16"
).split()
WRONG = {
    "age_nan": "row 2: not JSON",
    "age_str": "row 2: age: expected `float | null`, got `str`",
    "array": "row 1: expected `object`, got `array`",
    "audio_int": "row 2: audio: expected `str`, got `int`",
    "audio_null": "row 2: audio: expected `str`, got `null`",
    "csv_given": "row 1: not JSON",
    "dup": "row 2 (a): the id already stands in row 1",
    "int_id": "row 2: id: expected `str`, got `int`",
    "int_speaker": "row 2: speaker: expected `str`, got `int`",
    "lang_null": "row 2: lang: expected `str`, got `null`",
    "latin1": "row 2: not UTF-8 text",
    "list_row": "row 2: expected `object`, got `array`",
    "no_speaker": "row 1: object missing required field `speaker`",
    "nul": "row 2: text: holds a null character",
    "null_id": "row 2: id: expected `str`, got `null`",
    "null_text": "row 2: text: expected `str`, got `null`",
    "scores_list": "row 2: scores: expected `object | null`, got `array`",
    "split_val": "row 2 (b): split 'validation' is none of train, dev, test",
    "text_int": "row 2: text: expected `str`, got `int`",
    "trailing_comma": "row 1: not JSON",
    "words_nokey": "row 2: words[0]: object missing required field `text`",
    "words_str": "row 2: words: expected `array | null`, got `str`",
}
CASES = SHARED / "cases" / "manifests"


@pytest.mark.parametrize("name", [*RIGHT, *WRONG])
def test_manifests_as_people_write_them(name: str) -> None:
    need(CASES.is_dir(), "no collection of manifests")
    (path,) = CASES.glob(f"{name}.*")
    if name in RIGHT:
        rows = manifest.read(path)
        assert [row.id.strip() for row in rows[:1]] == ["a"] and len(rows) == 2
    else:
        assert refused(path).startswith(WRONG[name])


def test_every_manifest_of_the_collection_is_judged() -> None:
    need(CASES.is_dir(), "no collection of manifests")
    assert {path.stem for path in CASES.iterdir()} == {*RIGHT, *WRONG}
