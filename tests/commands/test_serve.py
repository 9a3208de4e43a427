"""`speechtutor serve`: who may listen where, and a real server that is stopped and killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from speechtutor import cli
from tests.conftest import PROJECT
from tests.service.conftest import KEY, hum
from tests.support.ports import free_port

FAKES = [
    word
    for stage in ("transcriber", "scorer", "tutor", "grammar", "voice")
    for word in (f"--{stage}", "fake")
]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--host", "0.0.0.0"], "SPEECHTUTOR_API_KEYS"),
        (["--waiting", "0"], "n_waiting must be more than 0"),
        (["--timeout", "-1"], "patience must be more than 0"),
        (["--scorer", "nonsense", "--port", "0"], "nonsense"),
        (["--transcriber", "none", "--port", "0"], "none"),
        (["--port", "99999"], "cannot listen on 127.0.0.1:99999"),
        (["--workers", "0"], "--workers must be from 1 to 64"),
        (["--rate", "often"], "such as 60/minute"),
        (["--host", "no such host", *["--allow-host", "a"]], "SPEECHTUTOR_API_KEYS"),
    ],
)
@pytest.mark.writes_home
def test_refusals_are_one_line(
    words: list[str], told: str, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPEECHTUTOR_API_KEYS", raising=False)
    assert cli.main(["serve", *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("\n") == 1 and told in shown.err


def test_a_key_that_can_be_guessed(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHTUTOR_API_KEYS", "secret")
    assert cli.main(["serve"]) == 2
    err = capsys.readouterr().err
    assert "key 1 has 6 characters" in err and "secret" not in err


def test_a_port_that_is_taken(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPEECHTUTOR_API_KEYS", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert cli.main(["serve", "--port", str(port), *FAKES]) == 2
    err = capsys.readouterr().err
    assert f"cannot listen on 127.0.0.1:{port}" in err and err.count("\n") == 1


@contextmanager
def server(home: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """A real server with the fakes, and a client with a key."""
    port = free_port()
    command = [sys.executable, "-m", "speechtutor", "serve", "--port", str(port), *FAKES, *words]
    environ = os.environ | {"SPEECHTUTOR_API_KEYS": KEY, "SPEECHTUTOR_HOME": str(home)}
    # A pipe that nobody reads would stop the server as soon as its log fills it.
    with (
        (home / "server.log").open("w") as said,
        subprocess.Popen(command, cwd=PROJECT, env=environ, stderr=said, text=True) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"x-api-key": KEY}, timeout=60) as client,
    ):
        try:
            end = time.monotonic() + 120
            while True:
                try:
                    if client.get("/readyz").status_code == 200:
                        break
                except httpx.TransportError:
                    assert process.poll() is None and time.monotonic() < end
                    time.sleep(0.1)
            yield process, client
        finally:
            process.kill()


def send(client: httpx.Client, id: str) -> httpx.Response:
    form = {"id": id, "learner": "ana", "text": "I think so"}
    return client.post("/v1/attempts", files={"audio": ("a.wav", hum())}, data=form)


@pytest.mark.slow
def test_killed_it_keeps_what_it_answered_and_stopped_it_ends_well(tmp_path: Path) -> None:
    acknowledged = []
    with server(tmp_path) as (process, client):
        assert httpx.get(client.base_url.join("/v1/practice")).status_code == 401
        for i in range(12):
            assert send(client, f"attempt-{i}").status_code == 200
            acknowledged.append(f"attempt-{i}")
        process.send_signal(signal.SIGKILL)
    with server(tmp_path) as (process, client):
        assert send(client, "attempt-0").json()["kept"]  # sent again: kept once
        known = client.get("/v1/learners/ana").json()["attempts"]
        assert sorted(one["id"] for one in known) == sorted(acknowledged)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    said = (tmp_path / "server.log").read_text(encoding="utf-8")
    assert "Traceback" not in said and KEY not in said and "ana" not in said  # a log line names nobody
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert {"/v1/attempts", "/v1/learners/{learner}"} <= {line["route"] for line in lines}
