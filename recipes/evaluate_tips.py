"""Hold the tutor's tips against what the raters heard, with 95 % intervals over speakers.

Data      data_manifests/speechocean762.jsonl (dev, which no weight was fitted on)
Run       python -m recipes.evaluate_tips
Expect    see recipes/README.md

The scorer judges each reading and the rules choose what to tell, of a learner nothing is known of. What
the figures mean is said in `speechtutor.evaluation.tips`. The dev speakers are a part of the corpus's
own train set that the scorer's weights have not seen; test rows are never read.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from recipes.shared import synthetic
from speechtutor import config
from speechtutor.evaluation import job, provenance, table, tips
from speechtutor.evaluation.result import Summary
from speechtutor.files import disk


@dataclass(frozen=True)
class Config:
    """Which scorer's judgements of which readings are told of."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Rows with canonical phones and raters' scores."""
    root: Path = Path("../shared/data/speechocean762")
    """Folder that the manifest's audio paths are relative to."""
    out: Path = Path("runs/evaluate_tips")
    """Folder for the rows, the summary and report.md."""
    split: Literal["train", "dev"] = "dev"
    """train or dev; the thresholds of what is told were chosen on dev, so it is no test."""
    scorer: str | None = None
    """A scorer of the registry or a folder; None is the default scorer."""
    device: str | None = None
    """auto, cpu, cuda, cuda:N or mps."""
    limit: int | None = 200
    """Judge only this many rows, evenly chosen; None takes all."""
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
    """Judge, choose what to tell, compare, write the result and return its summary.

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
    choice = {"split": cfg.split, "limit": cfg.limit}
    asked = job.Job(
        out=cfg.out,
        manifest=cfg.manifest,
        root=cfg.root,
        rows=job.choose(cfg.manifest, cfg.split, cfg.limit),
        system=provenance.system(name, entry.checkpoint, entry.revision),
        choice=choice,
        settings=asdict(cfg),
        command=provenance.command(sys.argv),
        device=pick(cfg.device).name,
        against=cfg.against,
        draws=cfg.draws,
        seed=cfg.seed,
    )
    found, _ = tips.evaluate(asked, registry.load("scorer", name, device=cfg.device))
    disk.write_text(cfg.out / "report.md", table.markdown(found, tips.KEYS))
    return found


if __name__ == "__main__":
    config.main(run, Config, lambda found: table.markdown(found, tips.KEYS))
