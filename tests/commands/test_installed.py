"""Speak, models and doctor: what is here, and what it can do."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from speechtutor import audio, registry
from speechtutor.commands import doctor as doctor_verb
from tests.conftest import PROJECT
from tests.support.commands import one_line


@pytest.mark.parametrize("suffix", [".flac", ".wav"])
def test_speak(run: Any, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    done = run("speak", "hello", "--rate", "0.5", "--model", "fake", "-o", path)
    assert (done.status, done.out) == (0, "")
    assert audio.load(path).duration == pytest.approx(1.0)  # 5 letters x 0.1 s / 0.5


def test_speak_where_nothing_can_be_written(run: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    one_line(run("speak", "hello", "--model", "fake", "-o", tmp_path / "file" / "a.wav"), "a.wav")


# Models and doctor


def test_models_list(run: Any) -> None:
    from speechtutor import hub

    value = json.loads(run("models", "list", "--json").out)
    assert {row["name"] for row in value["checkpoints"]} == set(hub.checkpoints())
    assert len(value["models"]) == len(registry.entries())
    defaults = [row for row in value["models"] if row["default"]]
    assert all(row["name"] != "fake" for row in defaults)
    assert run("models").out == run("models", "list").out
    for row in (*value["checkpoints"], *value["shipped"]):
        assert row["name"] in run("models").out
    assert sum(row["size"] for row in value["shipped"]) < 90e6


def test_models_pull_says_what_there_is(run: Any) -> None:
    one_line(run("models", "pull"), "whisper-base")
    one_line(run("models", "pull", "whisper-bass"), "whisper-base")


@pytest.mark.writes_home
def test_models_pull_offline_from_nowhere(run: Any) -> None:
    one_line(run("models", "pull", "kokoro-82m", "--offline"), "kokoro-82m")


def test_what_ships_is_what_is_pinned(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from speechtutor.hub import shipped

    there = {
        path.relative_to(shipped.WEIGHTS).as_posix()
        for path in shipped.WEIGHTS.rglob("*")
        if path.is_file() and path.parent != shipped.WEIGHTS
    }
    assert there == {f"{name}/{path}" for name, files in shipped.sums().items() for path in files}
    weights = tmp_path / "weights"
    shutil.copytree(shipped.WEIGHTS / "scorer", weights / "scorer")
    monkeypatch.setattr(shipped, "WEIGHTS", weights)
    assert run("models", "verify", "scorer").out == "scorer\tok\n"
    with (weights / "scorer" / "config.json").open("a") as file:
        file.write(" ")
    done = run("models", "verify", "scorer")
    assert done.status == 2 and done.out == "scorer\tDAMAGED\n"
    assert "scorer/config.json; install speechtutor again" in done.err
    (weights / "scorer" / "head.safetensors").unlink()
    assert "scorer/head.safetensors" in run("models", "verify", "scorer").err


@pytest.mark.writes_home
def test_models_verify(run: Any) -> None:
    from speechtutor import hub

    done = run("models", "verify", "--json")
    value = json.loads(done.out)
    # Nothing was pulled into this home: what is here is what ships.
    assert value["ok"] is True and set(value["checkpoints"]) == set(hub.shipped.sums())
    done = run("models", "verify", "kokoro-82m")
    assert done.status == 2
    assert "kokoro-82m/" in done.err


def test_doctor(run: Any) -> None:
    done = run("doctor", "--json")
    value = json.loads(done.out)
    names = [finding["name"] for finding in value["findings"]]
    assert {"python", "torch", "torch with torchaudio", "device", "cache", "free space", "microphone"} <= set(
        names
    )
    assert value["ok"] is all(finding["ok"] for finding in value["findings"])
    assert done.status == (0 if value["ok"] else 1)


def test_doctor_needs_what_pyproject_needs() -> None:
    import tomllib

    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    core = {re.split(r"[<>=\[]", line)[0] for line in project["dependencies"]}
    assert set(doctor_verb.NEEDED) <= core
    for name, extra in doctor_verb.OPTIONAL.items():
        assert any(line.startswith(name) for line in project["optional-dependencies"][extra])


def test_doctor_names_the_cause(
    run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPEECHTUTOR_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setattr(doctor_verb, "CHECKS", (doctor_verb.storage,))
    done = run("doctor")
    assert done.status == 1
    assert "BAD cache" in done.out
    assert "SPEECHTUTOR_HOME" in done.out


def test_doctor_explains_a_torch_that_does_not_match(monkeypatch: pytest.MonkeyPatch) -> None:
    message = "OSError: libc10_cuda.so: cannot open shared object file"
    failing = f"print('cpu AVX2, bf16 no')\nimport sys; sys.exit({message!r})"
    monkeypatch.setattr(doctor_verb, "PROBE", failing)
    device, pair = doctor_verb.torch_pair()
    assert (device.ok, device.found) == (True, "cpu AVX2, bf16 no")
    assert not pair.ok
    assert message in pair.found
    assert "CPU-only" in pair.advice
    assert "builds differ" in doctor_verb._pair_advice("undefined symbol: _ZN3c10")


# Bench and app
