"""The diagnosis of this project's weights: a second ear beside the scorer's, and the model on both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from speechtutor import hub
from speechtutor.core import Alignment, Emission
from speechtutor.errors import InputError, ModelError
from speechtutor.hub import description
from speechtutor.models.acoustic import load as load_acoustic
from speechtutor.scoring import diagnosis
from speechtutor.scoring.diagnosis import Calibration, Diagnosis, Model, Network
from speechtutor.scoring.gop import Ratios
from speechtutor.scoring.signs import signs
from speechtutor.stages import AcousticModel

NAME = "diagnosis"


@dataclass(frozen=True, slots=True)
class Diagnoser:
    """Says which sounds were said, from the scorer's emission and from that of `ear`, an ear of its own."""

    model: Model
    ear: AcousticModel
    name: str
    version: str

    def diagnose(
        self,
        first: Emission,
        second: Emission,
        alignment: Alignment,
        *,
        strictness: str = diagnosis.STANDARD,
        ratios: Ratios | None = None,
    ) -> Diagnosis:
        """What was said at each phone of an alignment, and between them.

        `first` and `alignment` are the scorer's, `second` is what `ear` makes of the same part of the
        recording (`speechtutor.scoring.observe.listen` with either); `strictness` is one of
        `speechtutor.scoring.diagnosis.STRICTNESS`; `ratios` are those of `first` where known.

        Raises:
            InputError: when there is no such strictness, or the frames cannot hold the text.
        """
        check_strictness(strictness)
        return self.model.diagnose(signs([first, second], alignment, ratios), strictness)


def check_strictness(strictness: str) -> None:
    """Refuse a word that is no strictness.

    Raises:
        InputError: naming the three that are.
    """
    if strictness not in diagnosis.STRICTNESS:
        raise InputError(f"strictness {strictness!r} is none of {', '.join(diagnosis.STRICTNESS)}")


def networks(weights: Mapping[str, Any], part: str) -> list[Network]:
    """The networks of `phones` or `gaps` from the tensors `PART.SEED.NAME`."""
    found: dict[str, dict[str, Any]] = {}
    for key, value in weights.items():
        place, seed, name = key.split(".", 2)
        if place == part:
            found.setdefault(seed, {})[name] = np.asarray(value, dtype=np.float64)
    if not found:
        raise KeyError(part)
    return [Network(found[seed]) for seed in sorted(found)]


def restore(folder: Path) -> tuple[Model, dict[str, Any]]:
    """The model of a folder that `recipes.train_diagnosis` wrote, and its settings.

    Raises:
        ModelError: when the folder holds none.
    """
    try:
        settings: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        weights = load_file(folder / "networks.safetensors")
        model = Model(
            networks(weights, "phones"),
            networks(weights, "gaps"),
            Calibration.of(settings["phones"]),
            Calibration.of(settings["gaps"]),
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{folder} holds no diagnosis: {error}") from None
    return model, settings


def load(
    checkpoint: str | Path | None = None, device: str | None = None, *, ear: AcousticModel | None = None
) -> Diagnoser:
    """The diagnosis of this project's weights, or of a folder that `recipes.train_diagnosis` wrote.

    Raises:
        ModelError: when the folder holds none, or its ear is missing.
    """
    folder = Path(hub.resolve(checkpoint or NAME, hub=False, role=description.DIAGNOSIS))
    model, settings = restore(folder)
    second = load_acoustic(settings["ear"], device) if ear is None else ear
    return Diagnoser(model, second, settings["name"], settings["version"])
