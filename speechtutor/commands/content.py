"""`speechtutor content`: what there is to practise, with levels, phones and skills."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from speechtutor.commands.output import AsJson, show
from speechtutor.errors import InputError

if TYPE_CHECKING:
    from speechtutor.practice.library import Item


def run(
    kind: Annotated[
        str, Parameter(help="sentence, pair, twister, opening, picture, words or topics.")
    ] = "sentence",
    /,
    *,
    level: Annotated[str | None, Parameter(help="CEFR level: A1, A2, B1, B2 or C1 (all).")] = None,
    topic: Annotated[str | None, Parameter(help="One of `speechtutor content topics` (all).")] = None,
    drawing: Annotated[str | None, Parameter(help="Print this picture as SVG instead of a list.")] = None,
    json: AsJson = False,
) -> None:
    """List what there is to practise, with what code says of it."""
    from speechtutor.practice import library

    level = None if level is None else level.upper()
    if drawing is not None:
        if kind != "picture":
            raise InputError(f"--drawing goes with picture, not with {kind!r:.60}")
        print(library.drawing(drawing), end="")
    elif kind == "topics":
        show({"topics": list(library.topics())}) if json else print("\n".join(library.topics()))
    elif kind == "words":
        known = library.words(level, topic)
        show(dict(known)) if json else print("\n".join(f"{own}  {word}" for word, own in known.items()))
    else:
        found = library.of_kind(kind, level, topic)
        show([_json(one) for one in found]) if json else _print(found)


def _json(one: Item) -> dict[str, object]:
    return asdict(one) | {"phones": list(one.phones), "skills": list(one.skills)}


def _print(found: tuple[Item, ...]) -> None:
    for one in found:
        about = one.topic or " ".join(one.sounds)
        print(
            f"{one.level}  {about:<10}  {one.ask or one.text}" + (f"  [{one.picture}]" if one.picture else "")
        )
