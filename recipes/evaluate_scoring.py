"""Hold a scorer's judgement against the raters', with 95 % intervals over speakers.

Data      data_manifests/speechocean762.jsonl (dev, or test where you have it)
Run       python -m recipes.evaluate_scoring
Expect    see recipes/README.md

The same as `speechtutor evaluate scoring`, with the project's own corpus and its dev speakers as
defaults. A run that was stopped goes on in its folder; what the figures mean is said in
`speechtutor.evaluation.scoring`, and the baselines in `speechtutor.evaluation.scoring_baselines`.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from recipes.shared import synthetic
from speechtutor import config
from speechtutor.corpora import manifest
from speechtutor.evaluation import job, provenance, scoring, scoring_baselines, table
from speechtutor.evaluation.result import Summary
from speechtutor.files import disk


@dataclass(frozen=True)
class Config:
    """Which scorer judges which rows."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Rows with canonical phones and raters' scores."""
    root: Path = Path("../shared/data/speechocean762")
    """Folder that the manifest's audio paths are relative to."""
    out: Path = Path("runs/evaluate_scoring")
    """Folder for config.json, utterances.jsonl, summary.json, reliability.svg and report.md."""
    split: str = "dev"
    """train, dev or test."""
    scorer: str | None = None
    """A scorer of the registry or a folder; None is the default scorer."""
    device: str | None = None
    """auto, cpu, cuda, cuda:N or mps."""
    limit: int | None = None
    """Judge only this many rows, evenly chosen."""
    train: Path | None = None
    """Manifest whose train rows the text-only prior is fitted on; None is the same manifest."""
    raters: Path | None = None
    """The single raters' scores; None is raters-train.json in the root, where it is there."""
    against: Path | None = None
    """Folder of an earlier run to compare with, paired."""
    draws: int = 1000
    """Draws of speakers for the intervals."""
    seed: int = 0
    """Seed of the draws."""
    smoke: bool = False
    """Judge made-up utterances with a scorer that does not listen."""

    def __post_init__(self) -> None:
        """Refuse what would fail later."""
        if self.draws < 1:
            raise ValueError(f"draws must be 1 or more, not {self.draws}")


def run(cfg: Config) -> Summary:
    """Judge, compare, write the result and return its summary.

    Raises:
        SpeechTutorError: for a manifest, a scorer or a folder that cannot be used.
    """
    from speechtutor import registry
    from speechtutor.models.device import pick

    if cfg.smoke:
        rows_file = synthetic.corpus(cfg.out / "corpus")
        cfg = replace(cfg, manifest=rows_file, root=rows_file.parent, scorer="fake")
    name = cfg.scorer or registry.default("scorer")
    entry = registry.find("scorer", name)
    choice: dict[str, Any] = {"split": cfg.split, "limit": cfg.limit}
    asked = job.Job(
        out=cfg.out,
        manifest=cfg.manifest,
        root=cfg.root,
        rows=job.choose(cfg.manifest, **choice),
        system=provenance.system(name, entry.checkpoint, entry.revision),
        choice=choice,
        settings=asdict(cfg),
        command=provenance.command(sys.argv),
        device=pick(cfg.device).name,
        against=cfg.against,
        draws=cfg.draws,
        seed=cfg.seed,
    )
    own = cfg.root / "raters-train.json"
    people = cfg.raters or (own if own.is_file() else None)
    found, _ = scoring.evaluate(
        asked,
        registry.load("scorer", name, device=cfg.device),
        train=manifest.read(cfg.train or cfg.manifest, ["train"]),
        raters=None if people is None else scoring_baselines.read_raters(people),
    )
    disk.write_text(cfg.out / "report.md", table.markdown(found, scoring.KEYS))
    return found


if __name__ == "__main__":
    config.main(run, Config, lambda found: table.markdown(found, scoring.KEYS))
