"""`speechtutor bench`: what this machine needs for each stage, warm, one recording at a time.

Latencies are wall-clock seconds of `--repeats` calls on the clip whose length is nearest to 3 s; the
real-time factor is computing time over audio time, summed over all clips. The text that is scored is
what the transcriber heard, so that any folder of recordings will do; the whole loop hears it anew.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from speechtutor.commands.busy import MOST_BUSY, busy_processes
from speechtutor.commands.output import AsJson, Device, Model, demo, note, show
from speechtutor.commands.timing import (
    Loader,
    Sample,
    gather,
    machine,
    peak_memory,
    percentiles,
    seconds,
    timed,
)
from speechtutor.core.wording import counted
from speechtutor.errors import InputError, SpeechTutorError

if TYPE_CHECKING:
    from speechtutor.core import UtteranceScore
    from speechtutor.schema import Json
    from speechtutor.stages import Tutor

TYPICAL = 3.0
"""Seconds: a short sentence."""
MOST_REPEATS = 10_000
HEAD = "p50 / p95 ms"
MOST_USERS, MOST_MINUTES = 200, 24 * 60
IMPORT = "from time import perf_counter as t; start = t(); import speechtutor; print(t() - start)"


def startup(repeats: int = 5) -> Json:
    """Time of `import speechtutor` and of `speechtutor --help`, each in fresh interpreters."""

    def run(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    imports = [float(run("-c", IMPORT)) for _ in range(repeats)]
    helps = [seconds(lambda: run("-m", "speechtutor", "--help")) for _ in range(repeats)]
    return {"import": percentiles(imports), "help": percentiles(helps)}


def run(
    *,
    clips: Annotated[Path | None, Parameter(help="A folder of recordings (the examples)")] = None,
    limit: Annotated[int, Parameter(help="Use at most this many clips.")] = 100,
    repeats: Annotated[int, Parameter(help="Calls per latency.")] = 10,
    transcriber: Model = None,
    scorer: Model = None,
    tutors: Annotated[tuple[str, ...], Parameter(help="Tutors to time (all that can be loaded)")] = (),
    device: Device = None,
    busy: Annotated[
        tuple[int, ...],
        Parameter(help="Measure also beside so many busy processes, such as 1 2 4.", consume_multiple=True),
    ] = (),
    app: Annotated[bool, Parameter(negative=(), help="Measure a check in the app, too.")] = False,
    users: Annotated[int, Parameter(help="Only let so many learners use the app at once.")] = 0,
    minutes: Annotated[float, Parameter(help="How long they use it.")] = 5.0,
    json: AsJson = False,
) -> None:
    """Measure latency, real-time factor and memory on this machine."""
    if limit < 1 or not 1 <= repeats <= MOST_REPEATS:
        expected = f"--limit of at least 1 and --repeats from 1 to {MOST_REPEATS}"
        raise InputError(f"expected {expected}, not {limit!r:.20} and {repeats!r:.20}")
    for n in busy:
        if not 0 <= n <= MOST_BUSY:
            raise InputError(f"expected --busy from 0 to {MOST_BUSY}, not {n!r:.20}")
    if not 0 <= users <= MOST_USERS or not 0 < minutes <= MOST_MINUTES:
        expected = f"--users from 0 to {MOST_USERS} and --minutes up to {MOST_MINUTES}"
        raise InputError(f"expected {expected}, not {users!r:.20} and {minutes!r:.20}")
    folder, names = clips or demo() / "examples", (transcriber, scorer, tutors)
    if users:
        result, table = crowd(folder, limit, transcriber, device, users, minutes), _print_crowd
    else:
        result, table = measure(folder, limit, repeats, names, device, busy, app), _print
    if json:
        show(result)
    else:
        table(result)


Names = tuple[str | None, str | None, Sequence[str]]


def measure(
    folder: Path,
    limit: int,
    repeats: int,
    names: Names,
    device: str | None,
    busy: Sequence[int] = (),
    app: bool = False,
) -> Json:
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
    note(f"timing {repeats} calls on {clip.name}, then {counted(len(found), 'clip')}")
    stages, beside = latencies(calls, clip, repeats, busy, device if app else None, app)
    scores = [scorer.score(c.recording, c.text) for c in found[: repeats + 1]]
    return {
        "machine": machine(),
        "startup": begin,
        "clip": {"name": clip.name, "duration": round(clip.recording.duration, 2), "text": clip.text},
        "stages": stages,
        "busy": beside,
        "real_time_factor": throughput(calls, found),
        "tutors": tutoring(load, names[2], scores),
        "load_s": load.seconds,
        "peak_memory_mb": peak_memory(),
    }


def latencies(
    calls: Calls, clip: Sample, repeats: int, busy: Sequence[int], device: str | None, app: bool
) -> tuple[Json, list[Json]]:
    """Latency of each call, and with `app` of a check in it: idle, then beside each number of others."""
    from speechtutor.commands import visitors

    with ExitStack() as stack:
        if app:
            note("starting the app")
            calls = calls | {"app_check": stack.enter_context(visitors.checking(device))}
        stages = {name: timed(partial(call, clip), repeats) for name, call in calls.items()}
        beside: list[Json] = []
        for n in busy:
            note(f"the same beside {n} busy processes")
            with busy_processes(n):
                row = {name: timed(partial(call, clip), repeats) for name, call in calls.items()}
            beside.append({"processes": n, "stages": row})
    return stages, beside


def crowd(
    folder: Path, limit: int, transcriber: str | None, device: str | None, users: int, minutes: float
) -> Json:
    """What so many learners of the app wait for, as `visitors.crowd`."""
    from speechtutor.commands import visitors

    samples = gather(folder, limit, Loader(device)("transcriber", transcriber))
    note("starting the app")
    return {"machine": machine()} | visitors.crowd(samples, device, users, minutes, note)


Calls = dict[str, Callable[[Sample], object]]


def throughput(calls: Calls, clips: Sequence[Sample]) -> Json:
    """Computing time over audio time of each call, over all clips."""
    from tqdm import tqdm

    audio_time = sum(clip.recording.duration for clip in clips)
    row: Json = {"clips": len(clips), "audio_s": round(audio_time, 2)}
    for name, call in calls.items():
        every = tqdm(clips, desc=name, unit="clip", disable=None)
        row[name] = round(sum(seconds(partial(call, clip)) for clip in every) / audio_time, 4)
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


def _print(result: Json) -> None:
    clip, beside = result["clip"], result["busy"]
    print(f"clip of {clip['duration']} s: {clip['name']}")
    rows = {f"startup: {name}": row for name, row in result["startup"].items()} | result["stages"]
    for tutor, parts in result["tutors"].items():
        rows |= {f"tutor {tutor}: {part}": row for part, row in parts.items()}
    width = max(map(len, itertools.chain([HEAD], rows, result["load_s"])))
    heads = [f"{'beside ' + str(other['processes']) + ' busy':>18}" for other in beside]
    print(f"{HEAD:<{width}}  {'idle':>16}{''.join(heads)}")
    for name, row in rows.items():
        cells = [row, *(other["stages"][name] for other in beside if name in other["stages"])]
        print(f"{name:<{width}}  {'  '.join(map(_cell, cells))}")
    for name, took in result["load_s"].items():
        print(f"{name:<{width}}  loaded in {took} s")
    factor = result["real_time_factor"]
    print(f"real-time factor over {factor['clips']} clips, {factor['audio_s']} s of audio:", end="")
    print("".join(f" {name} {factor[name]}" for name in list(factor)[2:]))
    print(f"peak memory {result['peak_memory_mb']} MB")


def _cell(row: Json) -> str:
    told = f"{row['p50_ms']} / {row['p95_ms']}"
    return f"{told:>16}"


def _print_crowd(result: Json) -> None:
    print(f"{counted(result['users'], 'learner')} for {result['minutes']:g} minutes")
    for kind, row in result["calls"].items():
        print(f"{kind:<6} p50 {row['p50_ms'] / 1000:.2f} s  p95 {row['p95_ms'] / 1000:.2f} s  n {row['n']}")
    print(f"memory MB {' '.join(map(str, result['memory_mb']))}")
    left = "yes" if result["folder_left"] else "no"
    print(f"takes left on disk {result['takes_on_disk']}; folder left {left}")
    for problem in result["problems"]:
        print(f"problem: {problem}")
