"""What a checkpoint is: a small file beside its weights that trainings write and loaders read.

    {"kind": "phones-lora", "symbols": [...], "frame_shift": 0.02, "rates": ["phone", "word", ...],
     "fingerprint": {...}}

`fingerprint` says what it was made from (see `speechtutor.files.fingerprint`). A folder of others, or of
before this file, is told by the keys of its config.json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from speechtutor.core import Seconds
from speechtutor.errors import InputError, ModelError
from speechtutor.files import jsonio
from speechtutor.files.disk import write_text

FILE = "speechtutor.json"
Kind = Literal["phones-lora", "phones-onnx", "ctc", "scorer"]
"""A recogniser's adapter on a base encoder, an exported one, a CTC network, a scoring head."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a checkpoint is. `symbols` are those of an emission, `rates` the aspects that it judges."""

    kind: Kind
    symbols: tuple[str, ...] = ()
    frame_shift: Seconds | None = None
    rates: tuple[str, ...] = ()
    fingerprint: dict[str, Any] | None = None


def write(folder: Path, what: Description) -> None:
    """Put the description beside the weights.

    Raises:
        StorageError: when the disk refuses.
    """
    write_text(folder / FILE, json.dumps(asdict(what), indent=1, default=str) + "\n")


def read(folder: Path) -> Description:
    """What the checkpoint of a folder is.

    Raises:
        ModelError: when nothing in it says so, or what says so is damaged.
    """
    try:
        if (folder / FILE).is_file():
            found: Description = jsonio.read(folder / FILE, Description)
            return found
        return _by_config(folder, jsonio.read_object(folder / "config.json"))
    except InputError as error:
        raise ModelError(f"{folder} is no checkpoint: {error}") from None


def _by_config(folder: Path, config: Mapping[str, Any]) -> Description:
    symbols = config.get("symbols")
    symbols = tuple(map(str, symbols)) if isinstance(symbols, list) else ()
    rates = ("phone", "word", "utterance") if config.get("rated") else ()
    if str(config.get("format", "")).startswith("phones-onnx"):
        return Description("phones-onnx", symbols, rates=rates)
    if "model_type" in config:
        return Description("ctc")
    if "base" in config and symbols:
        return Description("phones-lora", symbols, rates=rates)
    if "acoustic" in config:
        return Description("scorer")
    raise ModelError(
        f"{folder} is no checkpoint that is known here: neither {FILE} nor config.json says what"
    )
