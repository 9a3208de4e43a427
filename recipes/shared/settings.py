"""What the recipes that fine-tune a recogniser share: their flags and their rows; no recipe itself."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from speechtutor import config, hub
from speechtutor.core import Utterance
from speechtutor.corpora import manifest
from speechtutor.errors import InputError, require
from speechtutor.files import fingerprint

if TYPE_CHECKING:
    from transformers import TrainingArguments

    from speechtutor.training.clips import Clip


@dataclass(frozen=True)
class Settings:
    """Data, course and care of a training."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Rows to learn from (train) and to stop by (dev)."""
    root: Path = Path("../shared/data/speechocean762")
    """Folder that the manifest's audio paths are relative to."""
    out: Path = Path("runs/finetune")
    """Folder for checkpoints and the result; a run that was stopped goes on from what is there."""
    lang: str = "en"
    """ISO 639-1 code of the language spoken."""
    epochs: float = 3.0
    """Passes over the data."""
    batch: int = 16
    """Clips in a batch of one process."""
    accumulate: int = 1
    """Batches whose gradients are added up before a step."""
    rate: float = 1e-3
    """Peak learning rate."""
    warmup: float = 0.1
    """Share of the steps in which the rate rises; then it falls to zero along a cosine."""
    weight_decay: float = 0.01
    """Pull of the weights to zero."""
    patience: int = 2
    """Stop after so many epochs that are no better on dev; 0 never stops early."""
    dev_rows: int = 125
    """How many dev utterances, evenly spread, choose the best epoch; 0 takes all."""
    train_rows: int = 0
    """Learn from this many train utterances only, evenly spread; 0 takes all."""
    folds: int = 0
    """Number of speaker folds; 0 trains on all train speakers."""
    fold: int = 0
    """Which fold of speakers to leave out, counted from 0."""
    speed: bool = True
    """Change the speed of a clip by up to a tenth."""
    noise: float = 0.3
    """Share of clips that get white noise."""
    masks: int = 2
    """SpecAugment: masks in time and in frequency; 0 for none."""
    precision: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    """Numbers of the matrix products; auto is bf16 where the processor computes with it."""
    gradient_checkpointing: bool = False
    """Save memory by computing forward passes twice."""
    save_every: int = 50
    """Steps between checkpoints, beside the one after the last step."""
    resume: Path | None = None
    """Checkpoint to go on from; None is the newest in `out`, if any."""
    workers: int = 0
    """Processes that read audio ahead, for each that computes."""
    cpu: bool = False
    """Compute on the CPU even where there is a GPU."""
    tensorboard: bool = True
    """Log to TensorBoard, in `out`/logs."""
    wandb: bool = False
    """Log to Weights & Biases."""
    seed: int = 0
    """Seed of order, augmentation, dropout and new weights."""
    smoke: bool = False
    """Train a tiny random network on made-up utterances."""

    def __post_init__(self) -> None:
        """Refuse what would fail later."""
        for name in ("batch", "accumulate", "save_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, not {getattr(self, name)}")
        if self.folds == 1 or not 0 <= self.fold < max(self.folds, 1):
            raise ValueError(f"fold {self.fold} of {self.folds}: folds are 2 or more and counted from 0")
        if self.epochs <= 0 or self.rate <= 0:
            raise ValueError("epochs and rate must be above 0")
        if not 0 <= self.warmup < 1 or not 0 <= self.noise <= 1:
            raise ValueError("warmup must be in [0, 1) and noise in [0, 1]")


def named(path: Path) -> list[tuple[str, Utterance]]:
    """The rows of a manifest, each with how to name it.

    Raises:
        InputError: for a manifest that does not hold together, or is not there.
    """
    rows = enumerate(manifest.read(path), start=1)
    return [(f"{path}, row {number} ({row.id})", row) for number, row in rows]


def read_rows(path: Path) -> tuple[list[tuple[str, Utterance]], list[tuple[str, Utterance]]]:
    """Train and dev rows, each with how to name it; a test row never enters a trainer.

    Raises:
        InputError: when the manifest holds test rows, a speaker in two splits, or no rows to train on.
    """
    rows = named(path)
    for where, row in rows:
        if row.split == "test":
            raise InputError(f"{where}: a test row; nothing may be trained beside it")
    train, dev = ([(where, row) for where, row in rows if row.split == split] for split in ("train", "dev"))
    for split, found in (("train", train), ("dev", dev)):
        if not found:
            raise InputError(f"{path} holds no {split} rows")
    return train, dev


def fold_of(speakers: Sequence[str], folds: int) -> dict[str, int]:
    """Which fold leaves a speaker out: round robin over the sorted ids, whatever the seed."""
    return {speaker: i % folds for i, speaker in enumerate(sorted(set(speakers)))}


