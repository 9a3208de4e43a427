"""Hold a scorer's judgement against the raters', with 95 % intervals over speakers.

Data      data_manifests/speechocean762.jsonl (dev, or test where you have it)
Run       python -m recipes.evaluate_scoring
Expect    see recipes/README.md

The same as `speechtutor evaluate scoring`, with the project's own corpus and its dev speakers as
defaults. A run that was stopped goes on in its folder; what the figures mean is said in
`speechtutor.evaluation.scoring`, and the baselines in `speechtutor.evaluation.scoring_baselines`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from recipes.shared import evaluating
from recipes.shared.evaluating import Evaluating
from speechtutor import config
from speechtutor.corpora import manifest
from speechtutor.evaluation import asked, scoring, scoring_baselines, table
from speechtutor.evaluation.result import Summary


@dataclass(frozen=True)
class Config(Evaluating):
    """Which scorer judges which rows."""

    out: Path = Path("runs/evaluate_scoring")
    """Folder for config.json, utterances.jsonl, summary.json, reliability.svg and report.md."""
    scorer: str | None = None
    """A scorer of the registry or a folder; None is the default scorer."""
    train: Path | None = None
    """Manifest whose train rows the text-only prior is fitted on; None is the same manifest."""
    raters: Path | None = None
    """The single raters' scores; None is raters-train.json in the root, where it is there."""


def run(cfg: Config) -> Summary:
    """Judge, compare, write the result and return its summary.

    Raises:
        SpeechTutorError: for a manifest, a scorer or a folder that cannot be used.
    """
    from speechtutor import registry

    cfg = evaluating.made_up(cfg)
    name = "fake" if cfg.smoke else cfg.scorer or registry.default("scorer")
    job = asked.of_model("scorer", name, cfg.manifest, cfg, asdict(cfg))
    own = cfg.root / "raters-train.json"
    people = cfg.raters or (own if own.is_file() else None)
    found, _ = scoring.evaluate(
        job,
        registry.load("scorer", name, device=cfg.device),
        train=manifest.read(cfg.train or cfg.manifest, ["train"]),
        raters=None if people is None else scoring_baselines.read_raters(people),
    )
    return evaluating.reported(found, cfg.out, scoring.KEYS)


if __name__ == "__main__":
    config.main(run, Config, lambda found: table.markdown(found, scoring.KEYS))
