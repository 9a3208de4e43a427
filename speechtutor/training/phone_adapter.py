"""A trained phone recogniser as an adapter small enough to ship."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from speechtutor.models.acoustic import base_encoder
from speechtutor.models.phone_encoder import SYMBOLS, PhoneEncoder
from speechtutor.training.lora_cut import halves


def merge_lora(network: PhoneEncoder) -> PhoneEncoder:
    """The network with every LoRA layer that peft put in folded into its base layer."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if hasattr(child, "lora_A") and hasattr(child, "get_base_layer"):
                layer: Any = child
                layer.merge()
                setattr(module, name, layer.get_base_layer())
    return network


def compress(
    trained: Mapping[str, Tensor], base: Mapping[str, Tensor], rank: int
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The change of every trained matrix cut to rank `rank` (truncated SVD), and all other changes whole.

    Returns the LoRA matrices in peft's layout and the remaining tensors in float16.
    """
    adapter: dict[str, Tensor] = {}
    rest: dict[str, Tensor] = {}
    for name, value in trained.items():
        change = value - base[name] if name in base else None
        if change is not None and not change.any():
            continue
        if change is not None and change.dim() == 2 and min(change.shape) > 2 * rank:
            key = f"base_model.model.{name.removeprefix('encoder.').removesuffix('.weight')}"
            down, up = halves(change, rank)
            adapter |= {f"{key}.lora_A.weight": down, f"{key}.lora_B.weight": up}
        else:
            rest[name] = value.half().contiguous()
    return adapter, rest


def save(network: PhoneEncoder, base: str, out: Path, rank: int, *, rated: bool = True) -> None:
    """Write the folder that `load` reads; `rated` says that the rater head was trained."""
    original = {f"encoder.{k}": v for k, v in base_encoder(base).state_dict().items()}
    adapter, rest = compress(network.state_dict(), original, rank)
    out.mkdir(parents=True, exist_ok=True)
    modules = sorted({key.split(".")[-3] for key in adapter})
    peft = {
        "peft_type": "LORA",
        "r": rank,
        "lora_alpha": rank,
        "target_modules": modules,
        "base_model_name_or_path": base,
        "bias": "none",
    }
    save_file(adapter, out / "adapter_model.safetensors")
    (out / "adapter_config.json").write_text(json.dumps(peft, indent=1) + "\n", encoding="utf-8")
    save_file(rest, out / "head.safetensors")
    settings = {"base": base, "rank": rank, "rated": rated, "symbols": SYMBOLS}
    (out / "config.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
