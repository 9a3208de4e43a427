"""What every training is told, and the schedule that most of them follow."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class BaseRecipe:
    """Hyper-parameters that all trainings share; what a network needs beside them is a subclass's.

    `weight_decay` is AdamW's (Loshchilov and Hutter, 2019), `clip` the largest norm of a gradient (None
    leaves it as it is).
    """

    weight_decay: float = 0.01
    clip: float | None = 1.0


@dataclass(frozen=True)
class LoopRecipe(BaseRecipe):
    """As well as that, for a run of the loop: `patience` in evaluations, 0 never stops early.

    `bf16` has matrix products in bfloat16 (on a CPU also where the network is only heard).
    """

    patience: int = 3
    seed: int = 0
    bf16: bool = True


def cosine(warmup: int, n_steps: int) -> Callable[[int], float]:
    """Share of the peak rate at a step: linear up for `warmup` steps, then a cosine to zero.

    >>> [round(cosine(2, 4)(step), 2) for step in range(5)]
    [0.5, 1.0, 1.0, 0.5, 0.0]
    """

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(n_steps - warmup, 1))))

    return factor
