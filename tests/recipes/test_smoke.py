"""Every recipe runs from end to end on made-up data; the files are found, not listed."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from speechtutor import config
from tests.conftest import PROJECT

RECIPES = sorted(path.stem for path in (PROJECT / "recipes").glob("*.py") if path.stem != "__init__")


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
    "name",
    [r for r in RECIPES if r.startswith(("train_scorer", "evaluate_scoring", "evaluate_tips", "finetune"))],
)
def test_smoke(name: str, tmp_path: Path) -> None:
    module: Any = importlib.import_module(f"recipes.{name}")
    assert module.run(config.build(module.Config, ["--smoke", "--out", str(tmp_path)]))
