from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from speechtutor import metrics
from speechtutor.metrics import Edits, Interval

RNG = np.random.default_rng(7)


def test_edits_are_counted_per_pair() -> None:
    # "a b c" -> "a x c d": b became x, d was added; "e f" -> "e": f is gone.
    found = metrics.edits(["a b c", "e f"], ["a x c d", "e"])
    assert found == [Edits(2, 1, 0, 1), Edits(1, 0, 1, 0)]
    assert [e.errors for e in found] == [2, 1] and [e.length for e in found] == [3, 2]


def test_the_error_rate_is_of_the_corpus_not_the_mean() -> None:
    # 1 of 4 words and 1 of 1 word: 2 / 5, while the mean of the utterances would be 0.625.
    assert metrics.wer(["a b c d", "e"], ["a b c x", "f"]) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("references", "hypotheses", "expected"),
    [
        ([], [], 0.0),
        ([""], [""], 0.0),
        ([""], ["um hm"], 2.0),
        (["a b"], [""], 1.0),
        (["a b", ""], ["a b", "c"], 0.5),
        (["a"], ["a b c"], 2.0),
        (["  a   b "], ["a b"], 0.0),
    ],
)
def test_silence_and_empty_references(references: list[str], hypotheses: list[str], expected: float) -> None:
    assert metrics.wer(references, hypotheses) == pytest.approx(expected)


def test_characters_and_spaces_count_alike() -> None:
    # "ab c" has four characters; "abc" lacks the space.
    assert metrics.cer(["ab c"], ["abc"]) == pytest.approx(0.25)
    assert metrics.cer(["ship"], ["sheep"]) == pytest.approx(2 / 4)


def test_phones_are_whole_symbols() -> None:
    # Letter by letter "TH" -> "T" would be one deletion; as a phone it is one substitution.
    assert metrics.per([["TH", "IH", "NG", "K"]], [["T", "IH", "NG", "K"]]) == pytest.approx(0.25)
    assert metrics.per([["AA"], ["B", "B"]], [[], ["B", "B", "IY"]]) == pytest.approx(2 / 3)


def levenshtein(a: list[str], b: list[str]) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        new = [i]
        for j, y in enumerate(b, start=1):
            new.append(min(row[j] + 1, new[-1] + 1, row[j - 1] + (x != y)))
        row = new
    return row[-1]


def test_phone_errors_are_the_edit_distance() -> None:
    pairs = [[[*RNG.choice(["S", "SH", "T", "TH"], RNG.integers(0, 9))] for _ in range(2)] for _ in range(40)]
    references, hypotheses = ([pair[i] for pair in pairs] for i in range(2))
    errors = sum(levenshtein(r, h) for r, h in pairs)
    assert metrics.per(references, hypotheses) == pytest.approx(errors / sum(map(len, references)))


def test_correlations_agree_with_scipy() -> None:
    from scipy import stats

    for n in (2, 3, 50):
        x = RNG.integers(0, 5, n).astype(float)
        x[:2] = 0, 1
        y = x + RNG.normal(size=n)
        assert metrics.pcc(x, y) == pytest.approx(stats.pearsonr(x, y)[0])
        assert metrics.spearman(x, y) == pytest.approx(stats.spearmanr(x, y)[0])


def test_correlation_by_hand() -> None:
    # x - mean = (-1, 0, 1), y - mean = (-1, 1, 0): 1 / sqrt(2 * 2).
    assert metrics.pcc([1, 2, 3], [1, 3, 2]) == pytest.approx(0.5)
    assert metrics.pcc([1, 2, 3], [10, 20, 30]) == pytest.approx(1.0)
    # The order is the same, the spacing is not.
    assert metrics.spearman([1, 2, 3, 4], [1, 10, 100, 1000]) == pytest.approx(1.0)


