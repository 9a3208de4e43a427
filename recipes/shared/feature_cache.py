"""Features that a recipe computed once: arrays in a file, each row known by what it was made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from speechtutor.core import Utterance
from speechtutor.errors import InputError
from speechtutor.files import fingerprint
from speechtutor.scoring.features import Features, Seen

SUFFIX = ".features"
_ARRAYS = tuple(field.name for field in fields(Features))
_MARKS = "marks"


def of_row(row: Utterance) -> str:
    """The content of a manifest row: its text, canonical phones and raters' scores."""
    return fingerprint.of_value(asdict(row))


@dataclass(frozen=True, slots=True)
class Kept:
    """The features of a row with what they were made from: the row, and all else (model, recording, code)."""

    row: str
    rest: str
    seen: Seen


def _arrays(seen: Seen) -> dict[str, np.ndarray]:
    parts = {"features": seen.features, "mutant": seen.mutant}
    found = {f"{part}.{name}": getattr(cues, name) for part, cues in parts.items() for name in _ARRAYS}
    return found | {
        "wrong": np.array(seen.wrong, dtype=np.int64),
        "nats": np.array([seen.own, seen.other], dtype=np.float64),
    }


def _seen(arrays: Mapping[str, np.ndarray]) -> Seen:
    cues, mutant = (
        Features(**{n: arrays[f"{part}.{n}"] for n in _ARRAYS}) for part in ("features", "mutant")
    )
    own, other = arrays["nats"].tolist()
    return Seen(cues, mutant, tuple(arrays["wrong"].tolist()), own, other)


def write(path: Path, kept: Mapping[str, Kept]) -> None:
    """Put a file in place, whole: safetensors, with the marks of the rows in its head."""
    from safetensors.numpy import save_file

    marks = {row_id: [found.row, found.rest] for row_id, found in kept.items()}
    arrays = {
        f"{i}/{name}": np.ascontiguousarray(value)
        for i, found in enumerate(kept.values())
        for name, value in _arrays(found.seen).items()
    }
    half = path.with_name(f".{path.name}")
    save_file(arrays, half, metadata={_MARKS: json.dumps(marks)})
    half.replace(path)


def read(path: Path) -> dict[str, Kept]:
    """What `write` kept, by row id; empty where there is no file.

    Raises:
        InputError: when the file is damaged or none of these.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return {}
    try:
        with safe_open(path, "np") as file:
            marks: dict[str, list[str]] = json.loads(file.metadata()[_MARKS])
            names = sorted({key.partition("/")[2] for key in file.keys()})  # noqa: SIM118  # it is no dict
            return {
                row_id: Kept(row, rest, _seen({name: file.get_tensor(f"{i}/{name}") for name in names}))
                for i, (row_id, (row, rest)) in enumerate(marks.items())
            }
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} holds no features: {str(error).splitlines()[0]}; remove it") from None
