"""Pronunciations of words that no lexicon has: a joint n-gram model over letter-phone pairs.

Each letter is paired with the zero, one or two phones it stands for (`x` with "K S", a silent `e`
with nothing); a word is then a sequence of pairs, modelled by a back-off n-gram (Bisani and Ney,
2008, "Joint-sequence models for grapheme-to-phoneme conversion"). Decoding is a beam search over
the pairs of each letter. `recipes/train_g2p.py` makes the file.

The file is xz: the line `pairs1`, a JSON line (order, pairs, sizes, what it was trained on), then
for each n-gram length the arrays of a trie sorted by pair: pair (uint16), cost (uint8), and, below
the last length, back-off (uint8) and number of children (uint16), all little-endian.
"""

from __future__ import annotations

import json
import lzma
import math
import sys
import zlib
from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

from speechtutor.errors import InputError, cause

START, END = 0, 1
"""Pair numbers that stand for the edges of a word; real pairs follow."""

_MAGIC = b"pairs1"
_COST_STEPS = 12
_BACKOFF_STEPS, _BACKOFF_ZERO = 24, 128

Gram = tuple[int, ...]
State = tuple[tuple[int, int], ...]
"""Trie nodes (length, index) of the suffixes of the history, the longest first."""


def held_out(word: str) -> bool:
    """Whether a word is kept out of training: one family in fifty.

    Words that share their first six letters, plural and possessive endings aside, are held out
    together, so that no relative of a held-out word is learnt.
    """
    for ending in ("'s", "s'", "s"):
        if word.endswith(ending):
            word = word[: -len(ending)]
            break
    return zlib.crc32(word[:6].encode()) % 50 == 0


@dataclass(frozen=True, slots=True)
class _Level:
    """All n-grams of one length: parallel arrays sorted by their path from the root."""

    pair: array[int]
    cost: bytes
    backoff: bytes
    first: array[int]


def _cost(probability: float) -> int:
    return max(0, min(255, round(-math.log(probability) * _COST_STEPS)))


def _backoff(weight: float) -> int:
    return max(0, min(255, round(-math.log(weight) * _BACKOFF_STEPS + _BACKOFF_ZERO)))


def _to_bytes(values: Sequence[int]) -> bytes:
    numbers = array("H", values)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def write(
    path: Path,
    pairs: Sequence[tuple[str, str]],
    probabilities: Sequence[Mapping[Gram, float]],
    backoffs: Sequence[Mapping[Gram, float]],
    about: Mapping[str, Any],
) -> None:
    """Write a model; `probabilities[n]` and `backoffs[n]` hold the n-grams of length n + 1.

    Every n-gram's prefix and suffix must be there too.
    """
    order = len(probabilities)
    header = {"order": order, "pairs": pairs, "sizes": [len(grams) for grams in probabilities], **about}
    parts = [_MAGIC + b"\n" + json.dumps(header, ensure_ascii=False).encode() + b"\n"]
    for n, level in enumerate(probabilities):
        grams = sorted(level)
        parts += [_to_bytes([gram[-1] for gram in grams]), bytes(_cost(level[gram]) for gram in grams)]
        if n + 1 < order:
            children = Counter(gram[:-1] for gram in probabilities[n + 1])
            parts.append(bytes(_backoff(backoffs[n].get(gram, 1.0)) for gram in grams))
            parts.append(_to_bytes([children[gram] for gram in grams]))
    path.write_bytes(lzma.compress(b"".join(parts), preset=9 | lzma.PRESET_EXTREME))


