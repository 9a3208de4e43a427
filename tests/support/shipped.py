"""Every English sentence that ships to be said or shown, and the words in it that have several readings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from speechtutor.content.tables import read
from speechtutor.practice.levels import LEVELS
from speechtutor.text.language import load_language
from speechtutor.text.phones import pronounce
from speechtutor.text.tokens import tokenize

FILES = (
    "exercises",
    "sentences",
    "scenarios",
    "contrasts",
    "questions",
    "phones",
    "messages",
    "prompts",
    "library",
)
SAID = frozenset(
    "text say example opening closing ask title goal scene hints help start unfilled reply then answer hint "
    "partner again answers en how any question reply".split()
)


def _strings(value: Any, key: str) -> Iterator[str]:
    if isinstance(value, str) and key in LEVELS:  # a sentence a line, by level
        yield from value.strip().splitlines()
    elif isinstance(value, str):
        sentence = re.fullmatch(r"[A-Z\"].*[.?!]", value.strip()) and not re.search(r"[\\(|]", value)
        if (key in SAID or sentence) and " " in value.strip():
            yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name in ("es", "zh"):
                continue
            yield from _strings(inner, key if key in SAID else name)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, key)


def sentences() -> list[str]:
    """All of them, each once, in the order of the files; slots in braces are emptied."""
    found = [text for name in FILES for text in _strings(read(name), "")]
    return list(dict.fromkeys(re.sub(r"\{[^}]*\}", "it", " ".join(text.split())) for text in found))


def ambiguous(text: str) -> dict[str, str]:
    """What has several readings in a text, and the phones of the one that comes first: `read` -> "R IY D".

    A word that stands there twice is `read`, `read@2`.
    """
    several = load_language("en").homographs
    found: dict[str, str] = {}
    for token, word in zip(tokenize(text), pronounce(text), strict=True):
        plain = len(token.spoken) == 1 and token.spoken[0] == token.text.lower()
        if not plain or token.spoken[0] in several:
            name = key = token.text.lower()
            count = 1
            while key in found:
                count += 1
                key = f"{name}@{count}"
            found[key] = " ".join(word.pronunciations[0])
    return found
