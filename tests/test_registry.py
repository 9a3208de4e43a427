"""The table of models and loading by name, path, hub id or address."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from speechtutor import errors, hub, registry
from speechtutor.errors import InputError, MissingExtraError, ModelError, OfflineError, UnknownModelError
from speechtutor.hub import shipped
from speechtutor.registry import Entry
from tests.conftest import PROJECT


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What third parties give through their entry points; the table is read anew."""

    class Point:
        name, value = "theirs", "their.module:rows"

        def __init__(self, given: Any) -> None:
            self.given = given

        def load(self) -> Any:
            return self.given

    given: list[Any] = []
    monkeypatch.setattr(registry, "entry_points", lambda group: [Point(row) for row in given])
    registry.entries.cache_clear()
    yield given
    registry.entries.cache_clear()


def make(*, checkpoint: str | None = None, device: str | None = None, tone: str = "kind") -> tuple[Any, ...]:
    """The factory of the tests' own rows."""
    return checkpoint, device, tone


def entry(name: str = "theirs", stage: str = "tutor", **changes: Any) -> Entry:
    fields = {"target": "tests.test_registry:make", "licence": "MIT", "summary": "For tests"} | changes
    return Entry(stage, name, **fields)


# The table


def test_rows_are_sorted_and_unique() -> None:
    keys = [(registry.STAGES.index(row.stage), row.name) for row in registry.entries()]
    assert keys == sorted(set(keys))


@pytest.mark.parametrize("row", registry.entries(), ids=lambda row: f"{row.stage}-{row.name}")
def test_every_row_holds(row: Entry) -> None:
    assert row.licence
    assert row.summary
    assert row.langs == ("*",) or all(re.fullmatch("[a-z]{2}", lang) for lang in row.langs)
    assert row.extra is None or row.extra in registry.EXTRAS
    if row.checkpoint is not None:
        ours = row.checkpoint in shipped.sums()
        pinned = None if ours else hub.checkpoint(row.checkpoint)
        assert row.revision == (pinned and pinned.revision)
        assert row.licence in (pinned.licence if pinned else shipped.LICENCE)
    if row.installed:
        assert callable(row.factory())


def test_every_checkpoint_is_used() -> None:
    used = {row.checkpoint for row in registry.entries()} - {None}
    assert set(hub.checkpoints()) <= used <= set(hub.checkpoints()) | set(shipped.sums())


def test_every_stage_has_a_default_and_a_fake() -> None:
    for stage in registry.STAGES:
        names = {row.name for row in registry.entries() if row.stage == stage}
        assert "fake" in names
        assert registry.default(stage) in names - {"fake"}
        assert set(registry.DEFAULTS[stage]) <= names


def test_the_default_transcriber_is_the_fast_one_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def find_spec(name: str, present: bool) -> object:
        return object() if present else None

    monkeypatch.setattr(registry.importlib.util, "find_spec", lambda name: find_spec(name, True))
    assert registry.default("transcriber") == "faster-whisper-base"
    monkeypatch.setattr(registry.importlib.util, "find_spec", lambda name: find_spec(name, False))
    assert registry.default("transcriber") == "whisper-base"


def test_listing_loads_nothing_heavy() -> None:
    code = (
        "import sys; from speechtutor import registry; registry.entries(); registry.default('transcriber'); "
        "print({'torch', 'transformers', 'faster_whisper', 'huggingface_hub'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "set()"


def test_a_duplicate_is_an_error() -> None:
    with pytest.raises(ModelError, match=r"two models are named 'theirs' \(tutor\)"):
        registry.collect([entry(), entry()])
    assert len(registry.collect([entry(), entry(stage="scorer")])) == 2


@pytest.mark.parametrize("target", ["", "module", "module:", ":factory"])
def test_a_target_has_two_parts(target: str) -> None:
    with pytest.raises(ModelError, match="expected module:factory"):
        entry(target=target)


def test_a_stage_is_one_of_five() -> None:
    with pytest.raises(ModelError, match="has stage 'singer', expected one of transcriber, acoustic"):
        entry(stage="singer")


# Third parties


def test_third_parties_add_rows(rows: list[Any]) -> None:
    rows += [entry(), [entry("another"), entry("more", "scorer")]]
    assert registry.load("tutor", "theirs", tone="strict") == (None, None, "strict")
    assert {"another", "more"} <= {row.name for row in registry.entries()}


def test_third_parties_cannot_take_a_name(rows: list[Any]) -> None:
    rows.append(entry("rules"))
    with pytest.raises(
        ModelError, match=r"two models are named 'rules' \(tutor\).*tests\.test_registry:make"
    ):
        registry.entries()


def test_an_entry_point_gives_rows_or_is_named(rows: list[Any]) -> None:
    rows.append(["not a row"])
    with pytest.raises(ModelError, match=r"theirs = their\.module:rows gives no registry entries"):
        registry.entries()


# Loading


def test_load_passes_checkpoint_device_and_options(rows: list[Any]) -> None:
    rows.append(entry(checkpoint="smollm2-135m-instruct"))
    assert registry.load("tutor", "theirs") == ("smollm2-135m-instruct", None, "kind")
    loaded = registry.load("tutor", "theirs", device="cpu", tone="strict", checkpoint="other")
    assert loaded == ("other", "cpu", "strict")


def test_load_takes_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "DEFAULTS", registry.DEFAULTS | {"tutor": ("fake",)})
    assert type(registry.load("tutor")).__name__ == "FakeTutor"


