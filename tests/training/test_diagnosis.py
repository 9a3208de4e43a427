"""Networks in torch and in numpy agree; calibration and thresholds are what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from speechtutor.scoring.diagnosis import IGNORED, RIGHT, WRONG, Network
from speechtutor.training.diagnosis import (
    DiagnosisNetwork,
    Places,
    Recipe,
    calibration,
    fit,
    platt,
    threshold,
    wrongness,
)

EASY = Recipe(epochs=15, rate=1e-2, weight_decay=0.0, dropout=0.0)
"""Enough for data without noise."""


def places(n: int = 300, seed: int = 0) -> Places:
    """The first number of an alternative says whether it was said; a fifth are wrong."""
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(n, 40, 3)).astype(np.float32)
    labels = np.where(rng.random(n) < 0.2, rng.integers(0, 40, n), RIGHT)
    rows = np.where(labels == 0, 1, 0)
    for i, label in enumerate(labels):
        if label >= 0:
            own[i, label, 0] += 6.0
    context = np.stack([own[:, :, 0].max(1), rng.normal(size=n)], 1).astype(np.float32)
    return Places(own, context, rows, labels, np.ones(n, np.float32), True)


def test_numpy_says_what_torch_says() -> None:
    data = places(40)
    torch.manual_seed(0)
    module = DiagnosisNetwork(data, Recipe()).eval()
    with torch.no_grad():
        module.table.normal_()
        said = module(*(torch.from_numpy(x) for x in (data.own, data.context, data.rows))).exp().numpy()
    found, best = wrongness([module.arrays()], data)
    np.testing.assert_allclose(found, 1 - said[:, 0], atol=1e-5)
    assert best.tolist() == said[:, 1:].argmax(1).tolist()
    assert Network(module.arrays()).logits(data.own, data.context, data.rows)[1].shape == (40, 40)


def test_it_learns_what_was_said_and_ignores_what_nobody_knows() -> None:
    data, fresh = places(1500), places(300, seed=1)
    hidden = data.labels.copy()
    hidden[::10] = IGNORED
    part = fit(replace(data, labels=hidden), EASY, seed=0)
    p, best = wrongness([part], fresh)
    wrong = fresh.labels >= 0
    assert p[wrong].mean() > 0.8
    assert p[~wrong].mean() < 0.1
    assert (best[wrong] == fresh.labels[wrong]).mean() > 0.9


def test_what_is_wrong_in_an_unknown_way_counts_as_wrong() -> None:
    data, fresh = places(1500), places(300, seed=1)
    vague = np.where(data.labels >= 0, WRONG, data.labels)
    p, _ = wrongness([fit(replace(data, labels=vague), EASY, seed=0)], fresh)
    assert p[fresh.labels >= 0].mean() > 0.8
    assert p[fresh.labels == RIGHT].mean() < 0.1


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1])
def test_no_more_than_the_rate_reach_the_threshold(rate: float) -> None:
    clean = np.random.default_rng(0).random(500)
    assert (clean >= threshold(clean, rate)).mean() <= rate


def test_platt_finds_the_odds_that_were_put_in() -> None:
    rng = np.random.default_rng(0)
    odds = rng.normal(size=20_000) * 2
    wrong = (rng.random(20_000) < 1 / (1 + np.exp(-(0.5 * odds - 1)))).astype(float)
    slope, offset = platt(1 / (1 + np.exp(-odds)), wrong, np.ones(20_000))
    assert slope == pytest.approx(0.5, abs=0.03)
    assert offset == pytest.approx(-1, abs=0.05)
    assert platt(np.array([0.1, 0.2]), np.zeros(2), np.ones(2)) == (1.0, 0.0)


def test_the_strictest_group_sets_the_threshold() -> None:
    rng = np.random.default_rng(0)
    sets = []
    for shift in (0.0, 1.0):
        labels = np.where(rng.random(4000) < 0.1, 3, RIGHT)
        odds = rng.normal(size=4000) + shift - 2 + 4 * (labels >= 0)
        sets.append((1 / (1 + np.exp(-odds)), labels))
    curve, each = calibration(sets, {"standard": 0.01}, base=0.05)
    assert curve.thresholds["standard"] == max(each["standard"]) == each["standard"][1]
    for p, labels in sets:
        assert (curve(p[labels == RIGHT]) >= curve.thresholds["standard"]).mean() <= 0.01
