"""Recordings for a report: inside the page as data, or beside it as links.

Inside, every clip is a mono FLAC at 16 kHz, which all browsers of today play; about 50 kB for three
seconds. What a page may hold in all is capped, so that it can still be mailed.
"""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from speechtutor import audio
from speechtutor.errors import AudioError
from speechtutor.evaluation.result import Row

Mode = Literal["embed", "link", "none"]
LIMIT = 8_000_000
"""Bytes of audio in one page; the text of it is a third longer."""


@dataclass(frozen=True, slots=True)
class Player:
    """A player's source, or the reason why there is none; `n_bytes` counts what is inside the page."""

    source: str = ""
    why_not: str = ""
    n_bytes: int = 0


def clips(
    rows: Sequence[Row], root: Path | None, out: Path, mode: Mode, limit: int = LIMIT
) -> dict[str, Player]:
    """A clip for every row, in their order until the limit is reached."""
    found: dict[str, Player] = {}
    left = limit
    for row in rows:
        if row.id not in found:
            found[row.id] = clip = _clip(row, root, out, mode, left)
            left -= clip.n_bytes
    return found


def _clip(row: Row, root: Path | None, out: Path, mode: Mode, left: int) -> Player:
    if mode == "none":
        return Player(why_not="no audio in this report")
    if not row.audio:
        return Player(why_not="no recording belongs to it")
    if root is None:
        return Player(why_not="no audio: the folder of the recordings is not known (--root)")
    if Path(row.audio).is_absolute() or ".." in Path(row.audio).parts:
        # A run from elsewhere must not put any file of the reader's disk into a page that travels.
        return Player(why_not=f"no audio: {row.audio} is outside the folder of the recordings")
    path = root / row.audio
    if not path.is_file():
        return Player(why_not=f"no audio: {row.audio} is not in the folder of the recordings")
    if mode == "link":
        return Player(quote(Path(os.path.relpath(path.resolve(), out.resolve().parent)).as_posix()))
    try:
        data = _flac(path)
    except AudioError as error:
        # The reason without the place: a report travels, and a path says where it was made.
        return Player(why_not=f"no audio: {str(error).replace(str(path), row.audio)}")
    if len(data) > left:
        return Player(
            why_not=f"no audio: the page holds {LIMIT / 1e6:.0f} MB at most (--audio link has no limit)"
        )
    return Player("data:audio/flac;base64," + base64.b64encode(data).decode(), n_bytes=len(data))


def _flac(path: Path) -> bytes:
    recording = audio.load(path)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "clip.flac"
        audio.save(recording, target)
        return target.read_bytes()
