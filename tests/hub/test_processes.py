"""Several processes that pull at once, and one that is interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from speechtutor import hub
from speechtutor.files import disk
from tests.conftest import PROJECT
from tests.hub.conftest import (
    leftovers,
)
from tests.support.mirrors import Server, serving

pytestmark = pytest.mark.writes_home


SCRIPT = """
import sys
from pathlib import Path
from huggingface_hub import constants
from speechtutor import hub
from speechtutor.hub import catalog, sources
constants.HF_HUB_OFFLINE = True
catalog.CATALOG = Path(sys.argv[1])
run = sources._run
def logged(command, title, work):
    with open(sys.argv[2], "a") as log:
        log.write(title + "\\n")
    run(command, title, work)
sources._run = logged
print(hub.pull("toy"), hub.verify("toy").ok)
"""


def start(tmp_path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "catalog.toml"), str(tmp_path / "fetched")]
    pipe = subprocess.PIPE
    # A background job is born with SIGINT ignored, and so are its children; a terminal's is not.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(command, cwd=PROJECT, stdout=pipe, stderr=pipe, text=True)
    finally:
        signal.signal(signal.SIGINT, before)


def test_two_processes_pull_once(toy: object, links: Path, tmp_path: Path) -> None:
    both = [start(tmp_path), start(tmp_path)]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert {out for out, _ in said} == {f"{hub.home() / 'models' / 'toy'} True\n"}
    fetched = (tmp_path / "fetched").read_text().splitlines()
    assert sorted(fetched) == ["toy-part-one 1.0.0", "toy-part-two 1.0.0"]


def test_a_second_process_says_that_it_waits(
    toy: object, links: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = hub.home() / "locks" / "toy.lock"
    with disk.locked(path):
        waiting = threading.Thread(target=hub.pull, args=("toy",), kwargs={"source": links, "offline": True})
        waiting.start()
        while "waiting for another process" not in capsys.readouterr().err:
            time.sleep(0.02)
        assert hub.located("toy") is None
    waiting.join()
    assert hub.located("toy") is not None


@pytest.mark.skipif(os.name == "nt", reason="SIGINT reaches a process group there")
def test_ctrl_c_while_pip_fetches(toy: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serving(Server(hang=threading.Event())) as server:
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.delenv("PIP_FIND_LINKS")
        monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
        process = start(tmp_path)
        while not server.asked:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in err
    assert leftovers() == []
    assert hub.located("toy") is None
