"""The tutorials of the site are notebooks: they run as they stand, and show what they were saved with."""

from __future__ import annotations

import os
import re
import sys
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PROJECT, need

TUTORIALS = sorted((PROJECT / "docs" / "notebooks").glob("*.ipynb"))
MACHINE = re.compile(r"/(?:home|work|tmp|Users|root)/")


def shown(cell: Any) -> list[str]:
    """What a cell shows by kind: the types of a value (its plain text left out), the name of a stream."""
    kinds = [
        ",".join(sorted(set(one["data"]) - {"text/plain"})) if "data" in one else str(one["name"])
        for one in cell.get("outputs", ())
        if one.get("name") != "stderr"  # warnings of libraries
    ]
    return [kind for kind, _ in groupby(kinds)]  # a stream may come in pieces


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_names_no_machine(path: Path) -> None:
    assert not MACHINE.search(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_runs(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    missing = [name for name in ("nbformat", "nbclient", "ipykernel") if not find_spec(name)]
    need(not missing, f"{', '.join(missing)} (extra dev) are not installed")
    import nbclient
    import nbformat

    kept = nbformat.read(path, as_version=4)
    again = nbformat.read(path, as_version=4)
    own = Path(sys.executable).parent
    monkeypatch.setenv("PATH", os.pathsep.join([str(own), os.environ.get("PATH", "")]))
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    client = nbclient.NotebookClient(again, timeout=600, resources={"metadata": {"path": str(path.parent)}})
    client.execute()
    code = [i for i, cell in enumerate(kept.cells) if cell.cell_type == "code"]
    assert code
    for i in code:
        assert shown(again.cells[i]) == shown(kept.cells[i]), kept.cells[i].source
