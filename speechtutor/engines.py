"""How the engines run: how many threads, how they wait, and that none of them calls home.

torch, CTranslate2, ONNX Runtime, gradio and the hub's client read their settings from the environment, most
of them once, when they are loaded. So `prepare` sets it when this package is imported, which is before any
code of ours loads one of them. What the user has set is left alone.

Waiting: OpenMP threads burn their core while they wait for each other, in the hope that it is short. Beside
another busy process the one that they wait for is not running, and every barrier costs a time slice: a
2.7 s clip took seconds to score instead of a fifth. Threads that sleep (`OMP_WAIT_POLICY=PASSIVE`) cost
microseconds.

Calling home: ONNX Runtime from 1.32 on looks up a host of its maker and writes an id of the device at its
first use; gradio reports starts and asks for news; the hub's client says who asks. README says that nothing
leaves the machine.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, MutableMapping
from types import MappingProxyType

MOST_THREADS = 4
"""More make a short clip no faster, and leave nothing to the browser that records it."""

SILENT: Mapping[str, str] = MappingProxyType(
    {
        "ORT_DISABLE_TELEMETRY": "1",
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
    }
)
"""Switches of libraries that would call home otherwise."""

WAITING: Mapping[str, str] = MappingProxyType({"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"})
"""How threads of the two OpenMP runtimes (GNU's and Intel's) wait for each other: asleep."""

_OWN_WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
LOADED = ("torch", "ctranslate2", "onnxruntime", "sklearn")
"""What brings an OpenMP runtime or reads the environment only once."""

_late: list[str] = []


def prepare(environ: MutableMapping[str, str] | None = None) -> None:
    """Set what the engines will read; a setting of the user's own stays."""
    environ = os.environ if environ is None else environ
    _late[:] = _late or [name for name in LOADED if name in sys.modules]
    for name, value in SILENT.items():
        environ.setdefault(name, value)
    if not any(name in environ for name in _OWN_WAITING):
        environ.update(WAITING)


def limit_threads(environ: MutableMapping[str, str] | None = None) -> None:
    """Let torch, too, take no more than `threads()`: for a program that judges one recording at a time."""
    environ = os.environ if environ is None else environ
    environ.setdefault("OMP_NUM_THREADS", str(threads(environ)))


def threads(environ: Mapping[str, str] | None = None) -> int:
    """Threads of an engine: what the user says, else one a processor that we may use, at most four."""
    said = (os.environ if environ is None else environ).get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if said.isascii() and said.isdecimal() and int(said) > 0:
        return int(said)
    return min(MOST_THREADS, processors())


def processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def told(environ: Mapping[str, str] | None = None) -> str:
    """Threads and waiting in a line, for people."""
    environ = os.environ if environ is None else environ
    n = threads(environ)
    said = f"{n} thread{'s' * (n > 1)} on {processors()} processors"
    own = [f"{name}={environ[name]}" for name in _OWN_WAITING if name in environ]
    return f"{said}, waiting by {' '.join(own)}" if own else f"{said}, waiting as the runtime likes"


def loud(environ: Mapping[str, str] | None = None) -> list[str]:
    """Switches of `SILENT` that say something else, however they spell yes and no."""
    environ = os.environ if environ is None else environ
    return [name for name, value in SILENT.items() if _is_on(environ.get(name, "")) is not _is_on(value)]


def _is_on(value: str) -> bool | None:
    """What a switch says; None for a word that is neither yes nor no."""
    return {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False}.get(
        value.strip().lower()
    )


def came_late() -> tuple[str, ...]:
    """Engines that were loaded before this package, and so run as they like."""
    return tuple(_late)
