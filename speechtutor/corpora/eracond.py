"""Read ErAConD (Yuan, Pham, Davidson and Yu, NAACL 2022): learner turns with their corrections.

A turn is given as it was typed, as a recogniser would have written it (case, marks, spelling and
apostrophes mended, since speech has none of them) and as it should have been.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from speechtutor.errors import InputError
from speechtutor.files import jsonio
from speechtutor.grammar.edits import is_word, joined, tokens

SURFACE = ("PUNCT", "ORTH", "SPELL", "SPACE")
"""ERRANT types that cannot be heard."""

SPLITS = ("train", "tune", "dev")
FOLDS = 5
_SHARED_WORDS = 5
"""Words from which on a turn that stands in two dialogues shows that they are one."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A learner's turn: `typed`, `spoken` (what speech would show of it) and `corrected`.

    `others` are the corrections of further annotators, where there were any.
    """

    id: str
    dialogue: str
    typed: str
    spoken: str
    corrected: str
    split: str
    others: tuple[str, ...] = ()

    @property
    def references(self) -> tuple[str, ...]:
        """Every annotator's correction."""
        return (self.corrected, *self.others)


def read(path: Path, fold: int = 0) -> list[Turn]:
    """All turns of the corpus file, each with its split: train, tune or dev.

    `fold` says which of the `FOLDS` parts is dev, for cross-validation over whole dialogues; 0 is what ships.

    Raises:
        InputError: when the file is missing or a line is not a turn.
    """
    rows = []
    for number, row in enumerate(jsonio.json_lines(path, dict[str, Any]), start=1):
        try:
            rows.append((str(row["dialogue"]), int(row["turn"]), *_texts(row["source"], row["edits"])))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}, line {number}: not a turn of ErAConD ({error!r})") from None
    split = splits([(dialogue, typed) for dialogue, _, typed, _, _ in rows], fold)
    return [
        Turn(f"{dialogue}:{turn}:{n}", dialogue, typed, spoken, made[0], split[dialogue], tuple(made[1:]))
        for n, (dialogue, turn, typed, spoken, made) in enumerate(rows)
    ]


def _texts(source: str, edits: Sequence[dict[str, Any]]) -> tuple[str, str, list[str]]:
    words = _spaced(source)
    sets = _annotators(edits)
    surface = [edit for edit in sets[0] if _surface(words, edit)]
    made = [_calm(joined(tokens(joined(_made(words, chosen))))) for chosen in sets]
    return joined(words), _calm(joined(tokens(joined(_made(words, surface))))), list(dict.fromkeys(made))


def _annotators(edits: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The edits of each annotator: those of a second one follow and begin again from the left."""
    sets: list[list[dict[str, Any]]] = [[]]
    for edit in edits:
        before = sets[-1][-1] if sets[-1] else None
        if before and (edit["start"], edit["end"]) <= (before["start"], before["end"]):
            sets.append([])
        sets[-1].append(edit)
    return sets


def _spaced(source: str) -> list[str]:
    """The corpus's tokens: a run of spaces is a token of its own, short of the one on each side."""
    parts: list[str] = []
    for part in re.split(r"( {2,})", source):
        parts += [part[2:]] if part.startswith("  ") else part.split(" ")
    return parts


def _made(words: Sequence[str], edits: Sequence[dict[str, Any]]) -> list[str]:
    made: list[str] = []
    place = 0
    for edit in sorted(edits, key=lambda e: (e["start"], e["end"])):
        made += words[place : edit["start"]]
        made += edit["correction"].split()
        place = max(edit["end"], place)
    return [*made, *words[place:]]


def _surface(words: Sequence[str], edit: dict[str, Any]) -> bool:
    """Whether an edit changes only what cannot be heard."""
    if edit["type"].partition(":")[2] in SURFACE:
        return True
    return _letters(" ".join(words[edit["start"] : edit["end"]])) == _letters(edit["correction"])


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text.lower())


def _calm(text: str) -> str:
    """A turn that shouts in capitals as a recogniser would write it."""
    words = text.split()
    if len(words) > 2 and text.isupper():
        text = re.sub(r"\bi\b", "I", text.lower())
    return text[:1].upper() + text[1:]


def comparable(text: str) -> list[str]:
    """The words alone, in lower case: what of a text can be heard."""
    return [word.lower() for word in tokens(text) if is_word(word)]


def splits(turns: Sequence[tuple[str, str]], fold: int = 0) -> dict[str, str]:
    """The split of each dialogue, by its id and the fold alone: about 7 in 10 train, 1 tune, 2 dev.

    Some dialogues were corrected twice, under two ids: those that share a turn stay together, under
    the first of their ids.
    """
    parent = {dialogue: dialogue for dialogue, _ in turns}

    def root(dialogue: str) -> str:
        while parent[dialogue] != dialogue:
            dialogue = parent[dialogue]
        return dialogue

    first: dict[tuple[str, ...], str] = {}
    for dialogue, text in turns:
        words = tuple(comparable(text))
        if len(words) >= _SHARED_WORDS:
            one, other = sorted((root(dialogue), root(first.setdefault(words, dialogue))))
            parent[other] = one
    return {dialogue: _bucket(root(dialogue), fold) for dialogue in parent}


def _bucket(dialogue: str, fold: int) -> str:
    number = (crc32(f"eracond {dialogue}".encode()) - 2 * fold) % 10
    return "dev" if number < 2 else "tune" if number == 2 else "train"
