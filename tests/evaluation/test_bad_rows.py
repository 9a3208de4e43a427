"""What one row causes never ends the evaluation of the others: counted, named, shown, also when resumed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speechtutor import audio, cli
from speechtutor.core import PhoneScore, Recording, Transcript, Utterance, UtteranceScore, Word, WordScore
from speechtutor.errors import InputError, ModelError
from speechtutor.evaluation import asr, result, scoring, significance, summary
from speechtutor.evaluation.job import Job
from speechtutor.evaluation.result import Row, Summary

LINE_END = "hello\u2028there\u2029big\u0085world"
"""Four words between which `str.splitlines` would cut."""
TEXTS = ["hello there big world", "a well-known man", LINE_END, "hello there", "good day", "hello world"]
BAD = ["u1", "u3", "u4"]
"""Words that do not fit their ratings, a recording that breaks a model, and one that is no audio."""


def corpus(folder: Path) -> tuple[Path, list[Utterance]]:
    folder.mkdir(exist_ok=True)
    rows = []
    for i, text in enumerate(TEXTS):
        wave = (0.3 * np.sin(np.arange(16000) / (15 + i))).astype(np.float32)
        audio.save(Recording(wave[: 16000 if i != 3 else 9000]), folder / f"u{i}.wav")
        words = tuple(
            WordScore(part, 0.8, stress=1.0, total=0.7, phones=(PhoneScore("AH", 0.9 - 0.1 * i),))
            for part in text.split()
        )
        score = UtteranceScore(text, words, 0.5 + 0.05 * i, 0.6, 0.7, 0.8)
        rows.append(Utterance(f"u{i}", f"u{i}.wav", text, f"s{i}", "dev", scores=score))
    (folder / "u4.wav").write_bytes(b"RIFF\0\0\0\0WAVEjunk")
    return folder, rows


@dataclass
class Scorer:
    """Judges a word a part of the text, also where raters saw one; breaks on the short recording."""

    heard: int = 0

    def score(self, recording: Recording, text: str, *, words: object = None) -> UtteranceScore:
        self.heard += 1
        if len(recording.samples) < 10_000:
            raise RuntimeError("The size of tensor a (1536) must match the size of tensor b (1500)")
        scored = tuple(
            WordScore(part, 0.7, 0.0, 0.3, 0, 3, phones=(PhoneScore("AH", 0.6, error_probability=0.2),))
            for part in text.replace("-", " ").split()
        )
        return UtteranceScore(text, scored, 0.6, 0.5, 0.6, 0.7, duration=recording.duration)


def judged(out: Path, folder: Path, rows: Sequence[Utterance]) -> tuple[Summary, list[Row]]:
    return scoring.evaluate(Job(out, None, folder, rows, {"name": "m"}, draws=20), Scorer())


def test_bad_rows_are_counted_named_and_shown(tmp_path: Path, capsys: Any) -> None:
    folder, rows = corpus(tmp_path / "corpus")
    found, made = judged(tmp_path / "out", folder, rows)
    assert found.lists["failed"] == BAD and found.counts["failed"] == 3
    causes = {row.id: str(row.error) for row in made if row.error}
    assert "3 words with human scores, but 4 words of text" in causes["u1"]
    assert "unexpected RuntimeError: The size of tensor a" in causes["u3"] and "u4.wav" in causes["u4"]
    assert found.metrics["utterance_total_mse"].n == 3
    assert "RuntimeError" in (tmp_path / "out" / "errors.log").read_text(encoding="utf-8")
    assert cli.main(["report", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert all(cause[:40] in page for cause in causes.values()) and "3 files failed" in page


def test_a_resumed_run_meets_the_bad_rows_again_and_goes_on(tmp_path: Path, capsys: Any) -> None:
    folder, rows = corpus(tmp_path / "corpus")
    whole, _ = judged(tmp_path / "out", folder, rows)
    lines = (tmp_path / "out" / result.ROWS).read_bytes().split(b"\n")
    (tmp_path / "out" / result.ROWS).write_bytes(b"\n".join(lines[:4]) + b"\n")
    (tmp_path / "out" / result.SUMMARY).unlink()
    again, made = judged(tmp_path / "out", folder, rows)
    assert "2 of 6 utterances were done before" in capsys.readouterr().err
    assert again.metrics == whole.metrics and again.lists == whole.lists
    assert [row.reference for row in made] == TEXTS, "also the one with other ends of lines"
    assert [row.reference for row in result.read(tmp_path / "out").rows] == TEXTS


def test_a_model_that_cannot_be_loaded_is_of_all_rows(tmp_path: Path) -> None:
    class Gone(Scorer):
        def score(self, recording: Recording, text: str, *, words: object = None) -> UtteranceScore:
            raise ModelError("the weights are damaged")

    folder, rows = corpus(tmp_path / "corpus")
    with pytest.raises(ModelError, match="weights are damaged"):
        scoring.evaluate(Job(tmp_path / "o", None, folder, rows, {"name": "m"}), Gone())


def test_what_would_fail_at_the_end_is_refused_at_once(tmp_path: Path) -> None:
    for options, told in (
        ({"seed": -1}, "seed must be 0 or more"),
        ({"draws": 0}, "draws must be from 1 to 100000, not 0"),
    ):
        with pytest.raises(InputError, match=told):
            Job(tmp_path, None, None, [], {"name": "m"}, **options)


# Only what both judged


def test_differences_are_of_the_rows_that_both_judged(tmp_path: Path) -> None:
    def row(i: int, score: float | None, declined: bool = False) -> Row:
        phone = {
            "expected": "AH", "start": None, "end": None, "score": score, "rated": 10.0 * i, "gop": None,
            "error_probability": None, "heard": None, "perceived": None,
        }  # fmt: skip
        none = dict.fromkeys(("overall", "accuracy", "fluency", "prosody"))
        word = {
            "text": "a", "start": None, "end": None, "error_type": "None", "raters": None, "matched": True,
            "model": dict.fromkeys(("accuracy", "stress", "total")), "phones": [phone],
        }  # fmt: skip
        detail = {
            "model": none, "raters": none, "warnings": [], "declined": declined, "heard": None,
            "decoded": None, "decoded_perceived": None, "words": [word],
        }  # fmt: skip
        return Row(f"u{i}", f"s{i}", "dev", "", "a", detail=detail)

    here = [row(i, 10.0 * i) for i in range(8)]
    there = [row(i, 100 - 10.0 * i if i else None, declined=i == 7) for i in range(8)]
    old = result.Run(tmp_path, {}, Summary("scoring", "old", {}, {}), there)
    found = summary.compared(scoring.KIND, here, old, draws=20)
    # The last was declined by one of the two, and the only phone of the first was not scored by one.
    assert (found.n_utterances, found.n_unjudged) == (7, 1)
    change = found.differences["phone_pcc"]
    assert (change.difference.n, change.difference.n_speakers) == (6, 6)
    assert (change.this, change.other) == (pytest.approx(1.0), pytest.approx(-1.0))
    assert here[0].detail["words"][0]["phones"][0]["score"] == 0.0, "the rows themselves are left alone"
    assert change.p is not None and change.p >= 2**-5 and significance.ALPHA == 0.05


# Several languages


def test_every_row_is_compared_by_the_rules_of_its_language(tmp_path: Path) -> None:
    class Repeats:
        def transcribe(self, recording: Recording, lang: str = "en") -> Transcript:
            return Transcript((Word("um", 0.0, 0.1), Word("hello", 0.1, 0.2)))

    asked = []

    def normaliser(lang: str) -> Any:
        asked.append(lang)
        # "um" is a filler in English and the word "around" in German.
        return (lambda text: text.replace("um ", "")) if lang == "en" else str.lower

    folder, rows = corpus(tmp_path / "corpus")
    mixed = [replace(rows[0], text="hello"), replace(rows[2], text="um hello", lang="de", scores=None)]
    job = Job(tmp_path / "o", None, folder, mixed, {"name": "m"}, draws=20)
    found, made = asr.evaluate(job, Repeats(), normaliser)
    assert [row.detail["normalised"] for row in made] == [["hello", "hello"], ["um hello", "um hello"]]
    assert found.metrics["wer_normalised"].value == 0.0 and sorted(set(asked)) == ["de", "en"]
    assert json.loads((tmp_path / "o" / result.SUMMARY).read_text(encoding="utf-8"))["kind"] == "asr"
