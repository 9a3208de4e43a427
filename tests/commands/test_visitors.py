"""Learners that a bench sends into the app, here over fakes: what is counted, and what goes wrong."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from speechtutor import audio
from speechtutor.commands import bench, visitors
from speechtutor.commands.page import AppError
from speechtutor.commands.timing import Sample
from speechtutor.core import Recording
from tests.conftest import EXAMPLES, PROJECT

FAKE = (sys.executable, "-m", "tests.support.fake_app")
GOOD = audio.load(EXAMPLES / "weather-good.flac")
TEXT = "I think the weather is very nice today."


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("SPEECHTUTOR_HOME", str(folder))
        patch.setenv("PYTHONPATH", str(PROJECT))
        yield folder


def test_takes_differ_in_bytes_and_not_to_the_ear(tmp_path: Path) -> None:
    made = [visitors.take(GOOD, number) for number in (0, 1, 1)]
    assert made[0] != made[1] == made[2]
    (tmp_path / "a.wav").write_bytes(made[1])
    again = audio.load(tmp_path / "a.wav")
    assert len(again.samples) == len(GOOD.samples) + 1
    assert abs(again.samples[:-1] - GOOD.samples).max() < 2 / 32768  # sixteen bits
    assert abs(again.samples[-1]) < 0.001


def test_learners_are_heard_counted_and_forgotten(home: Path) -> None:
    notes: list[str] = []
    clips = [Sample("a", Recording(GOOD.samples[:8000], 16_000), TEXT)]
    row = visitors.crowd(clips, "cpu", 2, 0.08, notes.append, FAKE)
    assert row["problems"] == []
    checks = row["calls"]["check"]["n"]
    assert checks >= 2 and checks - 2 <= row["calls"]["tap"]["n"] <= checks
    assert row["calls"]["hear"]["n"] <= row["calls"]["tap"]["n"]
    assert row["memory_mb"][0] is None or all(50 < one < 5000 for one in row["memory_mb"])
    assert row["takes_on_disk"] == 0 and row["folder_left"] is False
    assert notes == ["2 learners for 0.08 minutes"]
    assert not list((home / "heard").iterdir())


def test_an_app_that_judges_nothing_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "take", lambda recording, number: b"no sound at all")
    row = visitors.crowd([Sample("a", Recording(GOOD.samples[:800], 16_000), TEXT)], None, 1, 0.05,
                         lambda line: None, FAKE)  # fmt: skip
    assert len(row["problems"]) == 1
    assert row["problems"][0].startswith("learner 0: a check of a gave no words: ")
    assert "not an audio file" in row["problems"][0] and "tap" not in row["calls"]


def test_an_app_that_does_not_start_says_why() -> None:
    with pytest.raises(AppError, match=r"the app did not start: .*--nonsense"):
        visitors.running("--nonsense", program=FAKE).__enter__()


@pytest.fixture(scope="module")
def url(home: Path) -> Iterator[str]:
    with visitors.running(program=FAKE) as app:
        yield app.url


def test_a_visitor_sees_what_a_browser_would(url: str) -> None:
    visitor = visitors.Visitor(url)
    assert visitor.text == ""
    visitor.choose("Fish  & chips, it's <nice>.")
    assert visitor.text == "Fish & chips, it's <nice>."
    words = visitor.check(visitor.upload(visitors.take(GOOD, 1)), TEXT)
    assert visitor.text == TEXT and words.count("data-word=") == 8
    assert [visitor.tap(word).count("data-sound=") for word in (0, 7)] == [2, 2]  # their own and the model's
    with pytest.raises(AppError, match="a tap on word 8 showed nothing"):
        visitor.tap(8)
    refused = visitor.check(visitor.upload(b"no sound at all"), TEXT)
    assert "not an audio file" in refused and "data-word" not in refused
    assert 'src="data:audio' in visitor.hear()


def test_another_card_than_the_text_chosen_is_said(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "OWN", "free")  # whose card has no text
    visitor = visitors.Visitor(url)
    with pytest.raises(AppError, match=r"the card shows '' where 'One cup\.' was chosen"):
        visitor.choose("One cup.")
    with pytest.raises(AppError, match="no voice for ''"):
        visitor.hear()


def test_a_take_of_what_is_not_shown_is_not_judged(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "ID", re.compile("data-(id)="))
    visitor = visitors.Visitor(url)
    told = visitor.check(visitor.upload(visitors.take(GOOD, 1)), TEXT)
    assert "st-error" in told and visitor.text == TEXT and visitor.shows("words") == ""


def test_a_check_without_words_is_not_timed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "PROGRAM", FAKE)
    monkeypatch.setattr(visitors, "take", lambda recording, number: b"no sound at all")
    with visitors.checking(None) as check, pytest.raises(AppError, match="a check of a gave no words"):
        check(Sample("a", GOOD, TEXT))


def test_what_a_page_does_not_have_is_said(url: str) -> None:
    visitor = visitors.Visitor(url)
    visitor.follow()  # nothing was pressed yet
    with pytest.raises(AppError, match="the page has no widget 'sentence'"):
        visitor.enter({"sentence": TEXT})
    with pytest.raises(AppError, match="the page calls nothing at a click of 'kind'"):
        visitor.press("kind")
    with pytest.raises(AppError, match="/gradio_api/queue/join: status 413"):
        visitor.choose("a" * 256_000)


def test_one_check_is_timed_beside_others(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "PROGRAM", FAKE)
    monkeypatch.setattr(bench, "busy_processes", lambda n: pytest.MonkeyPatch.context())
    clip = Sample("a", GOOD, TEXT)
    stages, beside = bench.latencies({"nothing": lambda c: c.text}, clip, 2, (0, 3), None, True)
    assert stages.keys() == {"nothing", "app_check"} and stages["app_check"]["n"] == 2
    assert [row["processes"] for row in beside] == [0, 3]
    assert all(row["stages"].keys() == stages.keys() for row in beside)


@pytest.mark.parametrize(
    "words",
    [["--busy", "-1"], ["--busy", "1", "65"], ["--users", "-1"], ["--users", "201"], ["--minutes", "0"],
     ["--users", "2", "--minutes", "nan"], ["--minutes", "inf"]],
    ids=" ".join,
)  # fmt: skip
def test_what_is_out_of_range(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from speechtutor.cli import main

    assert main(["bench", *words]) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1 and words[0] in told.err


def test_tables_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    row = {"p50_ms": 1500.0, "p95_ms": 2500.0, "n": 4}
    bench._print_crowd(
        {"users": 3, "minutes": 0.5, "calls": {"check": row}, "memory_mb": [1.0, 2.5], "takes_on_disk": 0,
         "folder_left": False, "problems": ["learner 1: gone"]}
    )  # fmt: skip
    told = capsys.readouterr().out.splitlines()
    assert told == [
        "3 learners for 0.5 minutes", "check  p50 1.50 s  p95 2.50 s  n 4", "memory MB 1.0 2.5",
        "takes left on disk 0; folder left no", "problem: learner 1: gone",
    ]  # fmt: skip
    result: dict[str, Any] = {
        "clip": {"name": "a.wav", "duration": 2.0}, "startup": {}, "stages": {"score": row},
        "busy": [{"processes": n, "stages": {"score": {**row, "p50_ms": 10.0 * n}}} for n in (1, 4)],
        "tutors": {}, "load_s": {}, "peak_memory_mb": None,
        "real_time_factor": {"clips": 1, "audio_s": 2.0, "score": 0.5},
    }  # fmt: skip
    bench._print(json.loads(json.dumps(result)))
    table = capsys.readouterr().out.splitlines()
    assert table[1].split() == ["p50", "/", "p95", "ms", "idle", "beside", "1", "busy", "beside", "4", "busy"]
    assert table[2].split() == [
        "score", "1500.0", "/", "2500.0", "10.0", "/", "2500.0", "40.0", "/", "2500.0",
    ]  # fmt: skip
    ends = [len(line) for line in (table[1], table[2])]
    assert ends[0] == ends[1], "the heads stand over their columns"
