"""Export a recogniser: adapter merged, 8 bits, CTranslate2 or ONNX; measured before and after.

Data      data_manifests/speechocean762.jsonl (dev)
Run       python -m recipes.export_model --kind phones
          python -m recipes.export_model --kind whisper --adapter runs/whisper/base-lora/best
Expect    see recipes/README.md; report.md in OUT, and a folder for each format that loads like any model

An export whose figures are worse by more than `--bound` is refused: its folder goes, the figures stay
in the report, and the run ends with an error. Sizes are those of the weights: in memory before, on
disk after. Both are timed in this process, one recording at a time.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np

from recipes import synthetic
from speechtutor import audio, canonical, config, ctc, manifest, metrics
from speechtutor.core import Utterance
from speechtutor.errors import InputError, ModelError, SpeechTutorError
from speechtutor.metrics import Interval

FORMATS = {
    "whisper": ("ct2-int8", "ct2-int8_float16", "ct2-float16", "onnx", "onnx-int8", "transformers"),
    "phones": ("onnx-int8", "onnx"),
}
CORRELATIONS = ("phone_pcc",)
"""Figures that are better when higher; all others are error rates."""

Item = Mapping[str, Any]
"""One utterance: edits for each error rate, pairs (rated, predicted) for each correlation."""


@dataclass(frozen=True)
class Config:
    """What is exported, and how much worse it may become."""

    kind: Literal["whisper", "phones"] = "phones"
    """A Whisper that writes words, or a phone recogniser."""
    model: str = ""
    """A name or folder; by default whisper-base or whisper-base-phones."""
    adapter: Path | None = None
    """A LoRA adapter of a Whisper, merged in."""
    formats: list[str] = field(default_factory=list)
    """ct2-int8, ct2-int8_float16, ct2-float16, onnx, onnx-int8, transformers; onnx, onnx-int8 for phones."""
    prune: float = 0.0
    """Share of the feed-forward units of every layer that go, the weakest first."""
    bound: float = 0.01
    """An export is refused when an error rate is higher, or a correlation lower, by more than this."""
    scorer: str = "raters"
    """Scorer whose phone scores are held against raters, with the recogniser in it; "none" leaves it out."""
    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Rows to measure on."""
    root: Path = Path("../shared/data/speechocean762")
    """Folder that the manifest's audio paths are relative to."""
    split: str = "dev"
    """train, dev or test."""
    limit: int = 100
    """How many rows, evenly chosen; 0 takes all."""
    beams: int = 1
    """Width of the beam search, before and after."""
    lang: str = "en"
    """ISO 639-1 code of the language spoken."""
    draws: int = 1000
    """Draws of speakers for the 95 % interval of the change."""
    seed: int = 0
    """Seed of the draws."""
    out: Path = Path("runs/export_model")
    """Folder for the exports, config.json, report.json and report.md."""
    smoke: bool = False
    """Export a tiny random network, measured on made-up utterances."""

    def __post_init__(self) -> None:
        """Refuse what would fail later."""
        for name in self.formats:
            if name not in FORMATS[self.kind]:
                raise ValueError(f"format {name!r} of {self.kind} is none of {', '.join(FORMATS[self.kind])}")
        if not 0 <= self.prune < 1:
            raise ValueError(f"prune must be at least 0 and below 1, not {self.prune}")
        if self.adapter is not None and self.kind != "whisper":
            raise ValueError("only a Whisper takes an adapter; a phone recogniser holds its own")


@dataclass(frozen=True, slots=True)
class Measured:
    """How a model did; `rtf` is seconds of computing per second of audio."""

    name: str
    folder: str
    megabytes: float
    rtf: float
    values: dict[str, float]
    changes: dict[str, Interval]
    """Worsening against the original with its 95 % interval over speakers; empty for the original."""
    refused: str | None = None


