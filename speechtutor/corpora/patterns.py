"""Clean sentences of our own, made from patterns and slots."""

from __future__ import annotations

import random
import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

_SLOT = re.compile(r"\{(\w+)\}")


@cache
def _patterns() -> dict[str, Any]:
    return tomllib.loads(files(__package__ or "").joinpath("patterns.toml").read_text(encoding="utf-8"))


def sentences(n: int, rng: random.Random) -> list[str]:
    """Up to `n` different correct sentences, drawn evenly over the patterns."""
    table = _patterns()
    patterns = table["patterns"]["text"].strip().splitlines()
    slots = {name: choices.split("|") for name, choices in table["slots"].items()}
    found: dict[str, None] = {}
    for attempt in range(4 * n):
        pattern = patterns[attempt % len(patterns)]
        text = _SLOT.sub(lambda match: rng.choice(slots[match[1]]), pattern)
        found[text[:1].upper() + text[1:]] = None
        if len(found) == n:
            break
    return list(found)
