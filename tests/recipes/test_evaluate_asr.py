from __future__ import annotations

import json
from pathlib import Path

import pytest

from recipes import evaluate_asr
from recipes.evaluate_asr import Config, Heard
from speechtutor import config, manifest
from speechtutor.core import Utterance
from speechtutor.errors import InputError


def heard(speaker: str, reference: str, hypothesis: str) -> Heard:
    return Heard(f"{speaker}-{reference}", speaker, reference, hypothesis, duration=2.0, elapsed=0.5)


def test_rates_by_hand() -> None:
    # Normalised, "it's" and "it is" are the same and "um" is nothing: only "sink" for "think" is
    # wrong, 1 of the 3 + 2 words. Verbatim "it's" is one word against two (a substitution and an
    # insertion), "um" another insertion: 4 errors on the 2 + 2 words of "It's Anna / I think".
    items = [heard("ann", "It's Anna.", "um it is Anna"), heard("bob", "I think", "I sink")]
    found = evaluate_asr.report(items, Config(draws=200), "some model")
    assert found.wer_normalised.value == pytest.approx(1 / 5)
    assert found.wer_verbatim.value == pytest.approx(4 / 4)
    # A draw of two speakers is ann twice (0), bob twice (1/2) or both.
    assert (found.wer_normalised.low, found.wer_normalised.high) == (0.0, 0.5)
    assert (found.n_utterances, found.n_speakers, found.n_words, found.n_empty) == (2, 2, 5, 0)
    assert found.rtf == pytest.approx(0.25) and found.seconds_each == pytest.approx(0.5)
    assert "| WER normalised | 0.200 [0.000, 0.500] |" in str(found)


def test_nothing_heard_is_all_deletions() -> None:
    found = evaluate_asr.report([heard("ann", "one two", "")], Config(draws=5), "m")
    assert found.wer_verbatim.value == 1.0 and found.n_empty == 1


def test_smoke(tmp_path: Path) -> None:
    found = evaluate_asr.run(config.build(Config, ["--smoke", "--out", str(tmp_path), "--draws", "20"]))
    # The fake hears "hello world", which is what the three made-up rows say.
    assert found.wer_normalised.value == 0.0 and found.n_utterances == 3
    written = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert written["wer_verbatim"]["value"] == 0.0 and written["model"] == "fake"
    assert len((tmp_path / "hypotheses.jsonl").read_text(encoding="utf-8").splitlines()) == 3
    assert json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))["config"]["draws"] == 20
    assert (tmp_path / "report.md").read_text(encoding="utf-8").startswith("# fake on dev")


def test_rows_are_chosen_evenly(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    manifest.write(path, [Utterance(f"u{i}", f"{i}.wav", "hi", f"s{i}", "dev") for i in range(10)])
    rows = evaluate_asr._rows(Config(manifest=path, limit=4))
    assert [row.id for row in rows] == ["u0", "u2", "u5", "u7"]
    assert len(evaluate_asr._rows(Config(manifest=path, limit=99))) == 10
    with pytest.raises(InputError, match="no row of the split test"):
        evaluate_asr._rows(Config(manifest=path, split="test"))


@pytest.mark.parametrize("flags", [["--split", "valid"], ["--limit", "0"]])
def test_settings_are_checked(flags: list[str]) -> None:
    with pytest.raises(InputError, match=flags[0][2:]):
        config.build(Config, flags)
