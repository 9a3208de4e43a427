"""The one writer of adapters, whatever trained them or cut them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from speechtutor.files.disk import write_text
from speechtutor.hub import description
from speechtutor.hub.description import Description
from speechtutor.models.adapters import ADAPTER
from speechtutor.training.loop import spelled

WEIGHTS = "adapter_model.safetensors"
"""peft's own name for them."""


def write(out: Path, adapter: Mapping[str, Tensor], settings: Mapping[str, Any], what: Description) -> None:
    """An adapter in peft's layout: float16, with its settings, the name of its base and what it is.

    Raises:
        StorageError: when the disk refuses.
    """
    out.mkdir(parents=True, exist_ok=True)
    made = out / f".{WEIGHTS}"
    halves = {name: value.half().contiguous() for name, value in adapter.items()}
    with spelled(out):
        save_file(halves, made, metadata={"format": "pt"})
        made.replace(out / WEIGHTS)
    told = {**settings, "base_model_name_or_path": what.base}
    write_text(out / ADAPTER, json.dumps(told, indent=1, sort_keys=True) + "\n")
    description.write(out, what)


def ship(folder: Path, what: Description) -> None:
    """Turn what peft saved into what `write` writes, in place.

    Raises:
        StorageError: when the disk refuses.
    """
    for extra in ("README.md", "training_args.bin"):
        (folder / extra).unlink(missing_ok=True)
    settings: dict[str, Any] = json.loads((folder / ADAPTER).read_text(encoding="utf-8"))
    write(folder, load_file(folder / WEIGHTS), settings, what)
