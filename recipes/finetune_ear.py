"""Train the ear of the diagnosis: a phone recogniser that does not repair what it hears.

Data      data_manifests/speechocean762.jsonl (train); the rows of make_mistakes
Run       python -m recipes.finetune_ear --extra runs/mistakes/rows.jsonl
Expect    see recipes/README.md

It goes on from the recogniser that ships, which knows learners' voices but also the words they read.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recipes.finetune_phones import example
from recipes.shared import settings, synthetic
from speechtutor import config, hub
from speechtutor.core import Edit, PhoneScore, Utterance, WordScore
from speechtutor.corpora import manifest
from speechtutor.errors import InputError
from speechtutor.files import fingerprint
from speechtutor.hub import shipped

if TYPE_CHECKING:
    from speechtutor.models.phone_encoder import PhoneEncoder
    from speechtutor.training.phone_encoder import Example

log = logging.getLogger("finetune_ear")


@dataclass(frozen=True)
class Config:
    """Which speech trains the ear, and how."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Learners' readings with canonical phones and raters' scores."""
    root: Path = Path("../shared/data/speechocean762")
    """Folder that the manifest's audio paths are relative to."""
    extra: list[Path] = field(default_factory=lambda: [Path("runs/mistakes/rows.jsonl")])
    """Manifests of readings whose sounds are known; their audio lies beside them."""
    out: Path = Path("runs/ear")
    """Folder for checkpoints; a run that was stopped goes on from what is there."""
    start: Path = shipped.WEIGHTS / "whisper-base-phones"
    """The recogniser to go on from."""
    base: str = "whisper-base"
    """The encoder that recogniser stands on."""
    rank: int = 128
    """Rank to which the trained change of each matrix is cut in the exported adapter."""
    learners: int = 600
    """Learners' readings in each epoch, others in the next one."""
    doubtful: float = 1.0
    """Phones that raters gave less than this, of 2, are not taught as the canonical phone."""
    contrast: float = 0.5
    """Weight of what was said against one sound else, beside CTC; 0 leaves it out."""
    epochs: int = 3
    """Passes over the known readings."""
    batch_seconds: float = 48.0
    """Seconds of audio in a batch, padding included."""
    encoder_rate: float = 4e-5
    """Peak learning rate of the encoder."""
    head_rate: float = 4e-4
    """Peak learning rate of the CTC head."""
    dev_rows: int = 40
    """How many dev readings are heard after each epoch; they choose nothing."""
    seed: int = 0
    """Seed of order and augmentation."""
    bf16: bool = True
    """Matrix products in bfloat16."""
    device: str = "cpu"
    """cpu or cuda."""
    smoke: bool = False
    """Train a tiny random encoder on three synthetic utterances."""


def spoken(row: Utterance) -> Utterance:
    """A row whose sounds are known, with what was said as its phones.

    Raises:
        InputError: when the row does not say what was said.
    """
    words = row.scores.words if row.scores else ()
    if not words or not all(manifest.annotated(word) for word in words):
        raise InputError(f"{row.id} does not say which phones were said")
    told = [WordScore(w.text, None, phones=tuple(_unrated(manifest.said(w)))) for w in words]
    kept = tuple(word for word in told if word.phones)
    phones = tuple(tuple(p.canonical for p in word.phones) for word in kept)
    assert row.scores is not None
    return replace(row, scores=replace(row.scores, words=kept), phones=phones)


def _unrated(phones: Sequence[str]) -> list[PhoneScore]:
    return [PhoneScore(phone, None) for phone in phones]


def undone(row: Utterance) -> list[list[int]]:
    """What was said with one wrong sound made right, for each of them, as columns of the recogniser."""
    from speechtutor.models.phone_encoder import SYMBOLS

    words = row.scores.words if row.scores else ()
    lines = []
    for w, word in enumerate(words):
        changes = [
            replace(word, inserted=tuple(x for x in word.inserted if x is not y)) for y in word.inserted
        ]
        for i, phone in enumerate(word.phones):
            if phone.edit is not Edit.MATCH:
                own = PhoneScore(phone.canonical, phone.score)
                changes.append(replace(word, phones=(*word.phones[:i], own, *word.phones[i + 1 :])))
        for change in changes:
            line = [p for other in (*words[:w], change, *words[w + 1 :]) for p in manifest.said(other)]
            lines.append([SYMBOLS.index(phone) for phone in line])
    return lines


