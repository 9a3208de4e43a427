"""Every recipe runs from end to end on made-up data; the files are found, not listed."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from speechtutor import config, hub
from speechtutor.errors import InputError
from tests.conftest import PROJECT, need

RECIPES = sorted(path.stem for path in (PROJECT / "recipes").glob("*.py") if path.stem != "__init__")
NEEDS = {
    "finetune_whisper": "tensorboard",
    "finetune_wav2vec2": "tensorboard",
    "export_model": "onnx",
    "load_service": "locust",
    "load_batch": "distributed",
}
"""What an extra brings and a recipe cannot do without."""

SPEAKS = {"make_examples"}
"""What is about the model voice itself, so that no fake does."""


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_has_its_five_parts_and_a_row_in_the_ledger(name: str) -> None:
    module = importlib.import_module(f"recipes.{name}")
    doc = module.__doc__ or ""
    assert all(part in doc for part in ("Data ", "Run ", "Expect ")), (
        f"{name} says not what it needs and gives"
    )
    assert callable(module.run) and module.Config.__doc__
    assert f"`{name}`" in (PROJECT / "recipes" / "README.md").read_text(encoding="utf-8")


def test_the_ledger_is_an_index_and_pages_of_decisions() -> None:
    text = (PROJECT / "recipes" / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert sorted(named) == RECIPES, "one row a recipe"
    pages = sorted((PROJECT / "recipes" / "results").glob("*.md"))
    assert pages
    head = "| what | command | commit | date | device | figure (95 % over speakers) | verdict |"
    for page in pages:
        assert f"](results/{page.name})" in text, f"the index leads not to {page.name}"
        told = page.read_text(encoding="utf-8")
        assert head in told and "## What did not work" in told, page.name
        rows = told.split(head)[1].split("\n\n")[0].strip().split("\n")[1:]
        assert rows and all(row.count(" | ") == 6 for row in rows), f"{page.name}: seven cells a row"


def flags(module: Any, folder: Path) -> list[str]:
    """--smoke, with everything that is written going to a folder of the test."""
    if not hasattr(module.Config(), "out"):  # what writes into a checkout
        return ["--smoke", "--root", str(folder)]
    target = folder / "rows.jsonl" if module.Config().out.suffix == ".jsonl" else folder
    return ["--smoke", "--out", str(target)]


@pytest.mark.parametrize("name", RECIPES)
def test_smoke(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = importlib.import_module(f"recipes.{name}")
    extra = NEEDS.get(name)
    need(extra is None or importlib.util.find_spec(extra) is not None, f"{extra} is not installed")
    if name in SPEAKS:
        need(hub.located("kokoro-82m") is not None, "kokoro-82m is not pulled")
    # What is written beside --out would land here, and not in the checkout.
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    assert module.run(config.build(module.Config, flags(module, tmp_path / "out"))) is not None
    assert any((tmp_path / "out").rglob("*")), "nothing was written"
    assert not any((tmp_path / "cwd").rglob("*")), "something was written beside --out"


QUICK = tuple("prepare_speechocean762 make_mistakes".split())
"""Recipes that once wrote over what was there; a process for each of the others is marked slow."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout in which a careless recipe may do harm."""
    folder = tmp_path_factory.mktemp("copy") / "checkout"
    left = shutil.ignore_patterns(".*", "runs", "__pycache__", "dist")
    shutil.copytree(PROJECT, folder, ignore=left)
    (folder / "data_manifests" / "speechocean762.jsonl").write_text("rows of the real corpus\n", "utf-8")
    return folder


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file, and of every folder that is there."""
    found = {path: path.stat() for path in folder.rglob("*")}
    return {
        str(path.relative_to(folder)): (0, 0) if path.is_dir() else (stat.st_size, stat.st_mtime_ns)
        for path, stat in found.items()
    }


@pytest.mark.parametrize(
    "name", [pytest.param(r, marks=[] if r.startswith(QUICK) else [pytest.mark.slow]) for r in RECIPES]
)
def test_a_smoke_run_changes_nothing_but_a_temporary_folder(
    name: str, checkout: Path, tmp_path: Path
) -> None:
    before = contents(checkout)
    env = os.environ | {"TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", f"recipes.{name}", "--smoke"]
    done = subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert contents(checkout) == before
    assert any(tmp_path.rglob("*")) or name == "evaluate_mutations"  # which only counts


def test_a_smoke_run_goes_where_it_is_told(tmp_path: Path) -> None:
    module: Any = importlib.import_module("recipes.prepare_folder")
    told = config.build(module.Config, ["--smoke", "--out", str(tmp_path / "rows.jsonl")])
    assert told.out == tmp_path / "rows.jsonl"
    assert config.build(module.Config, []).out == module.Config().out
    moved = config.build(module.Config, ["--smoke"]).out
    assert moved.name == "folder.jsonl" and moved.parent.is_dir()
    moved.parent.rmdir()


def test_several_processes_of_a_smoke_run_must_share_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = importlib.import_module("recipes.finetune_whisper")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="needs --out"):
        config.build(module.Config, ["--smoke"])
