"""A week of one learner on real recordings, day by day: what was given and why, what was heard, what changed.

Data      data_manifests/speechocean762.jsonl with its recordings: all of one speaker of the split train
Run       python -m recipes.replay_week --root corpus --speaker 0594
Expect    OUT/week.md, a page with pictures for each day in OUT, and the store they were made from; 5 min

The recordings are what they are, so the path chooses among the speaker's own sentences: on each day those of
which this learner is expected to learn most by what was heard before, with the reason that a learner sees.
All were recorded in one sitting: to call anything a change here is wrong, and the week shows whether we do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from speechtutor import config, registry
from speechtutor.audio.io import from_array, load, save
from speechtutor.core import Attempt, Exercise, Utterance
from speechtutor.core.profile import Profile
from speechtutor.corpora import manifest
from speechtutor.errors import InputError
from speechtutor.files import disk
from speechtutor.learner import skills, summary
from speechtutor.learner.store import SqlStore
from speechtutor.practice import path
from speechtutor.practice.bank import Bank
from speechtutor.practice.levels import phones_in
from speechtutor.report import learner_page
from speechtutor.stages import Scorer

START = datetime(2026, 3, 2, 18, tzinfo=UTC)
NAME = "learner"


@dataclass(frozen=True)
class Config:
    """Whose week, and how long it is."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Rows of the corpus; only the split train is read."""
    root: Path = Path("corpora/speechocean762")
    """Folder of the recordings."""
    speaker: str = "0594"
    """Whose recordings."""
    days: int = 7
    """Days among which they are spread."""
    scorer: str | None = None
    """Who judges them (the default scorer)."""
    out: Path = Path("runs/week")
    """Folder for everything."""
    seed: int = 0
    """Seed of the path's explorations."""
    smoke: bool = False
    """Two days of tones with the fake scorer instead."""


def made_up(cfg: Config) -> list[Utterance]:
    """Rows of one tone, which the fake scorer takes for speech."""
    tone = 0.2 * np.sin(np.arange(16_000) * 0.05).astype(np.float32)
    cfg.out.mkdir(parents=True, exist_ok=True)
    save(from_array(tone, 16_000), cfg.out / "tone.wav")
    texts = ("I like tea.", "She has a dog.", "We go home.", "It is late.")
    return [Utterance(f"t{i}", "tone.wav", text, cfg.speaker, "train") for i, text in enumerate(texts)]


def exercise_of(row: Utterance) -> Exercise:
    """A sentence of the speaker as an exercise to read aloud."""
    text = row.text
    if text.isupper():  # as the corpus writes
        text = re.sub(r"\bi\b", "I", f"{text.capitalize()}.")
    often = sorted(phone for phone, n in phones_in(text).items() if n > 1)
    return Exercise(text, tuple(often), "sound")


def day(
    store: SqlStore, left: dict[Exercise, Utterance], n: int, now: datetime, cfg: Config, scorer: Scorer
) -> list[tuple[path.Step, Attempt]]:
    """One day: the path gives, the recording answers, the store learns; `left` gets shorter."""
    rng = np.random.default_rng([cfg.seed, now.toordinal()])
    done = []
    for i in range(min(n, len(left))):
        at = now + timedelta(minutes=2 * i)
        recent = store.recent(NAME, path.LAST)
        step = path.choose(store.state(NAME), Bank(tuple(left)), rng, at, recent)
        row = left.pop(step.exercise)
        score = scorer.score(load(cfg.root / row.audio), step.exercise.text)
        attempt = Attempt(NAME, step.exercise, score, at, id=row.id)
        store.append(attempt)
        done.append((step, attempt))
    return done


def told(number: int, done: Sequence[tuple[path.Step, Attempt]], found: dict[str, Any]) -> list[str]:
    """A day as lines of Markdown."""
    lines = [f"### Day {number}", "", "| given | because | of 100 |", "| --- | --- | --- |"]
    for step, attempt in done:
        value = "-" if attempt.score.overall is None else f"{100 * attempt.score.overall:.0f}"
        lines.append(f"| {step.exercise.text} | {path.reason(step)} | {value} |")
    weak = ", ".join(f"{row['label']} {100 * row['p']:.0f} %" for row in found["weak"][:4])
    lines += [
        "",
        f"Hardest then: {weak or 'too little heard'}. Overall: {summary.said_of(found['overall'])}.",
    ]
    changed = [f"{row['label']} ({row['log_odds']:+.1f})" for row in found["changed"]]
    lines += [f"Skills called changed: {', '.join(changed) or 'none'}. Due: {found['n_due']}.", ""]
    return lines


def run(cfg: Config) -> Path:
    """Replay the week; returns the path of its account.

    Raises:
        InputError: when the speaker is not in the split train, or the folder holds a week already.
    """
    if cfg.smoke:
        cfg = replace(cfg, root=cfg.out, days=2, scorer="fake")
        rows = made_up(cfg)
    else:
        rows = [row for row in manifest.read(cfg.manifest, ["train"]) if row.speaker == cfg.speaker]
    if not rows or cfg.days < 1:
        raise InputError(f"{cfg.manifest}: no recordings of a speaker {cfg.speaker!r} in the split train")
    store_path = cfg.out / "week.db"
    if store_path.exists():
        raise InputError(f"{store_path} is there already: choose another --out")
    scorer = registry.load_scorer(cfg.scorer)
    store = SqlStore(f"sqlite:///{store_path}")
    left = {exercise_of(row): row for row in rows}
    a_day, lines, profile = -(-len(left) // cfg.days), list[str](), Profile(NAME, l1="zh")
    for number in range(cfg.days):
        now = START + timedelta(days=number)
        if number == 0:
            store.profiles.put(profile, now)
        done = day(store, left, a_day, now, cfg, scorer)
        if not done:
            break
        attempts, state = list(store.attempts(NAME)), store.state(NAME)
        lines += told(number + 1, done, summary.of(profile, state, attempts, now + timedelta(hours=1)))
        learner_page.build(profile, state, attempts, cfg.out / f"day-{number + 1}.html", now)
    if not store.verify(NAME):
        raise InputError("the kept state is not what the attempts lead to")
    unmet = sum(skills.kind_of(name) == "sound" for name in skills.graph()) - sum(
        skills.kind_of(name) == "sound" for name in store.state(NAME).skills
    )
    lines.append(f"Sounds in context that the week did not meet: {unmet}.")
    store.close()
    config.save(cfg, cfg.out)
    disk.write_text(cfg.out / "week.md", "\n".join(lines) + "\n")
    return cfg.out / "week.md"


if __name__ == "__main__":
    config.main(run, Config)
