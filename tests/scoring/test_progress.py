from __future__ import annotations

import numpy as np
import pytest

from speechtutor.core import Emission
from speechtutor.errors import TextError
from speechtutor.scoring import ctc
from speechtutor.scoring.progress import n_said
from speechtutor.text.phones import PHONES, pronounce

SYMBOLS = ("<blank>", *PHONES)
WORDS = pronounce("I think so today")


def emission(phones: list[str], sure: float = 0.9) -> Emission:
    """Two frames a phone with a blank behind each."""
    path = [i for phone in phones for i in (SYMBOLS.index(phone), SYMBOLS.index(phone), 0)] or [0, 0]
    rows = np.full((len(path), len(SYMBOLS)), (1 - sure) / (len(SYMBOLS) - 1), np.float32)
    rows[np.arange(len(path)), path] = sure
    return Emission(np.log(rows), SYMBOLS, 0.02)


SAID = [phone for word in WORDS for phone in word.pronunciations[0]]


@pytest.mark.parametrize(("n_phones", "n_words"), [(0, 0), (1, 1), (5, 2), (7, 3), (len(SAID), 4)])
def test_the_words_that_were_said(n_phones: int, n_words: int) -> None:
    """AY | TH IH NG K | S OW | …: so many phones are so many words."""
    assert n_said(emission(SAID[:n_phones]), WORDS) == n_words


@pytest.mark.parametrize("seed", range(20))
def test_slow_twin(seed: int) -> None:
    """The likeliest beginning, each of which is summed over by a forward pass of its own."""
    rng = np.random.default_rng(seed)
    logits = (
        rng.normal(size=(25, len(SYMBOLS))) * 2 + emission(SAID[: rng.integers(len(SAID))], 0.5).log_probs[0]
    )
    noisy = Emission(
        (logits - np.logaddexp.reduce(logits, 1, keepdims=True)).astype(np.float32), SYMBOLS, 0.02
    )
    likelihoods = []
    for k in range(len(WORDS) + 1):
        targets = [SYMBOLS.index(p) for word in WORDS[:k] for p in word.pronunciations[0]]
        alpha = ctc.forward(noisy.log_probs, targets)
        likelihoods.append(ctc.log_likelihood(alpha) if targets else float(alpha[-1, 0]))
    assert n_said(noisy, WORDS) == int(np.argmax(likelihoods))


def test_a_model_of_other_phones() -> None:
    with pytest.raises(TextError, match="does not know the phone"):
        n_said(Emission(np.zeros((3, 2), np.float32), ("<blank>", "AA"), 0.02), WORDS)
