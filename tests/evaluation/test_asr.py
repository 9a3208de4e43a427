"""Evaluating a recogniser: rates by hand, what is empty or fails, comparison, going on after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speechtutor import audio, cli, hub
from speechtutor.core import Recording, Utterance, UtteranceScore, WordScore
from speechtutor.corpora import manifest
from speechtutor.errors import InputError
from speechtutor.evaluation import asr, job, journal, provenance, result, summary
from speechtutor.evaluation.result import Row
from speechtutor.evaluation.sampling import Speakers
from speechtutor.files import disk
from speechtutor.files.fingerprint import changed
from tests.conftest import PROJECT


def normal(text: str) -> str:
    """A small stand-in for Whisper's: no "um", "it's" written out."""
    return " ".join(asr.verbatim(text).replace("it's", "it is").replace("um ", "").split())


def said(speaker: str, reference: str, hypothesis: str | None, **extra: Any) -> Row:
    utterance = Utterance(f"{speaker}-{reference}", "a.wav", reference, speaker, "dev")
    return asr.row_of(utterance, hypothesis, normal, **extra)


def rates(rows: list[Row], draws: int = 200) -> dict[str, Any]:
    found = summary.summarise(asr.KIND, "m", rows, {}, draws=draws)
    return dict(found.metrics)


def test_rates_by_hand() -> None:
    # Normalised, "it's" and "it is" are the same and "um" is nothing: only "sink" for "think" is
    # wrong, 1 of the 3 + 2 words. Verbatim "it's" is one word against two (a substitution and an
    # insertion), "um" another insertion: 4 errors on the 2 + 2 words of "It's Anna / I think".
    rows = [said("ann", "It's Anna.", "um it is Anna"), said("bob", "I think", "I sink")]
    found = rates(rows)
    assert found["wer_normalised"].value == pytest.approx(1 / 5)
    assert found["wer_verbatim"].value == pytest.approx(4 / 4)
    # Two speakers say nothing of others.
    assert (found["wer_normalised"].low, found["wer_normalised"].high) == (None, None)
    assert found["wer_normalised"].why == "too few speakers: 2 of at least 5"
    assert (found["wer_normalised"].n, found["wer_normalised"].of) == (5, "words")
    # "i think" -> "i sink": t is gone and h became s, 2 of the 10 + 7 characters with the space.
    assert found["cer_normalised"].value == pytest.approx(2 / 17)
    # AY TH IH NG K -> AY S IH NG K; the rest by the lexicon: "it's anna" against "um it is anna".
    assert rows[1].detail["counts"]["phones"] == [4, 1, 0, 0]
    # Hits 3 + 1 of the 5 pairs; 4 of 5 on both sides match.
    assert found["mer_normalised"].value == pytest.approx(1 / 5)
    assert found["wil_normalised"].value == pytest.approx(1 - (4 / 5) ** 2)
    assert found["substitutions_normalised"].value == pytest.approx(1 / 5)


def test_what_is_empty_or_failed_is_counted_never_dropped() -> None:
    rows = [
        said("ann", "one two", ""),
        said("ann", "um ", "hello", duration=1.0, elapsed=0.5),
        said("bob", "three", None, error="b.wav: no audio"),
        said("bob", "four", "four", duration=1.0, elapsed=0.25),
    ]
    found = summary.summarise(asr.KIND, "m", rows, {}, draws=5)
    # Three words left out, one put in, of the four that are left of the references.
    assert found.metrics["wer_verbatim"].value == pytest.approx(4 / 5)
    assert found.counts["failed"] == found.counts["empty_hypotheses"] == 1
    assert found.lists == {
        "failed": ["bob-three"], "empty_references": [], "empty_hypotheses": ["ann-one two"]
    }  # fmt: skip
    assert found.counts["words_verbatim_deletions"] == 3
    assert found.timing["real_time_factor"] == pytest.approx(0.375)
    assert any("1 files failed" in note for note in found.notes)


