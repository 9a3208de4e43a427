"""Teach Whisper to hear learners: a small LoRA that every Whisper backend of this library can use.

Data      data_manifests/speechocean762.jsonl (train; dev for the best epoch)
Run       python -m recipes.finetune_whisper --base whisper-base --out runs/whisper/base-lora
          torchrun --nproc_per_node 2 -m recipes.finetune_whisper   (the same flags; see recipes/README.md)
Expect    see recipes/README.md
Needs     pip install 'speechtutor[train]' for TensorBoard, or --no-tensorboard

The best network is in OUT/best: an adapter for `--adapter`, or with `--method full` a checkpoint.
"""

from __future__ import annotations

import logging
import os
import random
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from recipes.shared import settings, synthetic
from speechtutor import config
from speechtutor.errors import InputError

log = logging.getLogger("finetune_whisper")


@dataclass(frozen=True)
class Config(settings.Settings):
    """Which Whisper learns from whom, and how."""

    out: Path = Path("runs/whisper/base-lora")
    """Folder for checkpoints and the result; a run that was stopped goes on from what is there."""
    base: str = "whisper-base"
    """Whisper to start from: a name of the model store, a hub id or a folder."""
    method: Literal["lora", "adalora", "full"] = "lora"
    """Small matrices beside the large ones, the same with ranks shared out on the way, or all weights."""
    part: Literal["both", "encoder"] = "both"
    """Train encoder and decoder, or the encoder alone."""
    rank: int = 32
    """Rank of the small matrices."""
    dropout: float = 0.0
    """Share of a small matrix's inputs that are left out."""
    silence_every: int = 25
    """Steps after which the ready-made silence is made anew."""


def _smoke(cfg: Config) -> Config:
    folder = cfg.out / "corpus"
    return replace(
        cfg, manifest=folder / "rows.jsonl", root=folder, base=str(cfg.out / "base"),
        epochs=2.0, batch=2, rank=2, save_every=2, cpu=True,
    )  # fmt: skip


def run(cfg: Config) -> list[dict[str, float]]:
    """Train and return one row of dev figures per epoch.

    Raises:
        SpeechTutorError: for rows, a checkpoint or a disk that cannot be used, or a loss that is no number.
        KeyboardInterrupt: when the run was asked to stop; it has left a checkpoint.
    """
    from speechtutor.training import clips, loop, whisper
    from speechtutor.training.augment import Augment

    cfg = _smoke(cfg) if cfg.smoke else cfg
    if cfg.method == "adalora" and os.environ.get("ACCELERATE_USE_FSDP") == "true":
        raise InputError("AdaLoRA needs the gradients of whole matrices: take --method lora with FSDP")
    args = settings.arguments(cfg)
    if cfg.smoke:
        with args.main_process_first():
            if args.process_index == 0:
                synthetic.corpus(cfg.root)
                synthetic.tiny_asr_whisper(Path(cfg.base))
    train, dev = settings.read_clips(cfg)
    n_steps = int(cfg.epochs * len(train)) // (cfg.batch * cfg.accumulate * args.world_size) + 1
    tuning = whisper.Tuning(cfg.method, cfg.part, cfg.rank, cfg.dropout, n_steps)
    model = whisper.network(cfg.base, tuning, seed=cfg.seed)
    listener = whisper.Listener(cfg.base, model, cfg.lang)
    fitting = [clip for clip in train if listener.fits(clip)]
    if left_out := [clip.id for clip in train if not listener.fits(clip)]:
        log.warning("%d train clips do not fit into a window: %s", len(left_out), ", ".join(left_out))
    if not fitting:
        raise InputError(f"no train clip of {cfg.manifest} fits into a window")
    log.info("%d train clips and %d of dev", len(fitting), len(dev))
    loop.reserve(cfg.out, 3 * loop.trainable_bytes(model))
    mark = settings.record(cfg, args, [*train, *dev])
    augment = Augment(random.Random(cfg.seed), speed=cfg.speed, noise=cfg.noise, masks=cfg.masks)
    start = cfg.resume or loop.last_checkpoint(cfg.out)
    callbacks: list[Any] = [whisper.Silence(whisper.bare(model), cfg.silence_every, start)]
    if cfg.method == "adalora":
        callbacks.append(loop.Adapt())
    trainer = clips.AsrTrainer(
        model, args,
        learnt=clips.Clips(fitting, listener.prepare, augment, cfg.seed),
        dev=dev, data_collator=listener.collate, callbacks=callbacks,
        hear=listener.errors, keep=partial(whisper.ship, base=cfg.base, listener=listener, mark=mark),
        metric="wer", patience=cfg.patience,
    )  # fmt: skip
    return trainer.fit(start)


if __name__ == "__main__":
    config.main(run, Config)
