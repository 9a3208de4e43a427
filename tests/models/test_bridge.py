"""The map between the embedding spaces of two encoders."""

from __future__ import annotations

import numpy as np

from speechtutor.cues import Cues
from speechtutor.models.head_training import bridge


def cues(embedding: np.ndarray, moments: np.ndarray) -> Cues:
    n = len(embedding)
    zeros = np.zeros(n, np.int64)
    return Cues(
        np.zeros((n, 3), np.float32), embedding, zeros, zeros, zeros, zeros, np.zeros(2, np.float32), moments
    )


def test_a_rotated_and_moved_space_is_brought_back() -> None:
    rng = np.random.default_rng(0)
    rotation, offset = np.linalg.qr(rng.normal(size=(6, 6)))[0], rng.normal(size=6)
    here = [rng.normal(size=(40, 6)).astype(np.float32) for _ in range(5)]
    there = [(x @ rotation + offset).astype(np.float32) for x in here]
    moments = [np.concatenate([x.mean(0), x.std(0)]) for x in here]
    source = [cues(x, m) for x, m in zip(here, moments, strict=True)]
    target = [cues(x, m) for x, m in zip(there, moments, strict=True)]
    found = bridge(source, target, ridge=0.0)
    assert np.allclose(found.matrix, rotation, atol=1e-4) and np.allclose(found.offset, offset, atol=1e-4)
    moved = found(source[0])
    assert np.allclose(moved.embedding, there[0], atol=1e-4)
    # Means move with the space, deviations over time and all other numbers stay.
    assert np.allclose(moved.moments[:6], there[0].mean(0), atol=1e-4)
    assert np.array_equal(moved.moments[6:], moments[0][6:]) and moved.phones is source[0].phones


def test_noise_is_shrunk_towards_the_mean() -> None:
    rng = np.random.default_rng(1)
    source = [cues(rng.normal(size=(50, 4)).astype(np.float32), np.zeros(8)) for _ in range(4)]
    target = [cues(rng.normal(size=(50, 4)).astype(np.float32) + 3, np.zeros(8)) for _ in range(4)]
    strong, weak = bridge(source, target, ridge=10.0), bridge(source, target, ridge=0.0)
    assert np.abs(strong.matrix).sum() < 0.2 * np.abs(weak.matrix).sum()
    assert np.allclose(strong(source[0]).embedding.mean(0), 3, atol=0.3)
