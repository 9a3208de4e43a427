"""Speech that the text does not hold: inserted words and words said again.

The alignment explains the text, the free decoding what was heard; what only the second one has,
between two words, is extra. A single sound beyond the text, such as a vowel after a final
consonant, is too short for that: it is found by the likelihood ratios of `speechtutor.scoring.gop`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np

from speechtutor.core import Alignment, Emission, ErrorType, Seconds
from speechtutor.scoring.ctc import Decoded, Lattice, Span, checked, decode, forced_align
from speechtutor.scoring.diagnosis import Finding
from speechtutor.scoring.gop import Ratios

_MARGIN: Seconds = 0.1
"""A phone may peak so far outside the voiced interval that it belongs to."""
_REACH: Seconds = 0.2
"""So far from a canonical phone a decoded one costs as much as a wrong symbol."""
_UNPAIRED = 0.7
"""Cost of a phone on one side only; two of them cost more than one substitution."""
_ALIKE = 0.6
"""Words whose phones share this much (1 - edit distance / length) are the same word said again."""
_SOUND_GAIN = 3.0
"""Nats from which a single sound is extra. On train speakers that the recogniser never heard this finds half
of the sounds that were taken out of the text, names nine of ten of them, and 0.14 % of the places between
two well-said sounds that had none."""


@dataclass(frozen=True, slots=True)
class Extra:
    """Speech that the text does not hold, between two of its words.

    `word` is the index of the word that follows (the number of words at the end). `kind` is
    Repetition when the phones are those of neighbouring words, else Insertion. `gain` is the log
    ratio (nats) of the best path with these phones against the one without.
    """

    start: Seconds
    end: Seconds
    phones: tuple[str, ...]
    kind: ErrorType
    word: int
    gain: float


def extra_speech(
    emission: Emission,
    alignment: Alignment,
    activity: Sequence[tuple[Seconds, Seconds]] | None = None,
    *,
    min_phones: int = 2,
    min_gain: float = 5.0,
) -> tuple[Extra, ...]:
    """Phones that were said between the words of the text: insertions and repeated words.

    The freely decoded phones are paired with the canonical ones by symbol and time; what stays
    unpaired at a word boundary is extra. `activity` (voiced intervals in seconds) drops phones
    decoded from noise. Runs shorter than `min_phones`, unless they repeat a neighbouring word
    exactly, or with a gain below `min_gain` are noise of the decoder and left out.
    """
    targets = [emission.symbols.index(phone.canonical) for phone in alignment.phones]
    frames, _ = checked(emission.log_probs, targets, emission.blank)
    path = forced_align(frames, targets, emission.blank)
    decoded = [found for found in decode(emission) if _active(emission, found, activity)]
    matches = _pair(decoded, alignment, path.spans)
    extras = []
    for places in _boundary_runs(decoded, matches, alignment):
        # of equivalent places the one where something is said again; else the one that was paired
        judged = [(_repeats(_phones(decoded, place), alignment, place.word), place) for place in places]
        (exact, alike), place = max(judged, key=lambda one: one[0])
        phones = _phones(decoded, place)
        if len(phones) < min_phones and not exact:
            continue
        position = sum(phone.word < place.word for phone in alignment.phones)
        inserted = [emission.symbols.index(phone) for phone in phones]
        longer = Lattice.of([[targets[:position] + inserted + targets[position:]]], emission.blank)
        gain = longer.best_path(frames)[1] - path.score
        if gain >= min_gain:
            kind = ErrorType.REPETITION if alike else ErrorType.INSERTION
            start, end = decoded[place.first].start_frame, decoded[place.last - 1].end_frame
            times = max(emission.time(start), 0.0), max(emission.time(end), 0.0)
            extras.append(Extra(*times, phones, kind, place.word, gain))
    return tuple(extras)


@dataclass(frozen=True, slots=True)
class ExtraSound:
    """A sound that was put into a word or at its edge.

    It stands before the word's phone `at` (the number of its phones at the end); `gain` is the log
    likelihood ratio (nats) of the text with it against the text.
    """

    word: int
    at: int
    phone: str
    gain: float


def extra_sounds(
    emission: Emission, alignment: Alignment, ratios: Ratios, *, min_gain: float = _SOUND_GAIN
) -> tuple[ExtraSound, ...]:
    """Sounds that were put into the text one at a time, such as the vowel that breaks up a cluster.

    Such a sound must explain the recording better than any change of its two neighbours: a wrong
    phone also fits as itself with another one beside it. `ratios` are those of the text, with
    insertions; without them nothing is found.
    """
    if ratios.insertion is None:
        return ()
    changes = np.maximum(ratios.substitution.max(axis=1), ratios.deletion)
    around = np.concatenate([[-np.inf], changes, [-np.inf]])
    gains = ratios.insertion.max(axis=1)
    found = []
    for gap in np.flatnonzero((gains > min_gain) & (gains > np.maximum(around[:-1], around[1:]))):
        column = int(ratios.columns[ratios.insertion[gap].argmax()])
        owner = _owner(emission, alignment, int(gap), column)
        first = next(i for i, phone in enumerate(alignment.phones) if phone.word == owner)
        found.append(ExtraSound(owner, int(gap) - first, emission.symbols[column], float(gains[gap])))
    return tuple(found)


def named_sounds(emission: Emission, alignment: Alignment, gaps: Sequence[Finding]) -> tuple[ExtraSound, ...]:
    """The sounds that a diagnosis names in the gaps between phones; `gain` is the log-odds (nats)."""
    found = []
    for gap, finding in enumerate(gaps):
        if finding.heard:
            owner = _owner(emission, alignment, gap, emission.symbols.index(finding.heard))
            first = next(i for i, phone in enumerate(alignment.phones) if phone.word == owner)
            odds = np.log(max(finding.probability, 1e-9)) - np.log(max(1 - finding.probability, 1e-9))
            found.append(ExtraSound(owner, gap - first, finding.heard, float(odds)))
    return tuple(found)


def _owner(emission: Emission, alignment: Alignment, gap: int, column: int) -> int:
    """The word that a sound in a gap between phones belongs to: at an edge, the nearer one in time."""
    phones = alignment.phones
    if gap in (0, len(phones)):
        return phones[min(gap, len(phones) - 1)].word
    before, after = phones[gap - 1], phones[gap]
    first, last = before.start_frame, max(after.end_frame, before.start_frame + 1)
    peak = first + int(np.argmax(emission.log_probs[first:last, column]))
    return before.word if peak - before.end_frame <= after.start_frame - peak else after.word


class _Place(NamedTuple):
    """Decoded phones [first, last) as speech before a word."""

    first: int
    last: int
    word: int


def _phones(decoded: Sequence[Decoded], place: _Place) -> tuple[str, ...]:
    return tuple(found.phone for found in decoded[place.first : place.last])


def _active(emission: Emission, found: Decoded, activity: Sequence[tuple[Seconds, Seconds]] | None) -> bool:
    middle = (emission.time(found.start_frame) + emission.time(found.end_frame)) / 2
    return activity is None or any(start - _MARGIN <= middle < end + _MARGIN for start, end in activity)


def _pair(decoded: Sequence[Decoded], alignment: Alignment, peaks: Sequence[Span]) -> list[int]:
    """The canonical phone each decoded one stands for, -1 for none: the cheapest monotone pairing.

    A pair costs 1 when the symbols differ, plus its distance in time over `_REACH`.
    """
    n = len(peaks)
    steps = _UNPAIRED * np.arange(n + 1)
    costs, pairs = [steps], []
    names = np.array([phone.canonical for phone in alignment.phones])
    starts, ends = np.array(peaks).T
    for found in decoded:
        away = np.maximum(starts - found.end_frame, found.start_frame - ends).clip(0)
        pair = (names != found.phone) + away * (alignment.frame_shift / _REACH)
        row = costs[-1] + _UNPAIRED
        row[1:] = np.minimum(row[1:], costs[-1][:-1] + pair)
        # canonical phones left unpaired: a running minimum, as each one adds the same cost
        costs.append(np.minimum.accumulate(row - steps) + steps)
        pairs.append(pair)
    matches, d, c = [-1] * len(decoded), len(decoded), n
    while d and c:
        if costs[d][c] >= costs[d - 1][c - 1] + pairs[d - 1][c - 1] - 1e-9:
            d, c = d - 1, c - 1
            matches[d] = c
        elif costs[d][c] >= costs[d - 1][c] + _UNPAIRED - 1e-9:
            d -= 1
        else:
            c -= 1
    return matches


def _boundary_runs(
    decoded: Sequence[Decoded], matches: Sequence[int], alignment: Alignment
) -> Iterator[list[_Place]]:
    """For each run of unpaired phones all places before a word that it may be moved to.

    In "the the cat" the first DH and the second AH may have been paired: then AH DH is left over
    inside a word. Moved by one, over a phone that is the same at its other end, it is DH AH before
    a word, and explains the recording as well.
    """
    owners = [alignment.phones[match].word for match in matches if match >= 0]
    around = [-1, *owners, len(alignment.words)]
    first = n_paired = 0
    for paired, group in groupby(matches, key=lambda match: match >= 0):
        last = first + len(list(group))
        if paired:
            n_paired += last - first
        else:
            shifts = _slides(decoded, matches, first, last)
            sides = [(shift, *around[n_paired + shift : n_paired + shift + 2]) for shift in shifts]
            places = [
                _Place(first + shift, last + shift, after)
                for shift, before, after in sides
                if before != after
            ]
            if places:
                yield places
        first = last


def _slides(decoded: Sequence[Decoded], matches: Sequence[int], first: int, last: int) -> Iterator[int]:
    """How far a run of unpaired phones can move without changing what is left over."""
    yield 0
    left = first - 1
    while left >= 0 and matches[left] >= 0 and decoded[left].phone == decoded[left + last - first].phone:
        yield left - first
        left -= 1
    right = last
    while (
        right < len(matches)
        and matches[right] >= 0
        and decoded[right].phone == decoded[right - last + first].phone
    ):
        right += 1
        yield right - last


def _repeats(phones: Sequence[str], alignment: Alignment, word: int) -> tuple[bool, bool]:
    """Whether phones repeat (exactly, about) up to three words before or after `word`, or a word's start."""
    from rapidfuzz.distance import Levenshtein

    near = [
        tuple(phone.canonical for phone in alignment.phones if start <= phone.word < stop)
        for n_words in (1, 2, 3)
        for start, stop in ((word - n_words, word), (word, word + n_words))
        if start >= 0 and stop <= len(alignment.words)
    ]
    near += [phones_of_word[: len(phones)] for phones_of_word in near if len(phones) >= 2]  # a false start
    alike = max((Levenshtein.normalized_similarity(phones, other) for other in near), default=0.0)
    return tuple(phones) in near, alike >= _ALIKE
