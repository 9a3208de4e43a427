"""Every recipe runs from end to end on made-up data; the files are found, not listed."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from speechtutor import config
from speechtutor.errors import InputError
from tests.conftest import PROJECT

HELPERS = {"__init__", "synthetic", "training", "exports", "feedback_replies"}
RECIPES = sorted(path.stem for path in (PROJECT / "recipes").glob("*.py") if path.stem not in HELPERS)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_has_its_five_parts_and_a_row_in_the_ledger(name: str) -> None:
    module = importlib.import_module(f"recipes.{name}")
    doc = module.__doc__ or ""
    assert all(part in doc for part in ("Data ", "Run ", "Expect ")), (
        f"{name} says not what it needs and gives"
    )
    assert callable(module.run) and module.Config.__doc__
    assert f"`{name}`" in (PROJECT / "recipes" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", [r for r in RECIPES if r.startswith(("train_scorer", "evaluate_scoring", "finetune"))]
)
def test_smoke(name: str, tmp_path: Path) -> None:
    module: Any = importlib.import_module(f"recipes.{name}")
    assert module.run(config.build(module.Config, ["--smoke", "--out", str(tmp_path)]))


QUICK = tuple("prepare_ make_mistakes train_g2p evaluate_mutations".split())
"""Recipes whose smoke run takes no more than seconds; the others load models and are marked slow."""


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
