"""Average adapters that began alike and learnt beside each other on parts of the rows.

Data      adapters of finetune_tutor --parts N --part 0 … N-1, all with the same --start
Run       python -m recipes.average_adapters --adapters runs/voice-0,runs/voice-1 --out runs/voice
Expect    OUT/adapter, of the same size and settings; a second

Each process takes a few steps by itself and the matrices are averaged at the end (local SGD: Stich, 2019;
federated averaging: McMahan et al., 2017). The two matrices of a LoRA are averaged each by itself, which is
near the average of their products while all are still near the common start.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from speechtutor import config
from speechtutor.errors import InputError

FILE = "adapter_model.safetensors"


@dataclass(frozen=True)
class Config:
    """Which adapters become one."""

    adapters: str = "runs/voice-0,runs/voice-1"
    """Folders of finetune_tutor with an adapter in each, with commas."""
    out: Path = Path("runs/voice")
    """Folder for the adapter."""
    smoke: bool = False
    """Average two made-up adapters."""


def mean(all_of: list[Mapping[str, NDArray[np.float16]]]) -> dict[str, NDArray[np.float16]]:
    """The mean of each matrix.

    Raises:
        InputError: when the adapters have not the same matrices.
    """
    shapes = [{name: value.shape for name, value in one.items()} for one in all_of]
    if any(one != shapes[0] for one in shapes):
        raise InputError("the adapters are of different methods, ranks or networks: they have no mean")
    return {
        name: np.mean([one[name].astype(np.float32) for one in all_of], axis=0).astype(np.float16)
        for name in all_of[0]
    }


def _smoke(cfg: Config) -> Config:
    for n in range(2):
        folder = cfg.out / f"smoke-{n}" / "adapter"
        folder.mkdir(parents=True, exist_ok=True)
        save_file({"a": np.full((2, 2), n, np.float16)}, folder / FILE)
        (folder / "adapter_config.json").write_text("{}\n", encoding="utf-8")
    return Config(",".join(str(cfg.out / f"smoke-{n}") for n in range(2)), cfg.out)


def run(cfg: Config) -> Path:
    """Write the mean and say where it is.

    Raises:
        InputError: when an adapter is missing or of another shape.
    """
    cfg = _smoke(cfg) if cfg.smoke else cfg
    folders = [Path(name) / "adapter" for name in cfg.adapters.split(",")]
    for folder in folders:
        if not (folder / FILE).is_file():
            raise InputError(f"{folder} holds no adapter: there is no {FILE}")
    made = mean([load_file(folder / FILE) for folder in folders])
    out = cfg.out / "adapter"
    shutil.copytree(folders[0], out, dirs_exist_ok=True)
    save_file(made, out / FILE, metadata={"format": "pt"})
    config.save(cfg, cfg.out)
    return out


if __name__ == "__main__":
    config.main(run, Config)
