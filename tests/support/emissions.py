"""Frame-wise log-probabilities whose content is known, and the slow way to count their paths."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from speechtutor.core import CanonicalWord, Emission

SYMBOLS = ("", *"AA AE AH AO AY B CH D DH EH ER F IH IY K L M N P S T TH UW Z".split())


def normalised(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def random_frames(
    rng: np.random.Generator, n_frames: int, n_symbols: int, sharpness: float = 2.0
) -> NDArray[np.float64]:
    """Shape (n_frames, n_symbols); a sharpness of 0 is flat, of 20 as peaky as it gets."""
    return normalised(sharpness * rng.normal(size=(n_frames, n_symbols)))


def spoken(script: str, *, peak: int = 2, gap: int = 3, seed: int = 0, frame_shift: float = 0.02) -> Emission:
    """A CTC-like emission: phones peak for `peak` frames, `gap` blank frames between; "_" is one more gap."""
    rng = np.random.default_rng(seed)
    columns = [0] * gap
    for phone in script.split():
        columns += ([] if phone == "_" else [SYMBOLS.index(phone)] * peak) + [0] * gap
    logits = rng.normal(size=(len(columns), len(SYMBOLS)))
    logits[np.arange(len(columns)), columns] += 9.0
    return Emission(normalised(logits).astype(np.float32), SYMBOLS, frame_shift)


def flat(n_frames: int) -> Emission:
    """Every symbol as probable as any other."""
    n = len(SYMBOLS)
    return Emission(np.full((n_frames, n), -np.log(n), np.float32), SYMBOLS, 0.02)


def word(*pronunciations: str, text: str = "") -> CanonicalWord:
    phones = tuple(tuple(pronunciation.split()) for pronunciation in pronunciations)
    return CanonicalWord(text or pronunciations[0], 0, 1, phones, tuple((0,) * len(p) for p in phones))


def words(text: str) -> list[CanonicalWord]:
    """ "DH AH | K AE T" as one word each."""
    return [word(part) for part in text.split("|")]


def collapse(path: Sequence[int], blank: int = 0) -> tuple[int, ...]:
    """What a path spells: runs merged, then blanks dropped."""
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != blank)


def all_texts(log_probs: NDArray[np.float64], blank: int = 0) -> dict[tuple[int, ...], float]:
    """Log-likelihood of every possible text, by walking every path there is; others are impossible."""
    found: dict[tuple[int, ...], float] = defaultdict(lambda: -np.inf)
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        text = collapse(path, blank)
        found[text] = np.logaddexp(found[text], log_probs[np.arange(len(path)), path].sum())
    return found
