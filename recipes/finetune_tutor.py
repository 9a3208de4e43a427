"""Teach a small chat model to correct a learner's sentence and to word feedback: one small adapter.

Data      runs/tutor/train.jsonl and tune.jsonl of prepare_tutor
Run       python -m recipes.prepare_tutor --out runs/tutor
          python -m recipes.finetune_tutor --data runs/tutor --out runs/tutor/lora
Expect    OUT/adapter (about 10 MB) for `--adapter`; see recipes/README.md

The loss is on the replies alone; with `--pairs` a reply that holds is to become likelier than a refused
one. A run that was stopped goes on when it is started again.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from recipes import prepare_tutor
from recipes.shared import settings, synthetic
from speechtutor import config, hub
from speechtutor.errors import InputError

log = logging.getLogger("finetune_tutor")

TASKS = ("grammar", "feedback", "sentence")


@dataclass(frozen=True)
class Config:
    """Which model learns which rows, and how."""

    data: Path = Path("runs/tutor")
    """Folder with train.jsonl and tune.jsonl."""
    out: Path = Path("runs/tutor/lora")
    """Folder for checkpoints, config.json, history.json and the adapter."""
    base: str = "smollm2-135m-instruct"
    """Chat model to start from: a name of the model store, a hub id or a folder."""
    start: Path | None = None
    """An adapter whose matrices training begins with; of the same method and rank."""
    method: Literal["lora", "adalora", "prefix"] = "lora"
    """Small matrices beside the large ones, the same with ranks shared out on the way, or a prefix."""
    rank: int = 16
    """Rank of the small matrices, or the length of the prefix."""
    dropout: float = 0.05
    """Share of a small matrix's inputs that are left out."""
    targets: str = "all-linear"
    """Layers that get small matrices: all-linear, or names separated by commas."""
    task: Literal["both", "grammar", "feedback"] = "both"
    """Learn all tasks of the rows in one adapter, or one of them."""
    pairs: bool = False
    """Learn from pairs-train.jsonl and pairs-tune.jsonl: replies that hold against refused ones."""
    steps: int = 500
    """Steps at most."""
    batch_tokens: int = 768
    """Tokens of a batch, padding included."""
    longest: int = 192
    """Longer chats are left out."""
    rate: float = 1e-3
    """Peak learning rate."""
    eval_every: int = 100
    """Steps between evaluations on tune.jsonl, each with a checkpoint."""
    patience: int = 4
    """Stop after so many evaluations that are no better; 0 never stops early."""
    tune_rows: int = 80
    """How many tune rows of each task decide about stopping; 0 takes all."""
    parts: int = 1
    """Learn only every so many-th row: runs beside each other that are averaged afterwards."""
    part: int = 0
    """Which of the parts, from 0."""
    seed: int = 0
    """Seed of order, dropout and new weights."""
    bf16: bool = True
    """Frozen weights and matrix products in bfloat16."""
    device: str = "cpu"
    """cpu or cuda."""
    smoke: bool = False
    """Train a tiny random model for a few steps on made-up rows."""

    def __post_init__(self) -> None:
        """Refuse what would fail later."""
        for name in ("rank", "steps", "batch_tokens", "longest", "eval_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, not {getattr(self, name)}")
        if not 0 <= self.part < self.parts:
            raise ValueError(f"part must be from 0 to {self.parts - 1}, not {self.part}")
        if self.rate <= 0:
            raise ValueError(f"rate must be above 0, not {self.rate}")


def chosen(rows: list[dict[str, Any]], cfg: Config) -> list[dict[str, Any]]:
    """The rows of the task; a dev row never enters a trainer.

    Raises:
        InputError: when there are dev rows, or none of the task.
    """
    if any(row["split"] == "dev" for row in rows):
        raise InputError(f"{cfg.data} mixes dev rows with those to learn from")
    kept = [row for row in rows if cfg.task in ("both", row["task"])]
    if not kept:
        raise InputError(f"{cfg.data} holds no rows of the task {cfg.task}")
    return kept


def evenly(rows: list[dict[str, Any]], n: int) -> list[dict[str, Any]]:
    """`n` rows of each task at equal steps; all when `n` is 0."""
    found = []
    for task in TASKS:
        of_task = [row for row in rows if row["task"] == task]
        found += of_task if not n or n >= len(of_task) else of_task[:: len(of_task) // n][:n]
    return found


def told_to_start(rows: list[dict[str, Any]]) -> bool:
    """Whether the notes say how their replies begin."""
    return any(turn["content"].startswith("Start: ") for row in rows for turn in row["messages"][1:2])


def _smoke(cfg: Config) -> Config:
    folder = cfg.out / "smoke"
    prepare_tutor.run(prepare_tutor.Config(out=folder, smoke=True))
    base = synthetic.tiny_chat(folder / "base")
    return replace(
        cfg, smoke=False, data=folder, base=str(base), rank=2, steps=4, eval_every=2, batch_tokens=2048,
        longest=2000, tune_rows=4,
    )  # fmt: skip


def run(cfg: Config) -> list[dict[str, float]]:
    """Train and return one row of figures per evaluation.

    Raises:
        SpeechTutorError: for rows, a model or a disk that cannot be used, or a loss that is no number.
    """
    from speechtutor.files.disk import write_text
    from speechtutor.training import llm as training
    from speechtutor.training import loop, preferences

    if cfg.smoke:
        cfg = _smoke(cfg)
    recipe = training.Recipe(
        **{name: getattr(cfg, name) for name in
           ("steps", "batch_tokens", "rate", "eval_every", "patience", "seed", "bf16")}
    )  # fmt: skip
    adapter = training.Adapter(cfg.method, cfg.rank, cfg.dropout, cfg.targets)
    model, tokenizer = training.build(cfg.base, adapter, recipe)
    if cfg.start is not None:
        training.begin_from(model, cfg.start)
    files = [cfg.data / f"{'pairs-' if cfg.pairs else ''}{split}.jsonl" for split in ("train", "tune")]
    train, tune = (chosen(training.read_rows(path), cfg) for path in files)
    train, tune = train[cfg.part :: cfg.parts], evenly(tune, cfg.tune_rows)
    encode = preferences.pairs if cfg.pairs else training.chats
    chats = [encode(rows, tokenizer, cfg.longest) for rows in (train, tune)]
    if not all(chats):
        raise InputError(f"no chat of {cfg.data} has {cfg.longest} tokens or fewer")
    n_trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    log.info("%d train and %d tune chats, %d trained numbers", *map(len, chats), n_trained)
    mark = settings.mark(
        cfg, data=files,
        base=hub.content(cfg.base) or cfg.base,
        start=None if cfg.start is None else hub.content(cfg.start),
    )  # fmt: skip
    config.begin(
        cfg, cfg.out, mark, work=(loop.CHECKPOINTS, loop.EARLIER, training.ADAPTER_FOLDER), device=cfg.device
    )
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    trainer = preferences.PreferenceTrainer if cfg.pairs else training.Trainer
    history = trainer(model, pad, recipe, cfg.out, cfg.device, mark=mark).fit(*chats)
    # Trained on notes without examples; evaluate_tutor --tune adds a threshold for grammar.
    settled = {"shots": False, "task": cfg.task} | ({"starts": True} if told_to_start(train) else {})
    write_text(cfg.out / training.ADAPTER_FOLDER / "tutor.json", json.dumps(settled) + "\n")
    write_text(cfg.out / "history.json", json.dumps(history, indent=2) + "\n")
    return history


if __name__ == "__main__":
    config.main(run, Config)
