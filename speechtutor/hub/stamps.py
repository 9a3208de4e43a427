"""Files known to be right: hashed when they were made, recognised by a cheap stamp when they are used.

A stamp is a file's size, times of change and inode. As long as it is the one that was written down when
the file was hashed, nobody wrote to the file since; else it is hashed again, once. So one flipped byte is
noticed without reading 150 MB at every start. Decay of the disk that changes no stamp is for `verify`.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from speechtutor.errors import InputError, StorageError
from speechtutor.files.disk import write_text
from speechtutor.files.fingerprint import sha256

FILE = ".verified.json"
Stamp = tuple[int, ...]

_seen: dict[tuple[str, Stamp], str] = {}
"""What this process has hashed, for a home that nobody may write to."""


def of(path: Path) -> Stamp | None:
    """The stamp of a file, None when there is none."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def write(folder: Path, sums: Mapping[str, str]) -> None:
    """Write down the stamps of files whose hashes are known to be `sums`, by path in the folder."""
    _keep(folder, {name: (value, of(folder / name) or ()) for name, value in sums.items()})


def _keep(folder: Path, rows: Mapping[str, tuple[str, Stamp]]) -> None:
    told = {name: {"sha256": value, "stamp": stamp} for name, (value, stamp) in rows.items()}
    # In a home that only others may write to, each process hashes once.
    with contextlib.suppress(StorageError):
        write_text(folder / FILE, json.dumps(told, indent=1) + "\n")


def sums(folder: Path) -> dict[str, str] | None:
    """The hashes that were written down for a folder, None when there are none that can be read."""
    rows = _rows(folder)
    return {name: value for name, (value, _) in rows.items()} if rows else None


def changed(folder: Path, wanted: Mapping[str, str]) -> list[str]:
    """Which of these files are missing or have another hash; hashes only what no stamp vouches for."""
    rows, fresh, bad = _rows(folder), False, []
    for name, expected in wanted.items():
        stamp = of(folder / name)
        if stamp is not None and rows.get(name) == (expected, stamp):
            continue
        if stamp is None or _hash(folder / name, stamp) != expected:
            bad.append(name)
        fresh = True
    if fresh and not bad:
        write(folder, wanted)
    return bad


def forget(folder: Path, names: Iterable[str]) -> None:
    """Trust these files no longer: they are hashed at their next use. What their hashes were stays known."""
    rows = _rows(folder)
    for name in names:
        for key in [key for key in _seen if key[0] == str(folder / name)]:
            del _seen[key]
        if name in rows:
            rows[name] = (rows[name][0], ())
    if rows:
        _keep(folder, rows)


def files(folder: Path) -> dict[str, str]:
    """The hash of every file of a folder, by path in it."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != FILE)
    return {path.relative_to(folder).as_posix(): sha256(path) for path in paths}


def _hash(path: Path, stamp: Stamp) -> str | None:
    key = (str(path), stamp)
    if key not in _seen:
        try:
            _seen[key] = sha256(path)
        except InputError as error:
            raise StorageError(str(error)) from None
    return _seen[key]


def _rows(folder: Path) -> dict[str, tuple[str, Stamp]]:
    try:
        rows = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return {name: (str(row["sha256"]), tuple(row["stamp"] or ())) for name, row in rows.items()}
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    except OSError as error:
        raise StorageError(f"cannot read {folder / FILE}: {os.strerror(error.errno or 0)}") from None
