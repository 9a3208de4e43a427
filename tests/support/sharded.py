"""Runs a recipe as a module with FSDP on the CPU: `sharded.py recipes.NAME FLAGS`.

accelerate (1.15) shards only where it found GPUs; everything under it, torch's `fully_shard` included,
computes on CPUs as well. So all that is changed is that its state believes the launcher.
"""

from __future__ import annotations

import runpy
import sys
from typing import Any

from accelerate import state
from accelerate.utils import DistributedType

original = state.AcceleratorState.__init__


def __init__(self: Any, *args: Any, fsdp_plugin: Any = None, **kwargs: Any) -> None:
    original(self, *args, fsdp_plugin=fsdp_plugin, **kwargs)
    if fsdp_plugin is not None and self.distributed_type is DistributedType.MULTI_CPU:
        self.distributed_type, self.fsdp_plugin = DistributedType.FSDP, fsdp_plugin


if __name__ == "__main__":
    state.AcceleratorState.__init__ = __init__  # type: ignore[method-assign]
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
