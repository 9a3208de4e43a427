"""Kaldi's folders, lhotse's cuts and data sets: each comes back as it went, and what cannot be is said."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speechtutor import audio, cli
from speechtutor.core import Recording
from speechtutor.corpora import kaldi, manifest
from speechtutor.errors import AudioError, InputError
from tests.batch.conftest import hum, row, write_manifest
from tests.conftest import need

WORDS = [{"text": "hi", "score": 80, "phones": ["HH", "AY"], "phone_scores": [90, None]}]
SCORED = {"scores": {"overall": 70, "accuracy": 60.5}, "words": WORDS, "l1": "es", "age": 30, "gender": "f"}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three rows of two speakers, of lengths 1, 1.5 and 2 s, with different tones."""
    folder = tmp_path / "corpus"
    for i in range(3):
        hum(folder / f"ab{i}.wav", 1 + i / 2, 100 + 50 * i)
    rows: list[Any] = [row("ab0", "hi", **SCORED), row("ab1", "good  day"), row("ab2", "", split="test")]
    rows[2]["speaker"] = "b"
    return write_manifest(folder / "rows.jsonl", rows)


def convert(*words: object) -> int:
    return cli.main(["convert", *map(str, words)])


def values(path: Path) -> list[dict[str, Any]]:
    return [manifest.row_of(one) for one in manifest.read(path)]


def same_sound(one: Path, other: Path) -> None:
    a, b = audio.load(one).samples, audio.load(other).samples
    assert len(a) == len(b) and np.abs(a - b).max() <= 2**-15  # 16 bits


def test_to_kaldi_and_back(corpus: Path, tmp_path: Path) -> None:
    assert convert(corpus, "--to", "kaldi", "--out", tmp_path / "k") == 0
    read = {path.name: path.read_text("utf-8") for path in (tmp_path / "k").iterdir()}
    assert read["text"] == "ab0 hi\nab1 good day\nb-ab2\n"
    assert read["utt2spk"] == "ab0 a\nab1 a\nb-ab2 b\n" and read["spk2utt"] == "a ab0 ab1\nb b-ab2\n"
    assert read["spk2gender"] == "a f\n"
    assert read["wav.scp"].splitlines()[0] == f"ab0 {corpus.parent / 'ab0.wav'}"  # nothing is copied
    assert (
        convert(tmp_path / "k", "--to", "manifest", "--out", tmp_path / "m" / "rows.jsonl", "--split", "dev")
        == 0
    )
    found = values(tmp_path / "m" / "rows.jsonl")
    assert [(r["id"], r["text"], r["speaker"], r["split"], r["gender"]) for r in found] == [
        ("ab0", "hi", "a", "dev", "f"), ("ab1", "good day", "a", "dev", "f"), ("b-ab2", "", "b", "dev", None),
    ]  # fmt: skip
    same_sound(tmp_path / "m" / found[1]["audio"], corpus.parent / "ab1.wav")


