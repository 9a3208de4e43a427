"""What `speechtutor bench` measures with: recordings with their text, the clock, the machine."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from speechtutor import engines
from speechtutor.commands.output import complain, note
from speechtutor.errors import InputError

if TYPE_CHECKING:
    from speechtutor.core import Recording
    from speechtutor.schema import Json
    from speechtutor.stages import Transcriber

SUFFIXES = (".flac", ".wav", ".ogg", ".opus", ".mp3", ".m4a", ".webm")


@dataclass(frozen=True)
class Sample:
    """A recording and the text heard in it."""

    name: str
    recording: Recording
    text: str


def percentiles(seconds: Sequence[float]) -> Json:
    """Median and 95th percentile in milliseconds."""
    p50, p95 = np.percentile(np.asarray(seconds) * 1000, [50, 95])
    return {"p50_ms": round(float(p50), 1), "p95_ms": round(float(p95), 1), "n": len(seconds)}


def timed(call: Callable[[], object], repeats: int) -> Json:
    """Latency of a call once it is warm."""
    call()
    return percentiles([seconds(call) for _ in range(repeats)])


def seconds(call: Callable[[], object]) -> float:
    """Wall-clock time of a call."""
    start = perf_counter()
    call()
    return perf_counter() - start


def peak_memory() -> float | None:
    """The largest resident size of this process so far in MB; None where the system does not say."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


def gather(folder: Path, limit: int, transcriber: Transcriber) -> list[Sample]:
    """Up to `limit` recordings of a folder with what is heard in them; one without words is left out.

    Raises:
        InputError: when the folder holds nothing to measure.
    """
    from tqdm import tqdm

    from speechtutor import audio

    if not folder.is_dir():
        raise InputError(f"{folder}: not a folder of recordings")
    clips = []
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)[:limit]
    for path in tqdm(paths, desc="listening", unit="clip", disable=None):
        try:
            recording = audio.load(path)
        except InputError as error:
            complain(error, path)
            continue
        if text := transcriber.transcribe(recording, lang="en").text:
            clips.append(Sample(path.name, recording, text))
        else:
            note(f"{path}: no words heard, left out")
    if not clips:
        raise InputError(f"{folder}: no recording with words, expected {', '.join(SUFFIXES)}")
    return clips


class Loader:
    """Loads stages and keeps how many seconds each took."""

    def __init__(self, device: str | None) -> None:
        self.device = device
        self.seconds: dict[str, float] = {}

    def __call__(self, stage: str, name: str | None) -> Any:
        """A model of the registry; None is the default of the stage."""
        from speechtutor import registry

        start = perf_counter()
        model = registry.load(stage, name, device=self.device)
        self.seconds[f"{stage} {name or registry.default(stage)}"] = round(perf_counter() - start, 2)
        return model


def machine() -> Json:
    """What the numbers belong to."""
    from speechtutor.config import commit, versions

    threads = os.environ.get("OMP_NUM_THREADS")
    waiting = {name: os.environ[name] for name in engines.WAITING if name in os.environ}
    system = f"{platform.system()} {platform.machine()}"
    row: dict[str, Any] = {"system": system, "cpus": os.cpu_count(), "omp_num_threads": threads}
    row |= {"engine_threads": engines.threads(), "waiting": waiting}
    return row | {"commit": commit(), "versions": versions()}
