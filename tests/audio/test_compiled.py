"""librosa is compiled by one process at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from speechtutor.audio.compiled import librosa
from tests.conftest import PROJECT

STANDS_IN = """
import os, time
def told(what):
    with open(os.environ["TOLD"], "a") as file:
        file.write(f"{what} {os.getpid()}\\n")
told("begins")
time.sleep(0.2)
def pyin(*args, **settings):
    time.sleep(0.2)
    told("ends")
"""
"""A module that takes its time to be imported and to be called for the first time, and tells of both."""


def test_processes_do_so_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "librosa.py").write_text(STANDS_IN, encoding="utf-8")
    env = os.environ | {
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{PROJECT}",
        "SPEECHTUTOR_HOME": str(tmp_path / "home"),
        "TOLD": str(tmp_path / "told"),
    }
    code = "from speechtutor.audio.compiled import librosa; librosa(); librosa()"
    started = [subprocess.Popen([sys.executable, "-c", code], env=env, cwd=tmp_path) for _ in range(4)]
    assert [one.wait(60) for one in started] == [0] * 4
    told = [line.split() for line in (tmp_path / "told").read_text(encoding="utf-8").splitlines()]
    assert [what for what, _ in told] == ["begins", "ends"] * 4
    assert all(one == other for (_, one), (_, other) in zip(told[::2], told[1::2], strict=True))


def test_a_home_that_cannot_be_written_is_no_reason_to_hear_less(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the home should be", encoding="utf-8")
    env = os.environ | {"SPEECHTUTOR_HOME": str(tmp_path / "home")}
    code = "from speechtutor.audio.compiled import librosa; print(librosa().__name__)"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == f"{librosa().__name__}\n"
