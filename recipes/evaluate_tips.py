"""Hold the tutor's tips against what the raters heard, with 95 % intervals over speakers.

Data      data_manifests/speechocean762.jsonl (dev, which no weight was fitted on)
Run       python -m recipes.evaluate_tips
Expect    see recipes/README.md

The scorer judges each reading and the rules choose what to tell, of a learner nothing is known of. What
the figures mean is said in `speechtutor.evaluation.tips`. The dev speakers are a part of the corpus's
own train set that the scorer's weights have not seen; test rows are never read.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from recipes.shared import evaluating
from recipes.shared.evaluating import Evaluating
from speechtutor import config
from speechtutor.evaluation import asked, table, tips
from speechtutor.evaluation.result import Summary


@dataclass(frozen=True)
class Config(Evaluating):
    """Which scorer's judgements of which readings are told of."""

    out: Path = Path("runs/evaluate_tips")
    """Folder for the rows, the summary and report.md."""
    split: Literal["train", "dev"] = "dev"
    """train or dev; the thresholds of what is told were chosen on dev, so it is no test."""
    scorer: str | None = None
    """A scorer of the registry or a folder; None is the default scorer."""
    limit: int | None = 200
    """Judge only this many rows, evenly chosen; None takes all."""


def run(cfg: Config) -> Summary:
    """Judge, choose what to tell, compare, write the result and return its summary.

    Raises:
        SpeechTutorError: for a manifest, a scorer or a folder that cannot be used.
    """
    from speechtutor import registry

    cfg = evaluating.made_up(cfg)
    name = "fake" if cfg.smoke else cfg.scorer or registry.default("scorer")
    job = asked.of_model("scorer", name, cfg.manifest, cfg, asdict(cfg))
    found, _ = tips.evaluate(job, registry.load("scorer", name, device=cfg.device))
    return evaluating.reported(found, cfg.out, tips.KEYS)


if __name__ == "__main__":
    config.main(run, Config, lambda found: table.markdown(found, tips.KEYS))
