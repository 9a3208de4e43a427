"""Cuts of lhotse (Zelasko et al., 2021): rows to and from its JSON lines, by the library itself.

What a manifest has beside text and speaker stands in a supervision's `custom` and comes back from there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from speechtutor.core import Utterance
from speechtutor.corpora.rows import row_of, utterance
from speechtutor.corpora.sources import Source
from speechtutor.errors import InputError, StorageError, cause, require

EXTRA = "lhotse"
SUFFIXES = (".jsonl", ".jsonl.gz")
CUSTOM = "speechtutor"
"""Where a supervision keeps the row that it was made of."""


def read(path: Path, split: str = "") -> Iterator[Source]:
    """A row for every cut of one channel and one supervision, with the stretch that it is.

    Raises:
        InputError: for other cuts, for a sound that is the output of a command or comes from a network.
        MissingExtraError: without lhotse.
    """
    lhotse: Any = require("lhotse", extra=EXTRA)
    try:
        cuts = list(lhotse.CutSet.from_file(path))
    except Exception as error:  # of the library's own, of many kinds
        raise InputError(f"{path}: not cuts of lhotse: {cause(error)}") from None
    for cut in cuts:
        where = f"{path}, cut {cut.id}"
        if not isinstance(cut, lhotse.MonoCut) or len(cut.supervisions) != 1 or not cut.has_recording:
            raise InputError(f"{where}: expected one channel of one recording with one supervision")
        (source, *more) = cut.recording.sources
        if more or source.type not in ("file", "memory") or cut.recording.has_video:
            raise InputError(f"{where}: its sound is of the type {source.type!r}: expected a file")
        said = cut.supervisions[0]
        row = _row(cut, said, split, where)
        if source.type == "memory":
            yield Source(row, data=bytes(source.source))
            continue
        sound = Path(source.source)
        sound = sound if sound.is_absolute() or sound.exists() else path.parent / sound
        if cut.start == 0 and abs(cut.duration - cut.recording.duration) < 0.001:
            yield Source(row, sound)
        else:
            yield Source(row, sound, cut.start, cut.end)


def _row(cut: Any, said: Any, split: str, where: str) -> Utterance:
    kept = (said.custom or {}).get(CUSTOM)
    if kept is not None:
        return utterance(json.dumps(kept), where)
    lang = (said.language or "en").lower()
    lang = {"english": "en"}.get(lang, lang.partition("-")[0])
    gender = {"male": "m", "female": "f", "m": "m", "f": "f"}.get((said.gender or "").lower())
    text = " ".join((said.text or "").split())
    return Utterance(cut.id, "", text, said.speaker or "unknown", split, lang, gender=gender)


def write(path: Path, rows: Sequence[tuple[Utterance, Path]]) -> None:
    """A cut for every row, of the whole recording.

    Raises:
        AudioError: for a recording that cannot be read.
        MissingExtraError: without lhotse.
        StorageError: when the disk refuses.
    """
    lhotse: Any = require("lhotse", extra=EXTRA)
    if not path.name.endswith(SUFFIXES):
        raise InputError(f"{path}: cuts are written to a file that ends in {' or '.join(SUFFIXES)}")
    cuts = [_cut(lhotse, row, sound) for row, sound in rows]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lhotse.CutSet.from_cuts(cuts).to_file(path)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror or error}") from None


def _cut(lhotse: Any, row: Utterance, sound: Path) -> Any:
    from speechtutor.audio.headers import probe

    probe(sound)  # an error of ours before one of the library's
    recording = lhotse.Recording.from_file(sound, recording_id=row.id)
    said = lhotse.SupervisionSegment(
        id=row.id, recording_id=row.id, start=0.0, duration=recording.duration, channel=0, text=row.text,
        language=row.lang, speaker=row.speaker, gender=row.gender, custom={CUSTOM: row_of(row)},
    )  # fmt: skip
    return lhotse.MonoCut(row.id, 0.0, recording.duration, 0, supervisions=[said], recording=recording)
