"""The weights that come with the package: small folders beside the code, each with a name.

They are never fetched; `SHA256SUMS` beside them, in the format of sha256sum, says what they are.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from speechtutor.files.fingerprint import sha256
from speechtutor.hub.cache import FileCheck, Verification

WEIGHTS = Path(__file__).resolve().parents[1] / "weights"
LICENCE = "Apache-2.0"


@cache
def sums() -> dict[str, dict[str, str]]:
    """The hash of every file of all that ships, by name of the weights and path in their folder."""
    found: dict[str, dict[str, str]] = {}
    for line in (WEIGHTS / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        digest, _, path = line.partition("  ")
        name, _, inside = path.partition("/")
        found.setdefault(name, {})[inside] = digest
    return found


def verify(name: str) -> Verification:
    """Hash every file of weights that ship again."""
    checks = []
    for inside, digest in sums()[name].items():
        path = WEIGHTS / name / inside
        checks.append(FileCheck(inside, digest, sha256(path) if path.is_file() else None))
    return Verification(name, tuple(checks))
