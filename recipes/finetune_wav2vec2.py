"""Teach a Wav2Vec2 (HuBERT, WavLM, Data2Vec) to write what learners say, or train a small one from nothing.

Data      data_manifests/speechocean762.jsonl (train; dev for the best epoch)
Run       python -m recipes.finetune_wav2vec2 --out runs/wav2vec2/small
          python -m recipes.finetune_wav2vec2 --base facebook/wav2vec2-base-960h --units letters
          torchrun --nproc_per_node 2 -m recipes.finetune_wav2vec2   (the same flags; see recipes/README.md)
Expect    see recipes/README.md
Needs     pip install 'speechtutor[train]' for TensorBoard, or --no-tensorboard

The best network is in OUT/best, a checkpoint that transcribes; one that writes phones aligns, too.
"""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from recipes.shared import settings, synthetic
from speechtutor import config, hub

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import TrainingArguments

    from speechtutor.training.clips import Clip
    from speechtutor.training.wav2vec2 import Speller

log = logging.getLogger("finetune_wav2vec2")


@dataclass(frozen=True)
class Config(settings.Settings):
    """Which network learns to write what, from whom, and how."""

    out: Path = Path("runs/wav2vec2/small")
    """Folder for checkpoints and the result; a run that was stopped goes on from what is there."""
    base: str | None = None
    """Checkpoint to start from: a hub id or a folder; None is a small network from scratch."""
    units: Literal["phones", "letters"] = "phones"
    """What is written: the canonical phones in IPA, or the letters of the text."""
    freeze: bool = True
    """Leave the convolutions of a checkpoint as they are; those of a new network always learn."""
    teacher: str | None = "whisper-base-phones"
    """Acoustic model whose frames are learnt beside CTC, for phones; None for CTC alone."""
    teacher_weight: float = 2.0
    """Weight of the teacher's loss."""
    layers: int = 6
    """Transformer layers of a new network."""
    width: int = 192
    """Width of a new network; every 64 are one attention head."""
    epochs: float = 30.0
    """Passes over the data."""
    batch: int = 8
    """Clips in a batch of one process; a new network learns more from more steps."""
    rate: float = 1.5e-3
    """Peak learning rate; a checkpoint wants about a tenth of it."""
    half: bool = False
    """Keep the best network in float16."""
    patience: int = 4
    """Stop after so many epochs that are no better on dev; 0 never stops early."""


def _smoke(cfg: Config) -> Config:
    folder = cfg.out / "corpus"
    return replace(
        cfg, manifest=folder / "rows.jsonl", root=folder, teacher=None, layers=1, width=16,
        epochs=2.0, batch=2, save_every=2, cpu=True,
    )  # fmt: skip


def _teach(cfg: Config, args: TrainingArguments, speller: Speller, train: Sequence[Clip]) -> None:
    """Let the teacher hear the train clips, in the first process of each machine."""
    from speechtutor import registry
    from speechtutor.training.distillation import lessons

    if cfg.teacher is None or cfg.units != "phones":
        return
    device = "cpu" if args.use_cpu else None
    with args.main_process_first():
        teacher = registry.load("acoustic", cfg.teacher, device=device)
        known = hub.content(cfg.teacher) or cfg.teacher
        speller.teacher = lessons(teacher, train, cfg.out / "teacher.npz", known=known)


def _network(cfg: Config, train: Sequence[Clip]) -> tuple[Any, Speller]:
    import torch

    from speechtutor.models.acoustic_ctc import n_receptive
    from speechtutor.training import wav2vec2 as library

    torch.manual_seed(cfg.seed)
    folder = cfg.out / "tokens"
    if cfg.base is not None:
        model, tokenizer, extractor = library.load(cfg.base, cfg.units, train, folder, cfg.masks)
        if cfg.freeze:
            model.freeze_feature_encoder()
        return model, library.Speller(tokenizer, extractor, cfg.units, n_receptive=n_receptive(model.config))
    tokens = library.vocabulary(cfg.units, train)
    tokenizer, extractor = library.processor(folder, tokens)
    small = {"convolutions": (8,) * 3} if cfg.smoke else {}
    size = library.Size(cfg.layers, cfg.width, max(cfg.width // 64, 1), **small)
    model = library.compact(size, len(tokens), cfg.masks)
    if cfg.teacher is not None and cfg.units == "phones":
        model = library.with_second_output(model)
    return model, library.Speller(tokenizer, extractor, cfg.units, n_receptive=n_receptive(model.config))


def run(cfg: Config) -> list[dict[str, float]]:
    """Train and return one row of dev figures per epoch.

    Raises:
        SpeechTutorError: for rows, a checkpoint or a disk that cannot be used, or a loss that is no number.
        KeyboardInterrupt: when the run was asked to stop; it has left a checkpoint.
    """
    from speechtutor.training import clips, loop, wav2vec2
    from speechtutor.training.augment import Augment

    cfg = _smoke(cfg) if cfg.smoke else cfg
    args = settings.arguments(cfg)
    if cfg.smoke:
        with args.main_process_first():
            if args.process_index == 0:
                synthetic.corpus(cfg.root)
    train, dev = settings.read_clips(cfg)
    model, speller = _network(cfg, train)
    if args.use_cpu:
        # The fused kernel's backward pass is the slower one on a CPU.
        model.set_attn_implementation("eager")
    for clip in [*train, *dev]:
        speller.units_of(clip)
    n_weights = sum(p.numel() for p in model.parameters())
    log.info("%d train and %d dev clips, %.1f million weights", len(train), len(dev), n_weights / 1e6)
    loop.reserve(cfg.out, 3 * loop.trainable_bytes(model))
    mark = settings.record(cfg, args, [*train, *dev])
    _teach(cfg, args, speller, train)
    augment = Augment(random.Random(cfg.seed), speed=cfg.speed, noise=cfg.noise, masks=0)
    trainer = wav2vec2.CtcTrainer(
        model, args,
        learnt=clips.Clips(train, speller.prepare, augment, cfg.seed),
        dev=dev, data_collator=speller.collate,
        hear=speller.errors, keep=partial(speller.ship, base=cfg.base, mark=mark),
        metric="per" if cfg.units == "phones" else "wer",
        patience=cfg.patience, speller=speller, teacher_weight=cfg.teacher_weight,
    )  # fmt: skip
    history = trainer.fit(cfg.resume)
    if cfg.half and args.should_save:
        wav2vec2.halve(cfg.out / "best")
    return history


if __name__ == "__main__":
    config.main(run, Config)
