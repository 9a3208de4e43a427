"""Score, align and transcribe: JSON, people, tiers, and what cannot be judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speechtutor import audio, registry
from speechtutor.core import Recording
from speechtutor.models.fake import FakeScorer, FakeTranscriber
from speechtutor.views import tiers
from tests.support.commands import FAKES, TEXT, one_line


def test_score_json(run: Any, clip: Path) -> None:
    done = run("score", clip, TEXT, "--model", "fake", "--json")
    assert (done.status, done.err) == (0, "")
    row = json.loads(done.out)
    assert (row["schema_version"], row["model"], row["text"], row["duration"]) == (1, "fake", TEXT, 2.0)
    assert [word["text"] for word in row["words"]] == ["I", "think", "so"]
    think = row["words"][1]
    assert (think["char_start"], think["char_end"], think["error_type"]) == (2, 7, "Mispronunciation")
    assert [p["heard"] for p in think["phones"]] == ["S", None, None, None]


def test_score_for_people(run: Any, clip: Path) -> None:
    done = run("score", clip, TEXT, "--model", "fake")
    assert done.out.splitlines()[0].startswith("overall ")
    assert "TH 20 (heard S)" in done.out
    assert "prosody -" in done.out  # not measured, so not a number


def test_score_azure(run: Any, clip: Path) -> None:
    row = json.loads(run("score", clip, TEXT, "--model", "fake", "--azure").out)
    assert [word["Word"] for word in row["NBest"][0]["Words"]] == ["I", "think", "so"]


def test_silence_has_no_score_and_a_warning(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    audio.save(Recording(np.zeros(16_000, dtype=np.float32)), path)
    done = run("score", path, TEXT, "--model", "fake")
    assert done.status == 0
    assert done.out.splitlines() == ["overall -  accuracy -  fluency -  prosody -  completeness -"]
    assert done.err.startswith("speechtutor: warning: silence: ")
    row = json.loads(run("score", path, TEXT, "--model", "fake", "--json").out)
    assert set(row["scores"].values()) == {None}
    assert row["warnings"][0]["code"] == "silence"


@pytest.mark.parametrize(
    ("content", "name"),
    [(b"", "empty.wav"), (b"not audio at all", "text.wav"), (b"RIFF\0\0\0\0WAVEjunk", "bad.wav")],
)
@pytest.mark.parametrize("verb", ["score", "align", "coach", "transcribe"])
def test_a_bad_recording_is_one_line(run: Any, tmp_path: Path, verb: str, content: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    options = FAKES if verb == "coach" else ["--model", "fake"]
    texts = [] if verb == "transcribe" else [TEXT]
    one_line(run(verb, tmp_path / name, *texts, *options), name)


def test_a_recording_that_is_not_there(run: Any, tmp_path: Path) -> None:
    one_line(run("score", tmp_path / "gone.wav", TEXT, "--model", "fake"), "gone.wav")


@pytest.mark.parametrize("text", ["", "   ", "😀", "..."])
def test_a_text_that_cannot_be_said(run: Any, clip: Path, text: str) -> None:
    one_line(run("score", clip, text, "--model", "fake"))


def test_an_unknown_model_lists_the_known(run: Any, clip: Path) -> None:
    one_line(run("score", clip, TEXT, "--model", "nonsense"), "nonsense", "fake")


def test_align(run: Any, clip: Path) -> None:
    done = run("align", clip, TEXT, "--model", "fake")
    rows = [line.split("\t") for line in done.out.splitlines()]
    # Three words, seven phones (AY TH IH NG K S OW): the words' lines come before their phones'.
    assert [row[2].strip() for row in rows] == "I AY think TH IH NG K so S OW".split()
    assert float(rows[0][0]) == 0.0
    assert float(rows[-1][1]) == 2.0
    words = json.loads(run("align", clip, TEXT, "--model", "fake", "--json").out)["words"]
    assert [len(word["phones"]) for word in words] == [1, 4, 2]


def test_textgrid(run: Any, clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "a.TextGrid"
    assert run("align", clip, TEXT, "--model", "fake", "--textgrid", target).status == 0
    lines = [line.strip() for line in target.read_text(encoding="utf-8").splitlines()]
    assert lines[:2] == ['File type = "ooTextFile"', 'Object class = "TextGrid"']
    assert [line for line in lines if line.startswith("name")] == ['name = "words"', 'name = "phones"']
    assert [line[8:-1] for line in lines if line.startswith("text = ")][:3] == ["I", "think", "so"]


def test_a_textgrid_has_no_gaps() -> None:
    rows = [(0.5, 1.0, "a"), (1.0, 1.2, "b"), (1.1, 1.15, "inside"), (1.5, 9.0, 'c "d"')]
    whole = tiers.filled(rows, 2.0)
    assert whole == [(0.0, 0.5, ""), (0.5, 1.0, "a"), (1.0, 1.2, "b"), (1.2, 1.5, ""), (1.5, 2.0, 'c "d"')]
    assert tiers.filled([], 2.0) == [(0.0, 2.0, "")]


# Transcribe, coach, speak


def test_transcribe_one(run: Any, clip: Path) -> None:
    assert run("transcribe", clip, "--model", "fake").out == "hello world\n"
    row = json.loads(run("transcribe", clip, "--model", "fake", "--json").out)
    assert row["words"][1] == {"text": "world", "start": 1.0, "end": 2.0, "confidence": 1.0}
    assert row["audio"] == str(clip)


def test_a_verbatim_transcript_says_what_a_word_sounded_like(
    run: Any, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in of the scorer hears every TH as S."""
    monkeypatch.setattr(registry, "load_scorer", lambda device: FakeScorer(device=device))
    monkeypatch.setattr(registry, "load", lambda *_, **__: FakeTranscriber("I think so"))
    told = run("transcribe", clip, "--verbatim").out.splitlines()
    assert told == ["I think so", 'I think you wanted to say "think"; it sounded like "sink"']
    row = json.loads(run("transcribe", clip, "--verbatim", "--json").out)
    other = [{"meant": "think", "said": "sink", "phones": ["S", "IH", "NG", "K"]}]
    assert row["text"] == "I think so"
    assert row["verbatim"] == {"text": "I sink so", "other": other}


def test_transcribe_keeps_the_good_ones(run: Any, clip: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"")
    done = run("transcribe", clip, bad, clip, "--model", "fake")
    assert done.status == 1
    assert done.out == f"{clip}\thello world\n" * 2
    assert "bad.wav" in done.err
    assert len(json.loads(run("transcribe", clip, bad, clip, "--model", "fake", "--json").out)) == 2
