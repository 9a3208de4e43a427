"""The scripts of talks, read from `content/scenarios.toml` and typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from speechtutor.content.tables import read
from speechtutor.errors import InputError
from speechtutor.practice.levels import LEVELS


@dataclass(frozen=True, slots=True)
class Branch:
    """An answer to one of the phrases `any`: what the partner says, fills in, and goes to (None: onward)."""

    any: tuple[str, ...]
    reply: str = ""
    fill: str = ""
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of the partner by level, with the help for the answer; fills the slot of its name."""

    id: str
    say: Mapping[str, str]
    example: Mapping[str, str]
    start: str
    options: tuple[str, ...] = ()
    unfilled: str = ""
    branches: tuple[Branch, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A talk with a goal; `picture` names a drawing that belongs to it."""

    id: str
    title: str
    goal: str
    partner: str
    scene: str
    opening: str
    closing: str
    steps: tuple[Step, ...]
    picture: str = ""


@cache
def scenarios() -> tuple[Scenario, ...]:
    """All talks there are."""
    return tuple(_scenario(row) for row in read("scenarios")["scenario"])


def _scenario(row: dict[str, object]) -> Scenario:
    rows = row["step"]
    assert isinstance(rows, list)
    fields = {key: str(value) for key, value in row.items() if key != "step"}
    return Scenario(**fields, steps=tuple(_step(part) for part in rows))


def _step(row: dict[str, object]) -> Step:
    rows = row.get("branch", [])
    assert isinstance(rows, list)
    branches = tuple(Branch(**{**part, "any": tuple(part["any"])}) for part in rows)
    plain = {key: value for key, value in row.items() if key not in ("branch", "options")}
    for key in ("say", "example"):
        lines = row[key]
        assert isinstance(lines, dict)
        plain[key] = lines | {
            LEVELS[-1]: lines.get(LEVELS[-1], lines["B2"])
        }  # our talks have no lines of their own for C1
    options = row.get("options", [])
    assert isinstance(options, list)
    return Step(**plain, options=tuple(options), branches=branches)  # type: ignore[arg-type]


def scenario(name: str) -> Scenario:
    """A talk by its id.

    Raises:
        InputError: naming those there are.
    """
    for known in scenarios():
        if known.id == name:
            return known
    raise InputError(f"there is no talk {name!r}, only {', '.join(s.id for s in scenarios())}")
