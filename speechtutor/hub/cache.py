"""The store of pulled checkpoints: located, pulled, verified, converted once.

    home()/models/<name>/                    the files, there all at once or not at all
    home()/derived/<name>-<revision>-<kind>/ what was made from them once
    home()/partial/<name>/                   whole files and archives of a pull that was interrupted
    home()/locks/                            one lock file per name

What is here is known by its content: hashed when it is made, and recognised by a stamp when it is used
(see `hub.stamps`). A file becomes visible only when its bytes were hashed and are on the disk, and a
directory is renamed into place last; so a crash, a full disk or Ctrl-C leaves nothing half-written.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from speechtutor.errors import ChecksumError, ModelError, OfflineError
from speechtutor.files import disk
from speechtutor.files.disk import home
from speechtutor.files.fingerprint import sha256
from speechtutor.hub import stamps
from speechtutor.hub.catalog import Checkpoint, File, Part, checkpoint, checkpoints
from speechtutor.hub.sources import Workspace, open_part

ROOM = 2.5
"""Free space asked for per byte of checkpoint: the file, its archive, and pip's temporary copy of it."""

ORIGIN = ".origin.json"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class FileCheck:
    """A file of a checkpoint as found on disk; `found` is None when it is missing."""

    path: str
    expected: str
    found: str | None

    @property
    def ok(self) -> bool:
        """Whether the bytes are the pinned ones."""
        return self.found == self.expected


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of hashing a pulled checkpoint again."""

    name: str
    files: tuple[FileCheck, ...]

    @property
    def ok(self) -> bool:
        """Whether every file is there and right."""
        return all(file.ok for file in self.files)


def located(name: str) -> Path | None:
    """The directory of a pulled checkpoint, None when it is not there, not whole, or not what it was.

    A file is hashed only when its stamp is not the one that it had when it was hashed before.

    Raises:
        StorageError: when the home may not be read.
    """
    where = home() / "models" / name
    wanted = checkpoint(name)
    with disk.reads_told(home()):
        found = [stamps.of(where / file.path) for file in wanted.files]
        if any(s is None or s[0] != file.size for s, file in zip(found, wanted.files, strict=True)):
            return None
        bad = stamps.changed(where, _sums(wanted))
    if bad:
        _note(f"{where / bad[0]} was changed since it was pulled: not the pinned bytes")
    return None if bad else where


def _sums(wanted: Checkpoint) -> dict[str, str]:
    return {file.path: file.sha256 for file in wanted.files}


@cache
def _note(message: str) -> None:
    """Tell the user something, once."""
    print(message, file=sys.stderr)


def here() -> list[str]:
    """Which checkpoints have a directory, whole or not."""
    with disk.reads_told(home()):
        return [name for name in checkpoints() if (home() / "models" / name).is_dir()]


def origin(name: str) -> dict[str, str]:
    """Where each file of a pulled checkpoint came from; empty when it is not pulled."""
    with disk.reads_told(home()):
        return _origins(home() / "models" / name / ORIGIN)


def _origins(path: Path) -> dict[str, str]:
    """What a file of origins says; a damaged one says nothing, as nothing depends on it."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return {k: str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def verify(name: str) -> Verification:
    """Hash every file of a checkpoint again, whatever its stamp says.

    Raises:
        StorageError: when a file may not be read.
    """
    return _verified(name, home() / "models" / name, _sums(checkpoint(name)))


def verify_derived() -> tuple[Verification, ...]:
    """Hash again what was made from checkpoints; what has no sums counts as damaged."""
    with disk.reads_told(home()):
        kept = sorted(path for path in (home() / "derived").glob("*") if path.is_dir())
    return tuple(
        _verified(f"derived/{path.name}", path, stamps.sums(path) or {stamps.FILE: "sums"}) for path in kept
    )


def _verified(name: str, where: Path, sums: Mapping[str, str]) -> Verification:
    with disk.reads_told(home()):
        found = {path: sha256(where / path) if (where / path).is_file() else None for path in sums}
    checks = tuple(FileCheck(path, expected, found[path]) for path, expected in sums.items())
    stamps.forget(where, [check.path for check in checks if not check.ok])
    return Verification(name, checks)


def pull(
    name: str,
    *,
    source: Path | None = None,
    offline: bool = False,
    progress: bool = True,
    check: bool = False,
) -> Path:
    """Make sure that a checkpoint is there, and return its directory.

    `source` is a directory that is asked first: it holds the files (or `<name>/` with them), or
    the wheels and tarballs that carry them. `offline` asks nothing on a network. `check` hashes
    what is already there and fetches what is not right.

    Raises:
        UnknownModelError: when there is no such checkpoint.
        OfflineError: when no source could serve a file; the message lists each with its reason.
        ChecksumError: when a source served other bytes than the pinned ones and no other served them.
        StorageError: when there is no room or no permission.
    """
    wanted = checkpoint(name)
    if (found := located(name)) is not None and not (check and not verify(name).ok):
        return found
    lock = disk.locked(home() / "locks" / f"{name}.lock", tell=progress)
    with disk.refusals_told(name, home(), _room(wanted.files)), lock:
        if (found := located(name)) is not None and not (check and not verify(name).ok):
            return found
        work = Workspace(home() / "partial" / name, source, offline, progress)
        disk.clear(work.tmp)
        try:
            _fetch_all(wanted, work)
        finally:
            disk.clear(work.tmp)
            if not any(path.is_file() for path in work.root.rglob("*")):
                disk.clear(work.root)
        return _install(wanted, work)


