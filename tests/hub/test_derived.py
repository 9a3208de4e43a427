"""Pulled checkpoints hashed again, mended, and converted once."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from speechtutor import hub
from speechtutor.errors import StorageError
from speechtutor.hub import cache
from tests.hub.conftest import (
    WEIGHTS,
    forbidden,
    leftovers,
)
from tests.support.mirrors import sha256

pytestmark = pytest.mark.writes_home


# Verifying


def test_verify_finds_a_changed_byte_and_pull_mends_it(
    toy: object, links: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = hub.pull("toy", source=links, offline=True, progress=False)
    (folder / "model.bin").write_bytes(WEIGHTS[:-1] + b"\1")
    found = hub.verify("toy")
    assert not found.ok
    assert [(file.path, file.ok) for file in found.files] == [("config.json", True), ("model.bin", False)]
    assert found.files[1].found == sha256(WEIGHTS[:-1] + b"\1")
    hub.pull("toy", source=links, offline=True, progress=False, check=True)
    assert hub.verify("toy").ok
    assert leftovers() == []
    monkeypatch.setattr(cache, "_fetch_all", forbidden)
    hub.pull("toy", check=True)


def test_a_missing_or_cut_file_is_fetched_again(toy: object, links: Path) -> None:
    folder = hub.pull("toy", source=links, offline=True, progress=False)
    (folder / "config.json").unlink()
    assert hub.located("toy") is None
    assert hub.verify("toy").files[0].found is None
    hub.pull("toy", source=links, offline=True, progress=False)
    (folder / "model.bin").write_bytes(WEIGHTS[:-1])
    assert hub.located("toy") is None
    hub.pull("toy", source=links, offline=True, progress=False)
    assert hub.verify("toy").ok


def test_folder_takes_a_name_or_a_path(toy: object, links: Path, tmp_path: Path) -> None:
    assert hub.folder("toy") is None
    pulled = hub.pull("toy", source=links, offline=True, progress=False)
    assert hub.folder("toy") == hub.resolve("toy") == pulled
    assert hub.folder(tmp_path) == hub.resolve(tmp_path) == tmp_path


# Converting once


def test_derived_is_made_once(toy: object) -> None:
    made: list[Path] = []

    def build(target: Path) -> None:
        assert list(target.iterdir()) == []
        (target / "sub").mkdir()
        (target / "sub" / "out").write_text("done")
        made.append(target)

    folder = hub.derived("toy", "layout-1", build)
    assert folder == hub.derived("toy", "layout-1", build)
    assert len(made) == 1
    assert not made[0].exists()
    assert (folder / "sub" / "out").read_text() == "done"
    assert folder.name == f"toy-{hub.checkpoint('toy').revision[:8]}-layout-1"
    assert hub.derived("toy", "layout-2", build) != folder


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        (RuntimeError("broken"), RuntimeError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (OSError(errno.ENOSPC, "full"), StorageError),
    ],
)
def test_a_failed_conversion_leaves_nothing(
    toy: object, failure: BaseException, raised: type[BaseException]
) -> None:
    def build(target: Path) -> None:
        (target / "half").write_text("half")
        raise failure

    with pytest.raises(raised):
        hub.derived("toy", "layout", build)
    assert leftovers() == []
    assert hub.derived("toy", "layout", lambda target: None).is_dir()


def test_derived_asks_for_room(toy: object) -> None:
    with pytest.raises(StorageError, match="no room for toy-"):
        hub.derived("toy", "layout", lambda target: forbidden(), size=10**18)
