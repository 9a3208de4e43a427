"""Corpora become manifests; those that cannot be had are made, tiny, in their exact layout."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recipes import prepare_common_voice, prepare_folder, prepare_l2arctic, prepare_librispeech
from recipes import prepare_speechocean762 as so762
from recipes import prepare_timit as timit
from recipes.shared import synthetic
from speechtutor import audio, config
from speechtutor.core import Edit, Utterance
from speechtutor.corpora import canonical, formats, manifest
from speechtutor.corpora.formats import Span
from speechtutor.errors import InputError
from tests.conftest import PROJECT, SHARED, need

CORPORA = sorted(
    path.stem
    for path in (PROJECT / "recipes").glob("prepare_*.py")
    if "manifest.write(" in path.read_text("utf-8")
)


@pytest.mark.parametrize("name", CORPORA)
def test_a_made_up_corpus_gives_the_same_valid_manifest_twice(name: str, tmp_path: Path) -> None:
    module: Any = importlib.import_module(f"recipes.{name}")
    out = tmp_path / "rows.jsonl"
    written = module.run(config.build(module.Config, ["--smoke", "--out", str(out)]))
    first = out.read_bytes()
    assert module.run(config.build(module.Config, ["--smoke", "--out", str(out)])) == written
    assert out.read_bytes() == first
    rows = manifest.read(out)
    assert len(rows) == written.n_rows >= 3
    for row in rows:
        assert audio.load(tmp_path / "corpus" / row.audio).duration == pytest.approx(0.5, abs=0.15)
    # What was read back is written as the same bytes, annotations and accents included.
    assert manifest.write(tmp_path / "again.jsonl", rows).path.read_bytes() == first


@pytest.mark.parametrize("name", CORPORA)
def test_the_ledger_has_licence_and_split(name: str) -> None:
    ledger = (PROJECT / "data_manifests" / "README.md").read_text("utf-8")
    assert f"recipes.{name}`" in ledger


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "the file is empty"),
    "no audio": (lambda path: path.write_bytes(b"<html>not found</html>"), "not an audio file"),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]), "cut off"),
    "no samples": (lambda path: synthetic.tone(path, 0.0), "holds no samples"),
    "odd rate": (lambda path: synthetic.tone(path, rate=22_050), "22050 Hz, expected 16000"),
    "missing": (lambda path: path.unlink(), "no audio at"),
}


@pytest.mark.parametrize("damage", BAD)
def test_bad_audio_is_named_by_row_and_nothing_is_written(damage: str, tmp_path: Path) -> None:
    corpus = so762.smoke_corpus(tmp_path / "corpus")
    do, says = BAD[damage]
    do(corpus / "WAVE" / "SPEAKER0003" / "003000012.WAV")
    with pytest.raises(InputError, match=rf"row 2 \(003000012\).*{says}"):
        so762.run(so762.Config(corpus=corpus, out=tmp_path / "rows.jsonl"))
    assert not (tmp_path / "rows.jsonl").exists()


def test_speechocean762_published_and_repacked_are_the_same_rows(tmp_path: Path) -> None:
    source = SHARED / "data" / "speechocean762"
    need(source.is_dir(), "no speechocean762")
    scores = dict(list(json.loads((source / "scores-train.json").read_text("utf-8")).items())[:3])
    packed = {row.id: row for row in so762.load(source, ["0001"]) if row.id in scores}
    people = {row.speaker: row for row in packed.values()}
    for name, lines in {
        "wav.scp": [f"{i}\tWAVE/SPEAKER{r.speaker}/{i}.WAV" for i, r in packed.items()],
        "utt2spk": [f"{i}\t{row.speaker}" for i, row in packed.items()],
        "text": [f"{i}\t{row.text}" for i, row in packed.items()],
        "spk2age": [f"{who}\t{row.age}" for who, row in people.items()],
        "spk2gender": [f"{who}\t{row.gender}" for who, row in people.items()],
    }.items():
        synthetic.text(tmp_path / "train" / name, *lines)
    for row in scores.values():
        for word in row["words"]:
            word["phones"] = " ".join(word["phones"])  # as older releases write them
    synthetic.text(tmp_path / so762.SCORES, json.dumps(scores))
    found = so762.load(tmp_path, ["0001"])
    assert [replace(row, audio=packed[row.id].audio) for row in found] == list(packed.values())
    assert found[0].audio == f"WAVE/SPEAKER{found[0].speaker}/{found[0].id}.WAV"


def test_speechocean762_parts_that_do_not_fit_are_named(tmp_path: Path) -> None:
    corpus = so762.smoke_corpus(tmp_path)
    assert [row.split for row in so762.load(corpus, [], "test")] == ["test"]
    assert [row.split for row in so762.load(corpus, ["0003"])] == ["train", "dev", "train"]
    synthetic.text(corpus / "train" / "spk2age", "0001\t6")
    with pytest.raises(InputError, match="spk2age: no 0003, which"):
        so762.load(corpus, [])
    with pytest.raises(InputError, match="only the published corpus has a test part"):
        so762.load(tmp_path / "none", [], "test")


def l2arctic(tmp_path: Path, **options: Any) -> list[Utterance]:
    return prepare_l2arctic.load(
        prepare_l2arctic.Config(corpus=prepare_l2arctic.smoke_corpus(tmp_path), **options)
    )


def test_l2arctic_keeps_what_was_heard(tmp_path: Path) -> None:
    first, second, third = l2arctic(tmp_path)
    assert (first.id, first.text, first.l1, first.gender) == ("ABA_arctic_a0001", "Think so,", "ar", "m")
    assert [row.split for row in (first, second, third)] == ["train", "test", "dev"]
    assert first.phones == (("TH", "IH", "NG", "K"), ("S", "OW")) and third.phones is None
    assert first.scores is not None
    think, so = first.scores.words
    assert [manifest.said(word) for word in (think, so)] == [("S", "IH", "NG"), ("S", "AH", "OW")]
    assert [p.edit for p in think.phones] == [Edit.SUBSTITUTION, Edit.MATCH, Edit.MATCH, Edit.DELETION]
    assert [p.error_probability for p in think.phones] == [1, 0, 0, 1]
    assert so.inserted == ((1, "AH"),) and all(manifest.annotated(word) for word in (think, so))
    assert [word.text for word in canonical.of(first)] == ["Think", "so"]
    assert [row.id for row in l2arctic(tmp_path, annotated=True)] == [first.id, second.id]
    assert [row.id for row in l2arctic(tmp_path, skip=[first.id])] == [second.id, third.id]


@pytest.mark.parametrize(
    ("label", "canonical_", "heard", "edit"),
    [
        ("AH0", "AH", "AH", Edit.MATCH),
        ("ax", "AH", "AH", Edit.MATCH),
        ("AO1,AA,s", "AO", "AA", Edit.SUBSTITUTION),
        (" DH , D , s ", "DH", "D", Edit.SUBSTITUTION),
        ("Z,S*,s", "Z", "S", Edit.SUBSTITUTION),
        ("R,R*,s", "R", "?", Edit.SUBSTITUTION),
        ("V,err,s", "V", "?", Edit.SUBSTITUTION),
        ("IH0,IX`,s", "IH", "?", Edit.SUBSTITUTION),
        ("T,TS,s", "T", "?", Edit.SUBSTITUTION),
        ("T,sil,d", "T", "", Edit.DELETION),
        ("sil,EH1,a", "", "EH", Edit.INSERTION),
        ("SP,err,a", "", "?", Edit.INSERTION),
    ],
)
def test_l2arctic_marks(label: str, canonical_: str, heard: str, edit: Edit) -> None:
    assert prepare_l2arctic.mark(label) == prepare_l2arctic.Mark(canonical_, heard, edit)


@pytest.mark.parametrize("label", ["", "sil", "SP", "spn"])
def test_l2arctic_silence(label: str) -> None:
    assert prepare_l2arctic.mark(label) is None


@pytest.mark.parametrize(
    "label", ["QQ", "AH,s", "AH,D,x", "sil,sil,d", "T,D,d", "T,sil,s", "D,T,a", "err,T,s"]
)
def test_l2arctic_labels_that_say_nothing_are_refused(label: str) -> None:
    with pytest.raises(InputError, match=label):
        prepare_l2arctic.mark(label)


def test_l2arctic_names_every_bad_annotation_and_how_to_go_on(tmp_path: Path) -> None:
    corpus = prepare_l2arctic.smoke_corpus(tmp_path)
    for speaker in ("ABA", "NJS"):
        path = corpus / speaker / "annotation" / "arctic_a0001.TextGrid"
        path.write_text(path.read_text("utf-8").replace("TH, S, s", "TH,S"), "utf-8")
    cfg = prepare_l2arctic.Config(corpus=corpus)
    with pytest.raises(InputError, match=r"0\.06 s: 'TH,S'.*--skip ABA_arctic_a0001 NJS_arctic_a0001"):
        prepare_l2arctic.load(cfg)
    assert len(prepare_l2arctic.load(replace(cfg, skip=["ABA_arctic_a0001", "NJS_arctic_a0001"]))) == 1


def test_l2arctic_speakers(tmp_path: Path) -> None:
    table = prepare_l2arctic.SPEAKERS
    assert len(table) == 24 and sum(gender == "f" for _, gender in table.values()) == 12
    for part in (prepare_l2arctic.DEV, prepare_l2arctic.TEST):
        assert sorted(table[name][0] for name in part) == ["ar", "es", "hi", "ko", "vi", "zh"]
    (tmp_path / "README.md").write_text("|Speaker|Gender|Native Language|\n|---|---|---|\n|XYZ|F|Hindi|1|\n")
    assert prepare_l2arctic.people(tmp_path)["XYZ"] == ("hi", "f")
    synthetic.text(tmp_path / "ABC" / "wav" / "a.wav")
    with pytest.raises(InputError, match=r"of ABC are not in .*README.md"):
        prepare_l2arctic.load(prepare_l2arctic.Config(corpus=tmp_path))


@pytest.mark.parametrize("kind", ["NIST", "WAV"])
def test_timit(tmp_path: Path, kind: str) -> None:
    rows = timit.load(timit.smoke_corpus(tmp_path, kind), timit.ARPABET)
    # SA1 and the speaker of TEST who is in neither list are left out.
    assert [(r.id, r.split) for r in rows] == [
        ("FCJF0_SX37", "train"), ("FAKS0_SI943", "dev"), ("MDAB0_SX139", "test"),
    ]  # fmt: skip
    first = rows[0]
    # Born 06/17/60, recorded 03/03/86: not yet 26.
    assert (first.age, first.gender, first.accent, first.text) == (25, "f", "New England", "the boil")
    assert rows[2].age is None
    assert first.phones == (("DH", "IH"), ("B", "OY", "L"))
    manifest.check_audio(rows, tmp_path, rates=timit.RATES)


def test_timit_symbols() -> None:
    assert len(timit.SILENCE) + len(timit.LEE_HON) == len(timit.SILENCE) + len(timit.ARPABET) == 61
    # Lee and Hon's 39 classes are these 38 and silence; ours are the 39 of ARPAbet.
    assert len(set(timit.LEE_HON.values())) == 38 and len(set(timit.ARPABET.values())) == 39
    assert (timit.LEE_HON["ao"], timit.LEE_HON["zh"], timit.LEE_HON["dx"]) == ("aa", "sh", "dx")
    assert (timit.ARPABET["ao"], timit.ARPABET["ix"], timit.ARPABET["dx"]) == ("AO", "IH", "D")
    assert len(timit.DEV) == 50 and len(timit.CORE_TEST) == 24 and not timit.DEV & timit.CORE_TEST


def test_timit_in_small_letters_and_its_faults(tmp_path: Path) -> None:
    corpus = timit.smoke_corpus(tmp_path)
    (corpus / "TRAIN").rename(corpus / "train")
    assert len(timit.load(corpus, timit.LEE_HON)) == 3
    path = corpus / "train" / "DR1" / "FCJF0" / "SX37.PHN"
    path.write_text("0 800 h#\n800 1600 zz\n")
    with pytest.raises(InputError, match=r"SX37.PHN: 'zz' is none of TIMIT's 61"):
        timit.load(corpus, timit.ARPABET)
    path.write_text("0 800\n")
    with pytest.raises(InputError, match=r"SX37.PHN, line 1: expected"):
        timit.load(corpus, timit.ARPABET)
    path.unlink()
    with pytest.raises(InputError, match=r"needs .WAV, .PHN and .WRD, found TXT, WAV, WRD"):
        timit.load(corpus, timit.ARPABET)


def test_librispeech(tmp_path: Path) -> None:
    corpus = prepare_librispeech.smoke_corpus(tmp_path)
    dev, first, _ = prepare_librispeech.load(corpus)
    assert (dev.id, dev.speaker, dev.split, dev.gender) == ("1272-128104-0000", "1272", "dev", "m")
    assert (first.text, first.speaker, first.split, first.gender) == ("HELLO THERE", "14", "train", "f")
    assert [r.speaker for r in prepare_librispeech.load(corpus, ["dev-clean"])] == ["1272"]
    with pytest.raises(InputError, match="test-other is missing"):
        prepare_librispeech.load(corpus, ["test-other"])
    synthetic.tone(corpus / "dev-clean" / "1272" / "128104" / "1272-128104-0001.flac")
    with pytest.raises(InputError, match="no transcript of 1272-128104-0001"):
        prepare_librispeech.load(corpus)
    synthetic.text(corpus / "SPEAKERS.TXT", "14 | F | train-clean-360 | 25.03 | A")
    with pytest.raises(InputError, match="speaker 1272 is not in"):
        prepare_librispeech.load(corpus)


def test_common_voice(tmp_path: Path) -> None:
    corpus = prepare_common_voice.smoke_corpus(tmp_path)
    rows = prepare_common_voice.load(corpus, list(manifest.SPLITS))
    assert [(r.age, r.gender) for r in rows] == [(25, "m"), (25, "m"), (None, None), (45, "x")]
    # A quote is a letter in these tables, and a speaker may give several accents.
    assert rows[0].text == 'He said "hello' and rows[0].accent == "United States English,Southern"
    assert rows[0].audio == "clips/common_voice_en_1.mp3"
    path = corpus / "dev.tsv"
    path.write_text(path.read_text("utf-8").replace("c2", "c1"), "utf-8")
    with pytest.raises(InputError, match="speaker c1 is in dev here and in train at common_voice_en_1"):
        prepare_common_voice.run(prepare_common_voice.Config(corpus=corpus, out=tmp_path / "m.jsonl"))
    path.write_text(path.read_text("utf-8").replace("2\t0\t\t", "2\t0\told\t"), "utf-8")
    with pytest.raises(InputError, match=r"dev.tsv, line 2: 'old' is no decade"):
        prepare_common_voice.load(corpus, ["dev"])
    with pytest.raises(InputError, match="valid"):
        config.build(prepare_common_voice.Config, ["--splits", "valid"])


def test_folder(tmp_path: Path) -> None:
    corpus = prepare_folder.smoke_corpus(tmp_path / "mine")
    synthetic.text(corpus / "README.txt", "My recordings.")
    cfg = prepare_folder.Config(corpus=corpus, dev=0.5, test=0.0, l1="de")
    rows = prepare_folder.load(cfg)
    assert [(r.id, r.speaker, r.text, r.l1) for r in rows] == [
        ("anna/one", "anna", "Hello there.", "de"),
        ("anna/two", "anna", "Good morning.", "de"),
        ("ben/one", "ben", "Sit down.", "de"),
    ]
    # sha256: anna 5c6e..., ben 5b0d...: ben comes first and is the half that is dev.
    assert len({row.split for row in rows[:2]}) == 1 and {row.split for row in rows} == {"train", "dev"}
    synthetic.tone(corpus / "ben" / "two.WAV")
    with pytest.raises(InputError, match=r"ben/two.WAV: no text in two.txt beside it"):
        prepare_folder.load(cfg)
    (corpus / "ben" / "two.WAV").unlink()
    synthetic.text(corpus / "ben" / "three.txt", "Lost.")
    with pytest.raises(InputError, match=r"three.txt: no recording"):
        prepare_folder.load(cfg)


def test_folder_with_a_table(tmp_path: Path) -> None:
    corpus = prepare_folder.smoke_corpus(tmp_path / "mine")
    table = synthetic.text(
        tmp_path / "rows.csv",
        "audio,text,speaker,split,l1,age,gender",
        'anna/one.wav,"Hello, there.",a,train,fr,31,female',
        "ben/one.wav,Sit down.,b,test,,,",
    )
    cfg = prepare_folder.Config(corpus=corpus, table=[table], l1="de", lang="en")
    first, second = prepare_folder.load(cfg)
    assert (first.text, first.speaker, first.split, first.l1, first.age, first.gender, first.lang) == (
        "Hello, there.", "a", "train", "fr", 31, "f", "en",
    )  # fmt: skip
    assert (second.split, second.l1, second.age, second.gender) == ("test", "de", None, None)
    for lines, says in (
        (["path,text", "a.wav,hi"], "no column audio; it has path, text"),
        (["audio,text", "a.wav"], "line 2: 1 cells under 2 columns"),
        (["audio,text", "a.wav,"], "line 2: audio and text must not be empty"),
        (["audio,text,age", "a.wav,hi,ten"], "line 2: age 'ten' is no whole number"),
        (["audio,text,split", "a.wav,hi,train", "b.wav,hi,"], "b has no split, but others have"),
        (["audio,text"], "no recordings"),
    ):
        synthetic.text(table, *lines)
        with pytest.raises(InputError, match=says):
            prepare_folder.load(cfg)
    with pytest.raises(InputError, match="below 1 together"):
        config.build(prepare_folder.Config, ["--dev", "0.5", "--test", "0.5"])


def test_the_split_does_not_hang_on_order_or_company() -> None:
    people = [f"s{i}" for i in range(100)]
    split = formats.split_by_speaker(people, 0.1, 0.2)
    assert formats.split_by_speaker(people[::-1] * 2, 0.1, 0.2) == split
    counts = {name: sum(part == name for part in split.values()) for name in manifest.SPLITS}
    assert counts == {"train": 70, "dev": 10, "test": 20}
    bigger = formats.split_by_speaker([*people, "new"], 0.1, 0.2)
    assert sum(bigger[name] != split[name] for name in people) <= 2


def test_textgrids_long_and_short_are_the_same(tmp_path: Path) -> None:
    spans = [Span(0.0, 0.5, 'say "hi"'), Span(0.5, 1.25, "")]
    quoted = [replace(span, label=span.label.replace('"', '""')) for span in spans]
    long = synthetic.text(tmp_path / "long", prepare_l2arctic._grid({"words": quoted}))
    short = tmp_path / "short"
    short.write_text(
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n1.25\n<exists>\n2\n'
        '"TextTier"\n"points"\n0\n1.25\n1\n0.3\n"x"\n'
        '"IntervalTier"\n"words"\n0\n1.25\n2\n0\n0.5\n"say ""hi"""\n0.5\n1.25\n""\n',
        encoding="utf-16",
    )
    assert formats.textgrid(long) == formats.textgrid(short) == {"words": spans}
    long.write_text(long.read_text("utf-8")[:-60], "utf-8")
    with pytest.raises(InputError, match="ends before its own counts"):
        formats.textgrid(long)
    synthetic.text(short, "hello")
    with pytest.raises(InputError, match=r"ends before|not a Praat"):
        formats.textgrid(short)


def test_parts_belong_where_they_are_longest() -> None:
    words = [Span(0.0, 1.0, "a"), Span(1.0, 2.0, "b"), Span(3.0, 4.0, "c")]
    parts = [
        Span(0.0, 0.4, ""),
        Span(0.8, 1.1, ""),
        Span(0.9, 1.5, ""),
        Span(2.1, 2.2, ""),
        Span(2.7, 2.9, ""),
    ]
    assert formats.assign(parts, words) == [0, 0, 1, 1, 2]
    rng = np.random.default_rng(0)
    for start in rng.uniform(0, 4, 50):
        part = Span(start, start + 0.3, "")
        shared = [max(0.0, min(part.end, w.end) - max(part.start, w.start)) for w in words]
        if max(shared) > 0:
            assert shared[formats.assign([part], words)[0]] == max(shared)
