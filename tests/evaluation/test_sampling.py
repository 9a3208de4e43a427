"""Figures under weights of speakers, against the same figures computed on repeated items."""

from __future__ import annotations

import math

import jiwer
import numpy as np
import pytest

from speechtutor import metrics
from speechtutor.evaluation import groups, sampling
from speechtutor.evaluation.groups import Cell
from speechtutor.evaluation.labelled import Labelled
from speechtutor.evaluation.result import Row
from speechtutor.evaluation.sampling import Speakers

RNG = np.random.default_rng(11)
N = 60
WHO = [f"s{i}" for i in RNG.integers(7, size=N)]
X = np.round(RNG.random(N), 1)  # with ties
Y = np.clip(X + RNG.normal(0, 0.3, N), 0, 1).round(1)
WRONG = X < 0.3
TWINS = {
    "pcc": (sampling.pcc(X, Y), lambda i: metrics.pcc(X[i], Y[i])),
    "mse": (sampling.mse(X, Y, scale=2), lambda i: metrics.mse(2 * X[i], 2 * Y[i])),
    "spearman": (sampling.spearman(X, Y), lambda i: metrics.spearman(X[i], Y[i])),
    "qwk": (sampling.qwk(X, Y, 10), lambda i: metrics.qwk(np.rint(10 * X[i]), np.rint(10 * Y[i]))),
    "auc": (sampling.auc(WRONG, Y), lambda i: metrics.auc(WRONG[i], Y[i])),
    "ece": (sampling.ece(WRONG, Y), lambda i: metrics.ece(WRONG[i], Y[i])),
    "precision": (
        sampling.detection(WRONG, Y < 0.4)["precision"],
        lambda i: metrics.mdd(WRONG[i], Y[i] < 0.4).precision,
    ),
    "recall": (
        sampling.detection(WRONG, Y < 0.4)["recall"],
        lambda i: metrics.mdd(WRONG[i], Y[i] < 0.4).recall,
    ),
    "f1": (sampling.detection(WRONG, Y < 0.4)["f1"], lambda i: metrics.mdd_f1(WRONG[i], Y[i] < 0.4)),
    "mean": (sampling.mean(Y), lambda i: float(Y[i].mean())),
}


@pytest.mark.parametrize("name", TWINS)
def test_a_figure_and_its_interval_are_those_of_the_slow_way(name: str) -> None:
    fast, slow = TWINS[name]
    expected = metrics.speaker_bootstrap(slow, WHO, n=40, seed=3)
    found = Speakers(WHO, 40, seed=3).estimate(fast, WHO)
    assert (found.value, *found.bounds) == pytest.approx(
        (expected.value, expected.low, expected.high), abs=1e-9, nan_ok=True
    )


def test_false_alarms_are_per_hundred_right_items() -> None:
    # Four right items, one of them flagged: 25 of 100.
    figure = sampling.detection([0, 0, 0, 0, 1], [1, 0, 0, 0, 1])["false_alarms"]
    assert Speakers(["a"], 1).estimate(figure, ["a"] * 5).value == 25.0


@pytest.mark.parametrize(
    ("reference", "hypothesis"), [("a b c", "a x c d"), ("a b", ""), ("", "a"), ("", ""), ("a a b", "a b b")]
)
def test_rates_are_those_of_jiwer(reference: str, hypothesis: str) -> None:
    pairs = [("x y", "x z"), (reference, hypothesis)]
    truth = jiwer.process_words([r for r, _ in pairs], [h for _, h in pairs])
    counted = metrics.edits([r for r, _ in pairs], [h for _, h in pairs])
    hits, errors, length = ([getattr(e, k) for e in counted] for k in ("hits", "errors", "length"))
    heard = [len(h.split()) for _, h in pairs]
    figures = sampling.rate(errors, length), sampling.mer(hits, errors), sampling.wil(hits, length, heard)
    speakers = Speakers(["a", "b"], 1)
    found = [speakers.estimate(figure, ["a", "b"]).value for figure in figures]
    assert found == pytest.approx([truth.wer, truth.mer, truth.wil])


def test_nothing_said_and_nothing_heard_is_no_information_lost() -> None:
    assert Speakers(["a"], 1).estimate(sampling.wil([0], [0], [0]), ["a"]).value == 0.0


@pytest.mark.parametrize(
    "figure",
    [
        sampling.pcc([1, 1], [0, 1]),
        sampling.spearman([1, 1], [0, 1]),
        sampling.auc([True, True], [0, 1]),
        sampling.qwk([0, 0], [0, 0], 2),
    ],
)
def test_what_is_not_defined_is_nan(figure: sampling.Figure) -> None:
    found = Speakers(["a", "b"], 5).estimate(figure, ["a", "b"])
    assert math.isnan(found.value) and all(map(math.isnan, found.bounds))


def test_the_best_threshold_is_the_best_of_all() -> None:
    stated = np.round(1 - Y, 1)
    tried = [metrics.mdd_f1(WRONG, stated >= t) for t in np.unique(stated)]
    best = sampling.best_threshold(WRONG, stated)
    assert metrics.mdd_f1(WRONG, stated >= best) == pytest.approx(max(tried))


def test_no_draws_and_no_speakers_are_refused() -> None:
    for speakers, n in (([], 5), (["a"], 0)):
        with pytest.raises(ValueError, match="at least one"):
            Speakers(speakers, n)


# Cells


def row(i: int, speaker: str, **cells: str) -> Row:
    return Row(f"u{i}", speaker, "dev", "a.wav", "hi", groups=cells)


def test_a_small_cell_is_suppressed_and_the_gap_is_paired() -> None:
    rows = [row(i, f"s{i % 6}", age="under 16") for i in range(30)]
    rows += [row(i, f"t{i % 5}", age="16 or older") for i in range(30, 55)]
    rows += [row(i, f"v{i % 4}", age="not given") for i in range(55, 95)]  # four speakers
    rows += [row(i, f"w{i}", age="odd") for i in range(95, 114)]  # 19 utterances
    speakers = Speakers([r.speaker for r in rows], 50)

    def figures(part):
        values = [float(r.speaker.startswith("s")) for r in part]
        return {"x": Labelled("x", sampling.mean(values), [r.speaker for r in part], len(part), "utterances")}

    cells, gaps = groups.broken_down(rows, figures, ["x"], speakers)
    assert [(c.name, c.suppressed, c.n_utterances) for c in cells] == [
        ("not given", True, 40), ("under 16", False, 30), ("16 or older", False, 25), ("odd", True, 19)
    ]  # fmt: skip
    assert [c.metrics["x"].value for c in cells if c.metrics] == [1.0, 0.0]
    ((gap),) = gaps
    assert (gap.first, gap.second, gap.metric.value, gap.metric.low) == ("under 16", "16 or older", 1.0, 1.0)
    # Of the 462 ways to choose 6 of 11 speakers only the true one gives a gap of 1.
    assert gap.p == gap.p_corrected == pytest.approx(1 / 462) and gap.differs


def test_one_cell_is_no_breakdown() -> None:
    assert groups.cells([row(i, "s", age="under 16") for i in range(3)]) == []
    assert Cell("age", "x", [row(i, f"s{i % 5}") for i in range(20)]).small is False


@pytest.mark.parametrize(
    ("snr", "name"),
    [
        (None, "not measured"),
        (-3, "under 10 dB"),
        (10, "10-20 dB"),
        (29.9, "20-30 dB"),
        (30, "30 dB or more"),
    ],
)
def test_noise_bands(snr: float | None, name: str) -> None:
    assert groups.of_snr(snr) == {"snr": name}
