"""The sentences of a reading: which words each has, and which frames are its own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from speechtutor.core import Alignment, CanonicalWord
from speechtutor.scoring.passages import Passage
from speechtutor.text.marks import ends_sentence


def ranges(text: str, words: Sequence[CanonicalWord]) -> list[tuple[int, int]]:
    """Half-open ranges of words, one a sentence; the dot of "Dr." is part of its word and ends none."""
    ends = [
        k for k in range(1, len(words)) if ends_sentence(text[words[k - 1].char_end : words[k].char_start])
    ]
    edges = [0, *ends, len(words)]
    return list(pairwise(edges))


def sentences(text: str, alignment: Alignment, n_frames: int) -> list[Passage]:
    """The sentences of an aligned reading, each with its words and its frames.

    Two sentences in a row meet in the middle of what is silent between them; the first and the last one have
    the frames before and behind the text.
    """
    found = ranges(text, alignment.words)
    firsts = {first for first, _ in found[1:]}
    starts = [0]
    for before, after in pairwise(alignment.phones):
        if before.word != after.word and after.word in firsts:
            starts.append((before.end_frame + after.start_frame) // 2)
    stops = [*starts[1:], n_frames]
    frames = zip(starts, stops, strict=True)
    return [Passage(*own, *words) for own, words in zip(frames, found, strict=True)]
