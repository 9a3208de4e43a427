"""Pack the CMU Pronouncing Dictionary into the file that ships with the library.

Data      cmudict.dict of CMUdict (BSD-2-Clause, https://github.com/cmusphinx/cmudict)
Run       python -m recipes.prepare_lexicon --source cmudict.dict --out runs/prepare_lexicon
Expect    126,052 words, about 0.75 MB; seconds. Copy the file to speechtutor/text/languages/
"""

from __future__ import annotations

import lzma
import re
from dataclasses import dataclass
from pathlib import Path

from speechtutor import config
from speechtutor.errors import InputError

NAME = "en_cmudict.txt.xz"
SMOKE = "bear B EH1 R # an animal\nread R EH1 D\nread(2) R IY1 D\n"


@dataclass(frozen=True)
class Config:
    """Where the dictionary is and where the packed file goes."""

    source: Path = Path("cmudict.dict")
    """The dictionary in CMUdict's own format."""
    out: Path = Path("runs/prepare_lexicon")
    """Folder for the packed file."""
    smoke: bool = False
    """Pack a dictionary of two words instead."""


def pack(text: str) -> str:
    """One line a word, sorted: the word, then its pronunciations separated by commas.

    Comments and repeated pronunciations go; nothing else changes.
    """
    words: dict[str, list[str]] = {}
    for line in text.splitlines():
        word, _, phones = line.partition("#")[0].strip().partition(" ")
        if not phones:
            raise InputError(f"the dictionary has a line without phones: {line!r}")
        known = words.setdefault(re.sub(r"\(\d+\)$", "", word), [])
        if phones not in known:
            known.append(phones)
    return "".join(f"{word} {','.join(words[word])}\n" for word in sorted(words))


def run(cfg: Config) -> Path:
    """Write the packed file and say where it is."""
    try:
        text = SMOKE if cfg.smoke else cfg.source.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{cfg.source}: {error.strerror}") from None
    cfg.out.mkdir(parents=True, exist_ok=True)
    path = cfg.out / NAME
    path.write_bytes(lzma.compress(pack(text).encode(), preset=9 | lzma.PRESET_EXTREME))
    config.save(cfg, cfg.out)
    return path


if __name__ == "__main__":
    config.main(run, Config)
