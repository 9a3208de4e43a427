"""A trained phone recogniser as an adapter small enough to ship."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peft.tuners.lora import LoraLayer
from safetensors.torch import save_file
from torch import Tensor

from speechtutor.files.disk import write_text
from speechtutor.files.fingerprint import Fingerprint
from speechtutor.hub import description
from speechtutor.hub.description import Description
from speechtutor.models.acoustic import base_encoder
from speechtutor.models.phone_encoder import FRAME_SHIFT, SYMBOLS, PhoneEncoder
from speechtutor.training import lora_cut
from speechtutor.training.lora_cut import halves


def merge_lora(network: PhoneEncoder) -> PhoneEncoder:
    """The network with every LoRA layer that peft put in folded into its base layer."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, LoraLayer):
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


def save(
    network: PhoneEncoder,
    base: str,
    out: Path,
    rank: int,
    *,
    rated: bool = True,
    mark: Fingerprint | None = None,
) -> None:
    """Write the folder that `load` reads; `rated` says that the rater head was trained, `mark` from what."""
    original = {f"encoder.{k}": v for k, v in base_encoder(base).state_dict().items()}
    # A head on a lower layer (`recipes.train_lower_head`) belongs to the layers as they were.
    trained = {k: v for k, v in network.state_dict().items() if not k.startswith("lower.")}
    adapter, rest = compress(trained, original, rank)
    out.mkdir(parents=True, exist_ok=True)
    save_file(rest, out / "head.safetensors")
    settings = {"base": base, "rank": rank, "rated": rated, "symbols": SYMBOLS}
    write_text(out / "config.json", json.dumps(settings, indent=1) + "\n")
    rates, name = description.ALL_RATED if rated else (), description.base_name(base)
    what = Description("phones-lora", name, SYMBOLS, FRAME_SHIFT, rates, mark)
    lora_cut.write(out, adapter, what)
