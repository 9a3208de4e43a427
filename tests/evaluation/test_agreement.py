from __future__ import annotations

import numpy as np
import pytest

from speechtutor import metrics
from speechtutor.evaluation import agreement
from speechtutor.evaluation.agreement import icc, kappa

# Shrout and Fleiss (1979), table 2: six targets, four judges.
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def test_kappa_by_hand() -> None:
    # 50 items, 35 alike (20 yes, 15 no): p_o = 0.7; yes shares 25/50 and 30/50, so
    # p_e = 0.5 * 0.6 + 0.5 * 0.4 = 0.5 and kappa = (0.7 - 0.5) / (1 - 0.5) = 0.4.
    first = [1] * 20 + [1] * 5 + [0] * 10 + [0] * 15
    second = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    assert kappa(first, second) == pytest.approx(0.4)


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
@pytest.mark.parametrize("seed", range(5))
def test_kappa_is_sklearn_s(weights: agreement.Weights, seed: int) -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 5, 60)
    second = np.clip(first + rng.integers(-1, 2, 60), 0, 4)
    want = sklearn.cohen_kappa_score(
        first, second, labels=range(5), weights=None if weights == "none" else weights
    )
    assert kappa(first, second, weights) == pytest.approx(want)


def test_quadratic_kappa_is_the_qwk_of_the_metrics() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 11, (2, 80))
    assert kappa(first, second, "quadratic") == pytest.approx(metrics.qwk(first, second))


def test_icc_is_that_of_the_paper() -> None:
    found = icc(SHROUT_FLEISS)
    assert (round(found.single, 2), round(found.average, 2)) == (0.29, 0.62)
    assert (found.n_items, found.n_graders) == (6, 4)


def slow_icc(table: np.ndarray) -> tuple[float, float]:
    """By sums over cells, as in a table of variances."""
    n, k = table.shape
    mean = sum(table[i, j] for i in range(n) for j in range(k)) / (n * k)
    rows = sum(k * (table[i].mean() - mean) ** 2 for i in range(n)) / (n - 1)
    columns = sum(n * (table[:, j].mean() - mean) ** 2 for j in range(k)) / (k - 1)
    total = sum((table[i, j] - mean) ** 2 for i in range(n) for j in range(k))
    rest = (total - rows * (n - 1) - columns * (k - 1)) / ((n - 1) * (k - 1))
    single = (rows - rest) / (rows + (k - 1) * rest + k * (columns - rest) / n)
    return single, (rows - rest) / (rows + (columns - rest) / n)


@pytest.mark.parametrize("shape", [(2, 2), (7, 3), (30, 5)])
def test_icc_is_its_slow_twin(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(shape[0])
    table = rng.normal(size=(shape[0], 1)) + 0.5 * rng.normal(size=shape)
    found = icc(table)
    assert (found.single, found.average) == pytest.approx(slow_icc(table))


def test_a_stricter_grader_costs_the_icc_what_a_correlation_does_not_see() -> None:
    x = np.linspace(0, 0.6, 20)
    assert metrics.pcc(x, x + 0.4) == pytest.approx(1)
    assert icc(np.column_stack([x, x])).single == pytest.approx(1)
    assert icc(np.column_stack([x, x + 0.4])).single < 0.5


def test_what_is_not_defined_is_nan() -> None:
    assert np.isnan(kappa([], []))
    assert np.isnan(kappa([1, 1, 1], [1, 1, 1]))
    assert np.isnan(icc([[1, 1], [1, 1]]).single)
    assert np.isnan(icc([[0.1, 0.1], [0.1, 0.1], [0.1, 0.1]]).average)
    assert np.isnan(icc([[1, 2, 3]]).single)
    assert np.isnan(icc([[1], [2]]).average)


def test_one_grader_says_all_right() -> None:
    assert kappa([2, 2, 2, 2], [2, 2, 0, 1]) == pytest.approx(0)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="3 and 2 items"):
        kappa([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="finite"):
        kappa([1, float("nan")], [1, 2])
    with pytest.raises(ValueError, match=r"not \(3,\)"):
        icc([1, 2, 3])
    with pytest.raises(ValueError, match="every grader"):
        icc([[1, float("nan")], [2, 3]])
    with pytest.raises(ValueError, match="2, 2 and 1"):
        agreement.agreement([1, 0], [1, 0], ["a"])


def test_levels() -> None:
    assert agreement.levels([0, 0.2, 0.25, 0.5, 0.74, 0.75, 1]).tolist() == [0, 0, 1, 1, 1, 2, 2]


def test_agreement_of_the_same_grader_twice() -> None:
    scores = [0.0, 0.5, 1.0, 0.2, 0.9, 0.4]
    found = agreement.agreement(scores, scores, list("aabbcc"), n=200)
    assert found.n_items == 6 and found.same_level == 1
    for interval in (found.kappa, found.weighted, found.icc_single, found.icc_average):
        assert interval.value == pytest.approx(1) and interval.n_groups == 3
    assert found.bias.value == 0


def test_the_interval_holds_the_value_and_the_bias_has_its_sign() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 0.8, 200)
    harsh = truth + 0.1 + rng.normal(0, 0.05, 200)
    found = agreement.agreement(truth, np.clip(harsh, 0, 1), [i // 10 for i in range(200)], n=300)
    assert found.icc_single.low < found.icc_single.value < found.icc_single.high < 1
    assert found.bias.low > 0
