"""Where a model computes and with which numbers: the one place that decides it."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechtutor import engines
from speechtutor.errors import InputError, ModelError

if TYPE_CHECKING:
    import torch

_NAME = re.compile(r"auto|cpu|mps|cuda(?::\d{1,3})?")


@dataclass(frozen=True, slots=True)
class Device:
    """Where to compute. `dtype` is for the weights; `autocast_dtype` is None where mixing does not pay."""

    name: str
    dtype: torch.dtype
    autocast_dtype: torch.dtype | None = None

    @property
    def kind(self) -> str:
        """The name without an index: cpu, cuda or mps."""
        return self.name.partition(":")[0]

    def autocast(self) -> AbstractContextManager[Any]:
        """A context for training or inference in mixed precision; does nothing where there is none."""
        if self.autocast_dtype is None:
            return nullcontext()
        import torch

        return torch.autocast(self.kind, self.autocast_dtype)


def resolve(device: str | None, *, n_cuda: int, mps: bool = False) -> str:
    """The device that a wish stands for: None and "auto" are the first GPU, else the CPU.

    Apple's GPU (mps) is only taken when asked for by name: it has not been measured.

    Raises:
        InputError: for a name that is no device, or a device that this machine does not have.
    """
    wish = "auto" if device is None else device.strip().lower()
    if not _NAME.fullmatch(wish):
        raise InputError(f"unknown device {device!r:.60}: choose auto, cpu, cuda, cuda:N or mps")
    if wish == "auto":
        return "cuda" if n_cuda else "cpu"
    if wish == "mps" and not mps:
        raise InputError("device 'mps' is not there: it needs a Mac with Apple silicon")
    if wish.startswith("cuda") and int(wish.partition(":")[2] or 0) >= n_cuda:
        found = f"only {n_cuda} CUDA device{'s' * (n_cuda > 1)}" if n_cuda else "no CUDA device"
        raise InputError(f"device {device!r} is not there: this machine has {found}; use cpu")
    return wish


def pick(device: str | None = None) -> Device:
    """The device to use, by default a GPU where there is one.

    On CUDA the weights are bfloat16, or float16 on a GPU older than bfloat16. On the CPU they are
    float32, and `autocast` mixes in bfloat16 where the processor computes with it natively.

    Raises:
        InputError: as `resolve`.
    """
    import torch

    n_cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    name = resolve(device, n_cuda=n_cuda, mps=torch.backends.mps.is_available())
    if name == "mps":
        return Device(name, torch.float32)
    if name == "cpu":
        return Device(name, torch.float32, torch.bfloat16 if _cpu_has_bf16() else None)
    with torch.cuda.device(name):
        half = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return Device(name, half, half)


def at_once(device: str | None, on_cuda: int) -> int:
    """How many recordings are worth hearing at once: so many on a graphics card, else one.

    Raises:
        InputError: as `resolve`.
    """
    return on_cuda if pick(device).kind == "cuda" else 1


def _cpu_has_bf16() -> bool:
    import torch

    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def onnx_session(path: Path, n_threads: int | None = None) -> Any:
    """A network of ONNX Runtime on the CPU; by default on `engines.threads()` threads, which sleep to wait.

    Raises:
        ModelError: when the file is missing or damaged.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads or engines.threads()
    # Threads that wait must not burn the CPU that the other stages need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own exceptions share no base class
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"{path} cannot be loaded by ONNX Runtime: {reason}") from error
