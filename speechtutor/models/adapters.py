"""Adapters of peft, put into the weights that they belong to."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from speechtutor import hub
from speechtutor.hub.description import Role

ADAPTER = "adapter_config.json"
"""The file by which a folder or a repository is known to hold an adapter."""


def merged(model: Any, adapter: str | Path, role: Role | None = None) -> Any:
    """The network with an adapter folded into its weights; one that cannot be folded stays beside them.

    Raises:
        ModelError: when there is no such adapter, or it is that of something else.
        OSError, ValueError, KeyError, RuntimeError: as peft does for what is no adapter of this network.
    """
    from peft import PeftModel

    with warnings.catch_warnings():
        # peft asks transformers for a property of training by its old name; nobody here can act on it.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        source = hub.resolve(adapter, member=ADAPTER, role=role)
        found = PeftModel.from_pretrained(model, str(source))
        return found.merge_and_unload() if hasattr(found, "merge_and_unload") else found
