"""The loop of small networks against a line that has a closed form, and what stops it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from speechtutor.errors import ModelError
from speechtutor.training.small import SmallRecipe, descend


def test_a_line_is_found() -> None:
    # y = 3x - 1 has no noise, so least squares is exactly that.
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 64)[:, None]
    y, network, recipe = (
        3 * x - 1,
        nn.Linear(1, 1),
        SmallRecipe(epochs=60, batch=16, rate=0.2, weight_decay=0),
    )
    asked: list[int] = []

    def cost(rows: torch.Tensor) -> torch.Tensor:
        asked.append(len(rows))
        return ((network(x[rows]) - y[rows]) ** 2).mean()

    epochs = (torch.randperm(64).split(recipe.batch) for _ in range(recipe.epochs))
    last = descend(network, epochs, cost, recipe, recipe.n_steps(64))
    assert network.weight.item() == pytest.approx(3, abs=1e-2)
    assert network.bias.item() == pytest.approx(-1, abs=1e-2)
    assert last < 1e-3 and not network.training
    assert asked == [16] * 240


def test_steps_count_what_is_left_over() -> None:
    assert SmallRecipe(epochs=3, batch=16).n_steps(33) == 9


def test_a_loss_that_is_no_number_names_its_rows() -> None:
    network, recipe = nn.Linear(1, 1), SmallRecipe(epochs=1, batch=2)
    before = network.weight.item()

    def cost(rows: list[int]) -> torch.Tensor:
        return network(torch.ones(1, 1)).sum() / (0.0 if rows == [7, 8] else 1.0)

    with pytest.raises(ModelError, match=r"the loss is -?inf in epoch 0, with rows 7, 8"):
        descend(network, [[[7, 8]]], cost, recipe, 1)
    assert network.weight.item() == before, "a bad step is not taken"
