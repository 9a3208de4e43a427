"""What a piece of work was made from: settings, version of the code, and the content of all that was read.

Work that is kept (a checkpoint, a cache, rows of an evaluation, half a download) is known by this and not
by the folder it lies in. It is written beside the work before the work begins, and compared before the
work is used: a run never goes on with what another model, other data or other settings made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from speechtutor.errors import InputError
from speechtutor.files import reading

Fingerprint = dict[str, Any]

_PACKAGE = Path(__file__).resolve().parents[1]
SHORT = 16
"""Hexadecimal digits kept of a hash over several files: 64 bits, plenty against chance."""


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal.

    Raises:
        InputError: when it cannot be read.
    """
    try:
        with reading.opened(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def digest(place: Path) -> str:
    """The first 16 digits of a hash over the names and bytes of all files of a folder (or of one file).

    Texts for people (`.md`) do not count.
    """
    if place.is_file():
        return sha256(place)[:SHORT]
    files = sorted(path for path in place.rglob("*") if path.is_file() and path.suffix != ".md")
    return of_text("".join(f"{path.relative_to(place)} {sha256(path)}\n" for path in files))


def of_files(paths: Iterable[Path]) -> str:
    """A hash over the bytes of files, in their order and whatever they are called."""
    return of_text("".join(f"{sha256(path)}\n" for path in paths))


def of_text(text: str) -> str:
    """The first 16 digits of the hash of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:SHORT]


def of_value(value: object) -> str:
    """A hash of what JSON can write; anything else counts as it is printed."""
    return of_text(json.dumps(value, sort_keys=True, default=str))


def code(*rooms: str) -> str:
    """A hash over the source of rooms of this package: what a cache depends on between two versions.

    Raises:
        ValueError: for a room that there is not, which would make every version alike.
    """
    if missing := [room for room in rooms if not (_PACKAGE / room / "__init__.py").is_file()]:
        raise ValueError(f"no room {missing[0]!r} in {_PACKAGE}")
    paths = sorted(path for room in rooms for path in (_PACKAGE / room).glob("*.py"))
    return of_text("".join(f"{path.parent.name}/{path.name} {sha256(path)}\n" for path in paths))


def plain(mark: Mapping[str, Any]) -> Fingerprint:
    """A fingerprint as it is read back from JSON."""
    found: Fingerprint = json.loads(json.dumps(dict(mark), default=str))
    return found


def changed(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """In words, every key of two fingerprints whose values differ."""
    return [
        f"{key} was {found.get(key)!r} and is {wanted.get(key)!r}"
        for key in {**wanted, **found}
        if found.get(key) != wanted.get(key)
    ]


def require_same(found: object, wanted: Mapping[str, Any], folder: Path, what: str) -> None:
    """Refuse to go on with work of another fingerprint; `found` is what lies beside the work, if anything.

    Raises:
        InputError: naming what differs.
    """
    if not isinstance(found, Mapping):
        told = "that does not say what it was made from: choose another --out or remove it"
        raise InputError(f"{folder} holds {what} {told}")
    if differing := changed(found, plain(wanted)):
        told = "; ".join(differing)
        raise InputError(f"{folder} holds {what} ({told}): choose another --out or remove it")