def test_an_empty_reference_adds_what_was_put_in() -> None:
    found = summary.summarise(
        asr.KIND, "m", [said("a", "...", "one two"), said("b", "x y", "x y")], {}, draws=5
    )
    assert found.metrics["wer_normalised"].value == 1.0
    assert found.lists["empty_references"] == ["a-..."]


def test_confusions_are_pairs_of_words() -> None:
    rows = [
        said("a", "i think so", "i sink so"),
        said("a", "we think", "we sink"),
        said("a", "yes", "oh yes"),
    ]
    found = [(c.reference, c.hypothesis, c.count) for c in asr.confusions(rows)]
    assert found[0] == ("think", "sink", 2)
    assert set(found[1:]) == {("", "oh", 1)}


def test_a_word_without_phones_is_one_wrong_symbol() -> None:
    row = said("a", "yes", "да")
    assert row.detail["unpronounceable"] == ["да"]
    hits, substitutions, deletions, insertions = row.detail["counts"]["phones"]
    assert (hits, substitutions + deletions, insertions) == (0, 3, 0)


def test_mispronounced_words_that_were_written_right() -> None:
    # Of two words below 5 of 10 one is written as the text has it; the well-spoken one is not.
    words = tuple(WordScore(text, score) for text, score in (("one", 0.3), ("two", 0.2), ("three", 0.9)))
    given = Utterance(
        "u", "a.wav", "one two three", "s", "dev", scores=UtteranceScore("one two three", words)
    )
    found = rates([asr.row_of(given, "one do tree", normal)])
    assert (found["repaired"].value, found["repaired"].n, found["repaired"].better) == (0.5, 2, "lower")
    assert (found["right_words_heard"].value, found["right_words_heard"].n) == (0.0, 1)
    assert "repaired" not in rates([said("a", "x", "x")])


def test_groups_know_the_person_and_the_text() -> None:
    utterance = Utterance("u", "a.wav", "one two three", "s", "dev", l1="zh", age=9, gender="f")
    assert asr.row_of(utterance, "one", normal, snr_db=12.0).groups == {
        "age": "under 16", "gender": "female", "age and gender": "female, under 16", "l1": "zh",
        "length": "1-4 words", "snr": "10-20 dB",
    }  # fmt: skip


# Two systems


def finished(folder: Path, rows: list[Row], name: str = "m") -> result.Run:
    found = summary.summarise(asr.KIND, name, rows, {"seed": 0}, draws=50)
    disk.write_text(folder / "config.json", "{}")
    result.write(folder, found, rows)
    return result.read(folder)


def test_two_systems_are_paired(tmp_path: Path) -> None:
    worse = [said(f"s{i}", "a b c d", "a x c d" if i else "a b c d") for i in range(6)]
    better = [said(f"s{i}", "a b c d", "a b c d") for i in range(6)]
    old = finished(tmp_path, [*worse, said("gone", "z", "z")], "old")
    found = summary.compared(asr.KIND, better, old, 200)
    change = found.differences["wer_normalised"]
    assert (change.this, change.other) == (0.0, pytest.approx(5 / 24))
    # Swapping any of the five who differ makes the difference smaller; swapping the sixth changes
    # nothing: 2 of the 32 ways.
    assert change.difference.value == pytest.approx(-5 / 24) and change.p == pytest.approx(2 / 32)
    # Three figures are tested (no word was rated), and 3 x 2/32 is not below 0.05.
    assert change.p_corrected == pytest.approx(6 / 32) and not change.differs
    assert (found.n_utterances, found.n_only_here, found.n_only_there) == (6, 0, 1)
    same = summary.compared(asr.KIND, worse, old, 50).differences["wer_normalised"]
    assert not same.differs and same.difference.value == 0.0


def test_runs_that_cannot_be_compared(tmp_path: Path) -> None:
    old = finished(tmp_path, [said("a", "x", "x")])
    with pytest.raises(InputError, match="no utterance of this run"):
        summary.compared(asr.KIND, [said("b", "x", "x")], old)
    with pytest.raises(InputError, match="another text"):
        summary.compared(asr.KIND, [replace(said("a", "x", "x"), reference="y")], old)
    with pytest.raises(InputError, match="evaluation of asr"):
        summary.compared(replace(asr.KIND, name="scoring"), [said("a", "x", "x")], old)
    with pytest.raises(InputError, match="no finished evaluation"):
        result.read(tmp_path / "nowhere")


