"""Rows that teach to write a sentence with some words of a level, from our own; no recipe itself."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any
from zlib import crc32

from speechtutor.content.tables import read, sentence_bank, word_set
from speechtutor.practice.levels import LEVELS, level_of, words_of
from speechtutor.practice.written import SYSTEM, Wish, note, objections


def texts() -> list[tuple[str, str]]:
    """Every whole sentence of ours with its level: of the bank, talks, stories and questions."""
    found = [one.text for one in sentence_bank()]
    for scene in read("scenarios")["scenario"]:
        for step in scene["step"]:
            found += [*step["example"].values(), *step["say"].values()]
    rows = read("exercises")
    found += [text for row in rows["story"] for text in re.split(r"(?<=[.!?])\s+", row["text"])]
    found += [text for row in rows["translate"] for text in row["answers"]]
    questions = read("questions")
    found += [row["example"] for group in ("phone", "structure") for row in questions[group].values()]
    kept = {}
    for text in found:
        level = level_of(text) if "{" not in text else None
        if level and not set(objections(text, Wish(level))) - {"seen before", "a word twice"}:
            kept[text] = level
    return list(kept.items())


def rows(n: int, rng: random.Random, licence: str) -> Iterator[dict[str, Any]]:
    """Up to `n` chats that ask for a sentence with one or two of its words; it decides the split."""
    every = texts()
    rng.shuffle(every)
    for number, (text, own) in enumerate(every[:n]):
        content = sorted({w for w in words_of(text) if w not in word_set("function") and len(w) > 2})
        if not content:
            continue
        asked = rng.sample(content, min(len(content), 2))
        # A sentence of a level is one for those above it, too.
        level = rng.choice(LEVELS[LEVELS.index(own) : LEVELS.index(own) + 2])
        # Without the examples: who is trained on this needs none.
        told = (("system", SYSTEM), ("user", note(asked, level)), ("assistant", text))
        yield {
            "id": f"sentence:{number}", "task": "sentence", "source": "content", "licence": licence,
            "split": "tune" if crc32(text.encode()) % 20 == 0 else "train",
            "messages": [{"role": role, "content": content} for role, content in told],
        }  # fmt: skip