class PairModel:
    """A trained model, read from its file when it is first asked."""

    def __init__(self, path: Path, beam: int = 24) -> None:
        """Keep `beam` histories per letter."""
        self.path = path
        self.beam = beam

    @cached_property
    def _content(self) -> tuple[dict[str, Any], bytes]:
        try:
            data = lzma.decompress(self.path.read_bytes())
            magic, header, body = data.split(b"\n", 2)
            about: dict[str, Any] = json.loads(header)
        except OSError as error:
            raise InputError(f"{self.path}: {error.strerror}") from None
        except (lzma.LZMAError, ValueError) as error:
            raise InputError(f"{self.path}: not a pair n-gram model ({cause(error)})") from None
        if magic != _MAGIC:
            raise InputError(f"{self.path}: expected a {_MAGIC.decode()} model, found {magic[:20]!r}")
        return about, body

    @property
    def about(self) -> dict[str, Any]:
        """The header: order, pairs, sizes and what the model was trained on."""
        return self._content[0]

    @cached_property
    def _levels(self) -> list[_Level]:
        about, body = self._content
        levels, at = [], 0

        def take(n: int) -> bytes:
            nonlocal at
            at += n
            return body[at - n : at]

        def numbers(n: int) -> array[int]:
            values = array("H", take(2 * n))
            if sys.byteorder == "big":
                values.byteswap()
            return values

        for n, size in enumerate(about["sizes"], start=1):
            pair, cost = numbers(size), take(size)
            last = n == about["order"]
            backoff = b"" if last else take(size)
            first = array("I", () if last else accumulate(numbers(size), initial=0))
            levels.append(_Level(pair, cost, backoff, first))
        return levels

    @cached_property
    def _by_letter(self) -> dict[str, list[int]]:
        table: dict[str, list[int]] = defaultdict(list)
        for number, (letter, _) in enumerate(self.about["pairs"], start=END + 1):
            table[letter].append(number)
        return dict(table)

    def _find(self, node: tuple[int, int], pair: int) -> int:
        """Index of a child in the next level, or -1."""
        length, index = node
        level = self._levels[length]
        low, high = 0, len(level.pair)
        if length:
            first = self._levels[length - 1].first
            low, high = first[index], first[index + 1]
        found = bisect_left(level.pair, pair, low, high)
        return found if found < high and level.pair[found] == pair else -1

    def _step(self, state: State, pair: int) -> tuple[float, State]:
        """Cost (negative log probability) of a pair after a history, and the new history."""
        cost = 0.0
        levels, order = self._levels, len(self._levels)
        for i, (length, index) in enumerate(state):
            child = self._find((length, index), pair)
            if child >= 0:
                cost += levels[length].cost[child] / _COST_STEPS
                nodes = [(length + 1, child)] if length + 1 < order else []
                nodes += [(node[0] + 1, self._find(node, pair)) for node in state[i + 1 :]]
                return cost, (*nodes, (0, 0))
            if length:
                cost += (levels[length - 1].backoff[index] - _BACKOFF_ZERO) / _BACKOFF_STEPS
        raise ValueError(f"pair {pair} is not in the model")

    def phones(self, word: str) -> tuple[str, ...]:
        """The likeliest phones of a word, with stress digits; letters the model never saw are silent.

        Exactly one vowel gets primary stress.
        """
        start: State = ((1, self._find((0, 0), START)), (0, 0))
        beam: dict[State, tuple[float, Gram]] = {start: (0.0, ())}
        for letter in word.lower():
            grown: dict[State, tuple[float, Gram]] = {}
            for state, (cost, path) in beam.items():
                for pair in self._by_letter.get(letter, ()):
                    step, new = self._step(state, pair)
                    if new not in grown or cost + step < grown[new][0]:
                        grown[new] = (cost + step, (*path, pair))
            beam = dict(sorted(grown.items(), key=lambda item: item[1][0])[: self.beam]) or beam
        _, path = min((cost + self._step(state, END)[0], path) for state, (cost, path) in beam.items())
        pairs = self.about["pairs"]
        return one_primary([phone for pair in path for phone in pairs[pair - END - 1][1].split()])


def one_primary(phones: Sequence[str]) -> tuple[str, ...]:
    """The phones with exactly one primary stress: the first there is, else on the first vowel."""
    vowels = [i for i, phone in enumerate(phones) if phone[-1].isdigit()]
    by_rank = sorted(vowels, key=lambda i: ({"1": 0, "2": 1, "0": 2}[phones[i][-1]], i))
    fixed = list(phones)
    for rank, i in enumerate(by_rank):
        if rank == 0:
            fixed[i] = fixed[i][:-1] + "1"
        elif fixed[i].endswith("1"):
            fixed[i] = fixed[i][:-1] + "2"
    return tuple(fixed)
