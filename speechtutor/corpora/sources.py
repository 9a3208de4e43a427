"""Rows on their way from one form of a corpus to another, each with the sound that it is of.

A recording may be a file, a stretch of one, or bytes inside a table. What is no whole file below the new
manifest's folder is written there, so that a manifest stays what it is: rows whose audio lies below a root.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from speechtutor.audio import io as audio
from speechtutor.core import Recording, Seconds, Utterance
from speechtutor.corpora import formats
from speechtutor.corpora.rows import utterance
from speechtutor.errors import AudioError, InputError, StorageError
from speechtutor.files import jsonio
from speechtutor.files.disk import file_name


@dataclass(frozen=True, slots=True)
class Source:
    """A row and its sound: a file, where `start` or `end` are given a stretch of it, or the bytes of one."""

    row: Utterance
    path: Path | None = None
    start: Seconds | None = None
    end: Seconds | None = None
    data: bytes | None = None

    @property
    def whole(self) -> bool:
        """Whether it is a file of its own."""
        return self.path is not None and self.start is None and self.end is None

    def recording(self) -> Recording:
        """The sound, at 16 kHz.

        Raises:
            AudioError: when it cannot be read, or the stretch is not in it.
        """
        if self.path is None:
            return audio.decode(self.data or b"", name=self.row.id)
        found = audio.load(self.path)
        if self.whole:
            return found
        start, end = self.start or 0.0, found.duration if self.end is None else self.end
        if not 0 <= start < end <= found.duration + 0.05:  # tables round times
            told = f"{start:g} to {end:g} s are not in its {found.duration:.2f} s"
            raise AudioError(f"{self.row.id}: {self.path}: {told}")
        return found.crop(start, end)

    def content(self) -> tuple[str, bytes]:
        """A file name and the bytes of a file with this sound alone.

        Raises:
            AudioError: when it cannot be read.
        """
        if self.data is not None:
            return self.row.id, self.data
        if self.path is not None and self.whole:
            audio.load(self.path)  # what is passed on can be read
            return self.path.name, self.path.read_bytes()
        return f"{self.row.id}.flac", audio.encode(self.recording(), "flac")


def of_manifest(path: Path, root: Path | None = None) -> Iterator[Source]:
    """The rows of a manifest, whose audio lies below `root` (its own folder).

    Raises:
        InputError: at the first row that is none.
    """
    for number, line in jsonio.file_lines(path):
        row = utterance(line, f"{path}, row {number}")
        yield Source(row, (root or path.parent) / row.audio)


def of_folder(folder: Path) -> Iterator[Source]:
    """The recordings of a folder, each with the text of the .txt beside it, or none."""
    from speechtutor.corpora import folder as plain

    for row in plain.read(folder, free=True):
        yield Source(replace(row, lang=row.lang or "en"), folder / row.audio)


def of_audiofolder(folder: Path) -> Iterator[Source]:
    """A folder of recordings with a table `metadata.csv` or `.jsonl` (the AudioFolder of datasets).

    Raises:
        InputError: when a row lacks its file, or the file lies elsewhere.
    """
    table = next(path for path in metadata(folder))
    if table.suffix == ".csv":
        rows = [(f"{table}, line {n}", dict(row)) for n, row in formats.table(table, ("file_name",))]
    else:
        found = jsonio.file_lines(table)
        named = ((f"{table}, row {n}", line) for n, line in found)
        rows = [(where, jsonio.decode(line, dict[str, Any], where)) for where, line in named]
    for where, cells in rows:
        name = str(cells.get("file_name") or "")
        path = folder / name
        if not name or not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
            raise InputError(f"{where}: file_name: no recording {name!r:.80} below {folder}")
        yield Source(row_of_columns(cells, Path(name).with_suffix("").as_posix(), where), path)


def metadata(folder: Path) -> list[Path]:
    """The tables of an AudioFolder that are there."""
    return [path for name in ("metadata.csv", "metadata.jsonl") if (path := folder / name).is_file()]


NAMES = {
    "text": ("text", "sentence", "transcription", "transcript", "normalized_text"),
    "speaker": ("speaker", "speaker_id", "client_id"),
    "id": ("id", "utt_id", "utterance_id", "segment_id"),
    "lang": ("lang", "language", "locale"),
}
"""What data sets call their columns, the likeliest first."""


def row_of_columns(cells: dict[str, Any], name: str, where: str, split: str = "") -> Utterance:
    """A row of what a table has in its columns, `name` where it has no id."""

    def cell(key: str) -> str:
        return next((str(cells[n]) for n in NAMES[key] if cells.get(n) not in (None, "")), "")

    id_ = cell("id") or name
    extra = {key: cells.get(key) for key in ("l1", "gender", "accent")}
    told = {key: str(value) for key, value in extra.items() if value not in (None, "")}
    if "gender" in told:
        told["gender"] = formats.gender(told["gender"]) or ""
    lang = cell("lang").lower().replace("_", "-").partition("-")[0] or "en"
    if "\0" in id_:
        raise InputError(f"{where}: id: holds a null character")
    return Utterance(
        id_, "", " ".join(cell("text").split()), cell("speaker") or "unknown", split, lang,
        told.get("l1"), gender=told.get("gender") or None, accent=told.get("accent"),
    )  # fmt: skip


def settled(
    sources: Iterable[Source], folder: Path, below: str, *, copy: bool = True
) -> Iterator[tuple[Utterance, Path]]:
    """The rows, and where the sound of each lies as a file of its own; what is none yet is written.

    Stretches and bytes are written as FLAC (16 kHz) to `folder / below / ID`. Whole files below `folder` stay
    where they are; others are copied there, or with `copy=False` stay as well. `audio` of a row is relative
    to `folder` where the file is below it.

    Raises:
        AudioError: for a recording that cannot be read.
        StorageError: when the disk refuses.
    """
    root = folder.resolve()
    for source in sources:
        place = root / below / file_name(source.row.id)
        if source.path is not None and source.whole:
            found = source.path.resolve()
            if not found.is_file():
                raise AudioError(f"{source.row.id}: no audio at {source.path}")
            if copy and not found.is_relative_to(root):
                found = _copied(found, place.with_name(f"{place.name}{found.suffix}"))
        else:
            found = place.with_name(f"{place.name}.flac")
            recording = source.recording()
            _folder(found)
            audio.save(recording, found)
        name = found.relative_to(root).as_posix() if found.is_relative_to(root) else found.name
        yield replace(source.row, audio=name), found


def _copied(path: Path, to: Path) -> Path:
    _folder(to)
    try:
        shutil.copyfile(path, to)
    except OSError as error:
        raise StorageError(f"{to}: {error.strerror or error}") from None
    return to


def _folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{path.parent}: {error.strerror or error}") from None
