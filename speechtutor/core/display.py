"""What a notebook shows of a value (IPython's `_repr_html_`).

Values know nothing of HTML; whoever makes it registers here. The package's face does, when one of its names
is first used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_MAKERS: list[Callable[[Any], str]] = []


def register(maker: Callable[[Any], str]) -> None:
    """What makes HTML of a score from now on."""
    _MAKERS[:] = [maker]


def html(value: Any) -> str | None:
    """The HTML of a value, None where nobody makes any: a notebook then shows its text."""
    return _MAKERS[0](value) if _MAKERS else None
