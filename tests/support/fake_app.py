"""The app over fakes, in a process of its own: `python -m tests.support.fake_app --port 7999`."""

from __future__ import annotations

import sys
from typing import Any

from speechtutor import cli, registry

_LOAD = registry.load


def _fake(stage: str, name: str | None = None, **options: Any) -> Any:
    return _LOAD(stage, "fake", **options)


if __name__ == "__main__":
    registry.load = _fake  # type: ignore[assignment]
    sys.exit(cli.main(["app", *sys.argv[1:]]))
