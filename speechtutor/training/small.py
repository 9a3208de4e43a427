"""The loop of small networks, which learn from arrays in seconds: one place for order, rate and failures.

It is not the one of `speechtutor.training.loop`: a head has a few hundred thousand weights, is trained
dozens of times in one run (folds times seeds) and is never resumed, and what `transformers.Trainer` does
around a step would cost more than the step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from speechtutor.errors import ModelError
from speechtutor.training.recipe import BaseRecipe

Rows = TypeVar("Rows", bound=Iterable[Any])
"""Which rows of the arrays make a batch."""


@dataclass(frozen=True)
class SmallRecipe(BaseRecipe):
    """Hyper-parameters of a small network; nothing stops early: no held-out data is looked at.

    `rate` is the peak of one cycle (Smith and Topin, 2018), or without `cycle` that of every step.
    """

    epochs: int = 20
    batch: int = 32
    rate: float = 2e-3
    cycle: bool = True

    def n_steps(self, n_rows: int) -> int:
        """Steps over so many rows in all epochs."""
        return self.epochs * -(-n_rows // self.batch)


def descend(
    network: nn.Module,
    epochs: Iterable[Iterable[Rows]],
    loss: Callable[[Rows], Tensor],
    recipe: SmallRecipe,
    n_steps: int,
) -> float:
    """Train a network by AdamW over all batches of all epochs; returns the last loss.

    `loss` takes the rows of a batch, `n_steps` counts all batches; seeds are the caller's, who made the
    network, and batches are asked for one by one, so that the caller may draw them on the way.

    Raises:
        ModelError: when the loss is no number, naming the rows.
    """
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay)
    rates = torch.optim.lr_scheduler
    schedule = (
        rates.OneCycleLR(optimizer, recipe.rate, total_steps=n_steps)
        if recipe.cycle
        else rates.ConstantLR(optimizer, 1.0)
    )
    value = torch.tensor(float("nan"))
    network.train()
    for epoch, batches in enumerate(epochs):
        for rows in batches:
            value = loss(rows)
            if not value.isfinite():
                at = ", ".join(str(int(row)) for row in islice(rows, 5))
                raise ModelError(
                    f"the loss is {value.item()} in epoch {epoch}, with rows {at} … in the batch"
                )
            optimizer.zero_grad()
            value.backward()
            if recipe.clip is not None:
                nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
            optimizer.step()
            schedule.step()
    network.eval()
    return float(value.detach())
