"""What the name of a model stands for: the one place that decides it, for every loader.

Names and paths are different spaces. A bare word is a name, of weights that ship or of a checkpoint of
the store, and names come before folders; only a word that is no name may be a folder here. What holds
a separator is a path, or an id of the hub, and never one of our names: a mistyped `runs/scorer` must not
give the scorer that ships. `./scorer` is a folder here whatever ships.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from speechtutor.errors import ModelError, OfflineError, UnknownModelError
from speechtutor.files.fingerprint import digest
from speechtutor.hub import description, shipped, sources
from speechtutor.hub.cache import located, pull
from speechtutor.hub.catalog import checkpoint, checkpoints, unknown
from speechtutor.hub.description import Role

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[\w][\w.-]{0,95}")
_SEPARATORS = "".join({"/", os.sep, os.altsep or "/"})


def is_bare(given: str | Path) -> bool:
    """Whether this can be a name: a word without a separator; a `Path` never is one."""
    return isinstance(given, str) and given not in ("", ".", "..") and not set(given) & set(_SEPARATORS)


def is_hub_id(given: str | Path) -> bool:
    """Whether this may be an id of the hub, `owner/name`."""
    return _HUB_ID.fullmatch(Path(given).as_posix() if isinstance(given, Path) else given) is not None


def is_here(given: str | Path) -> bool:
    """Whether there is a folder of that path."""
    try:
        return str(given) != "" and Path(given).is_dir()
    except (OSError, ValueError):  # too long for a path, or a zero byte in it
        return False


def folder(given: str | Path) -> Path | None:
    """The folder that a name or a path stands for, None when there is none; fetches nothing."""
    if is_bare(given) and given in shipped.sums():
        return shipped.WEIGHTS / given
    if is_bare(given) and given in checkpoints():
        return located(str(given))
    return Path(given) if is_here(given) else None


def resolve(
    given: str | Path, *, member: str = "config.json", hub: bool = True, role: Role | None = None
) -> str | Path:
    """The folder that a name or a path stands for, or an id of the hub that is known to hold `member`.

    A checkpoint of the store is pulled if need be. `hub` says whether an id of the hub would do,
    `role` what is asked for: a folder that says that it is something else is refused.

    Raises:
        UnknownModelError: for a word that is neither a name nor a folder here.
        OfflineError: for a path that is not there and that the hub does not give as an id either.
        ModelError: for a path that is not there and can be no id, and for a folder of another kind.
    """
    if is_bare(given) and given in checkpoints():
        return pull(str(given))
    if (found := folder(given)) is not None:
        if role is not None:
            description.check(found, role)
        return found
    if is_bare(given):
        raise unknown("model or folder", str(given), (*checkpoints(), *shipped.sums()))
    return str(_of_hub(given, member) if hub else _missing(given))


def content(given: str | Path) -> str | None:
    """What the bytes of a model are, and of what it builds on; None where that is not known.

    The revision of a checkpoint of the store, the commit of a snapshot of the hub, else a hash of the files
    with that of the acoustic model or the base encoder that its config.json names.
    """
    return _content(given, frozenset())


def _content(given: str | Path, above: frozenset[Path]) -> str | None:
    if is_bare(given) and given in checkpoints():
        return checkpoint(str(given)).revision
    place = folder(given)
    if place is None:
        return sources.hub_revision(str(given), "config.json") if is_hub_id(given) else None
    place = place.resolve()
    own = digest(place)
    for name in _built_on(place):
        below = None if place in above else _content(name, above | {place})
        own = own if below is None else f"{own}+{below}"
    return own


def _built_on(place: Path) -> list[str]:
    try:
        settings = json.loads((place / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    named = [settings.get(key) for key in ("acoustic", "base")] if isinstance(settings, dict) else []
    return [name for name in named if isinstance(name, str) and name]


def _of_hub(given: str | Path, member: str) -> str:
    if not is_hub_id(given):
        _missing(given)
    name = Path(given).as_posix()
    try:
        sources.hub_file(name, member)
    except OfflineError as error:
        told = f"there is no such folder, and the hub gave no {member} of such an id ({error})"
        raise OfflineError(f"{name} is not here: {told}") from error
    return name


def _missing(given: str | Path) -> str:
    shown = str(given)[:200]
    if is_hub_id(given):
        raise UnknownModelError(f"{shown} is not here: there is no such folder, and no id of the hub will do")
    raise ModelError(f"{shown!r} is not here: there is no such folder, and it can be no id of the hub")