@pytest.mark.parametrize("measure", [metrics.pcc, metrics.spearman])
@pytest.mark.parametrize(
    ("x", "y"), [([], []), ([1], [2]), ([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [0.1, 0.1, 0.1])]
)
def test_no_correlation_with_a_constant(
    measure: Callable[[list[float], list[float]], float], x: list[float], y: list[float]
) -> None:
    assert math.isnan(measure(x, y))


def test_squared_error() -> None:
    assert metrics.mse([0, 2], [1, 4]) == pytest.approx(2.5)
    assert math.isnan(metrics.mse([], []))


def test_kappa_agrees_with_sklearn() -> None:
    from sklearn.metrics import cohen_kappa_score

    for _ in range(5):
        x, y = RNG.integers(0, 11, (2, 60))
        assert metrics.qwk(x, y) == pytest.approx(cohen_kappa_score(x, y, weights="quadratic"))


def test_kappa_by_hand() -> None:
    # Squared differences 0, 0, 0, 1: mean 1/4. Every x with every y: (0,1,2,2) against (0,1,2,1) gives
    # 0+1+4+1 + 1+0+1+0 + 4+1+0+1 + 4+1+0+1 = 20 over 16. 1 - (1/4) / (20/16) = 0.8.
    assert metrics.qwk([0, 1, 2, 2], [0, 1, 2, 1]) == pytest.approx(0.8)
    assert metrics.qwk([0, 2], [2, 0]) == pytest.approx(-1.0)
    assert math.isnan(metrics.qwk([3, 3], [3, 3])) and math.isnan(metrics.qwk([], []))


def test_kappa_wants_whole_numbers() -> None:
    with pytest.raises(ValueError, match="whole-number"):
        metrics.qwk([0.5], [1])


def test_detection_by_hand() -> None:
    # Three are wrong, two flagged, one of both: precision 1/2, recall 1/3, F1 = 2 * 1 / (2 + 3).
    found = metrics.mdd([1, 1, 1, 0, 0], [1, 0, 0, 1, 0])
    assert (found.precision, found.recall, found.f1) == pytest.approx((1 / 2, 1 / 3, 2 / 5))
    assert metrics.mdd_f1([1, 0], [1, 0]) == 1.0


def test_detection_agrees_with_sklearn() -> None:
    from sklearn.metrics import f1_score, roc_auc_score

    truth = RNG.random(200) < 0.1
    score = np.round(RNG.random(200) + 0.3 * truth, 1)
    assert metrics.mdd_f1(truth, score > 0.6) == pytest.approx(f1_score(truth, score > 0.6))
    assert metrics.auc(truth, score) == pytest.approx(roc_auc_score(truth, score))


def test_a_share_of_nothing_is_undefined() -> None:
    nothing = metrics.mdd([0, 0], [0, 0])
    assert all(math.isnan(value) for value in (nothing.precision, nothing.recall, nothing.f1))
    silent = metrics.mdd([1, 0], [0, 0])
    assert math.isnan(silent.precision) and silent.recall == 0 and silent.f1 == 0


def test_area_by_hand() -> None:
    # Positives 0.9 and 0.5 against negatives 0.5 and 0.1: wins 1, 1, a tie 0.5, 1 of four pairs.
    assert metrics.auc([1, 1, 0, 0], [0.9, 0.5, 0.5, 0.1]) == pytest.approx(3.5 / 4)
    assert math.isnan(metrics.auc([1, 1], [0.2, 0.3])) and math.isnan(metrics.auc([], []))


def test_calibration_by_hand() -> None:
    # [0.1, 0.2): stated 0.15 twice, happened once: gap |1 - 0.3| = 0.7. [0.9, 1]: stated 1 and 0.9,
    # happened twice: gap |2 - 1.9| = 0.1. Over four items: 0.8 / 4.
    assert metrics.ece([1, 0, 1, 1], [0.15, 0.15, 1.0, 0.9]) == pytest.approx(0.2)
    assert metrics.ece([1, 0, 0, 1], [0.5, 0.5, 0.5, 0.5]) == pytest.approx(0.0)
    assert math.isnan(metrics.ece([], []))


def test_calibration_wants_probabilities() -> None:
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        metrics.ece([1], [1.2])


@pytest.mark.parametrize(
    "measure",
    [metrics.wer, metrics.cer, metrics.pcc, metrics.mse, metrics.qwk, metrics.mdd, metrics.auc, metrics.ece],
)
def test_unequal_lengths_are_refused(measure: Callable[..., object]) -> None:
    items: tuple[list[object], list[object]] = (["a"], ["a", "b"])
    if measure not in (metrics.wer, metrics.cer):
        items = ([1], [1, 0])
    with pytest.raises(ValueError, match="1 and 2 items"):
        measure(*items)


def test_the_bootstrap_draws_speakers() -> None:
    # Five speakers, one of them ten times 1, the others 0: the number of times that one is drawn is
    # binomial (5, 1/5), above 3 in 0.7 % of draws and 0 in 33 %: the interval of the mean is [0, 3/5].
    # Drawing items would stay near 0.2.
    values = np.repeat([0.0, 0.0, 0.0, 0.0, 1.0], 10)
    groups = np.repeat(["ann", "bob", "cat", "dan", "eve"], 10).tolist()
    interval = metrics.speaker_bootstrap(lambda i: float(values[i].mean()), groups)
    assert interval == Interval(0.2, 0.0, pytest.approx(0.6), 5)
    assert str(interval) == "0.200 [0.000, 0.600]"


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_a_handful_of_speakers_has_no_interval(k: int) -> None:
    groups = [f"s{i % k}" for i in range(40)]
    values = RNG.normal(size=40)
    interval = metrics.speaker_bootstrap(lambda i: float(values[i].mean()), groups, n=50)
    assert math.isnan(interval.low) and math.isnan(interval.high) and interval.n_groups == k
    assert str(interval) == f"{values.mean():.3f} (too few speakers: {k} of at least 5)"


def test_the_bootstrap_is_as_wide_as_theory_says() -> None:
    values = RNG.normal(size=400)
    interval = metrics.speaker_bootstrap(lambda i: float(values[i].mean()), list(range(400)), n=2000)
    # Items that are their own groups: 1.96 standard errors either side.
    error = values.std() / np.sqrt(400)
    assert interval.low == pytest.approx(values.mean() - 1.96 * error, abs=0.01)
    assert interval.high == pytest.approx(values.mean() + 1.96 * error, abs=0.01)
    assert interval.n_groups == 400


def test_the_bootstrap_repeats_itself() -> None:
    values = RNG.normal(size=30)
    groups = [i % 5 for i in range(30)]
    first, again, other = (
        metrics.speaker_bootstrap(lambda i: float(values[i].mean()), groups, 200, seed) for seed in (1, 1, 2)
    )
    assert first == again != other


def test_a_figure_that_hangs_on_one_speaker_has_no_interval() -> None:
    # Only "a" has the positive: draws without them (0.8^5, about a third) have no AUC, and those that
    # are left all say 1.0. That is no precision.
    truth, score = np.array([1, 0, 0, 0, 0]), np.array([0.9, 0.1, 0.1, 0.1, 0.1])
    found = metrics.speaker_bootstrap(lambda i: metrics.auc(truth[i], score[i]), list("abcde"), n=100)
    assert found.value == 1.0 and math.isnan(found.low) and "not defined in" in found.why
    never = metrics.speaker_bootstrap(lambda i: float("nan"), list("abcde"), n=5)
    assert all(math.isnan(v) for v in (never.value, never.low, never.high))


def test_a_paired_difference_is_narrower_than_its_parts() -> None:
    hard = np.repeat(RNG.normal(0, 1, 20), 5)
    a, b = hard + 0.2 + RNG.normal(0, 0.1, 100), hard + RNG.normal(0, 0.1, 100)
    groups = list(np.repeat(np.arange(20), 5))
    difference = metrics.paired_bootstrap(
        lambda i: float(a[i].mean()), lambda i: float(b[i].mean()), groups, 300
    )
    alone = metrics.speaker_bootstrap(lambda i: float(a[i].mean()), groups, 300)
    assert difference.value == pytest.approx(a.mean() - b.mean())
    assert difference.low > 0 and difference.high - difference.low < (alone.high - alone.low) / 5


@pytest.mark.parametrize(("groups", "n"), [([], 10), (["a"], 0)])
def test_a_bootstrap_of_nothing_is_refused(groups: list[str], n: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        metrics.speaker_bootstrap(lambda i: 0.0, groups, n)