def test_an_unknown_option_is_named(rows: list[Any]) -> None:
    rows.append(entry())
    with pytest.raises(InputError, match="tutor theirs has no option 'tune', only checkpoint, device, tone"):
        registry.load("tutor", "theirs", tune=1)


def test_an_unknown_name_is_answered_with_all_and_the_closest() -> None:
    with pytest.raises(UnknownModelError, match=r"no tutor named 'rule', did you mean rules\? known: fake, "):
        registry.load("tutor", "rule")
    with pytest.raises(UnknownModelError, match="no stage named 'tutors', did you mean tutor"):
        registry.load("tutors", "rules")


@pytest.mark.parametrize("name", ["", " ", "emoji 🙂", "x" * 5000, "a\0b"])
def test_odd_names_are_unknown(name: str) -> None:
    with pytest.raises(UnknownModelError):
        registry.find("transcriber", name)


def test_a_missing_extra_gives_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(errors.importlib, "import_module", absent)
    with pytest.raises(MissingExtraError, match=r"pip install 'speechtutor\[whisper\]'"):
        registry.find("transcriber", "faster-whisper-base").factory()


def test_a_missing_factory_is_named() -> None:
    with pytest.raises(ModelError, match=r"tutor theirs: tests\.test_registry has no nothing"):
        entry(target="tests.test_registry:nothing").factory()


# Directories, hub ids, addresses


def folder(path: Path, **config: Any) -> str:
    path.mkdir(exist_ok=True)
    (path / "config.json").write_text(json.dumps(config))
    return str(path)


@pytest.mark.parametrize(
    ("model_type", "like"),
    [("whisper", "whisper-base"), ("wav2vec2", "wav2vec2"), ("wavlm", "wav2vec2"), ("hubert", "wav2vec2")],
)
def test_a_directory_is_read_by_its_kind(tmp_path: Path, model_type: str, like: str) -> None:
    given = folder(tmp_path / "mine", model_type=model_type)
    row = registry.find("transcriber", given)
    assert row.target == registry.find("transcriber", like).target
    assert (row.name, row.checkpoint, row.revision) == (given, given, None)
    assert row.licence == "that of the checkpoint"


def test_a_ctranslate2_directory_goes_to_faster_whisper(tmp_path: Path) -> None:
    given = folder(tmp_path / "mine", alignment_heads=[])
    (tmp_path / "mine" / "model.bin").touch()
    row = registry.find("transcriber", given)
    assert row.target == registry.find("transcriber", "faster-whisper-base").target
    assert row.extra == "whisper"


def test_a_directory_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match="has model_type 'llama', which no transcriber reads; known: whisper"
    ):
        registry.find("transcriber", folder(tmp_path / "llama", model_type="llama"))
    with pytest.raises(ModelError, match=r"is no checkpoint: it has no config\.json"):
        registry.find("transcriber", str(tmp_path))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"has a damaged config\.json"):
        registry.find("transcriber", str(tmp_path))


def test_a_hub_id_is_read_by_its_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def hub_file(repo: str, member: str) -> Path:
        asked.append((repo, member))
        return Path(folder(tmp_path / "fetched", model_type="whisper")) / "config.json"

    monkeypatch.setattr(registry.hub, "hub_file", hub_file)
    monkeypatch.setattr(registry.hub, "resolve", str)
    row = registry.find("transcriber", "someone/whisper-large")
    assert row.target == registry.find("transcriber", "whisper-base").target
    assert row.checkpoint == "someone/whisper-large"
    assert asked == [("someone/whisper-large", "config.json")]


def test_a_hub_id_without_the_hub_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(OfflineError, match=r"someone/whisper-large is not here.*offline"):
        registry.find("transcriber", "someone/whisper-large")


def test_other_stages_take_hub_ids_as_they_are() -> None:
    tutor, acoustic = registry.find("tutor", "owner/llm"), registry.find("acoustic", "owner/phones")
    assert tutor.target == registry.find("tutor", "smollm2-135m-instruct").target
    assert acoustic.target == registry.find("acoustic", "whisper-base-phones").target
    for stage in ("scorer", "synthesizer"):
        with pytest.raises(UnknownModelError):
            registry.find(stage, "owner/model")


def test_every_stage_takes_a_directory(tmp_path: Path) -> None:
    for stage, reader in registry.READERS.items():
        row = registry.find(stage, folder(tmp_path / stage, model_type="whisper"))
        assert row.target == registry.find(stage, reader).target


@pytest.mark.parametrize("url", ["http://localhost:8000/v1", "https://example.org/v1"])
def test_an_address_is_a_server(url: str) -> None:
    row = registry.find("tutor", url)
    assert row.target == registry.find("tutor", "openai-server").target
    assert row.checkpoint == url
