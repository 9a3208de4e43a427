"""The diagnosis: its numbers against the exact ratios, its probabilities, and that it knows no speaker."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from speechtutor.core import CanonicalWord, Emission
from speechtutor.errors import ModelError
from speechtutor.scoring import gop
from speechtutor.scoring.align import align
from speechtutor.scoring.diagnosis import STRICTNESS, Calibration, Model, Network
from speechtutor.scoring.signs import LEFT_OUT, LIMIT, Signs, evidence, signs
from speechtutor.text.phones import PHONES
from tests.support.emissions import normalised

SYMBOLS = ("", *PHONES)


def spoken(script: str, seed: int = 0, peak: int = 3, gap: int = 2) -> Emission:
    """Phones peak for three frames, with two of blank between."""
    columns = [0] * gap
    for phone in script.split():
        columns += [SYMBOLS.index(phone)] * peak + [0] * gap
    logits = np.random.default_rng(seed).normal(size=(len(columns), len(SYMBOLS)))
    logits[np.arange(len(columns)), columns] += 9.0
    return Emission(normalised(logits).astype(np.float32), SYMBOLS, 0.02)


def words(text: str) -> list[CanonicalWord]:
    found = []
    for part in text.split("|"):
        phones = tuple(part.split())
        found.append(CanonicalWord(part.strip(), 0, 1, (phones,), (tuple(0 for _ in phones),)))
    return found


def network(n_own: int, n_context: int, n_alternatives: int, seed: int) -> Network:
    rng = np.random.default_rng(seed)
    weights = {"table": rng.normal(size=(40, n_alternatives))}
    for name, n, width in (("own", n_own, 5), ("context", n_context, 7)):
        weights |= {f"{name}.mean": rng.normal(size=n), f"{name}.deviation": rng.uniform(0.5, 2, n)}
        weights |= {f"{name}.0.weight": rng.normal(size=(width, n)), f"{name}.0.bias": rng.normal(size=width)}
        weights |= {f"{name}.1.weight": rng.normal(size=(1, width)), f"{name}.1.bias": rng.normal(size=1)}
    return Network(weights)


def model(found: Signs, slope: float = 1.0) -> Model:
    limits = Calibration(slope, 0.0, {"lenient": 0.9, "standard": 0.5, "strict": 0.1})
    phones = network(found.phones.shape[-1], found.around_phones.shape[-1], 40, 1)
    gaps = network(found.gaps.shape[-1], found.around_gaps.shape[-1], 39, 2)
    return Model([phones, phones], [gaps], limits, limits)


def test_evidence_is_the_exact_ratios_in_the_order_of_the_phones() -> None:
    emission = spoken("S IH NG K")
    alignment = align(emission, words("TH IH NG K"))
    found, ratios = evidence(emission, alignment), gop.measure(emission, alignment, insertions=True)
    said = PHONES.index("S")
    column = int(np.searchsorted(ratios.columns, SYMBOLS.index("S")))
    assert found.changed[0, said] == pytest.approx(min(ratios.substitution[0, column], LIMIT))
    assert found.changed[0].argmax() == said
    assert found.changed[1, LEFT_OUT] == pytest.approx(max(ratios.deletion[1], -LIMIT))
    assert found.changed[0, PHONES.index("TH")] == -LIMIT
    assert found.peak[0, said] == pytest.approx(0.0, abs=0.1)


def test_networks_of_another_number_of_ears_are_refused() -> None:
    emission = spoken("S IH NG K")
    alignment = align(emission, words("TH IH NG K"))
    one, two = (signs([emission] * n, alignment) for n in (1, 2))
    with pytest.raises(ModelError, match="another number of ears"):
        model(one).diagnose(two)
    assert len(model(two).diagnose(two).phones) == 4


def test_probabilities_add_up_and_the_own_phone_is_no_alternative() -> None:
    emission = spoken("S IH NG K S OW")
    found = signs([emission, spoken("S IH NG K S OW", seed=1)], align(emission, words("TH IH NG K | S OW")))
    phones, gaps = model(found).posteriors(found)
    assert phones.shape == (6, 41)
    assert gaps.shape == (7, 40)
    np.testing.assert_allclose(phones.sum(1), 1)
    np.testing.assert_allclose(gaps.sum(1), 1)
    assert np.all(phones[np.arange(6), found.canonical + 1] == 0)


def test_two_equal_networks_say_what_one_says() -> None:
    emission = spoken("S IH NG K")
    found = signs([emission], align(emission, words("TH IH NG K")))
    two = model(found)
    np.testing.assert_allclose(
        two.posteriors(found)[0], replace(two, phones=two.phones[:1]).posteriors(found)[0]
    )


def test_strictness_only_moves_the_threshold() -> None:
    emission = spoken("S IH NG K")
    found = signs([emission], align(emission, words("TH IH NG K")))
    one = model(found)
    views = [one.diagnose(found, strictness) for strictness in STRICTNESS]
    for view in views[1:]:
        assert [f.probability for f in view.phones] == [f.probability for f in views[0].phones]
    named = [{i for i, f in enumerate(v.phones) if f.heard is not None} for v in views]
    assert named[0] <= named[1] <= named[2]
    for finding in views[0].phones:
        assert sum(c.probability for c in finding.nbest) <= finding.probability + 1e-9
        assert [c.probability for c in finding.nbest] == sorted(
            (c.probability for c in finding.nbest), reverse=True
        )


def test_calibration_keeps_order_and_bounds() -> None:
    curve = Calibration(0.7, -1.0, {})
    values = curve(np.array([0.0, 1e-6, 0.2, 0.5, 0.999, 1.0]))
    assert np.all(np.diff(values) >= 0)
    assert values[0] >= 0
    assert values[-1] <= 1
    assert values[3] == pytest.approx(1 / (1 + np.e))


def test_a_far_off_word_does_not_change_a_finding() -> None:
    """Nothing of the speaker's or the utterance's level goes in: only what stands nearby."""
    tail = "K AE T M AE T S AH N"
    good, bad = spoken(f"S IH NG K {tail} B IH G"), spoken(f"S IH NG K {tail} D OW L")
    text = "TH IH NG K | K AE T | M AE T | S AH N | B IH G"
    one, two = (signs([e], align(e, words(text))) for e in (good, bad))
    first = model(one).diagnose(one).phones[:4]
    second = model(one).diagnose(two).phones[:4]
    for a, b in zip(first, second, strict=True):
        assert a.probability == pytest.approx(b.probability, abs=1e-3)