def kaldi_folder(folder: Path, **tables: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in tables.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return folder


def test_segments(tmp_path: Path) -> None:
    """Half a second of a rising ramp from 1 s on; an end of -1 is that of the recording (2 s)."""
    ramp = Recording(np.linspace(0, 0.9, 32_000, dtype=np.float32))
    audio.save(ramp, tmp_path / "long.wav")
    folder = kaldi_folder(
        tmp_path / "k", wav_scp="long ../long.wav\n", segments="u1 long 1.0 1.5\nu2 long 1.5 -1\n",
        text="u1 one\nu2 two\n", utt2spk="u1 s\nu2 s\n",
    )  # fmt: skip
    found = list(kaldi.read(folder))
    assert [one.row.text for one in found] == ["one", "two"] and not any(one.whole for one in found)
    assert found[0].recording().samples == pytest.approx(ramp.samples[16_000:24_000], abs=2**-15)
    assert found[1].recording().duration == pytest.approx(0.5)
    assert convert(folder, "--to", "manifest", "--out", tmp_path / "m.jsonl") == 0
    assert [r["audio"] for r in values(tmp_path / "m.jsonl")] == ["m-audio/u1.flac", "m-audio/u2.flac"]
    if importlib.util.find_spec("pyarrow"):
        assert convert(folder, "--to", "datasets", "--out", tmp_path / "d") == 0
        assert convert(tmp_path / "d", "--to", "manifest", "--out", tmp_path / "d" / "rows.jsonl") == 0
        (first, _) = values(tmp_path / "d" / "rows.jsonl")
        same_sound(tmp_path / "d" / first["audio"], tmp_path / "m-audio" / "u1.flac")
    (folder / "segments").write_text("u1 long 1.0 2.5\n")
    (folder / "text").write_text("u1 one\n")
    (folder / "utt2spk").write_text("u1 s\n")
    with pytest.raises(AudioError, match=r"u1: .*1 to 2.5 s are not in its 2.00 s"):
        next(kaldi.read(folder)).recording()


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"wav_scp": "u touch gotcha |\n"}, "output of a command"),
        ({"wav_scp": "u some.ark:123\n"}, "path of a recording"),
        ({"wav_scp": "u\n"}, "path of a recording"),
        ({"wav_scp": "u a.wav\nu b.wav\n"}, "twice"),
        ({"wav_scp": "u a.wav\n", "text": "v hi\n"}, "no recording of v"),
        ({"wav_scp": "u a.wav\n", "segments": "x w 0 1\n"}, "no recording w"),
        ({"wav_scp": "u a.wav\n", "segments": "x u 1 one\n"}, "RECORDING START END"),
        ({"wav_scp": "u a.wav\n", "segments": "x u 2 1\n"}, "no stretch"),
    ],
)
def test_folders_that_are_refused(tmp_path: Path, tables: dict[str, str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        list(kaldi.read(kaldi_folder(tmp_path / "k", **tables)))
    assert not (tmp_path / "gotcha").exists() and not Path("gotcha").exists()


def test_ids_that_kaldi_cannot_hold(corpus: Path, tmp_path: Path) -> None:
    rows = [(one, tmp_path / one.audio) for one in manifest.read(corpus)]
    with pytest.raises(InputError, match="part fields by spaces"):
        from dataclasses import replace

        kaldi.write(tmp_path / "k", [(replace(rows[0][0], speaker="a b"), rows[0][1])])
    with pytest.raises(InputError, match="would stand there twice"):
        kaldi.write(tmp_path / "k", [rows[0], rows[0]])


def test_to_lhotse_and_back(corpus: Path, tmp_path: Path) -> None:
    need(importlib.util.find_spec("lhotse"), "lhotse is not installed")
    from lhotse import CutSet

    for name in ("cuts.jsonl", "cuts.jsonl.gz"):
        assert convert(corpus, "--to", "lhotse", "--out", tmp_path / name) == 0
        cuts = list(CutSet.from_file(tmp_path / name))
        assert [cut.duration for cut in cuts] == [1.0, 1.5, 2.0]
        assert [cut.supervisions[0].speaker for cut in cuts] == ["a", "a", "b"]
        assert cuts[1].load_audio().shape == (1, 24_000)
        out = tmp_path / name.partition(".")[2] / "rows.jsonl"
        assert convert(tmp_path / name, "--to", "manifest", "--out", out) == 0
        given, found = values(corpus), values(out)
        assert [r | {"audio": ""} for r in found] == [r | {"audio": ""} for r in given]  # scores and all
        same_sound(out.parent / found[2]["audio"], corpus.parent / "ab2.wav")


def test_cuts_of_others(corpus: Path, tmp_path: Path) -> None:
    """A stretch with another's fields; a sound that is a command is not run."""
    need(importlib.util.find_spec("lhotse"), "lhotse is not installed")
    from lhotse import CutSet, MonoCut, RecordingSet, SupervisionSegment
    from lhotse import Recording as Sound

    sound = Sound.from_file(corpus.parent / "ab2.wav")
    said = SupervisionSegment(
        "s", sound.id, 0, 0.5, text=" two  words", language="English", speaker="z", gender="M"
    )
    CutSet.from_cuts([MonoCut("c1", 1.0, 0.5, 0, [said], recording=sound)]).to_file(tmp_path / "c.jsonl")
    assert convert(tmp_path / "c.jsonl", "--to", "manifest", "--out", tmp_path / "m.jsonl") == 0
    (found,) = values(tmp_path / "m.jsonl")
    assert (found["id"], found["text"], found["lang"], found["gender"]) == ("c1", "two words", "en", "m")
    assert audio.load(tmp_path / found["audio"]).duration == 0.5
    text = (tmp_path / "c.jsonl").read_text("utf-8")
    assert RecordingSet is not None
    for old, new in (('"type": "file"', '"type": "command"'), ('"type": "file"', '"type": "url"')):
        assert old in text
        (tmp_path / "bad.jsonl").write_text(text.replace(old, new), "utf-8")
        assert convert(tmp_path / "bad.jsonl", "--to", "manifest", "--out", tmp_path / "n.jsonl") == 2
    (tmp_path / "bad.jsonl.gz").write_bytes(b"no gzip")
    assert convert(tmp_path / "bad.jsonl.gz", "--to", "manifest", "--out", tmp_path / "n.jsonl") == 2
    assert not (tmp_path / "n.jsonl").exists()


def test_to_datasets_and_back(corpus: Path, tmp_path: Path) -> None:
    need(importlib.util.find_spec("pyarrow"), "pyarrow is not installed")
    from pyarrow import parquet

    assert convert(corpus, "--to", "datasets", "--out", tmp_path / "d") == 0
    files = sorted(path.name for path in (tmp_path / "d" / "data").iterdir())
    assert files == ["test-00000.parquet", "validation-00000.parquet"]
    schema = parquet.read_schema(tmp_path / "d" / "data" / files[0])
    told = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert told["audio"] == {"_type": "Audio"} and set(told) == set(schema.names)
    assert convert(tmp_path / "d", "--to", "manifest", "--out", tmp_path / "m" / "rows.jsonl") == 0
    given, found = values(corpus), values(tmp_path / "m" / "rows.jsonl")
    key = lambda r: r["id"]  # noqa: E731
    assert [r | {"audio": ""} for r in sorted(found, key=key)] == [r | {"audio": ""} for r in given]
    same_sound(tmp_path / "m" / sorted(found, key=key)[1]["audio"], corpus.parent / "ab1.wav")


def test_data_sets_of_others(corpus: Path, tmp_path: Path) -> None:
    """Common Voice's columns in Parquet; a table without sound; a file that is none."""
    need(importlib.util.find_spec("pyarrow"), "pyarrow is not installed")
    import pyarrow as pa
    from pyarrow import parquet

    sound = {"bytes": (corpus.parent / "ab0.wav").read_bytes(), "path": "clip 7.mp3"}
    table = pa.Table.from_pylist(
        [{"audio": sound, "sentence": " Hi  there", "client_id": "q", "locale": "en-GB"}]
    )
    parquet.write_table(table, tmp_path / "train-0.parquet")
    assert convert(tmp_path / "train-0.parquet", "--to", "manifest", "--out", tmp_path / "m.jsonl") == 0
    (found,) = values(tmp_path / "m.jsonl")
    assert [found[k] for k in ("id", "text", "speaker", "lang", "split")] == [
        "clip 7",
        "Hi there",
        "q",
        "en",
        "train",
    ]
    parquet.write_table(table.drop_columns("audio"), tmp_path / "x.parquet")
    assert convert(tmp_path / "x.parquet", "--to", "manifest", "--out", tmp_path / "n.jsonl") == 2
    (tmp_path / "x.parquet").write_bytes(b"PAR1 no")
    assert convert(tmp_path / "x.parquet", "--to", "manifest", "--out", tmp_path / "n.jsonl") == 2


def test_an_audiofolder(corpus: Path, tmp_path: Path, capsys: Any) -> None:
    (corpus.parent / "metadata.csv").write_text("file_name,transcription\nab0.wav,hi\n", "utf-8")
    assert convert(corpus.parent, "--to", "manifest", "--out", corpus.parent / "m.jsonl") == 0
    (found,) = values(corpus.parent / "m.jsonl")
    assert (found["id"], found["audio"], found["text"], found["split"]) == ("ab0", "ab0.wav", "hi", "test")
    (corpus.parent / "metadata.csv").unlink()
    for bad in ("../x.wav", "gone.wav", ""):
        (corpus.parent / "metadata.jsonl").write_text(json.dumps({"file_name": bad, "text": "a"}), "utf-8")
        assert convert(corpus.parent, "--to", "manifest", "--out", tmp_path / "n.jsonl") == 2
        assert "no recording" in capsys.readouterr().err
