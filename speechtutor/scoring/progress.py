"""How far a reading has come: which first words of a text were said so far."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speechtutor.core import CanonicalWord, Emission
from speechtutor.errors import InputError
from speechtutor.scoring import ctc
from speechtutor.scoring.align import columns


def n_said(emission: Emission, words: Sequence[CanonicalWord]) -> int:
    """The number k for which "the first k words and no more" fits best what was heard so far.

    One forward pass (Graves et al., 2006) over the whole text holds the likelihoods of all of its
    beginnings: that of the first k words is the mass that is, at the last frame, in their last phone or the
    blank behind it. By citation forms: it is where one is that counts, not how the words were said.

    Raises:
        TextError: for a phone that the acoustic model does not know.
    """
    targets = [columns(emission.symbols, word)[0] for word in words]
    ends = np.cumsum([0, *map(len, targets)])  # phones up to the end of each word
    flat = [column for phones in targets for column in phones]
    try:
        last = ctc.forward(emission.log_probs, flat, emission.blank)[-1]
    except InputError:  # too long for the table
        return 0
    after_blank = last[2 * ends]
    in_phone = np.concatenate([[-np.inf], last[2 * ends[1:] - 1]])
    return int(np.logaddexp(after_blank, in_phone).argmax())
