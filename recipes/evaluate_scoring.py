"""Hold a scorer's judgement against the raters', with 95 % intervals over speakers.

Data      data_manifests/speechocean762.jsonl (dev, or test where you have it)
Run       python -m recipes.evaluate_scoring
Expect    see recipes/README.md

Correlations are Pearson's over all phones, words or utterances of the split. A phone whose mean
rating is below 0.5 of 2 counts as mispronounced; it is flagged where the scorer's error probability
is at least one half. Utterances that the scorer declined are counted and shown, and left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from recipes import synthetic
from speechtutor import audio, canonical, config, manifest, metrics
from speechtutor.core import ErrorType, Utterance, UtteranceScore, WordScore
from speechtutor.errors import InputError
from speechtutor.metrics import Interval

WRONG_BELOW = 0.25
"""In [0, 1]: half a point of two."""

GROUPS: dict[str, Callable[[Utterance], bool]] = {
    "children": lambda row: row.age is not None and row.age < 16,
    "adults": lambda row: row.age is not None and row.age >= 16,
    "female": lambda row: row.gender == "f",
    "male": lambda row: row.gender == "m",
}
LEAST_SPEAKERS = 5
"""Groups with fewer speakers are not reported: their figures would speak of persons."""


@dataclass(frozen=True)
class Config:
    """Which scorer judges which rows."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Rows with canonical phones and raters' scores."""
    root: Path = Path("../shared/data/speechocean762")
    """Folder that the manifest's audio paths are relative to."""
    out: Path = Path("runs/evaluate_scoring")
    """Folder for config.json, report.json and report.md."""
    split: str = "dev"
    """train, dev or test."""
    scorer: str | None = None
    """A scorer of the registry or a folder; None is the default scorer."""
    device: str | None = None
    """auto, cpu, cuda, cuda:N or mps."""
    limit: int | None = None
    """Judge only this many rows, evenly chosen."""
    draws: int = 1000
    """Draws of speakers for the intervals."""
    seed: int = 0
    """Seed of the draws."""
    smoke: bool = False
    """Judge three made-up utterances with a scorer that does not listen."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Rated and predicted values of one aspect with the row each belongs to."""

    rated: np.ndarray
    predicted: np.ndarray
    row: np.ndarray

    def of(self, rows: np.ndarray) -> Pairs:
        """The part that belongs to some rows."""
        keep = np.isin(self.row, rows)
        return Pairs(self.rated[keep], self.predicted[keep], self.row[keep])


def judge(cfg: Config, rows: Sequence[Utterance], scorer: Any) -> list[UtteranceScore]:
    """The scorer's judgement of each row."""
    from tqdm import tqdm

    result = []
    for row in tqdm(rows, desc="scoring"):
        recording = audio.load(cfg.root / row.audio)
        extra = {} if cfg.smoke else {"words": canonical.of(row)}
        result.append(scorer.score(recording, row.text, **extra))
    return result


def pair_up(rows: Sequence[Utterance], scores: Sequence[UtteranceScore]) -> dict[str, Pairs]:
    """Rated against predicted for every aspect, without declined utterances and unrated values."""
    columns: dict[str, list[tuple[float, float, int]]] = {}

    def add(name: str, rated: float | None, predicted: float | None, i: int) -> None:
        if rated is not None and predicted is not None:
            columns.setdefault(name, []).append((rated, predicted, i))

    for i, (row, score) in enumerate(zip(rows, scores, strict=True)):
        if row.scores is None:
            raise InputError(f"{row.id} has no human scores to compare with")
        for aspect in ("accuracy", "fluency", "prosody", "overall"):
            add(f"utterance {aspect}", getattr(row.scores, aspect), getattr(score, aspect), i)
        said = [word for word in score.words if word.char_start is not None]
        for human, machine in zip(row.scores.words, said, strict=True):
            _add_word(add, human, machine, i)
    return {
        name: Pairs(*(np.array(c) for c in zip(*values, strict=True))) for name, values in columns.items()
    }


def _add_word(
    add: Callable[[str, float | None, float | None, int], None], human: WordScore, machine: WordScore, i: int
) -> None:
    for name, aspect in (("accuracy", "score"), ("stress", "stress"), ("total", "total")):
        add(f"word {name}", getattr(human, aspect), getattr(machine, aspect), i)
    for rated, found in zip(human.phones, machine.phones, strict=True):
        wrong = None if rated.score is None else float(rated.score < WRONG_BELOW)
        add("phone", rated.score, found.score, i)
        add(
            "phone gop (no training on scores)",
            rated.score,
            None if found.gop is None else float(np.clip(found.gop, -25, 25)),
            i,
        )
        add("error", wrong, found.error_probability, i)


def _qwk(p: Pairs) -> float:
    rated, predicted = (np.rint(10 * x).astype(int) for x in (p.rated, p.predicted))
    return metrics.qwk(rated, predicted)


def statistics(pairs: dict[str, Pairs]) -> dict[str, tuple[Pairs, Callable[[Pairs], float]]]:
    """Every figure of the report as a function of the values it needs."""
    result: dict[str, tuple[Pairs, Callable[[Pairs], float]]] = {}
    for name, values in pairs.items():
        if name != "error":
            result[f"{name} PCC"] = (values, lambda p: metrics.pcc(p.rated, p.predicted))
    result["phone MSE (0-2)"] = (pairs["phone"], lambda p: 4 * metrics.mse(p.rated, p.predicted))
    result["phone Spearman"] = (pairs["phone"], lambda p: metrics.spearman(p.rated, p.predicted))
    result["utterance overall QWK (0-10)"] = (pairs["utterance overall"], _qwk)
    error = pairs["error"]
    result["MDD F1"] = (error, lambda p: metrics.mdd_f1(p.rated > 0.5, p.predicted >= 0.5))
    result["MDD precision"] = (error, lambda p: metrics.mdd(p.rated > 0.5, p.predicted >= 0.5).precision)
    result["MDD recall"] = (error, lambda p: metrics.mdd(p.rated > 0.5, p.predicted >= 0.5).recall)
    result["MDD AUC"] = (error, lambda p: metrics.auc(p.rated > 0.5, p.predicted))
    result["ECE of the error probability"] = (error, lambda p: metrics.ece(p.rated, p.predicted))
    return result


