"""A whole number is one on every door: 1.5 is refused by name, not rounded to 2."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Union, get_args, get_origin

import pytest
from cyclopts import App

from speechtutor import config
from speechtutor.cli import build
from speechtutor.errors import InputError


def is_whole(hint: Any) -> bool:
    """int, int or nothing, or several ints."""
    if hint is int:
        return True
    inner = get_origin(hint) in (tuple, list, Union, types.UnionType)
    return inner and any(is_whole(part) for part in get_args(hint) if part is not type(None))


def verbs(app: App, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], App]]:
    for name in app:
        if name.startswith("-"):
            continue
        found = app[name]
        if found.default_command is not None:
            yield (*path, name), found
        yield from verbs(found, (*path, name))


def asked() -> Iterator[tuple[tuple[str, ...], str, list[str]]]:
    """Each verb, each option that takes whole numbers, and the arguments that the verb cannot do without."""
    for path, app in verbs(build()):
        arguments = app.assemble_argument_collection()
        for argument in arguments:
            if is_whole(argument.hint) and argument.name.startswith("--"):
                yield path, argument.name, given([a for a in arguments if a.required and a is not argument])


def given(needed: list[Any]) -> list[str]:
    words = []
    for argument in needed:
        words += [argument.name] if argument.name.startswith("-") else []
        words.append("1" if is_whole(argument.hint) else "x")
    return words


ASKED = list(asked())


def test_every_verb_with_whole_numbers_is_asked() -> None:
    assert {"practice", "bench", "serve", "app", "batch", "evaluate"} <= {path[0] for path, _, _ in ASKED}
    assert len(ASKED) >= 20


@pytest.mark.parametrize(("path", "option", "words"), ASKED, ids=[f"{' '.join(p)} {o}" for p, o, _ in ASKED])
@pytest.mark.parametrize("value", ["1.5", "2.0", "0x10", "1e3"])
def test_what_is_no_whole_number_is_refused_by_name(
    path: tuple[str, ...], option: str, words: list[str], value: str
) -> None:
    with pytest.raises(Exception, match="into int") as caught:
        build()([*path, *words, option, value], exit_on_error=False, print_error=False)
    assert option in str(caught.value) and value in str(caught.value)


@dataclass(frozen=True)
class Settings:
    """Of a recipe."""

    n: int = 3
    """So many."""
    several: tuple[int, ...] = (1, 2)
    """Some."""
    share: float = 0.5
    """Of them."""


@pytest.mark.parametrize("argv", [["--n", "1.5"], ["--several", "1.5"], ["--share", "half"]])
def test_a_recipe_refuses_them_too(argv: list[str]) -> None:
    with pytest.raises(InputError, match=argv[0]):
        config.build(Settings, argv)


def test_what_is_one_is_taken() -> None:
    made = config.build(Settings, ["--n", "-4", "--several", "7", "--share", "2"])
    assert made == Settings(-4, (7,), 2.0)
