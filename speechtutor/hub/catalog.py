"""What there is to pull: `checkpoints.toml` as frozen values."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from speechtutor.errors import UnknownModelError

SCHEMES = ("hub", "pip", "npm")

CATALOG = Path(__file__).with_name("checkpoints.toml")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a file at a source, written `scheme:package@version/member`."""

    scheme: str
    package: str
    version: str
    member: str

    @classmethod
    def parse(cls, address: str) -> Part:
        """Read an address; raises ValueError when it is not one."""
        scheme, _, rest = address.partition(":")
        # From the second character on: a scoped npm package starts with "@" itself.
        at = rest.find("@", 1)
        version, _, member = rest[at + 1 :].partition("/")
        if scheme not in SCHEMES or at < 1 or not version or not member:
            raise ValueError(f"{address!r} is not scheme:package@version/member with scheme in {SCHEMES}")
        return cls(scheme, rest[:at], version, member)

    @property
    def archive(self) -> str:
        """Where the part comes from, without the member."""
        return f"{self.scheme}:{self.package}@{self.version}"


@dataclass(frozen=True, slots=True)
class File:
    """A file of a checkpoint: `size` in bytes; each source is the parts to concatenate, best first."""

    path: str
    sha256: str
    size: int
    sources: tuple[tuple[Part, ...], ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Weights known by their content. `licence` is that of the weights."""

    name: str
    stage: str
    summary: str
    licence: str
    files: tuple[File, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def revision(self) -> str:
        """Twelve hexadecimal digits that change when any byte of any file does."""
        lines = sorted(f"{file.path} {file.sha256}\n" for file in self.files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()[:12]

    @property
    def sources(self) -> tuple[str, ...]:
        """Every place that is asked for a part, in order, each once."""
        parts = [part for file in self.files for source in file.sources for part in source]
        return tuple(dict.fromkeys(p.archive for p in sorted(parts, key=lambda p: SCHEMES.index(p.scheme))))


def _checkpoint(name: str, row: Mapping[str, Any]) -> Checkpoint:
    files = tuple(_file(file) for file in row["files"])
    return Checkpoint(name, row["stage"], row["summary"], row["licence"], files)


def _file(row: Mapping[str, Any]) -> File:
    sources = tuple(tuple(Part.parse(part) for part in source) for source in row["sources"])
    return File(row["path"], row["sha256"], row["size"], sources)


def read_catalog(path: Path) -> Mapping[str, Checkpoint]:
    """The checkpoints of a TOML file, by name; raises on a row that is not one."""
    rows = tomllib.loads(path.read_text(encoding="utf-8"))
    return MappingProxyType({name: _checkpoint(name, row) for name, row in rows.items()})


@cache
def checkpoints() -> Mapping[str, Checkpoint]:
    """Every checkpoint that can be pulled, by name."""
    return read_catalog(CATALOG)


def unknown(what: str, name: str, known: Iterable[str]) -> UnknownModelError:
    """The error for a name that is not there: the closest one and the whole list."""
    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    hint = f", did you mean {close[0]}?" if close else ";"
    return UnknownModelError(
        f"there is no {what} named {name[:80]!r}{hint} known: {', '.join(names) or 'none'}"
    )


def checkpoint(name: str) -> Checkpoint:
    """The checkpoint of that name.

    Raises:
        UnknownModelError: naming the closest and all known names.
    """
    try:
        return checkpoints()[name]
    except KeyError:
        raise unknown("checkpoint", name, checkpoints()) from None
