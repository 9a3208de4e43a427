"""`speechtutor doctor`: what is installed, what is here, and what stands in the way."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from speechtutor.commands.output import AsJson, show
from speechtutor.errors import SpeechTutorError, cause

OLDEST = (3, 11)
NEEDED = (
    "numpy", "torch", "torchaudio", "transformers", "peft", "accelerate", "librosa", "soundfile", "av",
    "jiwer", "onnxruntime", "silero-vad", "swift-f0", "gradio", "cyclopts", "sqlalchemy",
)  # fmt: skip
OPTIONAL = {
    "faster-whisper": "whisper",
    "pandas": "tables",
    "distributed": "cluster",
    "prometheus-client": "serve",
}
ROOM = 2_000_000_000
"""Bytes: all checkpoints with their archives while they are unpacked."""

PROBE = """
import torch
bf16 = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", bool)()
names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
print(", ".join([*names, f"cpu {torch.backends.cpu.get_cpu_capability()}, bf16 {'yes' if bf16 else 'no'}"]))
import torchaudio.functional
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `advice` says what to do when it is not ok or could be better."""

    name: str
    ok: bool
    found: str
    advice: str = ""


def version(package: str) -> str | None:
    """The installed version of a distribution, without importing it."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def python() -> Iterator[Finding]:
    """The interpreter and the machine."""
    ok = sys.version_info >= OLDEST
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
    yield Finding("python", ok, found, "" if ok else "speechtutor needs Python 3.11 or newer")


def packages() -> Iterator[Finding]:
    """The core dependencies and the extras."""
    for name in NEEDED:
        found = version(name)
        advice = "" if found else f"pip install {name}"
        yield Finding(name, found is not None, found or "not installed", advice)
    for name, extra in OPTIONAL.items():
        found = version(name)
        advice = "" if found else f"optional: pip install 'speechtutor[{extra}]'"
        yield Finding(name, True, found or "not installed", advice)


def torch_pair() -> Iterator[Finding]:
    """Whether torchaudio loads beside this torch, and what torch computes on.

    Tried in a process of its own: a pair that does not match may crash, and this one stays light.
    """
    if version("torch") is None or version("torchaudio") is None:
        return
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=False)
    devices = done.stdout.strip()
    yield Finding("device", bool(devices), devices or "torch does not load", "" if devices else _last(done))
    pair = f"torch {version('torch')} + torchaudio {version('torchaudio')}"
    if done.returncode == 0:
        yield Finding("torch with torchaudio", True, pair)
    else:
        yield Finding("torch with torchaudio", False, f"{pair}: {_last(done)}", _pair_advice(_last(done)))


def engine_settings() -> Iterator[Finding]:
    """How many threads the engines take, how these wait, and whether all of them know."""
    from speechtutor import engines

    late = engines.came_late()
    spins = not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"} & os.environ.keys()
    advice = f"{', '.join(late)} came first: import speechtutor before" if late else ""
    yield Finding("threads", True, engines.told(), advice or ("set OMP_WAIT_POLICY=PASSIVE" if spins else ""))
    loud = engines.loud()
    found = f"set otherwise: {', '.join(loud)}" if loud else "off in every library"
    yield Finding("telemetry", True, found, f"unset {' '.join(loud)}" if loud else "")


def _last(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]


def _pair_advice(message: str) -> str:
    if "libc10_cuda" in message or "libtorch_cuda" in message:
        return (
            "this torchaudio was built for the CUDA torch and torch is the CPU-only one: "
            "pip install --force-reinstall torch torchaudio, both from the same index"
        )
    return "their builds differ: pip install --force-reinstall 'torch<2.15' 'torchaudio<2.12'"


def storage() -> Iterator[Finding]:
    """Whether the cache can be written and has room."""
    from speechtutor import hub

    home = hub.home()
    base = next(folder for folder in (home, *home.parents) if folder.exists())
    writable = base.is_dir() and os.access(base, os.W_OK | os.X_OK)
    advice = "" if writable else "set SPEECHTUTOR_HOME to a directory of yours"
    yield Finding("cache", writable, f"{home}{'' if writable else ' cannot be written'}", advice)
    free = shutil.disk_usage(base).free
    advice = "" if free > ROOM else "all models take about 2 GB: set SPEECHTUTOR_HOME to a larger disk"
    yield Finding("free space", free > ROOM, f"{free / 1e9:.1f} GB", advice)


def checkpoints() -> Iterator[Finding]:
    """Which checkpoints are here; a missing one is fetched on first use, so it is no fault."""
    from speechtutor import hub

    for name, wanted in hub.checkpoints().items():
        folder = hub.located(name)
        found = f"{wanted.size / 1e6:.0f} MB, {wanted.stage}, " + ("here" if folder else "not pulled")
        yield Finding(name, True, found, "" if folder else f"speechtutor models pull {name}")


def microphone() -> Iterator[Finding]:
    """Advice only: the browser records, so nothing here can be measured."""
    advice = (
        "browsers give the microphone only to http://localhost or https; headset, quiet room, "
        "a hand's width away; the app turns off gain control and noise suppression itself"
    )
    yield Finding("microphone", True, "recorded by the browser", advice)


def _looked(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """What a check found, up to where it was not let go on."""
    try:
        yield from check()
    except (SpeechTutorError, OSError) as error:
        told = str(error) if isinstance(error, SpeechTutorError) else cause(error)
        yield Finding(check.__name__, False, told, "set SPEECHTUTOR_HOME to a directory of yours")


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    python,
    packages,
    torch_pair,
    engine_settings,
    storage,
    checkpoints,
    microphone,
)


def run(*, json: AsJson = False) -> int:
    """Say what is installed, which models are present and what stands in the way.

    The exit status is 1 when something stands in the way.
    """
    findings = [finding for check in CHECKS for finding in _looked(check)]
    ok = all(finding.ok for finding in findings)
    if json:
        show({"ok": ok, "findings": [asdict(finding) for finding in findings]})
        return 0 if ok else 1
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        print(f"{'ok ' if finding.ok else 'BAD'} {finding.name:<{width}}  {finding.found}")
        if finding.advice:
            print(f"    {'':<{width}}  -> {finding.advice}")
    return 0 if ok else 1
