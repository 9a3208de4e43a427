"""Let the tutor's model write sentences for sounds, levels and interests, and count how many hold.

Data      none: interests and word levels are content
Run       python -m recipes.sample_sentences --out runs/sentences
Expect    sentences.jsonl, shown.md with the first of each level unedited, and a table; ten minutes

Every draw is counted, the first of a wish also by itself. What may be said is cut to the words of the level
before the model chooses, so that no sentence is above it; `--free` takes that away. levels.json also
says how likely nine in ten of the bank's own sentences are.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from recipes.shared import synthetic
from speechtutor import config
from speechtutor.content.tables import sentence_bank
from speechtutor.files.disk import write_text
from speechtutor.practice.levels import LEVELS
from speechtutor.practice.written import LEAST, Drawn, Wish, Writer, topics
from speechtutor.text.phones import PHONES
from speechtutor.tutor.rubric import distinct


@dataclass(frozen=True)
class Config:
    """Which model writes how many sentences."""

    base: str = "smollm2-135m-instruct"
    """Chat model: a name, or a folder in CTranslate2's layout."""
    adapter: Path | None = None
    """The adapter; None measures the model as it is."""
    out: Path = Path("runs/sentences")
    """Folder for sentences.jsonl and shown.md."""
    wishes: int = 32
    """Wishes at each level."""
    draws: int = 4
    """Sentences drawn for a wish."""
    free: bool = False
    """Do not cut the words to those of the level."""
    shown: int = 50
    """Sentences that are written out as they came."""
    seed: int = 0
    """Seed of wishes."""
    smoke: bool = False
    """Let a tiny random model write, two wishes a level."""


@dataclass(frozen=True, slots=True)
class Level:
    """What was written at a level: shares of draws and of wishes, seconds of CPU time for a wish."""

    level: str
    wishes: int
    draws: int
    first: float
    passed: float
    given: float
    different: float
    distinct_2: float
    seconds: float
    reasons: dict[str, int]


class _Free:
    """An engine that takes any word."""

    def __init__(self, engine: Any) -> None:
        self.engine, self.name = engine, engine.name

    def alternatives(self, messages: Any, n: int, **options: Any) -> list[str]:
        return list(self.engine.alternatives(messages, n, **(options | {"words": None})))

    def likelihoods(self, texts: Sequence[str]) -> list[float]:
        return list(self.engine.likelihoods(texts))


def wishes(level: str, n: int, seed: int) -> list[Wish]:
    """Wishes at a level: each for a sound, in turn, and an interest."""
    rng = np.random.default_rng([seed, LEVELS.index(level)])
    sounds = rng.permutation(PHONES)
    return [
        Wish(level, (str(sounds[i % len(sounds)]),), (), topics()[int(rng.integers(len(topics())))])
        for i in range(n)
    ]


def measured(level: str, found: Sequence[Sequence[Drawn]], seconds: float) -> Level:
    """The figures of a level."""
    every = [one for drawn in found for one in drawn]
    good = [one.text for one in every if not one.objections]
    reasons = Counter(why.partition(":")[0].split(" of ")[0] for one in every for why in one.objections)
    return Level(
        level, len(found), len(every),
        first=float(np.mean([bool(drawn) and not drawn[0].objections for drawn in found])),
        passed=len(good) / max(len(every), 1),
        given=float(np.mean([any(not one.objections for one in drawn) for drawn in found])),
        different=len(set(good)) / max(len(good), 1),
        distinct_2=distinct(good), seconds=seconds / max(len(found), 1),
        reasons=dict(reasons.most_common()),
    )  # fmt: skip


def run(cfg: Config) -> list[Level]:
    """Write the sentences and return the figures of each level.

    Raises:
        SpeechTutorError: for a model or a disk that cannot be used.
    """
    from speechtutor.models.llm import load
    from speechtutor.models.llm_ct2 import convert

    if cfg.smoke:
        folder = cfg.out / "model"
        folder.mkdir(parents=True, exist_ok=True)
        convert(synthetic.tiny_chat(cfg.out / "base"), folder)
        cfg = replace(cfg, base=str(folder), adapter=None, wishes=2, draws=2, free=True)
    engine: Any = load(cfg.base, "cpu", adapter=cfg.adapter, engine="ctranslate2").engine
    writer = Writer(_Free(engine) if cfg.free else engine)  # type: ignore[arg-type]
    levels: list[Level] = []
    rows: list[dict[str, Any]] = []
    for level in LEVELS:
        start, found = time.process_time(), []
        for number, wish in enumerate(wishes(level, cfg.wishes, cfg.seed)):
            given_before = [row["text"] for row in rows if not row["objections"]]
            drawn = writer.drawn(wish, cfg.seed * 10_007 + number, given_before, cfg.draws)
            found.append(drawn)
            rows += [
                {"level": level, "sound": wish.sounds[0], "about": wish.about} | asdict(one) for one in drawn
            ]
        levels.append(measured(level, found, time.process_time() - start))
    own = engine.likelihoods([one.text for one in sentence_bank()])
    write_text(cfg.out / "sentences.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    write_text(cfg.out / "shown.md", _listed(rows, cfg.shown))
    bank = {"likelihood_of_nine_in_ten": round(float(np.quantile(own, 0.1)), 3), "least": LEAST}
    write_text(cfg.out / "levels.json", json.dumps([*map(asdict, levels), bank], indent=2) + "\n")
    config.save(cfg, cfg.out)
    return levels


def _listed(rows: Sequence[dict[str, Any]], n: int) -> str:
    """The first draws of each level as they came, each with what speaks against it."""
    each = n // len(LEVELS) + (n % len(LEVELS) > 0)
    picked = [row for level in LEVELS for row in [r for r in rows if r["level"] == level][:each]][:n]
    return "".join(
        f"- {row['level']} {row['sound']} {row['about']}: {row['text']}"
        + (f" ({'; '.join(row['objections'])})" if row["objections"] else "") + "\n"
        for row in picked
    )  # fmt: skip


def shown(found: list[Level]) -> str:
    """A table with a row for each level."""
    lines = [
        "| level | wishes | draws | the likeliest holds | hold | with one | different | distinct-2 "
        "| CPU s a wish | most refused for |",
        "|" + " --- |" * 10,
    ]
    for one in found:
        why = ", ".join(f"{reason} {n}" for reason, n in list(one.reasons.items())[:3])
        lines.append(
            f"| {one.level} | {one.wishes} | {one.draws} | {one.first:.2f} | {one.passed:.2f} | "
            f"{one.given:.2f} | {one.different:.2f} | {one.distinct_2:.2f} | {one.seconds:.1f} | {why} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    config.main(run, Config, shown)