def interval(values: Pairs, fn: Callable[[Pairs], float], rows: Sequence[Utterance], cfg: Config) -> Interval:
    """A figure with its interval over speakers."""
    speakers = [rows[int(i)].speaker for i in values.row]

    def drawn(indices: np.ndarray) -> float:
        return fn(Pairs(values.rated[indices], values.predicted[indices], values.row[indices]))

    return metrics.speaker_bootstrap(drawn, speakers, cfg.draws, cfg.seed)


def baselines(
    pairs: dict[str, Pairs], rows: Sequence[Utterance], train: Sequence[Utterance]
) -> dict[str, float]:
    """What needs no model: a text-only prior from train rows, and the speaker's own mean (an oracle)."""
    sums: dict[str, list[float]] = {}
    for row in train:
        for word in row.scores.words if row.scores else ():
            for phone in word.phones:
                if phone.score is not None:
                    for key in (phone.canonical, f"{word.text.upper()}/{phone.canonical}"):
                        sums.setdefault(key, []).append(phone.score)
    guesses, rated, speaker = [], [], []
    for row in rows:
        for word in row.scores.words if row.scores else ():
            for phone in word.phones:
                coarse, fine = (
                    sums.get(phone.canonical, [1.0]),
                    sums.get(f"{word.text.upper()}/{phone.canonical}", []),
                )
                # Five tokens of the phone elsewhere weigh as much as five in this word.
                guesses.append((5 * np.mean(coarse) + np.sum(fine)) / (5 + len(fine)))
                rated.append(phone.score)
                speaker.append(row.speaker)
    truth, names = np.array(rated), np.array(speaker)
    means = {s: truth[names == s].mean() for s in set(speaker)}
    result = {"phone PCC, speaker's true mean (oracle)": metrics.pcc(truth, [means[s] for s in speaker])}
    if train:
        result["phone PCC, text-only prior"] = metrics.pcc(truth, guesses)
    return result


def run(cfg: Config) -> dict[str, Any]:
    """Judge, compare, write report.json and report.md; returns the report."""
    from speechtutor import registry

    if cfg.smoke:
        rows_file = synthetic.corpus(cfg.out / "corpus")
        cfg = replace(cfg, manifest=rows_file, root=rows_file.parent, scorer="fake")
    every = manifest.read(cfg.manifest)
    rows = [row for row in every if row.split == cfg.split]
    if cfg.limit:
        rows = rows[:: max(len(rows) // cfg.limit, 1)][: cfg.limit]
    if not rows:
        raise InputError(f"{cfg.manifest} has no {cfg.split} rows")
    scorer = registry.load("scorer", cfg.scorer, device=cfg.device)
    began = perf_counter()
    scores = judge(cfg, rows, scorer)
    seconds = perf_counter() - began
    pairs = pair_up(rows, scores)
    figures = {
        name: asdict(interval(values, fn, rows, cfg)) for name, (values, fn) in statistics(pairs).items()
    }
    groups = {}
    for group, inside in GROUPS.items():
        chosen = np.array([i for i, row in enumerate(rows) if inside(row)])
        if len({rows[i].speaker for i in chosen}) >= LEAST_SPEAKERS:
            parts = {name: values.of(chosen) for name, values in pairs.items()}
            groups[group] = {
                n: asdict(interval(v, fn, rows, cfg)) for n, (v, fn) in statistics(parts).items()
            }
    declined = [row.id for row, score in zip(rows, scores, strict=True) if score.overall is None]
    report = {
        "n_utterances": len(rows), "n_speakers": len({row.speaker for row in rows}), "declined": declined,
        "unsure_words": sum(w.error_type is ErrorType.UNSURE for s in scores for w in s.words),
        "model": scores[0].model, "model_version": scores[0].model_version, "device": scores[0].device,
        "seconds": seconds, "real_time_factor": seconds / max(sum(s.duration for s in scores), 1e-9),
        "figures": figures, "groups": groups,
        "baselines": baselines(pairs, rows, [row for row in every if row.split == "train"]),
    }  # fmt: skip
    config.save(cfg, cfg.out)
    manifest.write_text(cfg.out / "report.json", json.dumps(report, indent=1) + "\n")
    manifest.write_text(cfg.out / "report.md", markdown(report))
    return report


def markdown(report: dict[str, Any]) -> str:
    """The report as tables for people."""
    lines = [
        f"{report['n_utterances']} utterances of {report['n_speakers']} speakers, {report['model']} "
        f"{report['model_version']} on {report['device']}; {len(report['declined'])} declined; "
        f"{report['real_time_factor']:.3f} of real time.",
        "",
        "| figure | value | 95 % interval |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| {n} | {f['value']:.3f} | {f['low']:.3f} to {f['high']:.3f} |"
        for n, f in report["figures"].items()
    ]
    lines += [f"| {name} | {value:.3f} | |" for name, value in report["baselines"].items()]
    for group, figures in report["groups"].items():
        for name in ("phone PCC", "utterance overall PCC", "MDD F1"):
            f = figures[name]
            lines.append(f"| {name}, {group} | {f['value']:.3f} | {f['low']:.3f} to {f['high']:.3f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(run(config.parse(Config))))
