"""Word error rate of a transcriber, normalised and verbatim, and how fast it is.

Data      data_manifests/speechocean762.jsonl (dev, or test where you have it)
Run       python -m recipes.evaluate_asr --model faster-whisper-base
Expect    see recipes/README.md
Needs     pip install 'speechtutor[whisper]' for the models of faster-whisper

The same as `speechtutor evaluate asr`, with the project's own corpus and its dev speakers as defaults.
A run that was stopped goes on in its folder; what the figures mean is said in `speechtutor.evaluation.asr`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from recipes.shared import evaluating
from recipes.shared.evaluating import Evaluating
from speechtutor import config
from speechtutor.evaluation import asked, asr, table
from speechtutor.evaluation.result import Summary


@dataclass(frozen=True)
class Config(Evaluating):
    """Which transcriber hears which rows."""

    out: Path = Path("runs/evaluate_asr")
    """Folder for config.json, utterances.jsonl, summary.json and report.md."""
    model: str | None = None
    """A transcriber of the registry, a folder or a hub id; None is the default transcriber."""
    adapter: Path | None = None
    """A LoRA adapter for the model."""
    lang: str = "en"
    """ISO 639-1 code of the language spoken."""
    beams: int | None = None
    """Width of the beam search; None is the model's own."""


def run(cfg: Config) -> Summary:
    """Hear the rows, write the result and return its summary.

    Raises:
        SpeechTutorError: for a manifest, a model or a folder that cannot be used.
    """
    from speechtutor import registry
    from speechtutor.models.normalizer import normaliser

    cfg = evaluating.made_up(cfg)
    name = "fake" if cfg.smoke else cfg.model or registry.default("transcriber")
    given = {k: v for k, v in (("adapter", cfg.adapter), ("beams", cfg.beams)) if v is not None}
    job = asked.of_model(
        "transcriber",
        name,
        cfg.manifest,
        cfg,
        asdict(cfg),
        adapter=cfg.adapter,
        lang=cfg.lang,
        beams=cfg.beams,
    )
    transcriber = registry.load("transcriber", name, device=cfg.device, **given)
    found, _ = asr.evaluate(job, transcriber, normaliser, cfg.lang)
    return evaluating.reported(found, cfg.out, asr.KEYS)


if __name__ == "__main__":
    config.main(run, Config, lambda found: table.markdown(found, asr.KEYS))
