"""The public face: what is exported is there, documented, and as the changelog says."""

from __future__ import annotations

import ast
import inspect
import re

import pytest

import speechtutor
from speechtutor import errors
from tests.conftest import PROJECT


def type_checked_names() -> set[str]:
    tree = ast.parse((PROJECT / "speechtutor" / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    return {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}


def test_exports_are_sorted_and_known_to_the_type_checker() -> None:
    assert speechtutor.__all__ == sorted(speechtutor.__all__)
    assert type_checked_names() == set(speechtutor.__all__) - {"__version__"}
    assert dir(speechtutor) == speechtutor.__all__
    assert set(speechtutor._ELSEWHERE) <= set(speechtutor.__all__)


@pytest.mark.parametrize("name", [n for n in speechtutor.__all__ if n != "__version__"])
def test_every_export_resolves_and_is_documented(name: str) -> None:
    value = getattr(speechtutor, name)
    assert value.__name__ == name
    assert (inspect.getdoc(value) or "").strip()
    assert not (inspect.getdoc(value) or "").startswith(f"{name}(")  # a dataclass's generated docstring


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Recorder'"):
        _ = speechtutor.Recorder


def test_the_version_is_that_of_the_changelog() -> None:
    changelog = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\d+\.\d+\.\d+)", changelog, re.MULTILINE)
    assert newest is not None
    assert newest[1] == speechtutor.__version__


def test_the_errors_are_one_tree_and_it_is_drawn() -> None:
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__]
    assert len(classes) > 5
    for error in classes:
        assert issubclass(error, errors.SpeechTutorError)
        assert error.__name__ in (errors.__doc__ or "")


def test_a_missing_extra_answers_with_the_install_line() -> None:
    with pytest.raises(errors.MissingExtraError, match=r"pip install 'speechtutor\[grammar\]'"):
        errors.require("no_such_package", extra="grammar")
    assert errors.require("json", extra="any").__name__ == "json"


def test_a_broken_extra_shows_its_own_error(tmp_path, monkeypatch) -> None:
    (tmp_path / "broken_extra.py").write_text("import no_such_dependency\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        errors.require("broken_extra", extra="any")
