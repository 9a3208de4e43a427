"""`speechtutor bench`: what this machine needs for each stage, warm, one recording at a time.

Latencies are wall-clock seconds of `--repeats` calls on the clip whose length is nearest to 3 s; the
real-time factor is computing time over audio time, summed over all clips. The text that is scored is
what the transcriber heard, so that any folder of recordings will do; the whole loop hears it anew.
"""

from __future__ import annotations

import itertools
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from cyclopts import Parameter

from speechtutor import engines
from speechtutor.commands.output import AsJson, Device, Model, complain, demo, note, show
from speechtutor.errors import InputError, SpeechTutorError

if TYPE_CHECKING:
    from speechtutor.core import Recording, UtteranceScore
    from speechtutor.schema import Json
    from speechtutor.stages import Transcriber, Tutor

TYPICAL = 3.0
"""Seconds: a short sentence."""
SUFFIXES = (".flac", ".wav", ".ogg", ".opus", ".mp3", ".m4a", ".webm")
MOST_BUSY = 64
BUSY = """
import os, sys, threading
def leave():
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=leave, daemon=True).start()
print(flush=True)
while True:
    pass
"""
"""A process that counts as busy; it ends with the one that started it."""
MOST_REPEATS = 10_000
IMPORT = "from time import perf_counter as t; start = t(); import speechtutor; print(t() - start)"


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
    return percentiles([_seconds(call) for _ in range(repeats)])


