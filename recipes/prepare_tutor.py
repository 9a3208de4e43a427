"""Write the rows that the tutor's language model learns from: grammar and wording of feedback.

Data      ErAConD's dialogues.jsonl (MIT) and speechocean762's train texts (CC BY 4.0); the rest is our own
Run       python -m recipes.prepare_tutor --out runs/tutor
Expect    train.jsonl (about 15,500 rows), tune.jsonl and dev.jsonl; a minute

A row is `{"id", "task": "grammar" | "feedback", "split", "source", "licence", "messages": [...]}`; the
last message is the reply to learn. Grammar rows: learner turns, clean sentences with synthetic
mistakes, and clean sentences unchanged. Feedback rows: notes with replies that pass the verifier.
Whole dialogues, whole sentences and whole words are kept apart between the splits.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from recipes.shared import feedback
from speechtutor import config
from speechtutor.content.tables import sentence_bank
from speechtutor.corpora import eracond, patterns
from speechtutor.corpora.eracond import Turn, comparable
from speechtutor.corpora.mistakes import spoil
from speechtutor.errors import InputError
from speechtutor.files.disk import write_text
from speechtutor.grammar import joined, tokens
from speechtutor.tutor.engine import GRAMMAR_SYSTEM

OWN = "Apache-2.0 (speechtutor)"
ERACOND = "MIT (ErAConD, Yuan et al., 2022)"
OCEAN = "CC-BY-4.0 (speechocean762, Zhang et al., 2021)"

Row = dict[str, Any]


@dataclass(frozen=True)
class Config:
    """What is made of which corpora."""

    eracond: Path = Path("../shared/data/eracond/dialogues.jsonl")
    """ErAConD's learner turns."""
    corpus: Path = Path("../shared/data/speechocean762")
    """Folder of speechocean762, for the texts of its train speakers; left out where it is not there."""
    out: Path = Path("runs/tutor")
    """Folder for train.jsonl, tune.jsonl, dev.jsonl and config.json."""
    fold: int = 0
    """Which fifth of the dialogues is dev, from 0 to 4; 0 is what ships."""
    patterns: int = 4000
    """Clean sentences made from our own patterns."""
    copies: int = 2
    """Differently spoiled copies of each clean sentence."""
    repeat: int = 3
    """How often a learner turn of the train dialogues is repeated, a turn with a correction twice that."""
    unchanged: float = 0.3
    """Share of clean sentences that stay as they are."""
    feedback: int = 1500
    """Notes with replies."""
    seed: int = 0
    """Seed of all draws."""
    smoke: bool = False
    """Make a few rows from made-up turns."""

    def __post_init__(self) -> None:
        """Refuse what would fail later."""
        if not 0 <= self.fold < eracond.FOLDS:
            raise ValueError(f"fold must be from 0 to {eracond.FOLDS - 1}, not {self.fold}")
        if not 0 <= self.unchanged <= 1:
            raise ValueError(f"unchanged must be in [0, 1], not {self.unchanged}")
        for name in ("patterns", "copies", "repeat", "feedback"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more, not {getattr(self, name)}")


def grammar_row(id: str, split: str, source: str, licence: str, before: str, after: str) -> Row:
    """A chat that asks for a correction and gets it."""
    roles = (("system", GRAMMAR_SYSTEM), ("user", before), ("assistant", after))
    return {
        "id": id,
        "task": "grammar",
        "split": split,
        "source": source,
        "licence": licence,
        "messages": [{"role": role, "content": content} for role, content in roles],
    }


def split_of(text: str) -> str:
    """The split of a sentence by its words alone, so that no copy of it strays."""
    number = crc32(" ".join(comparable(text)).encode()) % 50
    return "dev" if number == 0 else "tune" if number == 1 else "train"


def turn_rows(turns: Sequence[Turn], repeat: int) -> Iterator[Row]:
    """Learner turns as rows; in train those with a correction come twice as often."""
    for turn in turns:
        if not comparable(turn.spoken) or not comparable(turn.corrected):
            continue
        wrong = comparable(turn.spoken) != comparable(turn.corrected)
        n = 1 if turn.split != "train" else repeat * (1 + wrong)
        for copy in range(n):
            # Where two annotators differ, the copies take turns.
            after = turn.references[copy % len(turn.references)] if wrong else turn.spoken
            yield grammar_row(f"eracond:{turn.id}:{copy}", turn.split, "eracond", ERACOND, turn.spoken, after)


def ocean_texts(corpus: Path) -> list[str]:
    """The sentences of the train speakers, in sentence case with a final mark."""
    from recipes.prepare_speechocean762 import DEV_SPEAKERS, load

    dev = DEV_SPEAKERS.read_text(encoding="utf-8").split()
    texts = {row.text for row in load(corpus, dev) if row.split == "train" and len(row.text.split()) > 3}
    return [_sentence(text) for text in sorted(texts)]


def _sentence(text: str) -> str:
    words = ["I" + w[1:] if w == "i" or w.startswith("i'") else w for w in text.lower().split()]
    made = " ".join(words)
    question = words[0] in "do does did is are can could will would what where when why how who".split()
    return made[:1].upper() + made[1:] + ("?" if question else ".")


def spoiled_rows(
    texts: Sequence[tuple[str, str, str, str]], copies: int, unchanged: float, rng: random.Random
) -> Iterator[Row]:
    """Clean sentences (text, split, source, licence) with one to three mistakes each, or none."""
    for n, (text, split, source, licence) in enumerate(texts):
        words = tokens(text)
        whole = joined(words)
        seen = set()
        for copy in range(copies):
            n_errors = 0 if rng.random() < unchanged else rng.choices([1, 2, 3], [6, 3, 1])[0]
            made = joined(spoil(words, min(n_errors, 1 + len(words) // 5), rng)[0])
            if made not in seen:
                seen.add(made)
                yield grammar_row(f"{source}:{n}:{copy}", split, source, licence, made, whole)


def clean_texts(cfg: Config, turns: Sequence[Turn], rng: random.Random) -> list[tuple[str, str, str, str]]:
    """Every clean sentence with its split, source and licence."""
    found = [(s.text, split_of(s.text), "exercises", OWN) for s in sentence_bank()]
    found += [(text, split_of(text), "patterns", OWN) for text in patterns.sentences(cfg.patterns, rng)]
    good = {t.corrected: t.split for t in turns if len(comparable(t.corrected)) > 3}
    found += [(text, split, "eracond-corrected", ERACOND) for text, split in good.items()]
    if (cfg.corpus / "scores-train.json").is_file():
        found += [(text, split_of(text), "speechocean762", OCEAN) for text in ocean_texts(cfg.corpus)]
    return found


def check(rows: Sequence[Row]) -> None:
    """No id twice, and no note or sentence to correct in two splits.

    Raises:
        InputError: naming the first row at fault.
    """
    ids = Counter(row["id"] for row in rows)
    twice = next((id for id, n in ids.items() if n > 1), None)
    if twice:
        raise InputError(f"two rows have the id {twice}")
    where: dict[str, str] = {}
    for row in rows:
        asked = " ".join(comparable(row["messages"][-2]["content"]))
        if len(asked.split()) > 4 and where.setdefault(asked, row["split"]) != row["split"]:
            raise InputError(f"{row['id']}: the same request is in {where[asked]} and in {row['split']}")


def apart(rows: Sequence[Row]) -> list[Row]:
    """Rows without those of train or tune whose request or answer also stands in a later split."""
    held: set[str] = set()
    kept: list[Row] = []
    for split in ("dev", "tune", "train"):
        here = [row for row in rows if row["split"] == split]
        texts = [{" ".join(comparable(m["content"])) for m in row["messages"][-2:]} for row in here]
        kept += [row for row, both in zip(here, texts, strict=True) if not both & held]
        held |= {text for both in texts for text in both if len(text.split()) > 3}
    return kept


def _smoke_turns() -> list[Turn]:
    pairs = [("He go to school.", "He goes to school."), ("I like movie.", "I like movies.")] * 4
    return [
        Turn(f"d{i}:0", f"d{i}", before, before, after, ("train", "train", "tune", "dev")[i % 4])
        for i, (before, after) in enumerate(pairs)
    ]


def run(cfg: Config) -> dict[str, int]:
    """Write the rows and return how many there are by split and task.

    Raises:
        SpeechTutorError: when a corpus cannot be read or the disk refuses.
    """
    rng = random.Random(cfg.seed)
    turns = _smoke_turns() if cfg.smoke else eracond.read(cfg.eracond, cfg.fold)
    if cfg.smoke:
        cfg = Config(
            corpus=Path("none"), out=cfg.out, patterns=40, copies=1, repeat=1, feedback=60, seed=cfg.seed
        )
    rows = list(turn_rows(turns, cfg.repeat))
    rows += spoiled_rows(clean_texts(cfg, turns, rng), cfg.copies, cfg.unchanged, rng)
    rows += feedback.rows(cfg.feedback, rng, OWN)
    rows = apart(rows)
    check(rows)
    config.save(cfg, cfg.out)
    for split in eracond.SPLITS:
        chosen = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows if row["split"] == split]
        write_text(cfg.out / f"{split}.jsonl", "".join(chosen))
    return dict(Counter(f"{row['split']} {row['task']}" for row in rows))


if __name__ == "__main__":
    config.main(run, Config)
