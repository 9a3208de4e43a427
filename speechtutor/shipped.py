"""The weights that come with the package: small folders beside the code, each with a name."""

from __future__ import annotations

from pathlib import Path

WEIGHTS = Path(__file__).resolve().parent / "weights"


def folder(checkpoint: str | Path) -> Path | None:
    """The folder of a checkpoint: one of the user, else the one that ships under its last name, else None."""
    named = Path(checkpoint)
    return next((path for path in (named, WEIGHTS / named.name) if named.name and path.is_dir()), None)
