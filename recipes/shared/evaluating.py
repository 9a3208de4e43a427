"""What the recipes that evaluate a model on a manifest share: their flags; no recipe itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from recipes.shared import synthetic
from speechtutor.corpora import manifest
from speechtutor.evaluation import table
from speechtutor.evaluation.result import Summary
from speechtutor.files import disk


@dataclass(frozen=True)
class Evaluating:
    """Which rows, over which draws, and where the result goes."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Rows with canonical phones and raters' scores."""
    root: Path = Path("../shared/data/speechocean762")
    """Folder that the manifest's audio paths are relative to."""
    out: Path = Path("runs/evaluate")
    """Folder for config.json, utterances.jsonl, summary.json and report.md."""
    split: str = "dev"
    """train, dev or test."""
    device: str | None = None
    """auto, cpu, cuda, cuda:N or mps."""
    limit: int | None = None
    """Judge only this many rows, evenly chosen; None takes all."""
    against: Path | None = None
    """Folder of an earlier run to compare with, paired."""
    draws: int = 1000
    """Draws of speakers for the 95 % intervals."""
    seed: int = 0
    """Seed of the draws."""
    smoke: bool = False
    """Judge made-up utterances with a model that does not listen."""

    def __post_init__(self) -> None:
        """Refuse what would fail later."""
        if self.split not in manifest.SPLITS:
            raise ValueError(f"split {self.split!r} is none of {', '.join(manifest.SPLITS)}")
        if self.limit is not None and self.limit < 1:
            raise ValueError(f"limit must be 1 or more, not {self.limit}")
        if self.draws < 1:
            raise ValueError(f"draws must be 1 or more, not {self.draws}")


Settings = TypeVar("Settings", bound=Evaluating)


def made_up(cfg: Settings) -> Settings:
    """The settings of a smoke run on made-up utterances, others as they are."""
    if not cfg.smoke:
        return cfg
    rows = synthetic.corpus(cfg.out / "corpus")
    return replace(cfg, manifest=rows, root=rows.parent)


def reported(found: Summary, out: Path, keys: Sequence[str]) -> Summary:
    """The summary, written into its folder for people as well."""
    disk.write_text(out / "report.md", table.markdown(found, keys))
    return found
