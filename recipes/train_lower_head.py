"""Teach a head on a lower layer of the ear to write what was said.

Data      the rows of make_mistakes; data_manifests/speechocean762.jsonl (train)
Run       python -m recipes.train_lower_head --extra runs/mistakes/rows.jsonl --out runs/ear-lower
Expect    OUT/ear, the ear with `lower.safetensors`; see recipes/README.md

The last layers of an encoder that knows words hear the sound that belongs there. A lower layer has put less
of the word into each frame; its own CTC head is a third opinion for the diagnosis that costs no pass.
"""

from __future__ import annotations

import json
import logging
import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from recipes.finetune_ear import spoken
from recipes.shared import settings, synthetic
from speechtutor import audio, config
from speechtutor.core import Utterance
from speechtutor.corpora import canonical, manifest
from speechtutor.evaluation.known_errors import well_said
from speechtutor.files import disk
from speechtutor.hub import shipped

if TYPE_CHECKING:
    from speechtutor.training.lower_head import Clip

log = logging.getLogger("train_lower_head")


@dataclass(frozen=True)
class Config:
    """Which ear, which layer, which speech."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Learners' readings; those whose phones are all well said are learnt from."""
    root: Path = Path("../shared/data/speechocean762")
    """Folder that the manifest's audio paths are relative to."""
    extra: list[Path] = field(default_factory=lambda: [Path("runs/mistakes/rows.jsonl")])
    """Manifests of readings whose sounds are known; their audio lies beside them."""
    ear: Path = shipped.WEIGHTS / "whisper-base-ear"
    """The ear that gets the head; its own weights stay."""
    out: Path = Path("runs/ear-lower")
    """Folder for config.json and OUT/ear, a copy of the ear with the head."""
    layer: int = 4
    """The layer that the head stands on, from 1."""
    learners: int = 400
    """Learners' readings at most."""
    epochs: int = 6
    """Passes over all readings."""
    seed: int = 0
    """Seed of weights, order and noise."""
    smoke: bool = False
    """Train on three synthetic utterances with an untrained ear."""


def heard(cfg: Config, rows: Sequence[tuple[Utterance, Path]]) -> Iterator[Clip]:
    """The states of the layer and the phones that were said."""
    from tqdm import tqdm

    from speechtutor.models.acoustic import restore
    from speechtutor.training.lower_head import clip

    network = restore(cfg.ear)[0].eval()
    for row, root in tqdm(rows, desc="hearing"):
        phones = [phone for word in row.phones or () for phone in word]
        yield clip(network, audio.load(root / row.audio), phones, cfg.layer)


def rows_of(cfg: Config) -> list[tuple[Utterance, Path]]:
    """Voices whose sounds are known, and learners' readings of which every phone is well said."""
    known = [(spoken(row), path.parent) for path in cfg.extra for row in manifest.read(path, ["train"])]
    train = [row for _, row in settings.read_rows(cfg.manifest)[0]]
    random.Random(cfg.seed).shuffle(train)
    said = [row for row in train if cfg.smoke or (row.scores and well_said(row.scores.words))]
    said = said[: cfg.learners]
    own = [tuple(word.pronunciations[0] for word in canonical.of(row)) for row in said]
    return known + [(replace(row, phones=phones), cfg.root) for row, phones in zip(said, own, strict=True)]


def run(cfg: Config) -> float:
    """Train the head, write OUT; returns the last loss.

    Raises:
        SpeechTutorError: for rows, an ear or a disk that cannot be used.
    """
    from safetensors.torch import save_file

    from speechtutor.models.acoustic import LOWER
    from speechtutor.training.lower_head import Recipe, fit

    if cfg.smoke:
        tiny = synthetic.tiny_acoustic(cfg.out / "acoustic")
        made = synthetic.corpus(cfg.out / "corpus")
        cfg = replace(cfg, manifest=made, root=made.parent, ear=tiny, extra=[], layer=1, epochs=1)
    config.save(cfg, cfg.out)
    rows = rows_of(cfg)
    head, loss = fit(list(heard(cfg, rows)), cfg.layer, Recipe(epochs=cfg.epochs), cfg.seed)
    log.info("%d readings, last loss %.3f", len(rows), loss)
    ear = cfg.out / "ear"
    shutil.copytree(cfg.ear, ear, dirs_exist_ok=True)
    save_file({name: value.half().contiguous() for name, value in head.state_dict().items()}, ear / LOWER)
    known = json.loads((ear / "config.json").read_text(encoding="utf-8"))
    disk.write_text(ear / "config.json", json.dumps(known | {"lower": cfg.layer}, indent=1) + "\n")
    return loss


if __name__ == "__main__":
    config.main(run, Config)