def test_a_result_is_read_back_as_it_was(tmp_path: Path) -> None:
    rows = [said(f"s{i}", "a b", "a") for i in range(3)]
    found = summary.summarise(
        asr.KIND, "m", rows, {"seed": 0}, draws=5, against=finished(tmp_path / "old", rows)
    )
    disk.write_text(tmp_path / "config.json", "{}")
    result.write(tmp_path, found, rows)
    run = result.read(tmp_path)
    assert run.summary.json() == found.json() and [row.line() for row in run.rows] == [r.line() for r in rows]
    assert "NaN" not in (tmp_path / "summary.json").read_text(encoding="utf-8")


def test_a_result_of_another_version_is_refused(tmp_path: Path) -> None:
    finished(tmp_path, [said("a", "x", "x")])
    text = (tmp_path / "summary.json").read_text(encoding="utf-8")
    (tmp_path / "summary.json").write_text(text.replace('"schema_version": 1', '"schema_version": 9'))
    with pytest.raises(InputError, match="schema version 9"):
        result.read(tmp_path)


# Stopped and gone on


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whisper's own normaliser loads transformers; the recipe's test has it."""
    monkeypatch.setattr("speechtutor.models.normalizer.normaliser", lambda lang: normal)


def corpus(folder: Path, n: int = 8) -> Path:
    rows = []
    for i in range(n):
        wave = (0.3 * np.sin(np.arange(8000) / (15 + i))).astype(np.float32)
        audio.save(Recording(wave), folder / f"u{i}.wav")
        rows.append(Utterance(f"u{i}", f"u{i}.wav", "hello there world", f"s{i % 4}", "test", age=8 + i))
    return manifest.write(folder / "rows.jsonl", rows).path


def stable(folder: Path) -> dict[str, Any]:
    """A summary without what the clock says."""
    found = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    del found["timing"]
    for key in ("date", "command", "config"):
        del found["provenance"][key]
    return dict(found)


def evaluate(capsys: Any, path: Path, out: Path, *words: str) -> tuple[int, str, str]:
    draws = [] if "--draws" in words else ["--draws", "20"]
    line = ["evaluate", "asr", str(path), "--root", str(path.parent), "--out", str(out), *draws]
    line += ["--model", "fake", *words]
    status = cli.main(line)
    return (status, *capsys.readouterr())


SLOW = """
import sys, time
from pathlib import Path
from speechtutor.core import Utterance
from speechtutor.evaluation import journal
from speechtutor.evaluation.result import Row
folder, delay = Path(sys.argv[1]), float(sys.argv[2])
def judge(one):
    time.sleep(delay)
    return Row(one.id, one.speaker, one.split, one.audio, one.text, metrics={"length": len(one.id) / 3})
rows = [Utterance(f"u{i}", "a.wav", "hi", "s", "dev") for i in range(40)]
say = lambda line: print(line, file=sys.stderr)
with journal.alone(folder):
    journal.begin(folder, {"fingerprint": {"system": 1}})
    found = journal.collect(folder, rows, judge, say)
