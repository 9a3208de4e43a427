"""When a difference may be called one: p by hand, few speakers, many tests, and nothing to be found."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from speechtutor.evaluation import sampling, significance, summary
from speechtutor.evaluation.labelled import Labelled
from speechtutor.evaluation.result import Row, Run, Summary
from speechtutor.evaluation.significance import FIRST, SECOND, holm, regroupings, swaps
from speechtutor.metrics import LEAST_SPEAKERS


def mean_of(values: Sequence[float], who: Sequence[str]) -> Labelled:
    return Labelled("x", sampling.mean(values), who, len(values), "utterances")


def paired(changes: Sequence[float]) -> Labelled:
    """Two systems, one utterance a speaker: the second says 0, the first the change."""
    names = [f"s{i}" for i in range(len(changes))]
    who = [side + name for side in (FIRST, SECOND) for name in names]
    return mean_of([*changes, *[0.0] * len(changes)], who)


def p_of(changes: Sequence[float]) -> float | None:
    return swaps([f"s{i}" for i in range(len(changes))]).p(paired(changes))


def test_p_of_sign_flips_by_hand() -> None:
    # The sum of 1, 2, 3, 4, -1 is 9, of 11 in all. A sum of 9 or more means that flips cost 1 at most:
    # none of the absolute values flipped, or one of the two ones: 3 of 32 patterns, and as many below -9.
    assert p_of([1, 2, 3, 4, -1]) == pytest.approx(6 / 32)
    # All of one sign: only that pattern and its mirror, which is the floor 2^(1-k).
    assert p_of([1, 2, 3, 4, 5]) == pytest.approx(2 / 32)
    assert p_of([0.01] * 8) == pytest.approx(2 / 256)
    assert p_of([0.0] * 6) == 1.0


def test_exact_p_is_that_of_every_pattern() -> None:
    changes = np.random.default_rng(5).normal(0.3, 1, 9)
    sums = [abs(np.dot(signs, changes)) for signs in product((1, -1), repeat=9)]
    assert p_of(changes.tolist()) == pytest.approx(np.mean(np.array(sums) >= abs(changes.sum()) - 1e-12))


def test_many_speakers_are_drawn_and_come_near() -> None:
    changes = np.random.default_rng(6).normal(0.25, 1, 14)
    signs = np.array(list(product((1, -1), repeat=14)))
    exact = float(np.mean(np.abs(signs @ changes) >= abs(changes.sum()) - 1e-12))
    found = p_of(changes.tolist())
    assert significance.MOST_EXACT < 2**13 and found == pytest.approx(exact, abs=0.02)
    assert found == p_of(changes.tolist()), "the seed decides"


@pytest.mark.parametrize("k", range(1, LEAST_SPEAKERS))
def test_a_handful_of_speakers_is_not_tested(k: int) -> None:
    assert p_of([1.0] * k) is None


def test_a_figure_may_have_fewer_speakers_than_the_run() -> None:
    who = [side + f"s{i}" for side in (FIRST, SECOND) for i in range(3)]
    assert swaps([f"s{i}" for i in range(20)]).p(mean_of([1.0] * 3 + [0.0] * 3, who)) is None


def test_p_of_two_groups_by_hand() -> None:
    first, second = [f"a{i}" for i in range(5)], [f"b{i}" for i in range(5)]
    ways = regroupings(first, second)
    assert ways is not None and len(ways.first) == 252
    # 1 to 5 against 6 to 10: of the 252 choices only that one and its mirror are as far apart.
    assert ways.p(mean_of(list(range(1, 11)), [*first, *second])) == pytest.approx(2 / 252)
    assert ways.p(mean_of([1, 2, 3], first[:3])) is None
    assert regroupings(first, [*second, "a0"]) is None, "somebody in both is no two groups"


def test_holm_by_hand() -> None:
    # 0.01 x 3; then 0.03 x 2; then 0.04 x 1, but never below the one before: 0.06.
    assert holm([0.01, None, 0.04, 0.03]) == [pytest.approx(0.03), None, 0.06, 0.06]
    assert holm([0.9, 0.8]) == [1.0, 1.0] and holm([]) == []
    # Sixteen tests: a single 0.04 says nothing.
    assert not any(map(significance.differs, holm([0.04, *[0.5] * 15])))


# Nothing to be found


def rows(values: np.ndarray, who: Sequence[str]) -> list[Row]:
    return [
        Row(f"u{i}", name, "dev", "", "text", metrics={f"m{j}": float(x) for j, x in enumerate(line)})
        for i, (line, name) in enumerate(zip(values, who, strict=True))
    ]


def kind(n_figures: int) -> summary.EvaluationKind:
    def figures(part: Sequence[Row]) -> dict[str, Labelled]:
        return {
            f"m{j}": mean_of([r.metrics[f"m{j}"] or 0.0 for r in part], [r.speaker for r in part])
            for j in range(n_figures)
        }

    return summary.EvaluationKind("asr", figures, [f"m{j}" for j in range(n_figures)], lambda *_: {}, "m0")


def null_comparison(rng: np.random.Generator, k: int, n_figures: int) -> bool:
    """Whether two systems that are the same are said to differ in anything; speakers are not alike."""
    who = [f"s{i % k}" for i in range(4 * k)]
    lean = rng.normal(0, 1, (k, n_figures))[[i % k for i in range(4 * k)]]
    sides = [rows(sign * lean / 2 + rng.normal(0, 0.5, lean.shape), who) for sign in (1, -1)]
    old = Run(Path("old"), {}, Summary("asr", "old", {}, {}), sides[1])
    found = summary.compared(kind(n_figures), sides[0], old, draws=1, seed=0)
    return any(row.differs for row in found.differences.values())


@pytest.mark.parametrize(("k", "n_figures"), [(2, 1), (3, 1), (4, 1), (6, 1), (9, 1), (11, 16)])
def test_systems_that_are_the_same_rarely_differ(k: int, n_figures: int) -> None:
    """Of many comparisons of equals at most one in twenty finds anything, also among sixteen figures."""
    rng = np.random.default_rng(100 * k + n_figures)
    n = 300 if n_figures == 1 else 100
    found = np.mean([null_comparison(rng, k, n_figures) for _ in range(n)])
    # Three standard errors of a share of 0.05 above it; with fewer than five speakers never.
    assert found <= (0.0 if k < LEAST_SPEAKERS else 0.05 + 3 * np.sqrt(0.05 * 0.95 / n))


def test_a_real_difference_is_found() -> None:
    rng = np.random.default_rng(1)
    who = [f"s{i % 12}" for i in range(48)]
    same = rng.normal(0, 1, (48, 4))
    shift = np.array([0.5, 0, 0, 0])
    old = Run(Path("old"), {}, Summary("asr", "old", {}, {}), rows(same, who))
    found = summary.compared(kind(4), rows(same + shift + rng.normal(0, 0.1, same.shape), who), old, draws=50)
    assert [row.differs for row in found.differences.values()] == [True, False, False, False]


def test_groups_that_are_the_same_rarely_differ() -> None:
    """Sixteen gaps between girls and boys, as on a page of a scoring run."""
    rng = np.random.default_rng(3)
    n, wrong = 60, 0
    who = [f"s{i % 12}" for i in range(60)]
    for _ in range(n):
        values = rng.normal(0, 1, (12, 16))[[i % 12 for i in range(60)]] + rng.normal(0, 0.3, (60, 16))
        made = [
            Row(r.id, r.speaker, r.split, "", "", groups={"gender": "female" if i % 12 < 6 else "male"},
                metrics=r.metrics)
            for i, r in enumerate(rows(values, who))
        ]  # fmt: skip
        found = summary.summarise(kind(16), "m", made, {}, draws=1)
        assert len(found.gaps) == 16
        wrong += any(gap.differs for gap in found.gaps)
    assert wrong / n <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / n)
