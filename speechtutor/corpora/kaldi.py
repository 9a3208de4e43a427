"""Kaldi's data folder (Povey et al., 2011): wav.scp, text, utt2spk, spk2gender and, for stretches, segments.

A wav.scp may name a command whose output is the sound; commands of a data folder are not run here.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from speechtutor.core import Utterance
from speechtutor.corpora import formats
from speechtutor.corpora.sources import Source
from speechtutor.errors import InputError
from speechtutor.files.disk import write_text

T = TypeVar("T")
_INSIDE = re.compile(r".+:\d+$")
"""A place inside an archive."""


def is_folder(folder: Path) -> bool:
    """Whether a folder is Kaldi's."""
    return (folder / "wav.scp").is_file()


def read(folder: Path, split: str = "") -> Iterator[Source]:
    """The utterances; paths of recordings are relative to where one is, as for Kaldi, or to the folder.

    Raises:
        InputError: when the tables do not fit each other, or a recording is the output of a command.
    """
    formats.require(folder, ("wav.scp",), "Kaldi data")
    paths = {key: _path(folder, key, value) for key, value in formats.keyed(folder / "wav.scp").items()}
    texts, speakers, genders = (_optional(folder / name) for name in ("text", "utt2spk", "spk2gender"))
    pieces = _segments(folder / "segments", paths)
    known = paths.keys() if pieces is None else pieces.keys()
    for name, table in (("text", texts), ("utt2spk", speakers)):
        if table and (lost := sorted(table.keys() - known)):
            raise InputError(f"{folder / name}: there is no recording of {lost[0]} ({len(lost)} such lines)")
    for key in sorted(known):
        speaker = speakers.get(key, key)
        row = Utterance(
            key, "", texts.get(key, ""), speaker, split, gender=formats.gender(genders.get(speaker, ""))
        )
        if pieces is None:
            yield Source(row, paths[key])
        else:
            recording, start, end = pieces[key]
            yield Source(row, paths[recording], start, end)


def _optional(path: Path) -> dict[str, str]:
    return formats.keyed(path) if path.is_file() else {}


def _path(folder: Path, key: str, value: str) -> Path:
    if value.endswith("|"):
        told = "its sound is the output of a command, which is not run: write it to a file first"
        raise InputError(f"{folder / 'wav.scp'}: {key}: {told}")
    if not value or _INSIDE.fullmatch(value):
        raise InputError(f"{folder / 'wav.scp'}: {key}: expected the path of a recording, not {value!r:.80}")
    path = Path(value)
    beside = folder / path
    return beside if not path.is_absolute() and not path.exists() and beside.exists() else path


def _segments(path: Path, recordings: dict[str, Path]) -> dict[str, tuple[str, float, float | None]] | None:
    """Recording, start and end of every utterance; an end of -1 is that of the recording."""
    if not path.is_file():
        return None
    found: dict[str, tuple[str, float, float | None]] = {}
    for key, value in formats.keyed(path).items():
        cells = value.split()
        try:
            name, start, end = cells[0], float(cells[1]), float(cells[2])
        except (IndexError, ValueError):
            raise InputError(f"{path}: {key}: expected RECORDING START END, not {value!r:.80}") from None
        if name not in recordings:
            raise InputError(f"{path}: {key}: there is no recording {name} in wav.scp")
        if not (0 <= start < end or end == -1):
            raise InputError(f"{path}: {key}: {start:g} to {end:g} s is no stretch")
        found[key] = name, start, None if end == -1 else end
    return found


def write(folder: Path, rows: Sequence[tuple[Utterance, Path]]) -> None:
    """The tables of a data folder, sorted as Kaldi wants them.

    Kaldi wants an id to begin with its speaker: one that does not gets the speaker in front.

    Raises:
        InputError: for an id or a speaker that cannot stand in such a table, or that comes twice.
        StorageError: when the disk refuses.
    """
    named = sorted(((_key(row), row, path) for row, path in rows), key=lambda one: one[0].encode())
    for before, after in itertools.pairwise(named):
        if before[0] == after[0]:
            raise InputError(f"{folder}: {after[0]} would stand there twice")
    speakers: dict[str, list[str]] = {}
    genders: dict[str, str] = {}
    for key, row, _ in named:
        speakers.setdefault(row.speaker, []).append(key)
        if row.gender in ("f", "m"):
            genders[row.speaker] = row.gender
    tables = {
        "wav.scp": [f"{key} {path}" for key, _, path in named],
        "text": [f"{key} {' '.join(row.text.split())}".rstrip() for key, row, _ in named],
        "utt2spk": [f"{key} {row.speaker}" for key, row, _ in named],
        "spk2utt": [f"{speaker} {' '.join(keys)}" for speaker, keys in _sorted(speakers)],
        "spk2gender": [f"{speaker} {gender}" for speaker, gender in _sorted(genders)],
    }
    for name, lines in tables.items():
        write_text(folder / name, "".join(f"{line}\n" for line in lines))


def _sorted(table: dict[str, T]) -> list[tuple[str, T]]:
    return sorted(table.items(), key=lambda one: one[0].encode())


def _key(row: Utterance) -> str:
    key = row.id if row.id.startswith(row.speaker) else f"{row.speaker}-{row.id}"
    for what, word in (("id", key), ("speaker", row.speaker)):
        if not word or word.split() != [word]:
            raise InputError(f"{row.id!r:.80}: {what} {word!r:.80}: Kaldi's tables part fields by spaces")
    return key
