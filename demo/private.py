"""Speech that is not kept: a folder of our own for what browsers send, and what was heard of it.

gradio writes every upload and every sound that it plays into a folder. Here that folder is new for each
process, open to its owner only, and gone when the process is; a recording is taken out of it as soon as it
has been heard, and stays in memory for a while so that the same take can be judged again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from speechtutor import audio
from speechtutor.core import Recording
from speechtutor.errors import AudioError, StorageError, cause
from speechtutor.files.disk import home

AGE = 300
"""Seconds that a sound made for a page, or an upload that broke off, stays on disk."""
FOLDER = "heard"
"""Where in the home directory the folders of running apps are."""
GRADIO_FOLDER = "GRADIO_TEMP_DIR"
MOST_BYTES, MOST_TAKES = 32_000_000, 256
"""Of all recordings that are remembered at once: a quarter of an hour of speech, as WAV at 16 kHz."""
SECONDS = 900
"""How long one is remembered."""
GONE = "recordings are not kept, and this one is gone: record it once more"


class Takes:
    """Recordings that were heard, by the path that the browser knows them by; the files are gone.

    Only files inside `folder` are taken; others (the examples) are read and left alone. At most `most` of
    them and `most_bytes` are kept, for `seconds` from when they were heard; those used last stay longest.
    """

    def __init__(
        self,
        folder: Path | None = None,
        most_bytes: int = MOST_BYTES,
        most: int = MOST_TAKES,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder, self.seconds, self.clock = folder, seconds, clock
        self.most_bytes, self.most = most_bytes, most
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def load(self, path: str) -> Recording:
        """The recording in a file, which is deleted if it lies in the folder.

        Raises:
            AudioError: when it cannot be read, or was forgotten.
        """
        found = self.known(path)
        if found is None and not self._is_ours(path):
            return audio.load(path)
        if found is None:
            found = self._take(path)
        else:  # the same recording, uploaded once more, lies in the same place again
            Path(path).unlink(missing_ok=True)
        return audio.decode(found, name=path)

    def known(self, path: str) -> bytes | None:
        """The bytes of a take that is remembered."""
        with self._lock:
            self._forget_old()
            found = self._kept.get(path)
            if found is not None:
                self._kept.move_to_end(path)
        return None if found is None else found[1]

    def _take(self, path: str) -> bytes:
        file = Path(path)
        try:
            data = file.read_bytes()
        except FileNotFoundError:
            raise AudioError(f"{path}: {GONE}") from None
        except OSError as error:
            raise AudioError(f"{path}: {cause(error)}") from None
        with self._lock:
            self._kept[path] = (self.clock(), data)
            self._forget_old()
        file.unlink(missing_ok=True)
        return data

    def _forget_old(self) -> None:
        limit = self.clock() - self.seconds
        for path in [path for path, (at, _) in self._kept.items() if at < limit]:
            del self._kept[path]
        size = sum(len(data) for _, data in self._kept.values())
        while size > self.most_bytes or len(self._kept) > self.most:
            _, (_, data) = self._kept.popitem(last=False)
            size -= len(data)

    def _is_ours(self, path: str) -> bool:
        if self.folder is None:
            return False
        return Path(path).resolve().is_relative_to(self.folder.resolve())


TAKES = Takes()
"""What this process has heard; without a private folder it deletes nothing."""


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder of this process that only its user may open, named to gradio; wiped at the end.

    What apps that were killed left behind is wiped too: a folder belongs to whoever holds its lock.

    Raises:
        StorageError: when no folder can be made.
    """
    with ExitStack() as stack:
        folder = _made(stack)
        before = os.environ.get(GRADIO_FOLDER)
        umask = os.umask(0o077)  # sounds that gradio writes are for their learner alone
        os.environ[GRADIO_FOLDER], TAKES.folder = str(folder), folder
        try:
            yield folder
        finally:
            os.umask(umask)
            TAKES.folder = None
            if before is None:
                del os.environ[GRADIO_FOLDER]
            else:
                os.environ[GRADIO_FOLDER] = before
            shutil.rmtree(folder, ignore_errors=True)


def sweep(folder: Path, age: float = AGE) -> None:
    """Delete the files of a folder that are older than `age` seconds."""
    limit = time.time() - age
    for path in folder.rglob("*"):
        with suppress(OSError):  # deleted in the meantime, or a folder that is not empty
            if path.lstat().st_mtime < limit:
                path.rmdir() if path.is_dir() else path.unlink()


def _made(stack: ExitStack) -> Path:
    """A new folder and its lock, in the home directory or, where that is others' only, the user's cache."""
    refused: OSError | None = None
    for base in dict.fromkeys((home(), user_cache_path("speechtutor", appauthor=False))):
        above = base / FOLDER
        try:
            above.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder = Path(tempfile.mkdtemp(prefix="app-", dir=above))  # 0700
            stack.enter_context(FileLock(_lock_of(folder), timeout=0))
        except OSError as error:
            refused = error
            continue
        stack.callback(_lock_of(folder).unlink, missing_ok=True)
        _wipe(above)
        return folder
    reason = "no home directory" if refused is None else cause(refused)
    raise StorageError(f"no folder for recordings can be made: {reason}; SPEECHTUTOR_HOME may name one")


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _wipe(above: Path) -> None:
    """Remove the folders whose process is gone; those of running apps and of other users stay."""
    for folder in above.glob("app-*"):
        if not folder.is_dir():
            continue
        try:
            with FileLock(_lock_of(folder), timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
            _lock_of(folder).unlink(missing_ok=True)
        except (Timeout, OSError):
            continue