@dataclass(frozen=True)
class Report:
    """The original and its exports."""

    rows: list[Measured]
    n_utterances: int
    n_speakers: int
    bound: float

    def __str__(self) -> str:
        names = list(self.rows[0].values)
        head = ["model", "MB", "real-time factor", "times as fast"]
        head += [part for name in names for part in (name, "worse by [95 %]")]
        lines = ["| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
        for row in self.rows:
            cells = [row.name + " (refused)" * bool(row.refused), f"{row.megabytes:.1f}", f"{row.rtf:.4f}"]
            cells.append(f"{self.rows[0].rtf / row.rtf:.2f}")
            for name in names:
                cells += [f"{row.values[name]:.4f}", str(row.changes.get(name, ""))]
            lines.append("| " + " | ".join(cells) + " |")
        lines += ["", f"{self.n_utterances} utterances of {self.n_speakers} speakers; bound {self.bound}."]
        return "\n".join(lines) + "\n"


def value(name: str, items: Sequence[Item]) -> float:
    """A figure of some utterances."""
    if name in CORRELATIONS:
        pairs = np.concatenate([item[name] for item in items], axis=1)
        return metrics.pcc(pairs[0], pairs[1])
    return metrics.error_rate([item[name] for item in items])


def worsening(
    before: Sequence[Item], after: Sequence[Item], speakers: Sequence[str], cfg: Config
) -> dict[str, Interval]:
    """How much worse every figure became; the same draws of speakers for both sides."""
    found = {}
    for name in before[0]:
        worse, better = (before, after) if name in CORRELATIONS else (after, before)

        def of(items: Sequence[Item], name: str = name) -> Callable[[Any], float]:
            return lambda index: value(name, [items[i] for i in index])

        found[name] = metrics.paired_bootstrap(of(worse), of(better), speakers, cfg.draws, cfg.seed)
    return found


def verdict(name: str, changes: Mapping[str, Interval], bound: float) -> str | None:
    """Why an export is refused, with the figures; None when it is not."""
    bad = [f"{figure} by {change}" for figure, change in changes.items() if not change.value <= bound]
    return f"{name} is refused: worse by more than {bound}: {'; '.join(bad)}" if bad else None


def hear(transcriber: Any, rows: Sequence[Utterance], cfg: Config) -> tuple[list[Item], float]:
    """Word edits of every utterance, and the real-time factor."""
    from tqdm import tqdm

    from speechtutor.evaluation.asr import verbatim
    from speechtutor.models.normalizer import normaliser

    normal = normaliser(cfg.lang)
    transcriber.transcribe(audio.load(cfg.root / rows[0].audio), lang=cfg.lang)
    items, elapsed, seconds = [], 0.0, 0.0
    for row in tqdm(rows, desc="hearing", leave=False):
        recording = audio.load(cfg.root / row.audio)
        began = perf_counter()
        text = transcriber.transcribe(recording, lang=cfg.lang).text
        elapsed, seconds = elapsed + perf_counter() - began, seconds + recording.duration
        edits = {
            f"wer_{kind}": metrics.edits([plain(row.text)], [plain(text)])[0]
            for kind, plain in (("normalised", normal), ("verbatim", verbatim))
        }
        items.append(edits)
    return items, elapsed / seconds


def judge(acoustic: Any, scorer: Any, rows: Sequence[Utterance], cfg: Config) -> tuple[list[Item], float]:
    """Phone edits and, with a scorer, rated and given phone scores; the factor is the recogniser's alone."""
    from tqdm import tqdm

    acoustic.emit(audio.load(cfg.root / rows[0].audio))
    items, elapsed, seconds = [], 0.0, 0.0
    for row in tqdm(rows, desc="judging", leave=False):
        recording = audio.load(cfg.root / row.audio)
        words = canonical.of(row)
        began = perf_counter()
        emission = acoustic.emit(recording)
        elapsed, seconds = elapsed + perf_counter() - began, seconds + recording.duration
        phones = [phone for word in words for phone in word.pronunciations[0]]
        item: dict[str, Any] = {"per": metrics.edits([" ".join(phones)], [" ".join(ctc.greedy(emission))])[0]}
        if scorer is not None:
            item["phone_pcc"] = _pairs(row, scorer.score(recording, row.text, words=words))
        items.append(item)
    return items, elapsed / seconds


def _pairs(row: Utterance, given: Any) -> np.ndarray:
    """Rated and given scores of the phones that have both, shape (2, n_phones)."""
    rated = [p.score for word in (row.scores.words if row.scores else ()) for p in word.phones]
    said = [p.score for word in given.words if word.char_start is not None for p in word.phones]
    both = [(r, g) for r, g in zip(rated, said, strict=True) if r is not None and g is not None]
    return np.array(both, dtype=float).reshape(-1, 2).T


def export_whisper(cfg: Config) -> dict[str, Path]:
    """Every wanted format of a Whisper."""
    from speechtutor.models import export

    merged = export.merged_whisper(cfg.model, cfg.adapter, cfg.out / "transformers", cfg.prune)
    folders = {}
    for name in cfg.formats:
        kind, _, quantization = name.partition("-")
        if kind == "ct2":
            folders[name] = export.whisper_to_ct2(merged, cfg.out / name, quantization)
        elif kind == "onnx":
            folders[name] = export.whisper_to_onnx(merged, cfg.out / name, int8=quantization == "int8")
        else:
            folders[name] = merged
    if "transformers" not in folders:
        shutil.rmtree(merged)
    return folders


def export_phones(cfg: Config) -> dict[str, Path]:
    """Every wanted format of a phone recogniser; with a scorer, inside a scorer folder."""
    from speechtutor.models import acoustic, export

    named = Path(cfg.model)
    network, rates = acoustic.restore(named if named.is_dir() else acoustic.WEIGHTS / cfg.model)
    if cfg.prune:
        export.prune_feed_forward(network.encoder, cfg.prune)
    folders = {}
    for name in cfg.formats:
        inside = cfg.out / name / "acoustic"
        export.phones_to_onnx(network, inside, rates=rates, int8=name.endswith("int8"), source=cfg.model)
        if cfg.scorer != "none":
            named = Path(cfg.scorer)
            home = named if named.is_dir() else acoustic.WEIGHTS / "scorer"
            export.scorer_with(inside, home, cfg.out / name)
        folders[name] = inside
    return folders


def megabytes(model: Any, folder: Path | None) -> float:
    """The weights: of the network in memory, or of the files in a folder."""
    if folder is not None:
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    return sum(p.numel() * p.element_size() for p in model.parameters()) / 1e6


def measure(
    name: str, rows: Sequence[Utterance], cfg: Config, folder: Path | None
) -> tuple[Measured, list[Item]]:
    """Load a model as a user would, through the registry, and use it on every row."""
    from speechtutor import registry

    where = str(folder or cfg.model)
    if cfg.kind == "whisper":
        own = {"adapter": cfg.adapter} if folder is None and cfg.adapter else {}
        model = registry.load("transcriber", where, device="cpu", beams=cfg.beams, **own)
        items, rtf = hear(model, rows, cfg)
    else:
        scorer: Any = None
        if cfg.scorer != "none":
            scorer = registry.load("scorer", cfg.scorer, device="cpu", acoustic=where)
        model = registry.load("acoustic", where, device="cpu") if scorer is None else scorer.acoustic
        items, rtf = judge(model, scorer, rows, cfg)
    network = getattr(model, "network", getattr(model, "model", None))
    values = {figure: value(figure, items) for figure in items[0]}
    return Measured(name, where, megabytes(network, folder), rtf, values, {}), items


def _rows(cfg: Config) -> list[Utterance]:
    rows = manifest.read(cfg.manifest, [cfg.split])
    if not rows:
        raise InputError(f"{cfg.manifest} has no row of the split {cfg.split}")
    n = min(cfg.limit or len(rows), len(rows))
    rows = [rows[i * len(rows) // n] for i in range(n)]
    manifest.check_audio(rows, cfg.root, str(cfg.manifest))
    return rows


def _settled(cfg: Config) -> Config:
    """Defaults of the kind, and for a smoke run its made-up means."""
    if cfg.smoke:
        rows = synthetic.corpus(cfg.out / "corpus")
        tiny = synthetic.tiny_acoustic if cfg.kind == "phones" else synthetic.tiny_asr_whisper
        cfg = replace(
            cfg, model=str(tiny(cfg.out / "model")), manifest=rows, root=rows.parent, scorer="none",
            bound=max(cfg.bound, 10.0) if cfg.bound >= 0 else cfg.bound,
        )  # fmt: skip
    names = {"whisper": "whisper-base", "phones": "whisper-base-phones"}
    return replace(cfg, model=cfg.model or names[cfg.kind], formats=cfg.formats or [FORMATS[cfg.kind][0]])


def run(cfg: Config) -> Report:
    """Export, measure, write the report.

    Raises:
        ModelError: when an export was refused; the others and the report are kept.
        SpeechTutorError: for rows or a model that cannot be used.
    """
    cfg = _settled(cfg)
    rows = _rows(cfg)
    speakers = [row.speaker for row in rows]
    original, before = measure("original", rows, cfg, None)
    measured = [original]
    for name, folder in (export_whisper(cfg) if cfg.kind == "whisper" else export_phones(cfg)).items():
        found, after = measure(name, rows, cfg, folder)
        changes = worsening(before, after, speakers, cfg)
        refused = verdict(name, changes, cfg.bound)
        if refused:
            shutil.rmtree(cfg.out / name)
        measured.append(replace(found, changes=changes, refused=refused))
    report = Report(measured, len(rows), len(set(speakers)), cfg.bound)
    config.save(cfg, cfg.out)
    manifest.write_text(cfg.out / "report.json", json.dumps(asdict(report), indent=1) + "\n")
    manifest.write_text(cfg.out / "report.md", str(report))
    if refused_ := [row.refused for row in measured if row.refused]:
        raise ModelError("; ".join(refused_))
    return report


if __name__ == "__main__":
    try:
        print(run(config.parse(Config)))
    except SpeechTutorError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
