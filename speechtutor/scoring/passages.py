"""A long reading in passages: which words were said in which frames, without a table of all of both.

From the start on, the text is aligned to a window of frames with its end left open; of the words that
surely lie inside, as many are taken as make a passage, up to the longest pause between two words. The
next window begins in that pause. Time grows with the length, memory does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from speechtutor.core import Alignment, CanonicalWord, Emission, Seconds
from speechtutor.errors import InputError
from speechtutor.scoring.align import columns
from speechtutor.scoring.ctc import Array, Indices, Lattice, checked
from speechtutor.scoring.diagnosis import Diagnosis, Finding
from speechtutor.scoring.gop import Ratios

LONGEST: Seconds = 30.0
"""A reading up to this long is judged whole."""

PASSAGE: Seconds = 25.0
"""The longest passage of a longer one: a little more than the longest sentence that raters judged."""

MOST_PHONES = 480
"""Phones of a passage; the scoring head has places for 512."""

AT_ONCE = 1200
"""Phones of the text that are held against a window with an open end."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Half-open ranges of frames and of words."""

    first_frame: int
    last_frame: int
    first_word: int
    last_word: int

    def words(self, words: Sequence[CanonicalWord]) -> Sequence[CanonicalWord]:
        """Its words."""
        return words[self.first_word : self.last_word]

    def emission(self, emission: Emission) -> Emission:
        """Its frames, on the clock of the whole recording."""
        span = slice(self.first_frame, self.last_frame)
        if self.first_frame == 0 and self.last_frame >= len(emission.log_probs):
            return emission
        embedding, lower = (
            None if rows is None else rows[span] for rows in (emission.embedding, emission.lower)
        )
        return replace(
            emission,
            log_probs=emission.log_probs[span],
            embedding=embedding,
            origin=emission.time(self.first_frame),
            lower=lower,
        )


def length(words: Sequence[CanonicalWord]) -> int:
    """Phones of the longest pronunciations."""
    return sum(max(map(len, word.pronunciations), default=0) for word in words)


def passages(emission: Emission, words: Sequence[CanonicalWord]) -> tuple[Passage, ...]:
    """The passages of a reading, all frames and all words, in order; one for what is short.

    Raises:
        InputError: when the recording is too short for the text.
    """
    n_frames, n_words = len(emission.log_probs), len(words)
    found: list[Passage] = []
    frame = word = 0
    while (n_frames - frame) * emission.frame_shift > LONGEST or length(words[word:]) > MOST_PHONES:
        cut = _cut(emission, words, frame, word)
        if cut is None:
            break
        found.append(Passage(frame, cut[0], word, cut[1]))
        frame, word = cut
    return (*found, Passage(frame, n_frames, word, n_words))


def _cut(emission: Emission, words: Sequence[CanonicalWord], frame: int, word: int) -> tuple[int, int] | None:
    """Frame and word at which the next passage begins; None where all that is left is one."""
    window = round(2 * PASSAGE / emission.frame_shift)
    rest = len(emission.log_probs) - frame
    whole = rest <= window
    last = len(words) if whole else _within(words, word, AT_ONCE)
    if length(words[word:last]) > min(rest, window):
        last = _within(words, word, min(rest, window) // 2)
        if whole:
            raise InputError(
                f"the recording cannot hold the text: {rest} frames for {length(words[word:])} phones"
            )
    frames, _ = checked(emission.log_probs[frame : frame + window], [], emission.blank)
    lattice = Lattice.of([columns(emission.symbols, one) for one in words[word:last]], emission.blank)
    states, score = lattice.best_path(frames, whole=whole and last == len(words))
    if score == -np.inf:
        raise InputError(f"the recording cannot hold the text: {rest} frames for {last - word} words")
    return _longest_pause(lattice, states, words, frame, word, round(PASSAGE / emission.frame_shift))


def _within(words: Sequence[CanonicalWord], word: int, most: int) -> int:
    """The end of as many words as have at most `most` phones, at least one."""
    total = np.cumsum([length([one]) for one in words[word : word + most]])
    return word + max(int(np.searchsorted(total, most, side="right")), 1)


def _longest_pause(
    lattice: Lattice, states: Indices, words: Sequence[CanonicalWord], frame: int, word: int, longest: int
) -> tuple[int, int] | None:
    spans: dict[int, list[int]] = {}
    for state, (start, end) in lattice.runs(states):
        span = spans.setdefault(lattice.owners[state][0], [start, end])
        span[1] = end
    n_phones = np.cumsum([length([words[word + k]]) for k in sorted(spans)])
    places = []
    for k in range(len(spans) - 1):
        end, start = spans[k][1], spans[k + 1][0]
        if end > longest or n_phones[k] > MOST_PHONES:
            break
        late = max(end / longest, n_phones[k] / MOST_PHONES) >= 0.5
        places.append((late, start - end if late else k, (start + end) // 2, k + 1))
    if not places:
        return None
    _, _, middle, k = max(places)
    return (frame + middle, word + k) if word + k < len(words) else None


def joined_alignment(
    emission: Emission, parts: Sequence[Passage], alignments: Sequence[Alignment]
) -> Alignment:
    """The alignments of the passages as one, on the emission's clock."""
    if len(alignments) == 1:
        return alignments[0]
    phones = tuple(
        replace(
            phone,
            word=phone.word + part.first_word,
            start_frame=phone.start_frame + part.first_frame,
            end_frame=phone.end_frame + part.first_frame,
        )
        for part, alignment in zip(parts, alignments, strict=True)
        for phone in alignment.phones
    )
    return Alignment(
        tuple(word for alignment in alignments for word in alignment.words),
        tuple(variant for alignment in alignments for variant in alignment.variants),
        phones,
        sum(alignment.log_likelihood for alignment in alignments),
        emission.frame_shift,
        emission.origin,
    )


def joined_deletions(ratios: Sequence[Ratios], alignments: Sequence[Alignment]) -> Array:
    """(n_words,) the ratios of each word left out; 0 where they were not measured."""
    return np.concatenate(
        [
            np.zeros(len(alignment.words)) if one.word_deletion is None else one.word_deletion
            for one, alignment in zip(ratios, alignments, strict=True)
        ]
    )


def joined_diagnosis(parts: Sequence[Diagnosis]) -> Diagnosis:
    """The diagnoses of passages in a row as one: of the gap that two share, the surer finding."""
    phones, gaps = list(parts[0].phones), list(parts[0].gaps)
    for part in parts[1:]:
        phones += part.phones
        gaps[-1] = max(gaps[-1], part.gaps[0], key=lambda finding: finding.probability)
        gaps += part.gaps[1:]
    return Diagnosis(tuple(phones), tuple(gaps))


def gaps_of(whole: Diagnosis, sizes: Sequence[int]) -> list[tuple[Finding, ...]]:
    """The gaps of each passage of so many phones; one between two passages belongs to the later one."""
    found, first = [], 0
    for k, size in enumerate(sizes):
        found.append(whole.gaps[first : first + size + (k + 1 == len(sizes))])
        first += size
    return found