print("".join(row.line() for row in found), end="")
"""


def journalled(folder: Path, delay: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SLOW, str(folder), str(delay)], cwd=PROJECT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # A shell that runs the tests in the background has Ctrl-C ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_a_stopped_run_goes_on_and_ends_the_same(tmp_path: Path, stop: signal.Signals) -> None:
    running, rows = journalled(tmp_path / "a", 0.5), tmp_path / "a" / "utterances.jsonl"
    while not (rows.exists() and rows.read_bytes().count(b"\n") >= 2):
        assert running.poll() is None
        time.sleep(0.05)
    os.kill(running.pid, stop)
    _, told = running.communicate()
    n = rows.read_bytes().count(b"\n")
    assert 2 <= n < 40 and running.returncode != 0
    if stop is signal.SIGINT:
        assert "the same command goes on" in told
    whole, said = journalled(tmp_path / "a", 0).communicate()
    assert f"{n} of 40 utterances were done before" in said
    assert whole == journalled(tmp_path / "b", 0).communicate()[0] and whole.count("\n") == 40


def test_rows_of_an_earlier_pass_give_the_same_summary(tmp_path: Path, capsys: Any) -> None:
    path, out = corpus(tmp_path), tmp_path / "out"
    evaluate(capsys, path, out)
    whole = stable(out)
    lines = (out / "utterances.jsonl").read_bytes().splitlines(keepends=True)
    (out / "utterances.jsonl").write_bytes(b"".join(reversed(lines[:5])))
    (out / "summary.json").unlink()
    status, _, err = evaluate(capsys, path, out)
    assert status == 0 and "5 of 8 utterances were done before" in err and stable(out) == whole


def test_a_row_cut_short_is_made_again(tmp_path: Path, capsys: Any) -> None:
    path, out = corpus(tmp_path), tmp_path / "out"
    evaluate(capsys, path, out)
    whole = stable(out)
    lines = (out / "utterances.jsonl").read_bytes().splitlines(keepends=True)
    (out / "utterances.jsonl").write_bytes(b"".join(lines[:3]) + lines[3][:40])
    status, _, err = evaluate(capsys, path, out)
    assert status == 0 and "cut short" in err and stable(out) == whole


def test_another_model_or_manifest_does_not_mix(tmp_path: Path, capsys: Any) -> None:
    path, out = corpus(tmp_path), tmp_path / "out"
    evaluate(capsys, path, out)
    for words in (["--limit", "3"], ["--lang", "de"]):
        status, printed, err = evaluate(capsys, path, out, *words)
        assert (status, printed) == (2, "") and "holds another evaluation" in err and words[0][2:] in err
    path.write_text(path.read_text(encoding="utf-8").replace("hello", "yellow"), encoding="utf-8")
    status, _, err = evaluate(capsys, path, out)
    assert status == 2 and "manifest was" in err


def test_two_processes_do_not_share_a_folder(tmp_path: Path, capsys: Any) -> None:
    path, out = corpus(tmp_path), tmp_path / "out"
    with journal.alone(out):
        status, _, err = evaluate(capsys, path, out)
    assert status == 2 and "another process" in err


def test_a_bad_file_in_the_middle_costs_nothing_else(tmp_path: Path, capsys: Any) -> None:
    path, out = corpus(tmp_path), tmp_path / "out"
    (tmp_path / "u3.wav").write_bytes(b"RIFF\0\0\0\0WAVEjunk")
    (tmp_path / "u0.wav").unlink()
    status, printed, err = evaluate(capsys, path, out, "--json")
    assert status == 1
    # Said before anything is heard, by their places in the manifest.
    told = [line for line in err.splitlines() if "row" in line or "cannot be used" in line]
    assert "row 1 (u0): " in told[0] and "No such file" in told[0] and "row 4 (u3): " in told[1]
    assert told[2] == "2 of 8 recordings cannot be used and will count as failed"
    assert err.index(told[2]) < err.index("listening")
    found = json.loads(printed)
    assert found["counts"]["failed"] == 2 and found["lists"]["failed"] == ["u0", "u3"]
    rows = {row.id: row for row in result.read_rows(out / "utterances.jsonl")}
    assert "u3.wav" in (rows["u3"].error or "") and rows["u3"].hypothesis is None
    assert rows["u4"].hypothesis == "hello world"
    corpus(tmp_path)  # mended, the two are heard; the others are not heard again
    status, _, err = evaluate(capsys, path, out)
    assert status == 0 and "6 of 8 utterances were done before" in err


def test_a_wrong_folder_is_no_evaluation(tmp_path: Path, capsys: Any) -> None:
    path, out = corpus(tmp_path), tmp_path / "out"
    for file in tmp_path.glob("*.wav"):
        file.unlink()
    status, printed, err = evaluate(capsys, path, out)
    assert (status, printed) == (2, "") and "row 1 (u0): " in err and "No such file" in err
    assert not out.exists()


def test_row_700_of_2500_is_named_before_the_first_is_heard(tmp_path: Path) -> None:
    corpus(tmp_path, 1)
    rows = [Utterance(f"n{i}", "u0.wav", "hi", f"s{i % 9}", "test") for i in range(1, 2501)]
    rows[699] = replace(rows[699], audio="gone.wav")
    path = manifest.write(tmp_path / "many.jsonl", rows).path
    asked = job.Job(tmp_path / "o", path, tmp_path, job.choose(path), {"name": "m"})
    said: list[str] = []
    job.preflight(asked, said.append)
    assert said[0].startswith(f"{path}, row 700 (n700): ") and said[1].startswith("1 of 2500 recordings")


def test_several_models_are_compared_with_the_first(tmp_path: Path, capsys: Any) -> None:
    path = corpus(tmp_path)
    status, _, err = evaluate(capsys, path, tmp_path / "out", "--model", "fake")
    assert status == 2 and "one by one" in err
    evaluate(capsys, path, tmp_path / "a")
    status, printed, _ = evaluate(capsys, path, tmp_path / "b", "--against", str(tmp_path / "a"))
    assert status == 0 and "paired over 8 utterances" in printed


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (["--split", "valid"], "none of train, dev, test"),
        (["--split", "dev"], "no row of the split dev"),
        (["--limit", "0"], "limit must be 1 or more"),
        (["--draws", "0"], "draws must be from 1 to 100000, not 0"),
        (["--against", "nowhere"], "no finished evaluation"),
        (["--model", "nonsense"], "nonsense"),
    ],
)
def test_bad_requests_are_one_line(tmp_path: Path, capsys: Any, words: list[str], cause: str) -> None:
    path = corpus(tmp_path, 1)
    status, printed, err = evaluate(capsys, path, tmp_path / "out", *words)
    assert (status, printed) == (2, "") and cause in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("argv", "typed"),
    [
        (["/usr/bin/speechtutor", "evaluate"], ["speechtutor", "evaluate"]),
        (["/x/speechtutor/__main__.py", "evaluate"], ["python", "-m", "speechtutor", "evaluate"]),
        (["/x/recipes/evaluate_asr.py"], ["python", "-m", "recipes.evaluate_asr"]),
    ],
)
def test_the_command_is_recorded_as_it_is_typed(argv: list[str], typed: list[str]) -> None:
    assert provenance.command(argv) == typed


def test_another_scorer_has_another_content(tmp_path: Path) -> None:
    (tmp_path / "acoustic").mkdir()
    (tmp_path / "acoustic" / "weights").write_bytes(b"1")
    (tmp_path / "config.json").write_text(json.dumps({"acoustic": str(tmp_path / "acoustic")}))
    first = hub.content(str(tmp_path))
    assert first == hub.content(str(tmp_path)) and "+" in str(first)
    (tmp_path / "acoustic" / "weights").write_bytes(b"2")
    assert hub.content(str(tmp_path)) != first
    assert hub.content("no such checkpoint") is None
    assert hub.content("scorer") is not None  # the one that ships


def test_shipped_weights_and_the_code_are_part_of_the_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pinned revision is that of the base; the adapter that ships may be another after an upgrade."""
    system = provenance.system("whisper-base-learners", "whisper-base", "pinned")
    before = provenance.fingerprint("asr", system, {"manifest": "m"})
    assert before["version"] and before == provenance.fingerprint("asr", system, {"manifest": "m"})
    (tmp_path / "SHA256SUMS").write_text("another  whisper-base-learners/adapter_model.safetensors\n")
    monkeypatch.setattr(provenance.shipped, "WEIGHTS", tmp_path)
    (told,) = changed(before, provenance.fingerprint("asr", system, {"manifest": "m"}))
    assert told.startswith("shipped weights was ")


def test_intervals_do_not_depend_on_the_order_of_figures() -> None:
    rows = [said(f"s{i}", "a b c", "a b" if i % 2 else "a b c") for i in range(6)]
    alone = asr.figures(rows)["per"].measured(Speakers([r.speaker for r in rows], 50))[0]
    assert alone == rates(rows, 50)["per"]
