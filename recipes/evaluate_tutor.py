"""Measure the tutor's language model: does its feedback hold, and does it correct grammar precisely.

Data      ErAConD's dialogues.jsonl; a manifest with raters' scores, or the rows of `speechtutor batch`
Run       python -m recipes.evaluate_tutor --adapter speechtutor/weights/tutor-lora --against-base
          python -m recipes.evaluate_tutor --base none --out runs/tutor/eval-rules
Expect    grammar.md and feedback.md in OUT, and feedback-versus.md with --against-base; see recipes/README.md

With `--tune` the threshold of the grammar model is first chosen on the tune dialogues and written
beside the adapter. Dev dialogues are never trained or tuned on; `--dialogues all` takes the whole
file, for dialogues that were held out elsewhere.

Feedback may be stopped at any moment: the same command goes on from there, also with a larger --limit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from recipes.shared import feedback as made_feedback
from recipes.shared import synthetic
from speechtutor import config, registry
from speechtutor.core import UtteranceScore
from speechtutor.corpora import eracond
from speechtutor.corpora.eracond import Turn, comparable
from speechtutor.disk import write_text
from speechtutor.evaluation import feedback, feedback_pairs, grammar
from speechtutor.evaluation.reply_log import SUFFIX, Kept
from speechtutor.grammar.edits import tokens

if TYPE_CHECKING:
    from speechtutor.models.llm_grammar import LlmCorrector


@dataclass(frozen=True)
class Config:
    """Which model is measured on what."""

    eracond: Path = Path("../shared/data/eracond/dialogues.jsonl")
    """ErAConD's learner turns."""
    dialogues: Literal["dev", "tune", "train", "all"] = "dev"
    """Which dialogues; "all" for a file that nothing was trained on."""
    scores: Path = Path("data_manifests/speechocean762.jsonl")
    """A manifest with raters' scores or the rows of `speechtutor batch`; left out where it is not there."""
    split: str = "dev"
    """Split of the manifest."""
    base: str = "smollm2-135m-instruct"
    """Chat model: a name, a hub id, a folder, or none for the rules alone."""
    adapter: Path | None = None
    """The adapter; None measures the model as it is."""
    out: Path = Path("runs/tutor/eval")
    """Folder for the reports."""
    part: Literal["both", "grammar", "feedback"] = "both"
    """What to measure."""
    threshold: float | None = None
    """Nats that an edit must gain; None is what was tuned for the adapter."""
    tune: bool = False
    """First choose the threshold on the tune dialogues and write it beside the adapter."""
    rules: bool = True
    """Let the rules go before the model."""
    typed: bool = False
    """Take the turns as they were typed, and count capitals, marks and spelling too (typed.md)."""
    against_base: bool = False
    """Word the same feedback without the adapter too, by the same engine, and set both side by side."""
    limit: int = 200
    """Utterances to word feedback for, evenly chosen."""
    made: int = 60
    """Also word feedback for so many made-up slips of every kind: raters do not say what they heard."""
    turns: int = 0
    """Correct this many turns only; 0 takes all."""
    draws: int = 1000
    """Draws of dialogues for the 95 % intervals."""
    device: str | None = None
    """auto, cpu, cuda, cuda:N or mps."""
    seed: int = 0
    """Seed of the draws."""
    smoke: bool = False
    """Run a tiny random model on made-up turns and scores."""


def tuned(corrector: LlmCorrector, turns: list[Turn]) -> float:
    """The threshold that is best on some turns."""
    weighed: list[Any] = []
    for turn in turns:
        if comparable(turn.spoken):
            edits = [((e.start, e.end, e.after), g) for e, g in corrector.weigh(tokens(turn.spoken))[0]]
            weighed.append((tokens(turn.spoken), edits, tokens(turn.corrected)))
    # Without a single proposal there is nothing to choose by.
    return grammar.best_threshold(weighed) if any(edits for _, edits, _ in weighed) else corrector.threshold


