"""The documents keep their word: commands exist, flags exist, links lead somewhere, code runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from speechtutor.cli import VERBS, build
from tests.conftest import PROJECT

OUTSIDE = {".git", ".venv", "runs", "node_modules"}
DOCUMENTS = sorted(
    path for path in PROJECT.rglob("*.md") if not OUTSIDE & set(path.relative_to(PROJECT).parts)
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def blocks(path: Path, *kinds: str) -> list[str]:
    return [code for kind, code in FENCE.findall(path.read_text(encoding="utf-8")) if kind in kinds]


def commands() -> list[tuple[str, list[str]]]:
    """Every line of the form `speechtutor …` in a block without or with a shell language."""
    found = []
    for path in DOCUMENTS:
        for block in blocks(path, "", "sh", "bash", "console", "shell"):
            for line in block.replace("\\\n", " ").splitlines():
                line = line.strip().removeprefix("$ ").removeprefix(".venv/bin/")
                if line.startswith("speechtutor "):
                    found.append((str(path.relative_to(PROJECT)), shlex.split(line, comments=True)[1:]))
    return found


def test_there_is_a_readme() -> None:
    names = {path.name for path in DOCUMENTS if path.parent == PROJECT}
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md"} <= names


@pytest.mark.parametrize(("where", "words"), commands(), ids=lambda value: str(value)[:60])
def test_commands_of_the_documents_are_understood(where: str, words: list[str]) -> None:
    """Parsed as the command line does it, not run; a placeholder such as `…` ends what is checked."""
    if words[0].startswith("-"):
        assert words[0] in {"--help", "--version"}
        return
    assert words[0] in VERBS, f"{where}: no verb {words[0]}"
    for stop in ("|", ">", "&&", ";"):
        words = words[: words.index(stop)] if stop in words else words
    build().parse_args(words, exit_on_error=False, print_error=False)


def test_make_targets_of_the_documents_exist() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for path in DOCUMENTS:
        for block in blocks(path, "", "sh", "bash", "console", "shell"):
            for target in re.findall(r"^(?:\$ )?make ([a-z]+)", block, re.MULTILINE):
                assert target in targets, f"{path.name}: make {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_lead_somewhere(path: Path) -> None:
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        if "://" not in link and not link.startswith("mailto:"):
            assert (path.parent / link).exists(), f"{path.name} links to {link}, which is not there"


def python_blocks() -> list[tuple[str, str]]:
    return [(str(p.relative_to(PROJECT)), code) for p in DOCUMENTS for code in blocks(p, "python", "py")]


@pytest.mark.parametrize(("where", "code"), python_blocks(), ids=lambda value: str(value)[:40])
def test_python_of_the_documents_runs(
    where: str, code: str, models_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing defined but what it defines; in this process, which has imported the engines already."""
    monkeypatch.chdir(PROJECT)
    exec(compile(code, where, "exec"), {"__name__": "__main__"})


def test_the_documents_name_no_absolute_place() -> None:
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?<![\w.~])/(?:root|home|Users|tmp)/", text), (
            f"{path.name} names a place of one machine"
        )