def _seconds(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


def startup(repeats: int = 5) -> Json:
    """Time of `import speechtutor` and of `speechtutor --help`, each in fresh interpreters."""

    def run(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    imports = [float(run("-c", IMPORT)) for _ in range(repeats)]
    helps = [_seconds(lambda: run("-m", "speechtutor", "--help")) for _ in range(repeats)]
    return {"import": percentiles(imports), "help": percentiles(helps)}


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


def run(
    *,
    clips: Annotated[Path | None, Parameter(help="A folder of recordings (the examples)")] = None,
    limit: Annotated[int, Parameter(help="Use at most this many clips.")] = 100,
    repeats: Annotated[int, Parameter(help="Calls per latency.")] = 10,
    transcriber: Model = None,
    scorer: Model = None,
    tutors: Annotated[tuple[str, ...], Parameter(help="Tutors to time (all that can be loaded)")] = (),
    device: Device = None,
    busy: Annotated[int, Parameter(help="Measure the stages also beside this many busy processes.")] = 0,
    json: AsJson = False,
) -> None:
    """Measure latency, real-time factor and memory on this machine."""
    if limit < 1 or not 1 <= repeats <= MOST_REPEATS:
        expected = f"--limit of at least 1 and --repeats from 1 to {MOST_REPEATS}"
        raise InputError(f"expected {expected}, not {limit!r:.20} and {repeats!r:.20}")
    if not 0 <= busy <= MOST_BUSY:
        raise InputError(f"expected --busy from 0 to {MOST_BUSY}, not {busy!r:.20}")
    result = measure(
        clips or demo() / "examples", limit, repeats, (transcriber, scorer, tutors), device, busy
    )
    if json:
        show(result)
    else:
        _print(result)


Names = tuple[str | None, str | None, Sequence[str]]


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


@contextmanager
def busy_processes(n: int) -> Iterator[None]:
    """Other processes that each take all of a processor that they get; they end when this one does."""
    pipe = subprocess.PIPE
    others = [subprocess.Popen([sys.executable, "-c", BUSY], stdin=pipe, stdout=pipe) for _ in range(n)]
    try:
        for other in others:
            assert other.stdout is not None
            other.stdout.readline()
        yield
    finally:
        for other in others:
            other.kill()
            other.communicate()


def measure(folder: Path, limit: int, repeats: int, names: Names, device: str | None, busy: int = 0) -> Json:
    """Everything that `bench` reports."""
    from speechtutor.pipeline import Coach
    from speechtutor.tutor.rules import RuleTutor

    begin = startup()
    note("loading the models")
    load = Loader(device)
    transcriber, scorer = load("transcriber", names[0]), load("scorer", names[1])
    found = gather(folder, limit, transcriber)
    clip = min(found, key=lambda c: abs(c.recording.duration - TYPICAL))
    coach = Coach(transcriber, scorer, RuleTutor())
    calls: Calls = {
        "transcribe": lambda c: transcriber.transcribe(c.recording, lang="en"),
        "align_and_score": lambda c: scorer.score(c.recording, c.text),
        "loop_without_llm": lambda c: coach.coach(c.recording),
    }
    note(f"timing {repeats} calls on {clip.name}, then {len(found)} clips")
    stages = {name: timed(partial(call, clip), repeats) for name, call in calls.items()}
    beside: Json = {}
    if busy:
        note(f"the same beside {busy} busy processes")
        with busy_processes(busy):
            beside = {name: timed(partial(call, clip), repeats) for name, call in calls.items()}
    factors = throughput(calls, found)
    scores = [scorer.score(c.recording, c.text) for c in found[: repeats + 1]]
    return {
        "machine": machine(),
        "startup": begin,
        "clip": {"name": clip.name, "duration": round(clip.recording.duration, 2), "text": clip.text},
        "stages": stages,
        "busy": {"processes": busy, "stages": beside},
        "tutors": tutoring(load, names[2], scores),
        "real_time_factor": factors,
        "load_s": load.seconds,
        "peak_memory_mb": peak_memory(),
    }


Calls = dict[str, Callable[[Sample], object]]


def throughput(calls: Calls, clips: Sequence[Sample]) -> Json:
    """Computing time over audio time of each call, over all clips."""
    from tqdm import tqdm

    audio_time = sum(clip.recording.duration for clip in clips)
    row: Json = {"clips": len(clips), "audio_s": round(audio_time, 2)}
    for name, call in calls.items():
        every = tqdm(clips, desc=name, unit="clip", disable=None)
        row[name] = round(sum(_seconds(partial(call, clip)) for clip in every) / audio_time, 4)
    return row


def tutoring(load: Loader, names: Sequence[str], scores: Sequence[UtteranceScore]) -> Json:
    """Latency of every tutor named, or of all that can be loaded; one that cannot is said."""
    from speechtutor import registry

    rows: Json = {}
    every = [e.name for e in registry.entries() if e.stage == "tutor" and e.name != "fake"]
    for name in names or every:
        try:
            rows[name] = advising(load("tutor", name), scores)
        except SpeechTutorError as error:
            if names:
                raise
            note(f"tutor {name} left out: {error}")
    return rows


def advising(tutor: Tutor, scores: Sequence[UtteranceScore]) -> Json:
    """Latency of the first text and of the whole advice.

    Every score is asked about once, since a tutor may remember its answer; the first is the warm-up
    where there are others.
    """
    from speechtutor.core import LearnerState

    learner, first, total = LearnerState(), [], []
    for score in scores:
        start = perf_counter()
        for i, _ in enumerate(tutor.stream(score, learner)):
            if i == 0:
                first.append(perf_counter() - start)
        total.append(perf_counter() - start)
    row = {"total": percentiles(total[1:] or total)}
    return row | ({"first_text": percentiles(first[1:] or first)} if first else {})


def machine() -> Json:
    """What the numbers belong to."""
    from speechtutor.config import commit, versions

    threads = os.environ.get("OMP_NUM_THREADS")
    waiting = {name: os.environ[name] for name in engines.WAITING if name in os.environ}
    system = f"{platform.system()} {platform.machine()}"
    row: dict[str, Any] = {"system": system, "cpus": os.cpu_count(), "omp_num_threads": threads}
    row |= {"engine_threads": engines.threads(), "waiting": waiting}
    return row | {"commit": commit(), "versions": versions()}


def _print(result: Json) -> None:
    rows = {f"startup: {name}": row for name, row in result["startup"].items()}
    rows |= result["stages"]
    n = result["busy"]["processes"]
    rows |= {f"beside {n} busy: {name}": row for name, row in result["busy"]["stages"].items()}
    for tutor, parts in result["tutors"].items():
        rows |= {f"tutor {tutor}: {part}": row for part, row in parts.items()}
    clip = result["clip"]
    print(f"clip of {clip['duration']} s: {clip['name']}")
    width = max(map(len, itertools.chain(rows, result["load_s"])))
    print(f"{'':<{width}}  p50 ms    p95 ms")
    for name, row in rows.items():
        print(f"{name:<{width}}  {row['p50_ms']:>6}  {row['p95_ms']:>8}")
    for name, seconds in result["load_s"].items():
        print(f"{name:<{width}}  loaded in {seconds} s")
    factor = result["real_time_factor"]
    print(f"real-time factor over {factor['clips']} clips, {factor['audio_s']} s of audio:", end="")
    print("".join(f" {name} {factor[name]}" for name in list(factor)[2:]))
    print(f"peak memory {result['peak_memory_mb']} MB")