def measure_grammar(cfg: Config, turns: list[Turn]) -> grammar.GrammarReport:
    """Correct the turns and write the report."""
    chosen = [turn for turn in turns if cfg.dialogues in ("all", turn.split)]
    chosen = chosen[: cfg.turns or None]
    name = "rules" if cfg.base == "none" else cfg.base
    options: dict[str, Any] = {}
    if name != "rules":
        options = {"adapter": cfg.adapter, "threshold": cfg.threshold, "rules": cfg.rules}
    corrector: Any = registry.load("grammar", name, device=cfg.device, **options)
    if cfg.tune and name != "rules":
        corrector.threshold = tuned(corrector, [t for t in turns if t.split == "tune"][: cfg.turns or None])
        if cfg.adapter is not None:
            path = cfg.adapter / "tutor.json"
            known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
            write_text(path, json.dumps(known | {"threshold": round(corrector.threshold, 3)}) + "\n")
    items = grammar.listen(corrector, chosen, typed=cfg.typed)
    found = grammar.report(items, corrector.name, cfg.draws, cfg.seed, typed=cfg.typed)
    grammar.write(cfg.out, found, items, "typed" if cfg.typed else "grammar")
    return found


def measure_feedback(
    cfg: Config, items: list[tuple[str, UtteranceScore]], name: str = "feedback"
) -> feedback.FeedbackReport:
    """Let the model word the evidence and write the report, beside the base's where that is asked for."""
    found, worded = _worded(cfg, items, name)
    if cfg.against_base and cfg.adapter is not None:
        base = _worded(replace(cfg, adapter=None), items, f"{name}-base", engine="transformers")
        write_text(cfg.out / f"{name}-versus.md", feedback_pairs.table(base, (found, worded)))
    return found


def _worded(
    cfg: Config, items: list[tuple[str, UtteranceScore]], name: str, **options: str
) -> tuple[feedback.FeedbackReport, list[feedback.Worded]]:
    tutor: Any = registry.load("tutor", cfg.base, device=cfg.device, adapter=cfg.adapter, **options)
    fingerprint = {
        "tutor": tutor.engine.name,
        "engine": type(tutor.engine).__name__,
        "adapter": _sum(cfg.adapter),
        "examples in the prompt": tutor.shots,
        "tokens": tutor.max_tokens,
    }
    kept = Kept(cfg.out / f"{name}{SUFFIX}", fingerprint)
    worded, n_rules = feedback.listen(tutor, items, kept)
    found = feedback.report(worded, n_rules, f"{tutor.engine.name} ({name})")
    feedback.write(cfg.out, found, worded, name)
    return found, worded


def _sum(adapter: Path | None) -> str:
    """The content of an adapter, so that replies of another one are never taken for its own."""
    if adapter is None:
        return ""
    files = sorted(path for path in adapter.glob("adapter_*") if path.is_file())
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def _smoke(cfg: Config) -> tuple[Config, list[Turn], list[tuple[str, UtteranceScore]]]:
    from recipes.prepare_tutor import _smoke_turns

    base = str(synthetic.tiny_chat(cfg.out / "base"))
    rows = synthetic.corpus(cfg.out / "corpus", 2, 2)
    cfg = replace(cfg, base=base, dialogues="all", draws=10, limit=2, made=0)
    return cfg, _smoke_turns()[:2], feedback.scores(rows, "dev", 2)


def run(cfg: Config) -> list[grammar.GrammarReport | feedback.FeedbackReport]:
    """Write the reports and return them.

    Raises:
        SpeechTutorError: for data or a model that cannot be used.
    """
    from speechtutor.models.device import pick

    found: list[grammar.GrammarReport | feedback.FeedbackReport] = []
    items: list[tuple[str, UtteranceScore]] = []
    if cfg.smoke:
        cfg, turns, items = _smoke(cfg)
    else:
        turns = eracond.read(cfg.eracond) if cfg.part != "feedback" else []
        if cfg.part != "grammar" and cfg.base != "none" and cfg.scores.is_file():
            items = feedback.scores(cfg.scores, cfg.split, cfg.limit)
    config.save(cfg, cfg.out, device=pick(cfg.device).name)
    if cfg.part != "feedback":
        found.append(measure_grammar(cfg, turns))
    if items:
        found.append(measure_feedback(cfg, items))
    if cfg.part != "grammar" and cfg.base != "none" and cfg.made:
        made = made_feedback.held_out(cfg.made, cfg.seed)
        found.append(measure_feedback(cfg, made, "feedback-made"))
    return found


if __name__ == "__main__":
    config.main(run, Config)
