"""All that training changed in a network, cut down to a LoRA (Hu et al., 2022) of a given size.

A network whose every weight was trained is as large as its base. Its change is not: of each matrix's
change the directions with the largest singular values are kept (Eckart and Young, 1936), and the
ranks are shared out over the matrices so that the squared error of all of them is the least.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from speechtutor.hub.description import Description
from speechtutor.training import adapters


def ranked(changes: Mapping[str, Tensor], n_numbers: int) -> dict[str, int]:
    """The rank of each matrix in a LoRA of at most `n_numbers`: the directions that keep most per number.

    Every matrix has a rank of 1 or more, as peft has no rank of 0.
    """
    gains = []
    for name, change in changes.items():
        cost = sum(change.shape)
        for i, value in enumerate(torch.linalg.svdvals(change.float()).tolist()):
            gains.append((float("inf") if i == 0 else value**2 / cost, name, cost))
    ranks = dict.fromkeys(changes, 0)
    left = n_numbers
    for _, name, cost in sorted(gains, key=lambda gain: -gain[0]):
        if cost > left and ranks[name]:
            break
        ranks[name] += 1
        left -= cost
    return ranks


def halves(change: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """A (rank, n_in) and B (n_out, rank) in float16 whose product `B @ A` is nearest to the change."""
    u, s, vh = torch.linalg.svd(change.float(), full_matrices=False)
    root = s[:rank].sqrt()
    return (root[:, None] * vh[:rank]).half().contiguous(), (u[:, :rank] * root).half().contiguous()


def cut(changes: Mapping[str, Tensor], ranks: Mapping[str, int]) -> dict[str, Tensor]:
    """The two matrices of each change in peft's layout, float16: `B @ A` is the change, nearly."""
    adapter: dict[str, Tensor] = {}
    for name, change in changes.items():
        key = f"base_model.model.{name.removesuffix('.weight')}"
        down, up = halves(change, ranks[name])
        adapter |= {f"{key}.lora_A.weight": down, f"{key}.lora_B.weight": up}
    return adapter


def write(out: Path, adapter: Mapping[str, Tensor], what: Description) -> None:
    """Put a LoRA into a folder as `adapters.write`; its ranks are those of the matrices.

    `adapter` holds, by peft's names, A (rank, n_in) and B (n_out, rank) of every module, whose product is
    the change: alpha is the rank.

    Raises:
        StorageError: when the disk refuses.
    """
    start, end = "base_model.model.", ".lora_A.weight"
    ranks = {
        name.removeprefix(start).removesuffix(end): len(matrix)
        for name, matrix in adapter.items()
        if name.endswith(end)
    }
    most = max(ranks.values(), default=0)
    other = {name: rank for name, rank in ranks.items() if rank != most}
    config: dict[str, Any] = {
        "peft_type": "LORA",
        "r": most,
        "lora_alpha": most,
        "rank_pattern": other,
        "alpha_pattern": other,
        "target_modules": sorted(ranks),
        "bias": "none",
    }
    adapters.write(out, adapter, config, what)


def save(
    trained: Mapping[str, Tensor],
    base: Mapping[str, Tensor],
    out: Path,
    *,
    matrices: str,
    what: Description,
    n_numbers: int,
) -> float:
    """Write the adapter that peft loads onto `base`; returns the share of the squared change that it keeps.

    `matrices` is a pattern that the names of the changed matrices match in full; what else changed is
    left out and counts as lost.
    """
    changes, whole = {}, 0.0
    for name, value in trained.items():
        change = value.float() - base[name].float() if name in base else torch.zeros(1)
        whole += float(change.square().sum())
        if re.fullmatch(matrices, name.removesuffix(".weight")) and name.endswith(".weight"):
            changes[name] = change
    ranks = ranked(changes, n_numbers)
    adapter = cut(changes, ranks)
    kept = sum(
        float((adapter[key].float() @ adapter[key.replace("lora_B", "lora_A")].float()).square().sum())
        for key in adapter
        if ".lora_B." in key
    )
    write(out, adapter, what)
    return kept / whole if whole else 1.0
