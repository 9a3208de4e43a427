from __future__ import annotations

import json
from pathlib import Path

import pytest

from recipes import evaluate_asr
from recipes.evaluate_asr import Config
from speechtutor import config
from speechtutor.core import Utterance
from speechtutor.corpora import manifest
from speechtutor.errors import InputError
from speechtutor.evaluation import job
from speechtutor.models.normalizer import normaliser


def test_smoke_and_again(tmp_path: Path) -> None:
    flags = ["--smoke", "--out", str(tmp_path), "--draws", "20"]
    found = evaluate_asr.run(config.build(Config, flags))
    # The fake hears "hello world" where "HELLO THERE" is written: one word of two is wrong.
    assert found.metrics["wer_normalised"].value == 0.5 and found.counts["utterances"] == 4
    written = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert written["kind"] == "asr" and written["name"] == "fake"
    assert len((tmp_path / "utterances.jsonl").read_text(encoding="utf-8").splitlines()) == 4
    assert json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))["config"]["draws"] == 20
    assert (tmp_path / "report.md").read_text(encoding="utf-8").startswith("# fake: asr")
    assert evaluate_asr.run(config.build(Config, flags)).metrics == found.metrics


def test_rows_are_chosen_evenly(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [Utterance(f"u{i}", f"{i}.wav", "hi", f"s{i}", "dev") for i in range(10)]
    manifest.write(path, [*rows, Utterance("t", "t.wav", "hi", "t", "train")])
    assert [row.id for row in job.choose(path, "dev", 4)] == ["u0", "u2", "u5", "u7"]
    assert len(job.choose(path, limit=99)) == 10  # all that are not for training
    assert [row.id for row in job.choose(path, "train")] == ["t"]
    with pytest.raises(InputError, match="no row of the split test"):
        job.choose(path, "test")


@pytest.mark.parametrize("flags", [["--split", "valid"], ["--limit", "0"], ["--draws", "0"]])
def test_settings_are_checked(flags: list[str]) -> None:
    with pytest.raises(InputError, match=flags[0][2:]):
        config.build(Config, flags)


def test_the_normaliser_is_the_one_of_papers() -> None:
    assert (
        normaliser("en")("Um, it's Mr. Lee's twenty-first [laughs] colour")
        == "it is mister lee is 21st colour"
    )
    assert normaliser("de")("Äpfel, bitte!").split() == ["äpfel", "bitte"]