def read_clips(cfg: Settings) -> tuple[list[Clip], list[Clip]]:
    """Train and dev clips, as many as asked for, every recording read once.

    Raises:
        InputError: as `read_rows`, and for a recording that cannot be used, naming its row.
    """
    from tqdm import tqdm

    from speechtutor.training import clips

    train, dev = read_rows(cfg.manifest)
    if cfg.folds:
        left_out = fold_of([row.speaker for _, row in train], cfg.folds)
        train = [(where, row) for where, row in train if left_out[row.speaker] != cfg.fold]
    kept = [
        rows if not n or n >= len(rows) else [rows[i * len(rows) // n] for i in range(n)]
        for rows, n in ((train, cfg.train_rows), (dev, cfg.dev_rows))
    ]
    # Headers first, which takes seconds and names all that is bad; damage inside a file needs decoding.
    manifest.check_audio([row for rows in kept for _, row in rows], cfg.root, str(cfg.manifest))
    chosen = [
        [clips.clip(row, cfg.root, where) for where, row in tqdm(rows, desc="reading", disable=None)]
        for rows in kept
    ]
    return chosen[0], chosen[1]


def _precision(cfg: Settings, cuda: bool) -> dict[str, bool]:
    from speechtutor.models.device import pick

    wish: str = cfg.precision
    if wish == "auto":
        names = {"None": "fp32", "torch.bfloat16": "bf16", "torch.float16": "fp16"}
        wish = names[str(pick("cuda" if cuda else "cpu").autocast_dtype)]
    if wish == "fp16" and not cuda:
        raise InputError("fp16 needs a GPU; on a CPU choose bf16 or fp32")
    return {"bf16": wish == "bf16", "fp16": wish == "fp16"}


def arguments(cfg: Settings, **more: Any) -> TrainingArguments:
    """The flags as `transformers.TrainingArguments`; joins the other processes, if there are any.

    Raises:
        MissingExtraError: when a log is asked for whose library is not installed.
        InputError: for a precision that this machine does not compute with.
    """
    import torch

    from speechtutor.training import loop

    loggers = [name for name, wanted in (("tensorboard", cfg.tensorboard), ("wandb", cfg.wandb)) if wanted]
    for name in loggers:
        require(name, extra={"tensorboard": "train"}.get(name, name))
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(cfg.out / "logs")  # it takes no argument
    cuda = torch.cuda.is_available() and not cfg.cpu
    settings: Mapping[str, Any] = {
        "num_train_epochs": cfg.epochs,
        "per_device_train_batch_size": cfg.batch,
        "gradient_accumulation_steps": cfg.accumulate,
        "learning_rate": cfg.rate,
        "warmup_steps": cfg.warmup,
        "lr_scheduler_type": "cosine",
        "weight_decay": cfg.weight_decay,
        "save_strategy": "steps",
        "save_steps": cfg.save_every,
        "logging_steps": 10,
        "dataloader_num_workers": cfg.workers,
        "report_to": loggers,
        "seed": cfg.seed,
        "use_cpu": not cuda,
        **_precision(cfg, cuda),
    }
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    if several and not cuda:
        more["ddp_backend"] = "gloo"
    if cfg.gradient_checkpointing:
        more |= {
            "activation_checkpointing": True,
            "activation_checkpointing_kwargs": {"use_reentrant": False},
        }
    return loop.arguments(cfg.out, **(dict(settings) | more))


CARE = {
    "out", "root", "manifest", "resume", "workers", "cpu", "device", "smoke", "tensorboard", "wandb",
    "save_every", "gradient_checkpointing",
}  # fmt: skip
"""Settings that change where and how carefully a training runs, not what it learns."""


def mark(cfg: Any, **read: Any) -> dict[str, Any]:
    """The fingerprint of a training: its settings, the version of the code, and `read`, what was read.

    Of `read`, paths and lists of paths count by their bytes; a key that is a setting, too, replaces it.
    """
    asked = {f.name: getattr(cfg, f.name) for f in fields(cfg) if f.name not in CARE}
    version = {"version": config.versions().get("speechtutor", "")}
    found = {name: _content(value) for name, value in read.items()}
    return fingerprint.plain(version | asked | found)


def _content(value: Any) -> Any:
    if isinstance(value, Path):
        return fingerprint.digest(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_content(item) for item in value]
    return value


def record(cfg: Settings, args: TrainingArguments, clips: Sequence[Clip]) -> dict[str, Any] | None:
    """Write config.json, from the first process only, which gets the fingerprint that stands in it.

    Raises:
        InputError: when the folder holds checkpoints of another training, naming what differs.
    """
    if args.process_index:
        return None
    base = getattr(cfg, "base", None)
    read = {
        "manifest": cfg.manifest,
        "audio": fingerprint.of_files(clip.path for clip in clips),
        "base": base and (hub.content(base) or base),
    }
    if teacher := getattr(cfg, "teacher", None):
        read["teacher"] = hub.content(teacher) or teacher
    device = str(args.device)
    made = mark(cfg, **read)
    config.begin(cfg, cfg.out, made, work=("checkpoint-*", "best"), device=device)
    return made
