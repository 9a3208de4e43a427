from __future__ import annotations

import numpy as np
import pytest

from speechtutor.core import Emission, Pitch, Ratings, Recording
from speechtutor.scoring import gop
from speechtutor.scoring.align import align
from speechtutor.scoring.features import PHONE_BLOCKS, UTTERANCE_BLOCKS, Features, extract
from speechtutor.text.phones import PHONES
from tests.support.emissions import normalised, word

SYMBOLS = ("<blank>", *PHONES)


def emission(script: str, gap: int = 3, seed: int = 0) -> Emission:
    rng = np.random.default_rng(seed)
    columns = [0] * 5
    for phone in script.split():
        columns += [SYMBOLS.index(phone)] * 2 + [0] * gap
    columns += [0] * 5
    logits = rng.normal(size=(len(columns), len(SYMBOLS)))
    logits[np.arange(len(columns)), columns] += 9.0
    embedding = rng.normal(size=(len(columns), 8)).astype(np.float32)
    return Emission(normalised(logits).astype(np.float32), SYMBOLS, 0.02, embedding=embedding, origin=-0.1)


def cues(script: str, text: tuple[str, ...], hz: float | None = 200.0, gain: float = 1.0) -> Features:
    heard = emission(script)
    n = len(heard.log_probs) * 320
    samples = (gain * 0.1 * np.sin(np.arange(n) / 10)).astype(np.float32)
    times = np.arange(0, n / 16_000, 0.016, dtype=np.float32)
    voiced = np.full(len(times), hz is not None)
    pitch = Pitch(times, np.where(voiced, hz or np.nan, np.nan).astype(np.float32), voiced)
    alignment = align(heard, [word(w) for w in text])
    return extract(
        heard, alignment, gop.measure(heard, alignment, insertions=True), Recording(samples), pitch
    )


def test_shapes_and_places() -> None:
    found = cues("TH IH NG K AY", ("TH IH NG K", "AY"))
    assert found.phones.shape[0] == 5 and found.embedding.shape == (5, 8) and found.moments.shape == (16,)
    assert [PHONES[c] for c in found.canonical] == ["TH", "IH", "NG", "K", "AY"]
    assert found.edge.tolist() == [1, 2, 2, 3, 0]  # first, inner, inner, last; the only one of its word
    assert found.stress.tolist() == [3, 0, 3, 3, 0]  # 3 for consonants
    assert np.isfinite(found.phones).all() and np.isfinite(found.utterance).all()


def test_a_substituted_phone_changes_its_own_numbers_most() -> None:
    good, bad = (cues(script, ("TH IH NG K",)) for script in ("TH IH NG K", "S IH NG K"))
    change = np.abs(good.phones - bad.phones).sum(1)
    assert change.argmax() == 0 and change[0] > 3 * change[2]


def test_loudness_does_not_matter() -> None:
    one, half = cues("TH IH NG K", ("TH IH NG K",)), cues("TH IH NG K", ("TH IH NG K",), gain=0.5)
    assert one.phones == pytest.approx(half.phones, abs=1e-3)


def test_an_unvoiced_recording_has_no_melody_and_no_nan() -> None:
    found = cues("S", ("S",), hz=None)
    assert np.isfinite(found.phones).all() and np.isfinite(found.utterance).all()


def test_an_emission_without_embedding_is_refused() -> None:
    heard = emission("S")
    bare = Emission(heard.log_probs, heard.symbols, heard.frame_shift)
    alignment = align(bare, [word("S")])
    silence = Recording(np.zeros(16_000, np.float32))
    nothing = np.zeros(0, np.float32)
    with pytest.raises(ValueError, match="embedding"):
        extract(
            bare,
            alignment,
            gop.measure(bare, alignment),
            silence,
            Pitch(nothing, nothing, nothing.astype(bool)),
        )


def test_the_blocks_name_every_column() -> None:
    found = cues("TH IH NG K", ("TH IH NG K",))
    assert found.phones.shape[1] == sum(PHONE_BLOCKS.values()) - PHONE_BLOCKS["ratings"]
    assert len(found.utterance) == sum(UTTERANCE_BLOCKS.values()) - UTTERANCE_BLOCKS["ratings"]


def test_ratings_of_the_acoustic_model_are_the_last_columns() -> None:
    heard = emission("TH IH NG K AY")
    alignment = align(heard, [word("TH IH NG K"), word("AY")])
    ratios = gop.measure(heard, alignment, insertions=True)
    n = len(heard.log_probs) * 320
    silent = Pitch(np.zeros(1, np.float32), np.zeros(1, np.float32), np.zeros(1, bool))
    phones, words, whole = np.linspace(0, 0.4, 5), np.array([0.5, 1.0]), np.array([0.6, 0.7, 0.8, 0.9])
    given = Ratings(phones, words, whole)
    found = extract(heard, alignment, ratios, Recording(np.zeros(n, np.float32)), silent, given)
    # Features are on the raters' 0-2 scale; a word's rating stands beside each of its phones.
    assert found.phones[:, -2] == pytest.approx(2 * phones)
    assert found.phones[:, -1].tolist() == [1.0, 1.0, 1.0, 1.0, 2.0]
    assert found.utterance[-4:] == pytest.approx(2 * whole)
