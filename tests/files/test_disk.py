"""Results take the place of plain files only."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from speechtutor import audio
from speechtutor.core import Recording
from speechtutor.errors import StorageError
from speechtutor.files import disk
from tests.support import sounds

WRITERS: list[Callable[[Path], object]] = [
    lambda path: disk.write_text(path, "text\n"),
    lambda path: audio.save(Recording(sounds.tone(0.1)), path),
]
PLACES: dict[str, tuple[Callable[[Path], object], str]] = {
    "pipe": (os.mkfifo, "is a device, a pipe or a socket"),
    "link to a device": (lambda path: path.symlink_to(os.devnull), "is a device, a pipe or a socket"),
    "folder": (Path.mkdir, "is a directory"),
    "link to nothing": (lambda path: path.symlink_to(path.with_name("gone")), "is a link to nothing"),
    "loop": (lambda path: path.symlink_to(path), "is a link to nothing|symbolic links|Symlink loop"),
}


@pytest.mark.parametrize("write", WRITERS, ids=["text", "sound"])
@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_plain_file_is_not_replaced(
    place: str, write: Callable[[Path], object], tmp_path: Path
) -> None:
    make, says = PLACES[place]
    path = tmp_path / "out.wav"
    make(path)
    before = path.lstat()
    with pytest.raises(StorageError, match=says):
        write(path)
    assert path.lstat() == before and [p.name for p in tmp_path.iterdir()] == ["out.wav"]


@pytest.mark.parametrize("write", WRITERS, ids=["text", "sound"])
def test_a_link_to_a_plain_file_stays_a_link(write: Callable[[Path], object], tmp_path: Path) -> None:
    (tmp_path / "real.wav").write_bytes(b"old")
    (tmp_path / "link.wav").symlink_to(tmp_path / "real.wav")
    write(tmp_path / "link.wav")
    assert (tmp_path / "link.wav").is_symlink() and (tmp_path / "real.wav").read_bytes() != b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.wav", "real.wav"]
