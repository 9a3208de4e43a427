"""What each part of the scorer brings: heads trained without it, on the cues that train_scorer cached.

Data      data_manifests/speechocean762.jsonl; the cached cues of a run of train_scorer
Run       python -m recipes.ablate_scorer --cues runs/scorer
Expect    see recipes/README.md

Single heads on readings of right texts only, so that a row differs from the first by the part alone.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recipes import train_scorer
from recipes.shared import feature_cache
from speechtutor import config
from speechtutor.corpora import manifest
from speechtutor.errors import InputError
from speechtutor.files import disk
from speechtutor.scoring.features import PHONE_BLOCKS, UTTERANCE_BLOCKS, Features, Seen, without_embedding

if TYPE_CHECKING:
    from speechtutor.training.head import Labels

log = logging.getLogger("ablate_scorer")
FIGURES = ("phone", "phone_mse", "word_score", "utterance_overall", "mdd_f1_best")


@dataclass(frozen=True)
class Config:
    """Which cues to leave out, and how often to train."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Rows with canonical phones and raters' scores."""
    cues: Path = Path("runs/scorer")
    """Folder of a run of train_scorer with its cached cues."""
    out: Path = Path("runs/ablation")
    """Folder for the table."""
    epochs: int = 20
    """Passes over the train utterances."""
    seeds: int = 1
    """Heads per row."""
    parts: list[str] | None = None
    """Rows to make; None makes all."""
    smoke: bool = False
    """Make one row on made-up utterances."""


def without(block: str) -> Callable[[Features], Features]:
    """Features with the columns of a block set to 0."""

    def cut(values: np.ndarray, blocks: dict[str, int]) -> np.ndarray:
        start = 0
        for name, width in blocks.items():
            if name == block:
                values = values.copy()
                values[..., start : start + width] = 0
            start += width
        return values

    return lambda c: replace(
        c, phones=cut(c.phones, PHONE_BLOCKS), utterance=cut(c.utterance, UTTERANCE_BLOCKS)
    )


def text_alone(cues: Features) -> Features:
    """Nothing that was heard: what the head learns from the text."""
    silent = replace(cues, phones=np.zeros_like(cues.phones), utterance=np.zeros_like(cues.utterance))
    return without_embedding(silent)


PARTS: dict[str, Callable[[Features], Features]] = {
    "all": lambda cues: cues,
    "no embedding": without_embedding,
    **{f"no {block}": without(block) for block in (*PHONE_BLOCKS, "rates", "variety", "fit")},
    "text alone": text_alone,
}


def row(
    change: Callable[[Features], Features],
    sets: Sequence[tuple[Sequence[Features], Sequence[Labels]]],
    cfg: Config,
) -> dict[str, float]:
    """Dev figures of heads trained on changed cues, the mean over seeds."""
    from speechtutor.models.head import Batch, Shape
    from speechtutor.training.head import Recipe, Targets, predict, train_head

    (train, labels), (dev, dev_labels) = (([change(c) for c in cues], labels) for cues, labels in sets)
    shape = Shape(train[0].phones.shape[1], train[0].embedding.shape[1], len(train[0].utterance))
    batch, targets, dev_batch = Batch.of(train), Targets.of(labels), Batch.of(dev)
    tables = []
    for seed in range(cfg.seeds):
        head = train_head(batch, targets, shape, Recipe(epochs=cfg.epochs), seed)
        tables.append(train_scorer.table(train_scorer.flat(predict(head, dev_batch), dev_labels)))
    return {name: float(np.mean([table[name] for table in tables])) for name in FIGURES}


def run(cfg: Config) -> dict[str, dict[str, float]]:
    """One row per part, the whole first.

    Raises:
        InputError: when the folder holds no cached cues, or there is no such part.
    """
    if cfg.smoke:
        scorer = train_scorer.Config(out=cfg.out / "scorer", smoke=True)
        train_scorer.run(scorer)
        rows = cfg.out / "scorer" / "phones" / "corpus" / "rows.jsonl"
        cfg = replace(cfg, manifest=rows, cues=scorer.out, epochs=1, parts=["all", "no ratios"])
    wanted = cfg.parts or list(PARTS)
    if unknown := [name for name in wanted if name not in PARTS]:
        raise InputError(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    cached: dict[str, Seen] = {}
    made_from: dict[str, str] = {}
    for path in sorted(cfg.cues.glob(f"*{feature_cache.SUFFIX}")):
        kept = feature_cache.read(path)
        cached |= {row_id: found.seen for row_id, found in kept.items()}
        made_from |= {row_id: found.row for row_id, found in kept.items()}
    rows_ = [row for row in manifest.read(cfg.manifest) if row.id in cached]
    if other := [row.id for row in rows_ if feature_cache.of_row(row) != made_from[row.id]]:
        raise InputError(
            f"{cfg.cues} holds cues of another row {other[0]} than {cfg.manifest}: run train_scorer again"
        )
    split = [[r for r in rows_ if r.split == name] for name in ("train", "dev")]
    if not all(split):
        raise InputError(f"{cfg.cues} holds no cached cues of train and dev rows; run train_scorer first")
    sets = [([cached[r.id].features for r in s], [train_scorer.labels_of(r) for r in s]) for s in split]
    table = {}
    for name in wanted:
        table[name] = row(PARTS[name], sets, cfg)
        log.info("%s %s", name, {k: round(v, 3) for k, v in table[name].items()})
    config.save(cfg, cfg.out)
    disk.write_text(cfg.out / "ablation.json", json.dumps(table, indent=1) + "\n")
    return table


if __name__ == "__main__":
    config.main(run, Config)
