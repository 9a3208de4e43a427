"""Bench, and how the app is started."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from speechtutor import audio
from speechtutor.commands import app as app_verb
from speechtutor.commands import bench as bench_verb
from speechtutor.commands import output
from speechtutor.core import UtteranceScore
from speechtutor.models.fake import FakeSynthesizer
from tests.conftest import PROJECT
from tests.support.commands import FAKES, TEXT, one_line


def test_bench_json(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seconds in (2, 3, 4):
        audio.save(FakeSynthesizer().speak("a" * 10 * seconds), tmp_path / f"{seconds}.wav")
    monkeypatch.setattr(bench_verb, "startup", partial(bench_verb.startup, repeats=1))
    (tmp_path / "bad.wav").write_bytes(b"")
    names = ["--transcriber", "fake", "--scorer", "fake", "--tutors", "fake", "--tutors", "rules"]
    done = run("bench", "--clips", tmp_path, "--repeats", "2", *names, "--json")
    assert done.status == 0
    row = json.loads(done.out)
    assert row["clip"] == {"name": "3.wav", "duration": 3.0, "text": "hello world"}
    assert set(row["stages"]) == {"transcribe", "align_and_score", "loop_without_llm"}
    assert set(row["tutors"]) == {"fake", "rules"}
    for part in (*row["stages"].values(), *row["startup"].values(), row["tutors"]["fake"]["total"]):
        assert 0 <= part["p50_ms"] <= part["p95_ms"]
    assert (row["real_time_factor"]["clips"], row["real_time_factor"]["audio_s"]) == (3, 9.0)
    assert "bad.wav" in done.err
    assert {"commit", "versions", "cpus"} <= set(row["machine"])


def test_bench_for_people(run: Any, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_verb, "startup", dict)
    names = ["--transcriber", "fake", "--scorer", "fake", "--tutors", "fake"]
    done = run("bench", "--clips", clip.parent, "--repeats", "1", *names)
    assert "align_and_score" in done.out
    assert "peak memory" in done.out


def test_bench_asks_a_tutor_about_each_score_once() -> None:
    asked: list[str] = []

    class Streaming:
        def stream(self, score: UtteranceScore, learner: object) -> Iterator[str]:
            asked.append(score.text)
            yield from ("one", "two")

    row = bench_verb.advising(Streaming(), [UtteranceScore(text, ()) for text in "abc"])
    assert asked == ["a", "b", "c"]
    assert row["first_text"]["n"] == row["total"]["n"] == 2  # the first was the warm-up
    assert row["first_text"]["p50_ms"] <= row["total"]["p50_ms"]


def test_bench_percentiles() -> None:
    # 1, 2 … 101 ms: the median is the 51st value, the 95th percentile the one at 0.95 x 100 = 95 places on.
    row = bench_verb.percentiles([i / 1000 for i in range(1, 102)])
    assert row == {"p50_ms": 51.0, "p95_ms": 96.0, "n": 101}


@pytest.mark.parametrize("words", [["--repeats", "0"], ["--limit", "0"], ["--clips", "nowhere"]])
def test_bench_refuses_nonsense(run: Any, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_verb, "startup", dict)
    done = run("bench", *words, "--transcriber", "fake", "--scorer", "fake")
    assert done.status == 2
    assert done.out == ""


def test_app_finds_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "demo", raising=False)
    assert output.demo() == PROJECT / "demo"
    assert app_verb.module().__file__ == str(PROJECT / "demo" / "app.py")


def test_app_passes_on_what_was_asked(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, object]] = []
    monkeypatch.setattr(app_verb, "module", lambda: SimpleNamespace(serve=lambda **how: calls.append(how)))
    assert run("app", "--port", "7999", "--device", "cpu").status == 0
    given = {"host": "127.0.0.1", "port": 7999, "device": "cpu", "open_browser": False}
    assert calls == [
        given
        | {
            "store": None,
            "grammar": None,
            "tutor": None,
            "strictness": None,
            "auth_file": None,
            "without_sign_in": False,
            "names": (),
        }
    ]


def test_a_strictness_that_a_scorer_does_not_have_is_one_line(run: Any, clip: Path) -> None:
    one_line(run("score", clip, TEXT, "--model", "fake", "--strictness", "strict"), "fake", "strictness")
    one_line(run("coach", clip, TEXT, *FAKES, "--strictness", "strict"), "fake", "strictness")
