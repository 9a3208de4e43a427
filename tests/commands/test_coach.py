"""Coach: the whole loop on one recording."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from speechtutor import registry
from speechtutor.models.fake import FakeTranscriber
from tests.support.commands import FAKES, TEXT, one_line


def test_coach_json(run: Any, clip: Path) -> None:
    row = json.loads(run("coach", clip, TEXT, *FAKES, "--json").out)
    assert list(row) == ["schema_version", "transcript", "score", "feedback"]
    assert row["score"]["text"] == TEXT
    assert row["transcript"]["text"] == "hello world"  # what was heard is shown beside what was asked for
    assert row["feedback"]["tips"][0]["word"] == "think"


def test_coach_without_a_text_scores_what_was_heard(run: Any, clip: Path) -> None:
    row = json.loads(run("coach", clip, *FAKES, "--json").out)
    assert row["score"]["text"] == row["transcript"]["text"] == "hello world"


def test_coach_corrects_the_grammar_of_free_speech(
    run: Any, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "load", heard("Um, she don't like it."))
    done = run("coach", clip, *FAKES)
    assert 'Without fillers and repetitions: "She don\'t like it."' in done.out
    assert "\n  She doesn't like it.\n" in done.out and "[g1]" in done.out
    row = json.loads(run("coach", clip, *FAKES, "--json").out)
    assert list(row) == ["schema_version", "transcript", "score", "feedback", "grammar"]
    (edit,) = row["grammar"]["edits"]
    assert (edit["id"], edit["kind"], edit["after"]) == ("g1", "agreement", "doesn't")
    assert [tip["evidence"] for tip in row["grammar"]["tips"]] == ["g1"]
    spanish = ["--transcriber", "fake", "--scorer", "fake", "--tutor", "rules", "--explain", "es"]
    assert "más habitual" in run("coach", clip, *spanish).out
    assert "grammar" not in json.loads(run("coach", clip, *FAKES, "--grammar", "none", "--json").out)
    other = json.loads(run("coach", clip, *FAKES, "--grammar", "fake", "--json").out)["grammar"]
    assert (other["source"], other["edits"]) == ("fake", [])


def test_coach_corrects_no_grammar_of_a_given_text(run: Any, clip: Path) -> None:
    assert "grammar" not in json.loads(run("coach", clip, TEXT, *FAKES, "--json").out)
    one_line(run("coach", clip, TEXT, *FAKES, "--grammar", "rules"), "--grammar rules corrects free speech")
    one_line(run("coach", clip, *FAKES, "--grammar", "no-such-model"), "no-such-model")


def heard(text: str) -> Any:
    """Loads as the registry does, but the fake recogniser hears this."""
    load = registry.load

    def loads(stage: str, name: str | None = None, **options: Any) -> Any:
        return FakeTranscriber(text) if stage == "transcriber" else load(stage, name, **options)

    return loads


def test_coach_for_people(run: Any, clip: Path) -> None:
    done = run("coach", clip, TEXT, *FAKES)
    assert "think: Say TH in think." in done.out
    assert "Try it again." in done.out


@pytest.mark.writes_home
def test_coach_says_once_that_another_tutor_spoke(run: Any, clip: Path) -> None:
    dead = ["--transcriber", "fake", "--scorer", "fake", "--tutor", f"http://127.0.0.1:{closed_port()}/v1"]
    done = run("coach", clip, TEXT, *dead, "--json")
    assert done.status == 0 and done.err.count("the rules speak") == 1 and done.err.count("\n") == 1
    row = json.loads(done.out)
    assert row["feedback"]["source"] == "rules" and len(row["warnings"]) == 1
    assert "did not answer" in row["warnings"][0]
    assert run("coach", clip, TEXT, *dead).err.count("the rules speak") == 1
    assert "warnings" not in json.loads(run("coach", clip, TEXT, *FAKES, "--json").out)


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.mark.writes_home
def test_coach_remembers_a_named_learner(run: Any, clip: Path) -> None:
    from speechtutor.learner.store import open_store

    assert run("coach", clip, TEXT, *FAKES).status == 0
    assert not list(open_store().attempts("anonymous"))
    for _ in range(2):
        assert run("coach", clip, TEXT, *FAKES, "--learner", "ana").status == 0
    assert [attempt.exercise.text for attempt in open_store().attempts("ana")] == [TEXT, TEXT]
