"""No change is claimed that noise would make as well."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from speechtutor.content.tables import read
from speechtutor.core import LearnerState
from speechtutor.errors import InputError
from speechtutor.learner import belief
from speechtutor.learner.change import overall_change, skill_change
from speechtutor.learner.evidence import Evidence

START = datetime(2026, 1, 1, tzinfo=UTC)
TH = "sound:TH:onset"


def test_overall_by_hand() -> None:
    """With n = 4 and 4 the error is noise * sqrt(1/2)."""
    noise = read("learner")["noise"]
    found = overall_change([0.7] * 4, [0.72] * 4)
    assert (found.value, found.error) == (pytest.approx(0.02), pytest.approx(noise * 0.5**0.5))
    assert not found.real and overall_change([0.5] * 4, [0.9] * 4).real
    with pytest.raises(InputError, match="empty"):
        overall_change([], [0.5])


def test_who_stays_the_same_is_seldom_said_to_have_changed() -> None:
    """Two hundred learners without change: about one in twenty is told so, and who learns much is told."""
    rng, claimed, missed = np.random.default_rng(0), 0, 0
    for _ in range(200):
        p = belief.sigmoid(belief.believed(LearnerState(), TH).logit + rng.normal(0, 0.3**0.5 + 0.5))
        said = [Evidence(TH, float(rng.random() < p)) for _ in range(60)]
        before = belief.learn(LearnerState(), START, said[:30])
        claimed += skill_change(before, belief.learn(before, START, said[30:]), TH).real
        better = [Evidence(TH, 1.0)] * 30
        weak = belief.learn(
            LearnerState(), START, [Evidence(TH, float(rng.random() < 0.4)) for _ in range(30)]
        )
        missed += not skill_change(weak, belief.learn(weak, START, better), TH).real
    assert claimed / 200 <= 0.1
    assert missed / 200 <= 0.5
