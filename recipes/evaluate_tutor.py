"""Measure the tutor's language model: does its feedback hold, and does it correct grammar precisely.

Data      ErAConD's dialogues.jsonl; a manifest with raters' scores, or rows of `score --json` with ids
Run       python -m recipes.evaluate_tutor --adapter speechtutor/weights/tutor-lora --against-base
          python -m recipes.evaluate_tutor --base none --out runs/tutor/eval-rules
Expect    evaluations in OUT/grammar, OUT/feedback and OUT/feedback-made; see recipes/README.md

Each is a folder like that of any evaluation: `speechtutor report OUT/feedback` shows it, and the same
command goes on with a stopped one, feedback also with a larger --limit.

With `--tune` the threshold of the grammar model is first chosen on the tune dialogues and written
beside the adapter. Dev dialogues are never trained or tuned on; `--dialogues all` takes the whole
file, for dialogues that were held out elsewhere, `--folds` an adapter for every fifth of them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from recipes.shared import feedback as made_feedback
from recipes.shared import synthetic
from speechtutor import config, registry
from speechtutor.core import Correction
from speechtutor.corpora import eracond
from speechtutor.corpora.eracond import Turn, comparable
from speechtutor.evaluation import feedback, grammar, job, provenance, table
from speechtutor.evaluation.feedback import Noted
from speechtutor.evaluation.result import Summary
from speechtutor.evaluation.writing import ahead
from speechtutor.files.disk import write_text
from speechtutor.grammar.edits import tokens
from speechtutor.models.device import pick

if TYPE_CHECKING:
    from speechtutor.models.llm_grammar import LlmCorrector
    from speechtutor.stages import GrammarCorrector


@dataclass(frozen=True)
class Config:
    """Which model is measured on what."""

    eracond: Path = Path("../shared/data/eracond/dialogues.jsonl")
    """ErAConD's learner turns."""
    dialogues: Literal["dev", "tune", "train", "all"] = "dev"
    """Which dialogues; "all" for a file that nothing was trained on."""
    fold: int = 0
    """Which fifth of the dialogues is dev, as the adapter's rows were made."""
    folds: Path | None = None
    """Folder with an adapter for every fold (fold-0, fold-1 …) and its threshold beside it: each dialogue is
    corrected by the one that never saw it."""
    scores: Path = Path("data_manifests/speechocean762.jsonl")
    """A manifest with raters' scores or rows of `score --json` with ids; left out where it is not there."""
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
    """Take the turns as they were typed, and count capitals, marks and spelling too (OUT/typed)."""
    against_base: bool = False
    """Word the same feedback without the adapter too, by the same engine, and compare with it."""
    against: Path | None = None
    """OUT of an earlier run whose feedback is compared with, utterance by utterance."""
    ahead: bool = False
    """Write all replies ahead in batches: quicker, and no time is measured."""
    limit: int = 200
    """Utterances to word feedback for, evenly chosen."""
    made: int = 60
    """Also word feedback for so many made-up slips of every kind: raters do not say what they heard."""
    turns: int = 0
    """Correct this many turns only; 0 takes all."""
    draws: int = 1000
    """Draws of dialogues or speakers for the 95 % intervals."""
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


def tune(cfg: Config, corrector: LlmCorrector, turns: Sequence[Turn]) -> None:
    """Choose the threshold on the tune dialogues, and write it beside the adapter."""
    held = [turn for turn in turns if turn.split == "tune"][: cfg.turns or None]
    corrector.threshold = tuned(corrector, held)
    if cfg.adapter is not None:
        path = cfg.adapter / "tutor.json"
        known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        write_text(path, json.dumps(known | {"threshold": round(corrector.threshold, 3)}) + "\n")


class Apart:
    """Every turn is corrected by the adapter that never saw its dialogue."""

    def __init__(self, cfg: Config, turns: dict[int, list[Turn]]) -> None:
        assert cfg.folds is not None
        self.threshold: dict[int, float] = {}
        self._by: dict[str, GrammarCorrector] = {}
        for fold, held in turns.items():
            adapter = cfg.folds / f"fold-{fold}"
            one: Any = registry.load("grammar", cfg.base, device=cfg.device, adapter=adapter, rules=cfg.rules)
            self.name, self.threshold[fold] = one.name, one.threshold
            for turn in held:
                # What stands in two folds is too short to show that they are one dialogue.
                self._by.setdefault(turn.spoken, one)

    def correct(self, text: str) -> Correction:
        """By whoever never saw the dialogue that it is from."""
        return self._by[text].correct(text)


def _apart(cfg: Config) -> tuple[Apart, list[Turn]]:
    read = {fold: eracond.read(cfg.eracond, fold) for fold in range(eracond.FOLDS)}
    held = {fold: [turn for turn in turns if turn.split == "dev"] for fold, turns in read.items()}
    return Apart(cfg, held), [turn for turns in held.values() for turn in turns]


