"""Names are not paths: over every loader and every stage, what is not there is said, and never another."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from speechtutor import hub, registry
from speechtutor.errors import ModelError, OfflineError, UnknownModelError
from speechtutor.hub import description, shipped, sources
from tests.conftest import need

ROWS = [
    row for row in registry.entries() if row.target.startswith("speechtutor.models.") and row.name != "fake"
]
LOADERS = sorted({row.target for row in ROWS if "server" not in row.target})
"""Every loader that reads files, by its address."""
NAMES = sorted({*shipped.sums(), *hub.checkpoints()})
STAGES = [stage for stage in registry.STAGES]


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No hub, and a working directory of its own."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)


def loader(address: str) -> Any:
    module, _, name = address.partition(":")
    if "faster_whisper" in module:
        need(importlib.util.find_spec("faster_whisper"), "faster-whisper is not installed")
    return getattr(importlib.import_module(module), name)


# What a name stands for


@pytest.mark.parametrize("name", sorted(shipped.sums()))
def test_a_shipped_name_is_not_shadowed_by_a_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    assert hub.resolve(name) == shipped.WEIGHTS / name
    assert hub.resolve(f"./{name}") == Path(name)
    assert hub.resolve(tmp_path / name) == tmp_path / name
    assert hub.resolve(Path(name)) == Path(name), "a Path is a path"


def test_a_name_of_the_store_is_not_shadowed_by_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("speechtutor.hub.names.pull", lambda name: tmp_path / "pulled" / name)
    (tmp_path / "whisper-base").mkdir()
    assert hub.resolve("whisper-base") == tmp_path / "pulled" / "whisper-base"
    assert hub.resolve("./whisper-base") == Path("whisper-base")


def test_another_bare_word_may_be_a_folder_here(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="no model or folder named 'mine'; known: "):
        hub.resolve("mine")
    (tmp_path / "mine").mkdir()
    assert hub.resolve("mine") == Path("mine")


def test_an_id_of_the_hub_is_one_that_the_hub_knows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []
    monkeypatch.setattr(sources, "hub_file", lambda *what: asked.append(what) or tmp_path)
    assert hub.resolve("someuser/wav2vec2-phones") == "someuser/wav2vec2-phones"
    assert asked == [("someuser/wav2vec2-phones", "config.json")]


@pytest.mark.parametrize(
    "odd", ["", ".", "..", "/", "a/b/c", "../whisper-base-phones", "x" * 5000, "a\0b", "./scorer", "a//b"]
)
def test_odd_names_are_one_line(odd: str) -> None:
    with pytest.raises(ModelError) as caught:
        hub.resolve(odd) if odd not in (".", "..", "/") else hub.resolve(odd + "/not-here")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 700


# Over every loader


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("prefix", ["runs", "someuser"])
@pytest.mark.parametrize("address", LOADERS)
def test_a_loader_gives_no_other_weights(address: str, prefix: str, name: str) -> None:
    with pytest.raises(ModelError) as caught:
        loader(address)(f"{prefix}/{name}", "cpu")
    said = str(caught.value)
    assert said.startswith(f"{prefix}/{name} is not here: there is no such folder, and ")
    assert (
        ("the hub gave no" in said) == isinstance(caught.value, OfflineError) != ("no id of the hub" in said)
    )
    assert "\n" not in said


@pytest.mark.parametrize("adapter", ["runs/whisper-base-learners", "someuser/tutor-lora"])
def test_an_adapter_is_no_shipped_one(adapter: str) -> None:
    from speechtutor.models.adapters import merged

    with pytest.raises(OfflineError, match=f"{adapter} is not here: .*the hub gave no adapter_config.json"):
        merged(object(), adapter, description.WHISPER_ADAPTER)


@pytest.mark.parametrize("convert", ["whisper_checkpoint", "smollm_checkpoint"])
def test_a_base_is_no_stored_one(convert: str) -> None:
    from speechtutor.models import convert as module

    with pytest.raises(OfflineError, match=r"runs/whisper-base is not here"):
        getattr(module, convert)("runs/whisper-base")


# Over every stage


@pytest.mark.parametrize("stage", registry.STAGES)
def test_a_stage_gives_no_other_model(stage: str) -> None:
    names = {row.name for row in registry.entries() if row.stage == stage} | set(NAMES)
    for name in sorted(names - {"fake"}):
        for given in (
            f"runs/{name}",
            f"someuser/{name}",
            f"./{name}",
            f"../runs/{name}",
            f"/no/where/{name}",
        ):
            if stage == "transcriber":
                need(importlib.util.find_spec("faster_whisper"), "faster-whisper is not installed")
            with pytest.raises(ModelError, match="is not here: there is no such folder, and ") as caught:
                registry.load(stage, given, device="cpu")
            assert "\n" not in str(caught.value)


def test_a_folder_here_does_not_shadow_a_model(tmp_path: Path) -> None:
    (tmp_path / "wav2vec2-phones").mkdir()
    model = registry.load("acoustic", "wav2vec2-phones", device="cpu")
    assert model.name == "wav2vec2-phones"
    with pytest.raises(ModelError, match="wav2vec2-phones"):
        registry.load("acoustic", "./wav2vec2-phones", device="cpu")
