"""Find minimal pairs for the contrasts that learners mix up, among words that they meet early.

Data      our lexicon, and vocabulary.csv of the CEFR-J Wordlist Version 1.5 (Yukio Tono, Tokyo University of
          Foreign Studies; free for research and commercial use with citation), not part of the project
Run       python -m recipes.prepare_pairs --source vocabulary.csv --out runs/prepare_pairs
Expect    over 300 pairs in pairs.toml; a minute. Copy it to speechtutor/content/, then run prepare_levels

A pair is two words that differ in one sound and nothing else, stress included; both are headwords of level
B1 or below with one pronunciation, so that neither the learner nor the scorer has to guess which is meant.
The easiest come first, and no word stands in more than `MOST_USED` pairs of a contrast.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recipes.prepare_levels import SMOKE, headwords
from speechtutor import config
from speechtutor.content.tables import contrasts, read, word_set
from speechtutor.errors import InputError, TextError
from speechtutor.files import disk
from speechtutor.text.language import load_language
from speechtutor.text.phones import pronounce

NAME = "pairs.toml"
HEADER = """\
# Minimal pairs by contrast, made by recipes/prepare_pairs.py from our lexicon among words that the CEFR-J
# Wordlist Version 1.5 (Yukio Tono, Tokyo University of Foreign Studies) places at B1 or below. In the order
# of the two phones; the easiest come first. A test computes again that they differ in these sounds alone.

[pairs]
"""
HARDEST = 2
"""Index of B1 among the levels."""
MOST_USED = 2
ODD = frozenset({"ms", "gaol"})
"""An abbreviation and an old spelling: nobody would read them as they are meant."""
Word = tuple[str, tuple[str, ...], tuple[int, ...], int]
"""Its spelling, phones, stress digits and level."""


@dataclass(frozen=True)
class Config:
    """Where the word list is, and how many pairs a contrast may have."""

    source: Path = Path("vocabulary.csv")
    """The CEFR-J vocabulary: headword, pos, CEFR."""
    out: Path = Path("runs/prepare_pairs")
    """Folder for pairs.toml."""
    most: int = 24
    """Pairs of one contrast at most."""
    smoke: bool = False
    """Look among three words instead."""


def sayable(known: Mapping[str, int]) -> Iterator[Word]:
    """Words of the list that may be drilled, with the one way they are said."""
    homographs = load_language("en").homographs
    refused = word_set("insults", group="refused") | frozenset(str(read("exercises")["unsafe"]).split())
    for word, level in sorted(known.items()):
        if level > HARDEST or not re.fullmatch("[a-z]{2,}", word) or word in homographs or word in ODD:
            continue
        try:
            said = [] if word in refused else pronounce(word)
        except TextError:
            continue
        if len(said) == 1 and len(said[0].pronunciations) == 1:
            yield word, said[0].pronunciations[0], said[0].stress[0], level


def pairs(words: Sequence[Word], contrast: tuple[str, str], most: int) -> list[tuple[str, str]]:
    """The easiest pairs of a contrast, in the order of its phones."""
    first, second = contrast
    by_sound = {(phones, stress): (word, level) for word, phones, stress, level in reversed(words)}
    found = []
    for word, phones, stress, level in words:
        for i, phone in enumerate(phones):
            other = (
                by_sound.get(((*phones[:i], second, *phones[i + 1 :]), stress)) if phone == first else None
            )
            if other is not None and by_sound[phones, stress][0] == word:
                found.append((max(level, other[1]), level + other[1], len(phones), word, other[0]))
    used: Counter[str] = Counter()
    chosen: list[tuple[str, str]] = []
    for *_, one, two in sorted(found):
        if max(used[one], used[two]) < MOST_USED and len(chosen) < most:
            used.update((one, two))
            chosen.append((one, two))
    return chosen


def run(cfg: Config) -> Path:
    """Write the pairs and say where they are.

    Raises:
        InputError: when the word list cannot be read.
    """
    try:
        text = f"{SMOKE}hat,noun,A1\n" if cfg.smoke else cfg.source.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{cfg.source}: {error.strerror}") from None
    words = list(sayable(headwords(text)))
    rows = []
    for contrast in contrasts().values():
        found = pairs(words, contrast.phones, cfg.most)
        if found:
            listed = ", ".join(f"{one} {two}" for one, two in found)
            rows.append(f'"{" ".join(contrast.phones)}" = "{listed}"')
    path = cfg.out / NAME
    disk.write_text(path, HEADER + "\n".join(rows) + "\n")
    config.save(cfg, cfg.out)
    return path


if __name__ == "__main__":
    config.main(run, Config)
