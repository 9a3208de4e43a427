"""Cut a Whisper of which every weight was trained down to a LoRA that is small enough to pass on.

Data      a run of `finetune_whisper --method full`
Run       python -m recipes.cut_adapter --trained runs/whisper/base-full/best --base whisper-base
Expect    see recipes/README.md

The adapter is for `--adapter`, as one that was trained as a LoRA. What it loses against the whole
network is for `evaluate_asr` to say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from recipes.shared import settings, synthetic
from speechtutor import config, hub
from speechtutor.errors import InputError
from speechtutor.hub import description
from speechtutor.hub.description import Description

MATRICES = r".*layers\.\d+\..*(q_proj|k_proj|v_proj|out_proj|fc1|fc2)"
"""What the LoRA changes: every matrix of the transformer layers."""


@dataclass(frozen=True)
class Config:
    """What is cut, and how small."""

    trained: Path = Path("runs/whisper/base-full/best")
    """Checkpoint of which every weight was trained."""
    base: str = "whisper-base"
    """Whisper that it started from: a name of the model store, a hub id or a folder."""
    out: Path = Path("runs/whisper/cut")
    """Folder for the adapter."""
    megabytes: float = 14.5
    """Size of the adapter at most."""
    smoke: bool = False
    """Cut a tiny random network."""

    def __post_init__(self) -> None:
        """Refuse what would fail later."""
        if self.megabytes <= 0:
            raise ValueError("megabytes must be above 0")


def run(cfg: Config) -> dict[str, float]:
    """Write the adapter; returns the share of the squared change that it keeps and its size in megabytes.

    Raises:
        ModelError: when one of the two is no Whisper.
        InputError: when they differ in shape.
    """
    from speechtutor.training import lora_cut, whisper

    if cfg.smoke:
        folders = [synthetic.tiny_asr_whisper(cfg.out / name, seed=i) for i, name in enumerate(("a", "b"))]
        cfg = replace(cfg, base=str(folders[0]), trained=folders[1], megabytes=0.1)
    whole = whisper.Tuning("full")
    trained, base = (whisper.network(source, whole).state_dict() for source in (cfg.trained, cfg.base))
    odd = [name for name in base if name not in trained or trained[name].shape != base[name].shape]
    if odd:
        raise InputError(f"{cfg.trained} was not trained from {cfg.base}: {odd[0]} differs in shape")
    mark = settings.mark(cfg, trained=cfg.trained, base=hub.content(cfg.base) or cfg.base)
    what = Description("whisper-lora", description.base_name(cfg.base), fingerprint=mark)
    kept = lora_cut.save(
        trained, base, cfg.out, matrices=MATRICES, what=what, n_numbers=int(cfg.megabytes * 1e6 / 2)
    )
    config.save(cfg, cfg.out, mark=mark)
    size = (cfg.out / "adapter_model.safetensors").stat().st_size / 1e6
    return {"kept": round(kept, 3), "megabytes": round(size, 2)}


if __name__ == "__main__":
    config.main(run, Config)
