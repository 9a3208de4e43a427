"""The frame of the command line: help, exit statuses, one line for a mistake, logs, encodings."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from speechtutor import audio, cli
from speechtutor.core import Recording
from speechtutor.errors import AudioError
from speechtutor.files import disk
from speechtutor.models.fake import FakeScorer, FakeSynthesizer
from tests.conftest import PROJECT
from tests.support.commands import TEXT, one_line


def test_every_verb_has_a_file_and_a_line_of_help(run: Any) -> None:
    files = {path.stem for path in (PROJECT / "speechtutor" / "commands").glob("*.py")} - {
        "__init__", "output", "busy", "door", "page", "timing", "visitors", "learner_own", "learner_data",
    }  # fmt: skip
    assert files == set(cli.VERBS)
    shown = run("--help")
    assert shown.status == 0
    for verb in cli.VERBS:
        assert re.search(rf"^│ {verb} ", shown.out, re.MULTILINE)


@pytest.mark.parametrize("verb", list(cli.VERBS))
def test_the_help_of_a_verb(run: Any, verb: str) -> None:
    shown = run(verb, "--help")
    assert shown.status == 0
    assert f"Usage: speechtutor {verb}" in shown.out


def test_version(run: Any) -> None:
    import speechtutor

    assert run("--version").out.strip() == speechtutor.__version__


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (["scor"], "score"),
        (["score"], "AUDIO"),
        (["score", "a.wav", "hi", "--jsn"], "--json"),
        (["score", "a.wav", "hi", "more"], "more"),
        (["bench", "--repeats", "few"], "few"),
        (["models", "pul"], "pul"),
        (["speak", "hi"], "--output"),
    ],
)
def test_a_wrong_request_is_one_line(run: Any, words: list[str], cause: str) -> None:
    one_line(run(*words), cause)


def test_our_errors_are_one_line(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(argv: object) -> int:
        raise AudioError("a.wav: holds\nno samples")

    monkeypatch.setattr(cli, "_call", fail)
    one_line(run("score"), "a.wav: holds no samples")


def test_a_full_disk_is_one_line(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(argv: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", "out.flac")

    monkeypatch.setattr(cli, "_call", fail)
    one_line(run("speak"), "no space left", "out.flac")


def test_a_file_that_the_system_refuses_is_one_line(run: Any, tmp_path: Path) -> None:
    name = tmp_path / ("x" * 300)
    one_line(run("report", "--class", name), "File name too long", "xxx")


def test_ctrl_c_is_130(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(argv: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_call", stop)
    done = run("models")
    assert (done.status, done.err) == (130, "speechtutor: interrupted\n")


def test_ctrl_c_inside_a_verb_is_130(run: Any, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(self: object, recording: Recording, text: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(FakeScorer, "score", stop)
    assert run("score", clip, TEXT, "--model", "fake").status == 130


@pytest.mark.writes_home
@pytest.mark.parametrize("error", [ValueError("bug"), OSError(errno.EIO, "disk"), ZeroDivisionError()])
def test_a_bug_is_a_line_and_keeps_its_traceback_in_a_log(
    run: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(argv: object) -> int:
        raise error

    monkeypatch.setattr(cli, "_call", fail)
    done = run("score", "me\n.wav", "hello", "--json")
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.startswith(r"speechtutor: error: score me\n.wav: failed in a way that nobody foresaw")
    log = Path(done.err.split("report it with ")[1].strip())
    assert log.parent == disk.home() / "logs" and log.stat().st_mode & 0o777 == 0o600
    text = log.read_text(encoding="utf-8")
    assert "Traceback" in text and type(error).__name__ in text and "score me" in text


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_no_result_is_lost_to_the_encoding_of_the_output(tmp_path: Path, encoding: str) -> None:
    name = tmp_path / "名前😀é.wav"
    audio.save(FakeSynthesizer().speak("a" * 5), name)
    code = [sys.executable, "-m", "speechtutor", "transcribe", name, "--model", "fake", "--json"]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(code, capture_output=True, cwd=PROJECT, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout.decode(encoding))["audio"] == str(name)


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["evaluate", "asr", "m.jsonl", "--root", ".", "--out", ""], ["--out got an empty value"]),
        (["evaluate", "asr", "m.jsonl", "--root=", "--out", "x"], ["--root got an empty value"]),
        (["speak", "hi", "-o", "", "--model", "fake"], ["-o got an empty value"]),
        (
            ["evaluate", "asr", "m.jsonl", "--root", ".", "--out", "x", "--beams", "9999999"],
            ["beams", "9999999"],
        ),
        (["practice", "--seed", "-1"], ["--seed", "-1"]),
        (["practice", "--kind", ","], ["--kind ','"]),
        (["speak", "hi", "-o", "a.wav", "--model", "fake", "--rate", "nan"], ["--rate", "0.5 to 2", "nan"]),
        (["bench", "--repeats", "9" * 400], ["--repeats", "1 to 10000"]),
        (["practice", "--learner", "\udcff"], [r"\udcff", "neither text in UTF-8 nor a file"]),
        (["score", "a\nb\x1b[31m.wav", "hi", "--model", "fake"], [r"a\nb\x1b[31m.wav: No such file"]),
    ],
)
def test_values_that_make_no_sense_are_one_line(run: Any, words: list[str], parts: list[str]) -> None:
    done = run(*words)
    one_line(done, *parts)
    assert len(done.err) < 700 and done.err.strip().isprintable()


@pytest.mark.skipif(sys.platform == "win32", reason="rights are others there")
@pytest.mark.parametrize("verb", ["doctor", "models list", "models verify"])
def test_a_home_that_may_not_be_read_is_a_line(tmp_path: Path, verb: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0)
    tmp_path.chmod(0o755)
    # The first call imports what the second needs: another user may have no right to read Python itself.
    code = f"""import os, sys
from speechtutor import cli
from speechtutor.commands import doctor
doctor.CHECKS = (doctor.storage, doctor.checkpoints)
cli.main(sys.argv[1:])
print("---", flush=True)
print("---", file=sys.stderr, flush=True)
if os.geteuid() == 0:
    os.seteuid(65534)
os.environ["SPEECHTUTOR_HOME"] = {str(home)!r}
sys.exit(cli.main(sys.argv[1:]))"""
    done = subprocess.run(
        [sys.executable, "-c", code, *verb.split()],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=False,
        env=os.environ | {"SPEECHTUTOR_HOME": str(tmp_path / "fine")},
    )
    home.chmod(0o700)
    told = done.stdout.split("---\n")[1] + done.stderr.split("---\n")[1]
    assert not re.search(r"Traceback|\[Errno|nobody foresaw", told), told
    assert done.returncode in (1, 2) and "ermission denied" in told and str(home) in told, told


def test_a_reader_that_has_gone_is_no_traceback() -> None:
    code = f"{sys.executable} -m speechtutor models list --json | head -c 1"
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, cwd=PROJECT, check=False)
    assert (done.stdout, done.stderr) in {("{", ""), ("[", "")}


# Score and align