def build(cfg: Config) -> PhoneEncoder:
    """The recogniser to go on from, its convolutions frozen."""
    from speechtutor.models.acoustic import base_encoder, restore
    from speechtutor.models.phone_encoder import PhoneEncoder

    model = PhoneEncoder(base_encoder(cfg.base)) if cfg.smoke else restore(cfg.start)[0]
    model.lower = None  # taught anew on the trained layers, by train_lower_head
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(("encoder.conv", "encoder.embed_positions", "rater")))
    return model


def shares(rows: Sequence[Utterance], cfg: Config) -> list[list[Example]]:
    """Learners' readings for each epoch, their doubtful phones masked; all are used before one is again."""
    from speechtutor.training.ear import masked

    order = list(rows)
    random.Random(cfg.seed).shuffle(order)
    order *= max(-(-cfg.learners * cfg.epochs // max(len(order), 1)), 1)
    parts = [order[i * cfg.learners : (i + 1) * cfg.learners] for i in range(cfg.epochs)]
    made = {row.id: masked(example(row, cfg.root), cfg.doubtful) for part in parts for row in part}
    return [[made[row.id] for row in part] for part in parts]


def run(cfg: Config) -> list[dict[str, float]]:
    """Train, write OUT/acoustic, and return one row of dev figures per epoch.

    Raises:
        SpeechTutorError: for rows or a disk that cannot be used, or a loss that is no number.
    """
    from speechtutor.training.ear import EarTrainer
    from speechtutor.training.loop import CHECKPOINTS, EARLIER
    from speechtutor.training.phone_adapter import save
    from speechtutor.training.phone_encoder import BEST, Recipe

    if cfg.smoke:
        rows = synthetic.corpus(cfg.out / "corpus")
        base = str(synthetic.tiny_whisper(cfg.out / "base"))
        cfg = replace(cfg, manifest=rows, root=rows.parent, base=base, epochs=1, rank=4, learners=2, extra=[])
    train_rows, dev_rows = ([row for _, row in part] for part in settings.read_rows(cfg.manifest))
    known = [(row, path.parent) for path in cfg.extra for row in manifest.read(path, ["train"])]
    voices = [example(spoken(row), root) for row, root in known]
    parts = shares(train_rows, cfg)
    if cfg.smoke:
        voices, parts = parts[0], parts
    dev = [example(row, cfg.root) for row in dev_rows[:: max(len(dev_rows) // max(cfg.dev_rows, 1), 1)]]
    paths = [cfg.root / row.audio for row in (*train_rows, *dev_rows)]
    paths += [root / row.audio for row, root in known]
    mark = settings.mark(
        cfg, manifest=cfg.manifest, audio=fingerprint.of_files(paths), extra=cfg.extra, start=cfg.start,
        base=hub.content(cfg.base) or cfg.base,
    )  # fmt: skip
    config.begin(cfg, cfg.out, mark, work=(CHECKPOINTS, EARLIER, BEST), device=cfg.device)
    names = ("epochs", "batch_seconds", "encoder_rate", "head_rate", "seed", "bf16")
    recipe = Recipe(**{n: getattr(cfg, n) for n in names}, warm_utterances=0, rater_weight=0.0)
    log.info("%d readings with known sounds, %d of learners an epoch", len(voices), len(parts[0]))
    rights = {row.id: undone(row) for row, _ in known}
    trainer = EarTrainer(build(cfg), recipe, cfg.out, parts, cfg.device, undone=rights, contrast=cfg.contrast)
    trainer.voice_seconds = float(np.sum([e.duration for e in voices]))
    history = trainer.fit(voices, dev)
    save(trainer.network.cpu(), cfg.base, cfg.out / "acoustic", cfg.rank, rated=False, mark=mark)
    return history


if __name__ == "__main__":
    config.main(run, Config)
