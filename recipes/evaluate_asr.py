"""Word error rate of a transcriber, normalised and verbatim, and how fast it is.

Data      data_manifests/speechocean762.jsonl (dev, or test where you have it)
Run       python -m recipes.evaluate_asr --model faster-whisper-base
Expect    see recipes/README.md
Needs     pip install 'speechtutor[whisper]' for the models of faster-whisper

The same as `speechtutor evaluate asr`, with the project's own corpus and its dev speakers as defaults.
A run that was stopped goes on in its folder; what the figures mean is said in `speechtutor.evaluation.asr`.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from speechtutor import config
from speechtutor.corpora import manifest
from speechtutor.evaluation import asr, job, provenance, table
from speechtutor.evaluation.result import Summary
from speechtutor.files import disk


@dataclass(frozen=True)
class Config:
    """Which transcriber hears which rows."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Rows whose text is what was read."""
    root: Path = Path("../shared/data/speechocean762")
    """Folder that the manifest's audio paths are relative to."""
    out: Path = Path("runs/evaluate_asr")
    """Folder for config.json, utterances.jsonl, summary.json and report.md."""
    split: str = "dev"
    """train, dev or test."""
    model: str | None = None
    """A transcriber of the registry, a folder or a hub id; None is the default transcriber."""
    adapter: Path | None = None
    """A LoRA adapter for the model."""
    lang: str = "en"
    """ISO 639-1 code of the language spoken."""
    device: str | None = None
    """auto, cpu, cuda, cuda:N or mps."""
    beams: int | None = None
    """Width of the beam search; None is the model's own."""
    limit: int | None = None
    """Hear only this many rows, evenly chosen."""
    against: Path | None = None
    """Folder of an earlier run to compare with, paired."""
    draws: int = 1000
    """Draws of speakers for the 95 % intervals."""
    seed: int = 0
    """Seed of the draws."""
    smoke: bool = False
    """Run on made-up utterances with a transcriber that does not listen."""

    def __post_init__(self) -> None:
        """Refuse what would fail later."""
        if self.split not in manifest.SPLITS:
            raise ValueError(f"split {self.split!r} is none of {', '.join(manifest.SPLITS)}")
        if self.limit is not None and self.limit < 1:
            raise ValueError(f"limit must be 1 or more, not {self.limit}")
        if self.draws < 1:
            raise ValueError(f"draws must be 1 or more, not {self.draws}")


def run(cfg: Config) -> Summary:
    """Hear the rows, write the result and return its summary.

    Raises:
        SpeechTutorError: for a manifest, a model or a folder that cannot be used.
    """
    from speechtutor import registry
    from speechtutor.models.device import pick
    from speechtutor.models.normalizer import normaliser

    rows_file, root, model = cfg.manifest, cfg.root, cfg.model or registry.default("transcriber")
    if cfg.smoke:
        from recipes.shared import synthetic

        rows_file, model = synthetic.corpus(cfg.out / "corpus"), "fake"
        root = rows_file.parent
    options: dict[str, Any] = {"adapter": cfg.adapter, "beams": cfg.beams}
    given = {key: value for key, value in options.items() if value is not None}
    entry = registry.find("transcriber", model)
    choice: dict[str, Any] = {"split": cfg.split, "limit": cfg.limit}
    asked = job.Job(
        out=cfg.out,
        manifest=rows_file,
        root=root,
        rows=job.choose(rows_file, **choice),
        system=provenance.system(model, entry.checkpoint, entry.revision, lang=cfg.lang, **options),
        choice=choice,
        settings=asdict(cfg) | {"manifest": rows_file, "root": root},
        command=provenance.command(sys.argv),
        device=pick(cfg.device).name,
        against=cfg.against,
        draws=cfg.draws,
        seed=cfg.seed,
    )
    transcriber = registry.load("transcriber", model, device=cfg.device, **given)
    found, _ = asr.evaluate(asked, transcriber, normaliser, cfg.lang)
    disk.write_text(cfg.out / "report.md", table.markdown(found, asr.KEYS))
    return found


if __name__ == "__main__":
    config.main(run, Config, lambda found: table.markdown(found, asr.KEYS))
