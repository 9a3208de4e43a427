"""librosa with its compiled functions in place, also where several processes want them at once.

numba compiles them as they are first imported (some ten seconds) and keeps the result beside librosa, in two
files a function. Two processes that do so at the same moment can leave a pair that does not belong together,
and whoever loads it crashes (https://github.com/numba/numba/issues/10128). So one compiles, and the others
wait.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from functools import cache
from types import ModuleType

import numpy as np

from speechtutor.errors import StorageError
from speechtutor.files.disk import home, locked


@cache
def librosa() -> ModuleType:
    """The module; nothing else here imports it, so that nothing of it is compiled outside the lock."""
    with ExitStack() as held:
        with suppress(OSError, StorageError):  # a home that cannot be written is no reason to hear less
            held.enter_context(locked(home() / "locks" / "librosa.lock", tell=False))
        import librosa as module

        module.pyin(np.zeros(4096, np.float32), fmin=100, fmax=400, sr=16_000, frame_length=1024)
    return module
