"""The app beside the API: one process, the same models in turn, each with its own door."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from demo.mounting import PATH, Mounted
from speechtutor import cli
from speechtutor.errors import InputError
from speechtutor.learner.store import open_store
from speechtutor.service.app import APP, build
from speechtutor.service.settings import Settings
from tests.service.conftest import KEY, coach, keys, recording


def test_page_and_api_in_one_process(tmp_path: Path) -> None:
    from fastapi.testclient import TestClient

    inside: list[int] = []
    beside = Mounted("127.0.0.1", ("testserver",))

    class Watched:
        def turn(self) -> Any:
            inside.append(1)
            return beside.turn()

        def mount(self, api: Any, coach: Any) -> None:
            beside.mount(api, coach)

    store = open_store(f"sqlite:///{tmp_path / 'learners.db'}")
    api = build(coach(), Settings(keys(KEY), ("testserver",)), store, beside=Watched())
    with TestClient(api) as client:
        assert PATH == APP
        page = client.get("/app/")
        assert page.status_code == 200 and "gradio" in page.text
        assert client.get("/app/", headers={"host": "evil.example"}).status_code == 400  # the page's own door
        assert client.get("/application").status_code == 401  # the API's
        answer = client.post("/v1/score", files=recording(), headers={"x-api-key": KEY})
        assert answer.status_code == 200 and inside == [1]
        assert client.get("/app/config", headers={"origin": "http://evil.example"}).status_code == 403


def test_other_machines_sign_in() -> None:
    with pytest.raises(InputError, match="--auth-file"):
        Mounted("0.0.0.0", ())


def test_one_worker(capsys: Any) -> None:
    assert cli.main(["serve", "--app", "--workers", "2"]) == 2
    assert "one worker" in capsys.readouterr().err