def derived(name: str, kind: str, build: Callable[[Path], None], *, size: int = 0) -> Path:
    """What `build` makes from a checkpoint, made once and kept.

    `build` fills the empty directory it is given; `kind` names the result and, when the way it
    is made changes, its version; `size` is about how many bytes it makes. Other processes that
    ask meanwhile wait for the first.

    Raises:
        StorageError: when there is no room or no permission.
    """
    source = checkpoint(name)
    key = f"{name}-{source.revision[:8]}-{kind}"
    target = home() / "derived" / key
    if _sound(target):
        return target
    with disk.refusals_told(key, home(), size), disk.locked(home() / "locks" / f"{key}.lock"):
        if _sound(target):
            return target
        fresh = home() / "partial" / key
        disk.clear(fresh)
        fresh.mkdir(parents=True)
        disk.check_room(key, home(), size)
        try:
            build(fresh)
            stamps.write(fresh, stamps.files(fresh))
            for path in (*fresh.rglob("*"), fresh):
                disk.sync(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            disk.clear(target)
            fresh.replace(target)
        finally:
            disk.clear(fresh)
        disk.sync(target.parent)
        return target


def _sound(target: Path) -> bool:
    """Whether a derived folder is there and as it was made; says why one that is there is made anew."""
    with disk.reads_told(target):
        if not target.is_dir():
            return False
        sums = stamps.sums(target)
        bad = [stamps.FILE] if sums is None else stamps.changed(target, sums)
    if bad:
        why = "has no sums" if sums is None else f"is damaged ({bad[0]})"
        _note(f"{target} {why}: it is made anew")
    return not bad


def _fetch_all(wanted: Checkpoint, work: Workspace) -> None:
    """Bring every file under `work.root / "files"`, each whole and hashed; what is there and right stays."""
    if not (work.root / "files").is_dir():
        disk.clear(work.root / "files")
    missing = [file for file in wanted.files if not _kept(wanted, file, work)]
    disk.check_room(wanted.name, home(), _room(missing))
    origins = work.root / ORIGIN
    known = _origins(origins)
    for file in missing:
        known[file.path] = _fetch(wanted, file, work)
        disk.write_text(origins, json.dumps(known, indent=1))


def _room(files: Iterable[File]) -> int:
    return int(sum(file.size for file in files) * ROOM)


def _kept(wanted: Checkpoint, file: File, work: Workspace) -> bool:
    """Whether the file is whole already, from an interrupted pull or in a damaged directory."""
    target = work.root / "files" / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_file() and sha256(target) == file.sha256:
        return True
    disk.clear(target)
    old = home() / "models" / wanted.name / file.path
    if old.is_file() and old.stat().st_size == file.size and sha256(old) == file.sha256:
        shutil.copy2(old, target.with_name(target.name + ".copy"))
        target.with_name(target.name + ".copy").replace(target)
        return True
    return False


def _fetch(wanted: Checkpoint, file: File, work: Workspace) -> str:
    """Try the sources of a file in order; returns the one that served it."""
    reasons: list[ModelError] = []
    work = replace(work, most=file.size)
    if work.given is not None:
        for path in (work.given / file.path, work.given / wanted.name / file.path):
            if path.is_file():
                return _take(file, [path], str(path), work)
        reasons.append(OfflineError(f"{work.given}: holds no {file.path}"))
    for parts in file.sources:
        label = " + ".join(f"{part.archive}/{part.member}" for part in parts)
        try:
            return _take(file, list(parts), label, work)
        except (OfflineError, ChecksumError) as error:
            reasons.append(type(error)(f"{parts[0].archive}: {error}"))
    told = "; ".join(str(reason) for reason in reasons)
    kind = ChecksumError if any(isinstance(reason, ChecksumError) for reason in reasons) else OfflineError
    raise kind(f"cannot get {file.path} of {wanted.name}: {told}")


def _take(file: File, parts: list[Path] | list[Part], label: str, work: Workspace) -> str:
    """Concatenate the parts of a file, hash them on the way, and move the file in when it is right."""
    work.tmp.mkdir(parents=True, exist_ok=True)
    fresh = work.tmp / "file"
    digest, size = hashlib.sha256(), 0
    with fresh.open("wb") as output:
        for part in parts:
            with part.open("rb") if isinstance(part, Path) else open_part(part, work) as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
                    if size > file.size:
                        break
                    output.write(chunk)
        output.flush()
        os.fsync(output.fileno())
    if size > file.size:
        fresh.unlink()
        _forget(parts, work)
        raise ChecksumError(f"{file.path} is longer than its {file.size} bytes; it was refused")
    if (got := digest.hexdigest()) != file.sha256:
        fresh.unlink()
        _forget(parts, work)
        raise ChecksumError(f"{file.path} has sha256 {got}, expected {file.sha256}; it was refused")
    fresh.replace(work.root / "files" / file.path)
    return label


def _forget(parts: list[Path] | list[Part], work: Workspace) -> None:
    """Throw away what wrong bytes came from, so that the next pull asks again."""
    if any(isinstance(part, Part) for part in parts):
        disk.clear(work.archives)
        disk.clear(work.root / "hub")


def _install(wanted: Checkpoint, work: Workspace) -> Path:
    """Rename the complete directory into place, then drop what it was made from."""
    files = work.root / "files"
    if (work.root / ORIGIN).is_file():
        disk.clear(files / ORIGIN)
        (work.root / ORIGIN).replace(files / ORIGIN)
    target = home() / "models" / wanted.name
    target.parent.mkdir(parents=True, exist_ok=True)
    disk.sync(files)
    stamps.write(files, _sums(wanted))
    if target.exists():
        disk.clear(work.root / "damaged")
        target.rename(work.root / "damaged")
    files.replace(target)
    disk.sync(target.parent)
    disk.clear(work.root)
    return target
