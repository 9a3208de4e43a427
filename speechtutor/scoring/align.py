"""When each phone was said: exact CTC alignment of a text with its pronunciation variants.

The text becomes a graph: per word a junction (a blank shared by everything before and after it),
then one CTC chain per pronunciation, side by side. One Viterbi pass over all states (Graves et
al., 2006, for the chain) finds the best path and with it the variant of every word.

CTC says where a phone peaks, not where it ends. The frames between two peaks are shared out:

* inside a word, and between words that are at most `PAUSE` apart, the boundary is where the two
  phones' own probabilities say so (the split that makes the frames most likely if none is blank);
* a longer stretch between words is a pause: each side keeps at most `MARGIN` of it, and so do the
  first and the last phone of the text. What remains belongs to no phone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speechtutor.audio.prosody import PAUSE
from speechtutor.core import AlignedPhone, Alignment, CanonicalWord, Emission, Seconds
from speechtutor.errors import TextError
from speechtutor.scoring.ctc import Array, Lattice, Span, checked

MARGIN: Seconds = 0.08
"""What a phone keeps of a pause beside it: about the length of a phone, as CTC peaks late or early in it."""


def align(emission: Emission, words: Sequence[CanonicalWord]) -> Alignment:
    """Where each phone of the text is, and which pronunciation of each word was said.

    Spans are contiguous inside a word and at least one frame long (the module says who gets the
    blanks). `log_likelihood` is that of the best path. The citation form wins a tie.

    Raises:
        TextError: when the text has no words, or a phone that the acoustic model does not know.
        InputError: when the recording is too short for the text or too long to align at once.
    """
    variants = [columns(emission.symbols, word) for word in words]
    if not variants:
        raise TextError("there is no word to align")
    frames, _ = checked(emission.log_probs, [], emission.blank)
    lattice = Lattice.of(variants, emission.blank)
    states, score = lattice.require_path(frames)
    runs = lattice.runs(states)
    owners = [lattice.owners[state] for state, _ in runs]
    chosen = dict(owners)
    spans = _share(
        frames,
        [int(lattice.symbols[state]) for state, _ in runs],
        [word for word, _ in owners],
        [span for _, span in runs],
        emission.frame_shift,
    )
    phones = tuple(
        AlignedPhone(emission.symbols[lattice.symbols[state]], word, *span)
        for (state, _), (word, _), span in zip(runs, owners, spans, strict=True)
    )
    picked = tuple(chosen[word] for word in range(len(words)))
    return Alignment(tuple(words), picked, phones, score, emission.frame_shift, emission.origin)


def _share(
    frames: Array, columns: Sequence[int], words: Sequence[int], peaks: Sequence[Span], frame_shift: Seconds
) -> list[Span]:
    """Peaks grown over the blanks around them, as the module says."""
    margin, pause = round(MARGIN / frame_shift), PAUSE / frame_shift
    starts = [max(peaks[0][0] - margin, 0)]
    ends = []
    for k in range(len(peaks) - 1):
        end, start = peaks[k][1], peaks[k + 1][0]
        if words[k] != words[k + 1] and start - end > pause:
            end, start = end + margin, start - margin
        else:
            end = start = end + _split(frames[end:start, columns[k]], frames[end:start, columns[k + 1]])
        ends.append(end)
        starts.append(start)
    ends.append(min(peaks[-1][1] + margin, len(frames)))
    return list(zip(starts, ends, strict=True))


def _split(left: Array, right: Array) -> int:
    """How many frames the left phone gets: the likeliest split, the one nearest the middle in a tie."""
    lead = np.maximum(left, -50.0) - np.maximum(right, -50.0)  # no single frame may decide alone
    gain = np.append(0.0, np.cumsum(lead))
    best = np.flatnonzero(gain >= gain.max() - 1e-9)
    return int(best[np.abs(best - len(lead) / 2).argmin()])


def columns(symbols: Sequence[str], word: CanonicalWord) -> list[list[int]]:
    """The pronunciations of a word as columns of the emission."""
    known = {symbol: column for column, symbol in enumerate(symbols)}
    for phone in (phone for phones in word.pronunciations for phone in phones):
        if phone not in known:
            raise TextError(f"the acoustic model does not know the phone {phone!r} of {word.text!r}")
    if not word.pronunciations or not all(word.pronunciations):
        raise TextError(f"{word.text!r} has no pronunciation")
    return [[known[phone] for phone in phones] for phones in word.pronunciations]
