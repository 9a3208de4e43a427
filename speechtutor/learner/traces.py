"""Where a learner may still be named once the store has forgotten them: backups, reports, lists."""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterator
from pathlib import Path

from speechtutor.files.disk import home

MODELS = frozenset({"models", "derived", "partial"})
"""Folders of a home that hold no one's data."""
_SQLITE = b"SQLite format 3\x00"


def traces(learner: str, store: Path) -> list[Path]:
    """Files beside the store, in its subfolders too where it lies in the home, that hold the learner's name.

    In a database the name may stand beside other letters, elsewhere it is a word of its own; a file that
    cannot be read may hold it. Nothing is removed: whoever made a backup may need the others in it.
    """
    own = {store, *(store.with_name(store.name + end) for end in ("-wal", "-shm", "-journal"))}
    found = _files(store.parent, deep=store.parent == home())
    return [path for path in found if path not in own and _names(path, learner)]


def _files(folder: Path, *, deep: bool) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_symlink():
            continue
        if path.is_file():
            yield path
        elif deep and path.is_dir() and path.name not in MODELS:
            yield from _files(path, deep=True)


def _names(path: Path, learner: str) -> bool:
    written = {learner, json.dumps(learner)[1:-1], json.dumps(learner, ensure_ascii=False)[1:-1]}
    name = b"|".join(re.escape(form.encode()) for form in sorted(written))
    try:
        if not path.stat().st_size:
            return False
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            anywhere = data[: len(_SQLITE)] == _SQLITE
            # Letters beyond ASCII are bytes from 0x80 on.
            alone = rb"(?<![\w\x80-\xff])(?:" + name + rb")(?![\w\x80-\xff])"
            return re.search(name if anywhere else alone, data) is not None
    except OSError:
        return True
