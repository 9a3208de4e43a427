"""Networks that FSDP has cut into shards (`torch.distributed.fsdp`), put together again to be heard and kept.

A shard computes only while all processes call the whole network at once; hearing dev clips, each
process its own and token by token, cannot keep step. So every process gets a whole copy for that.
"""

from __future__ import annotations

import copy
from typing import Any

import torch

WRAPPER = "_checkpoint_wrapped_module."
"""What activation checkpointing puts into the names of parameters."""


def prepared(network: Any) -> Any:
    """Make a network fit to be cut; returns a copy, to be filled by `gather`, which learns nothing."""
    whole = copy.deepcopy(network).requires_grad_(False).eval()
    try:
        network.get_input_embeddings()
    except NotImplementedError:
        # accelerate (1.15) asks for them before it cuts, and a network that hears waves has none. It
        # looks for the last norm by the names of classes, too, and takes the encoder of Wav2Vec2
        # ("...StableLayerNorm") for one, if it knows which child to look at.
        network.get_input_embeddings = lambda: None
        network.base_model_prefix = ""
    if not getattr(network, "_no_split_modules", None):
        lists = (getattr(module, "layers", None) for module in network.modules())
        blocks = {type(block).__name__ for layers in lists if layers is not None for block in layers}
        network._no_split_modules = sorted(blocks)
    return whole


@torch.no_grad()
def gather(sharded: torch.nn.Module, whole: torch.nn.Module, device: torch.device) -> Any:
    """Fill the copy with the weights of all shards, one by one; every process must call this.

    Only parameters and buffers of the same names are taken; a copy has them all.
    """
    whole.to_empty(device=device) if _meta(whole) else whole.to(device)
    given = {name.replace(WRAPPER, ""): value for name, value in sharded.named_parameters()}
    for name, value in whole.named_parameters():
        shard: Any = given[name]
        value.copy_(shard.full_tensor() if hasattr(shard, "full_tensor") else shard)
    buffers = {name.replace(WRAPPER, ""): buffer for name, buffer in sharded.named_buffers()}
    for name, buffer in whole.named_buffers():
        buffer.copy_(buffers[name])
    return whole


def _meta(network: torch.nn.Module) -> bool:
    return any(parameter.is_meta for parameter in network.parameters())