def measure_grammar(cfg: Config, turns: list[Turn], source: Path | None) -> Summary:
    """Correct the turns and write the evaluation."""
    chosen = [turn for turn in turns if cfg.dialogues in ("all", turn.split)]
    name = "rules" if cfg.base == "none" else cfg.base
    options: dict[str, Any] = {}
    if name != "rules":
        options = {"adapter": cfg.adapter, "threshold": cfg.threshold, "rules": cfg.rules}
    corrector: Any
    if cfg.folds is not None:
        corrector, chosen = _apart(cfg)
    else:
        corrector = registry.load("grammar", name, device=cfg.device, **options)
    if cfg.tune and name != "rules":
        tune(cfg, corrector, turns)
    threshold = None if name == "rules" else corrector.threshold
    entry = registry.find("grammar", name)
    asked = job.Job(
        out=cfg.out / ("typed" if cfg.typed else "grammar"),
        manifest=source,
        root=None,
        rows=grammar.turns_with_words(chosen[: cfg.turns or None], typed=cfg.typed),
        system=provenance.system(
            corrector.name, entry.checkpoint, entry.revision,
            None if name == "rules" else cfg.folds or cfg.adapter,
            threshold=threshold, rules=cfg.rules,
        ),
        choice={
            "dialogues": "folds" if cfg.folds else cfg.dialogues, "turns": cfg.turns, "typed": cfg.typed,
            **({"fold": cfg.fold} if cfg.fold else {}),
        },
        over=grammar.OVER,
        **_common(cfg),
    )  # fmt: skip
    return _shown(grammar.evaluate(asked, corrector, typed=cfg.typed)[0], asked.out, grammar.KEYS)


def measure_feedback(cfg: Config, items: list[Noted], source: Path | None, name: str = "feedback") -> Summary:
    """Let the model word the evidence and write the evaluation, beside the base where that is asked."""
    base = None if cfg.against is None else cfg.against / name
    if cfg.against_base and cfg.adapter is not None:
        base = cfg.out / f"{name}-base"
        options: dict[str, Any] = {} if cfg.ahead else {"engine": "transformers"}
        _worded(replace(cfg, adapter=None), items, source, base, **options)
    return _worded(cfg, items, source, cfg.out / name, against=base)


def _worded(
    cfg: Config,
    items: list[Noted],
    source: Path | None,
    out: Path,
    *,
    against: Path | None = None,
    **options: str,
) -> Summary:
    tutor: Any = registry.load("tutor", cfg.base, device=cfg.device, adapter=cfg.adapter, **options)
    if cfg.ahead:
        tutor = ahead(tutor, [item.score for item in items])
    writer = type(getattr(tutor.engine, "engine", tutor.engine)).__name__
    entry = registry.find("tutor", cfg.base)
    asked = job.Job(
        out=out,
        manifest=source,
        root=None,
        rows=items,
        system=provenance.system(
            tutor.engine.name, entry.checkpoint, entry.revision, cfg.adapter,
            engine=writer, ahead=cfg.ahead, examples_in_the_prompt=tutor.shots, tokens=tutor.max_tokens,
        ),
        # What a row says depends on its evidence alone: more rows may be asked for later.
        choice={"split": cfg.split} if source is not None else {"made up, seed": cfg.seed},
        against=against,
        over=feedback.over(items),
        **_common(cfg),
    )  # fmt: skip
    return _shown(feedback.evaluate(asked, tutor)[0], out, feedback.KEYS)


def _common(cfg: Config) -> dict[str, Any]:
    return {
        "settings": asdict(cfg), "command": provenance.command(sys.argv), "device": pick(cfg.device).name,
        "draws": cfg.draws, "seed": cfg.seed,
    }  # fmt: skip


def _shown(found: Summary, folder: Path, keys: Sequence[str]) -> Summary:
    write_text(folder / "report.md", table.markdown(found, keys))
    return found


def _smoke(cfg: Config) -> tuple[Config, list[Turn], list[Noted]]:
    from recipes.prepare_tutor import _smoke_turns

    base = str(synthetic.tiny_chat(cfg.out / "base"))
    rows = synthetic.corpus(cfg.out / "corpus", 2, 2)
    cfg = replace(cfg, base=base, dialogues="all", draws=10, limit=2, made=0, scores=rows)
    return cfg, _smoke_turns()[:2], feedback.scores(rows, "dev", 2)


def run(cfg: Config) -> list[Summary]:
    """Write the evaluations and return their summaries.

    Raises:
        SpeechTutorError: for data or a model that cannot be used.
    """
    found: list[Summary] = []
    items: list[Noted] = []
    source: Path | None = cfg.eracond
    if cfg.smoke:
        cfg, turns, items = _smoke(cfg)
        source = None
    else:
        turns = eracond.read(cfg.eracond, cfg.fold) if cfg.part != "feedback" else []
        if cfg.part != "grammar" and cfg.base != "none" and cfg.scores.is_file():
            items = feedback.scores(cfg.scores, cfg.split, cfg.limit)
    config.save(cfg, cfg.out, device=pick(cfg.device).name)
    if cfg.part != "feedback":
        found.append(measure_grammar(cfg, turns, source))
    if items:
        found.append(measure_feedback(cfg, items, cfg.scores))
    if cfg.part != "grammar" and cfg.base != "none" and cfg.made:
        made = [Noted(name, score, name, "dev") for name, score in made_feedback.held_out(cfg.made, cfg.seed)]
        found.append(measure_feedback(cfg, made, None, "feedback-made"))
    return found


def shown(found: list[Summary]) -> str:
    """All of them as tables."""
    keys = {"grammar": grammar.KEYS, "feedback": feedback.KEYS}
    return "\n".join(table.markdown(one, keys[one.kind]) for one in found)


if __name__ == "__main__":
    config.main(run, Config, shown)
