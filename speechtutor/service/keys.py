"""Who may come in: keys, what each opens, and how often it may be used.

Keys come by the environment (they open everything), or by a file that holds their digests alone:

    [keys.school-app]
    sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    roles = ["judge", "learners"]
    rate = "600/minute"

A key has as much chance in it as its digest, so a plain SHA-256 gives nothing away to whoever reads the file.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from speechtutor.errors import InputError, cause, require
from speechtutor.files import jsonio

VARIABLE = "SPEECHTUTOR_API_KEYS"
"""The variable with keys that open everything, with commas between them."""
LEAST_KEY = 16
"""Characters of a key; fewer can be guessed."""
NAME = r"^[\w.-]{1,40}$"


class Role(StrEnum):
    """What a key opens."""

    JUDGE = "judge"
    """Recordings to scores and words, the model voice, exercises for nobody in particular."""
    LEARNERS = "learners"
    """What is kept of learners: attempts, exercises for one, export, forgetting."""
    WATCH = "watch"
    """The figures of operators."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key by its digest; its name is for logs. `rate` is how often it may be used, such as "60/minute"."""

    name: str
    digest: bytes = field(repr=False)
    roles: frozenset[Role] = frozenset(Role)
    rate: str | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    roles: Annotated[list[Role], Meta(min_length=1)]
    rate: str | None = None


@dataclass(frozen=True, slots=True)
class _File:
    keys: dict[Annotated[str, Meta(pattern=NAME)], _Entry]


@dataclass(frozen=True, slots=True)
class Keys:
    """All that are known; without any, everyone who reaches the server is let in."""

    known: tuple[Key, ...] = ()

    def __len__(self) -> int:
        return len(self.known)

    def of(self, word: str | None) -> Key | None:
        """The key of a word, where there is one; a wrong word takes as long as a right one."""
        asked = digest(word or "")
        found = [key for key in self.known if hmac.compare_digest(asked, key.digest)]
        return found[0] if found else None

    def named(self, name: str | None) -> Key | None:
        """The key of a name, where there is one."""
        return next((key for key in self.known if key.name == name), None)


EVERYONE = Key("everyone", b"")
"""Who comes to a server without keys."""


def digest(word: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()


def made() -> str:
    """A new key, of 256 bits of chance."""
    return secrets.token_urlsafe(32)


def from_environment(environ: Mapping[str, str] = os.environ) -> tuple[Key, ...]:
    """The keys of the environment.

    Raises:
        InputError: for one that is too short; it is not shown.
    """
    words = [word.strip() for word in environ.get(VARIABLE, "").split(",") if word.strip()]
    for number, word in enumerate(words, start=1):
        if len(word) < LEAST_KEY:
            raise InputError(
                f"{VARIABLE}: key {number} has {len(word)} characters, expected {LEAST_KEY} or more"
            )
    return tuple(Key(f"environment-{n}", digest(word)) for n, word in enumerate(words, start=1))


def from_file(path: Path) -> tuple[Key, ...]:
    """The keys of a file.

    Raises:
        InputError: when it cannot be read, or an entry is none.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {cause(error)}") from None
    entries = jsonio.convert(found, _File, str(path)).keys
    for name, entry in entries.items():
        if entry.rate is not None:
            parsed(entry.rate, f"{path}: keys.{name}.rate")
    return tuple(
        Key(name, bytes.fromhex(entry.sha256), frozenset(entry.roles), entry.rate)
        for name, entry in entries.items()
    )


def parsed(rate: str, where: str) -> Any:
    """A rate such as "60/minute" or "5 per second".

    Raises:
        InputError: when it is none.
        MissingExtraError: without limits.
    """
    limits: Any = require("limits", extra="serve")
    try:
        return limits.parse(rate)
    except ValueError:
        raise InputError(f"{where}: expected a rate such as 60/minute, not {rate!r:.40}") from None


def entry(name: str, word: str, roles: tuple[Role, ...]) -> str:
    """The lines of a key in such a file.

    Raises:
        InputError: for a name that cannot stand there.
    """
    jsonio.convert(name, Annotated[str, Meta(pattern=NAME)], "the name of a key")  # type: ignore[arg-type]
    listed = ", ".join(f'"{role}"' for role in roles)
    return f'[keys."{name}"]\nsha256 = "{digest(word).hex()}"\nroles = [{listed}]\n'
