"""Checkpoints pulled from wheels, npm, the hub and folders; real clients, mirrors on this machine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import constants

from speechtutor import hub
from speechtutor.errors import ChecksumError, OfflineError
from speechtutor.hub import sources
from tests.conftest import need
from tests.hub.conftest import (
    CONFIG,
    HUB,
    HUB_FIRST,
    ONE,
    REVISION,
    TWO,
    WEIGHTS,
    forbidden,
    leftovers,
)
from tests.support.mirrors import Server, serving, sha256, tarball

pytestmark = pytest.mark.writes_home


# Pulling


def test_pull_from_wheels(toy: object, links: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hub.located("toy") is None
    folder = hub.pull("toy", progress=False)
    assert (folder / "config.json").read_bytes() == CONFIG
    assert (folder / "model.bin").read_bytes() == WEIGHTS
    assert hub.located("toy") == folder == hub.home() / "models" / "toy"
    assert hub.origin("toy")["model.bin"] == f"{ONE}/toy/model.bin.part1 + {TWO}/toy/model.bin.part2"
    assert hub.verify("toy").ok
    assert leftovers() == []
    monkeypatch.setattr(sources, "_run", forbidden)
    assert hub.pull("toy", offline=True) == folder


def test_pull_from_the_hub(toy: Callable[..., None], online: Server) -> None:
    toy(HUB_FIRST)
    folder = hub.pull("toy", progress=False)
    assert (folder / "model.bin").read_bytes() == WEIGHTS
    assert hub.origin("toy") == {path: f"{HUB}/{path}" for path in HUB_FIRST}
    assert leftovers() == []
    assert sum(asked == ("HEAD", "/") or asked == ("HEAD", "") for asked in online.asked) <= 1


def test_wrong_bytes_on_the_hub_are_passed_over(
    toy: Callable[..., None], online: Server, links: Path
) -> None:
    toy(HUB_FIRST)
    online.pages[f"/owner/toy/resolve/{REVISION}/model.bin"] = WEIGHTS[::-1]
    folder = hub.pull("toy", progress=False)
    assert (folder / "model.bin").read_bytes() == WEIGHTS
    assert hub.origin("toy")["model.bin"].startswith("pip:")


def test_a_missing_hub_file_is_said(toy: Callable[..., None], online: Server) -> None:
    toy({"config.json": (CONFIG, [[f"{HUB}/nowhere.json"]])})
    with pytest.raises(OfflineError, match=r"cannot get config\.json of toy: hub:owner/toy@.*404"):
        hub.pull("toy", progress=False)


def test_an_unreachable_hub_is_asked_once(
    toy: Callable[..., None], links: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx

    asked = []

    def head(url: str, **options: float) -> None:
        asked.append(options["timeout"])
        raise httpx.ConnectError("no route")

    toy(HUB_FIRST)
    monkeypatch.setattr(httpx, "head", head)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://unreachable.invalid")
    assert hub.verify(hub.pull("toy", progress=False).name).ok
    assert asked == [sources.PROBE_SECONDS]
    assert sources.PROBE_SECONDS <= 5


def test_pull_from_npm(toy: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    need(shutil.which("npm"), "npm is not installed")
    toy({"voice.bin": (WEIGHTS, [["npm:toy-voices@1.2.1/package/voice.bin"]])})
    package = json.dumps({"name": "toy-voices", "version": "1.2.1"}).encode()
    archive = tarball({"package/package.json": package, "package/voice.bin": WEIGHTS})
    with serving(Server({"/toy-voices/-/toy-voices-1.2.1.tgz": archive})) as server:
        dist = {"tarball": f"{server.url}/toy-voices/-/toy-voices-1.2.1.tgz"}
        row = {"name": "toy-voices", "version": "1.2.1", "dist": dist}
        about = {"name": "toy-voices", "dist-tags": {"latest": "1.2.1"}, "versions": {"1.2.1": row}}
        server.pages["/toy-voices"] = json.dumps(about).encode()
        monkeypatch.setenv("npm_config_registry", server.url)
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
        monkeypatch.setenv("npm_config_offline", "false")
        folder = hub.pull("toy", progress=False)
    assert (folder / "voice.bin").read_bytes() == WEIGHTS


def test_without_npm_it_is_said(toy: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    toy({"voice.bin": (WEIGHTS, [["npm:toy-voices@1.2.1/package/voice.bin"]])})
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(OfflineError, match=r"npm:toy-voices@1\.2\.1: npm is not installed"):
        hub.pull("toy", progress=False)


def test_without_pip_it_is_said(toy: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(OfflineError, match=r"pip is not installed for .*ensurepip"):
        hub.pull("toy", progress=False)


def test_the_bar_goes_to_stderr(
    toy: object, links: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.pull("toy")
    out, err = capfd.readouterr()
    assert out == ""
    assert "toy-part-one 1.0.0" in err


# A directory of the user


@pytest.mark.parametrize("inside", ["", "toy"])
def test_pull_from_a_directory(toy: object, tmp_path: Path, inside: str) -> None:
    given = tmp_path / "stick" / inside
    given.mkdir(parents=True)
    (given / "config.json").write_bytes(CONFIG)
    (given / "model.bin").write_bytes(WEIGHTS)
    folder = hub.pull("toy", source=tmp_path / "stick", offline=True, progress=False)
    assert hub.verify("toy").ok
    assert hub.origin("toy")["config.json"] == str(given / "config.json")
    assert folder.parent.name == "models"


def test_pull_from_a_directory_of_wheels(toy: object, links: Path) -> None:
    hub.pull("toy", source=links, offline=True, progress=False)
    assert hub.verify("toy").ok
    assert len(list(links.iterdir())) == 2, "the user's files stay"


def test_wrong_bytes_in_a_directory_are_refused(toy: object, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b"other")
    told = rf"config\.json has sha256 {sha256(b'other')}, expected {sha256(CONFIG)}; it was refused"
    with pytest.raises(ChecksumError, match=told):
        hub.pull("toy", source=tmp_path, progress=False)
    assert hub.located("toy") is None
    assert leftovers() == []
    assert (tmp_path / "config.json").is_file()
