"""Where a figure comes from: enough to make it again, and to know when two runs are the same."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from speechtutor import config, hub
from speechtutor.files import jsonio
from speechtutor.files.fingerprint import digest
from speechtutor.hub import shipped


def fingerprint(kind: str, system: Mapping[str, Any], rows: Mapping[str, Any]) -> dict[str, Any]:
    """What the rows of a run depend on: kind, code, the system and its content, manifest, choice.

    The weights that ship count whole and by their bytes: a pinned revision says nothing of the adapter that
    ships beside it, and a list of sums nothing of a file that was changed.
    """
    code = {
        "version": config.versions().get("speechtutor", ""),
        "shipped weights": digest(shipped.WEIGHTS),
    }
    return {"kind": kind, **code, **{f"system {k}": v for k, v in system.items()}, **rows}


def record(
    kind: str, settings: Mapping[str, Any], mark: Mapping[str, Any], command: Sequence[str], device: str
) -> dict[str, Any]:
    """What config.json holds."""
    return {
        "kind": kind,
        "config": dict(settings),
        "fingerprint": dict(mark),
        "command": list(command),
        "commit": config.commit(),
        "versions": config.versions(),
        "device": device,
    }


def provenance(
    folder: Path,
    record: Mapping[str, Any],
    *,
    manifest_sha256: str | None,
    system: Mapping[str, Any],
    seed: int,
    draws: int,
) -> dict[str, Any]:
    """What a summary says of itself; `rows_commit` is the commit that began the rows."""
    began = jsonio.read_object(folder / config.FILE)
    return {
        "commit": record["commit"],
        "rows_commit": began.get("commit"),
        "command": record["command"],
        "config": record["config"],
        "manifest_sha256": manifest_sha256,
        "model": dict(system),
        "device": record["device"],
        "seed": seed,
        "draws": draws,
        "versions": record["versions"],
        "machine": platform.machine(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def command(argv: Sequence[str]) -> list[str]:
    """The command line as somebody would type it."""
    path = Path(argv[0])
    if path.suffix != ".py":
        return [path.name, *argv[1:]]
    module = path.parent.name if path.stem == "__main__" else f"{path.parent.name}.{path.stem}"
    return ["python", "-m", module, *argv[1:]]


def system(
    name: str, checkpoint: str | None, revision: str | None, adapter: Path | None = None, **options: Any
) -> dict[str, Any]:
    """What was evaluated: its name, and its content by a pinned revision or by a hash of its files.

    A model without a checkpoint of its own is one that ships: the hash is then of all shipped weights.
    `options` are settings that change what the system says, such as the width of a beam.
    """
    found: dict[str, Any] = {"name": name, "revision": revision, "checkpoint": checkpoint}
    found["content"] = (
        None if revision else hub.content(checkpoint) if checkpoint else digest(shipped.WEIGHTS)
    )
    if adapter is not None:
        found["adapter"], found["adapter_content"] = str(adapter), digest(adapter)
    return found | {key: value for key, value in options.items() if value is not None}
