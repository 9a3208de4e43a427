"""What `export_model` measures, compares and keeps; no recipe itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from speechtutor import audio, metrics
from speechtutor.core import Utterance
from speechtutor.corpora import canonical
from speechtutor.files import disk
from speechtutor.metrics import Edits, Interval
from speechtutor.scoring import ctc

CORRELATIONS = ("phone_pcc",)
"""Figures that are better when higher; all others are error rates."""

Item = Mapping[str, Any]
"""One utterance: edits for each error rate, pairs (rated, predicted) for each correlation."""


@dataclass(frozen=True, slots=True)
class Measured:
    """How a model did; `rtf` is seconds of computing per second of audio, `cpu` the same of processor time.

    Other jobs on the machine make the first longer and not the second.
    """

    name: str
    folder: str
    megabytes: float
    rtf: float
    cpu: float
    values: dict[str, float]
    changes: dict[str, Interval]
    """Worsening against the original with its 95 % interval over speakers; empty for the original."""
    passed: bool | None = None
    """Whether it kept to the bound; None for the original, which has nothing to keep to."""
    refused: str | None = None


@dataclass(frozen=True)
class Report:
    """The original and its exports."""

    rows: list[Measured]
    n_utterances: int
    n_speakers: int
    bound: float
    device: str = "cpu"

    def __str__(self) -> str:
        names = list(self.rows[0].values)
        head = ["model", "MB", "real-time factor", "processor time", "times as fast"]
        head += [part for name in names for part in (name, "worse by [95 %]")] + ["passed"]
        lines = ["| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
        for row in self.rows:
            cells = [row.name, f"{row.megabytes:.1f}", f"{row.rtf:.4f}", f"{row.cpu:.4f}"]
            cells.append(f"{self.rows[0].rtf / row.rtf:.2f}")
            for name in names:
                cells += [f"{row.values[name]:.4f}", str(row.changes.get(name, ""))]
            cells.append({None: "", True: "yes", False: "refused"}[row.passed])
            lines.append("| " + " | ".join(cells) + " |")
        said = f"{self.n_utterances} utterances of {self.n_speakers} speakers, {self.device}"
        lines += ["", f"{said}; an export passes when no figure is worse by more than {self.bound}."]
        return "\n".join(lines) + "\n"


def value(name: str, items: Sequence[Item]) -> float:
    """A figure of some utterances."""
    if name in CORRELATIONS:
        pairs = np.concatenate([item[name] for item in items], axis=1)
        return metrics.pcc(pairs[0], pairs[1])
    return metrics.error_rate([item[name] for item in items])


def worsening(
    before: Sequence[Item], after: Sequence[Item], speakers: Sequence[str], draws: int, seed: int
) -> dict[str, Interval]:
    """How much worse every figure became; the same draws of speakers for both sides."""
    found = {}
    for name in before[0]:
        worse, better = (before, after) if name in CORRELATIONS else (after, before)

        def of(items: Sequence[Item], name: str = name) -> Callable[[Any], float]:
            return lambda index: value(name, [items[i] for i in index])

        found[name] = metrics.paired_bootstrap(of(worse), of(better), speakers, draws, seed)
    return found


def verdict(name: str, changes: Mapping[str, Interval], bound: float) -> str | None:
    """Why an export is refused, with the figures; None when it is not."""
    bad = [f"{figure} by {change}" for figure, change in changes.items() if not change.value <= bound]
    return f"{name} is refused: worse by more than {bound}: {'; '.join(bad)}" if bad else None


class Clock:
    """Adds up what calls cost; `call` gives their results."""

    def __init__(self) -> None:
        self.wall = self.cpu = self.audio = 0.0

    def call(self, seconds: float, work: Callable[[], Any]) -> Any:
        """Do the work on so many seconds of audio."""
        wall, cpu = perf_counter(), process_time()
        result = work()
        self.wall, self.cpu = self.wall + perf_counter() - wall, self.cpu + process_time() - cpu
        self.audio += seconds
        return result

    def factors(self) -> tuple[float, float]:
        """Wall-clock and processor time per second of audio."""
        return self.wall / self.audio, self.cpu / self.audio


def hear(transcriber: Any, rows: Sequence[Utterance], root: Path, lang: str) -> tuple[list[Item], Clock]:
    """Word edits of every utterance, and what hearing them cost."""
    from tqdm import tqdm

    from speechtutor.evaluation.asr import verbatim
    from speechtutor.models.normalizer import normaliser

    normal = normaliser(lang)
    transcriber.transcribe(audio.load(root / rows[0].audio), lang=lang)
    items: list[Item] = []
    clock = Clock()
    for row in tqdm(rows, desc="hearing", leave=False):
        recording = audio.load(root / row.audio)
        text = clock.call(recording.duration, partial(transcriber.transcribe, recording, lang=lang)).text
        edits = {
            f"wer_{kind}": metrics.edits([plain(row.text)], [plain(text)])[0]
            for kind, plain in (("normalised", normal), ("verbatim", verbatim))
        }
        items.append(edits)
    return items, clock


def judge(acoustic: Any, scorer: Any, rows: Sequence[Utterance], root: Path) -> tuple[list[Item], Clock]:
    """Phone edits and, with a scorer, rated and given phone scores; the cost is the recogniser's alone."""
    from tqdm import tqdm

    acoustic.emit(audio.load(root / rows[0].audio))
    items: list[Item] = []
    clock = Clock()
    for row in tqdm(rows, desc="judging", leave=False):
        recording = audio.load(root / row.audio)
        words = canonical.of(row)
        emission = clock.call(recording.duration, partial(acoustic.emit, recording))
        phones = [phone for word in words for phone in word.pronunciations[0]]
        item: dict[str, Any] = {"per": metrics.edits([" ".join(phones)], [" ".join(ctc.greedy(emission))])[0]}
        if scorer is not None:
            item["phone_pcc"] = _pairs(row, scorer.score(recording, row.text, words=words))
        items.append(item)
    return items, clock


def _pairs(row: Utterance, given: Any) -> np.ndarray:
    """Rated and given scores of the phones that have both, shape (2, n_phones)."""
    rated = [p.score for word in (row.scores.words if row.scores else ()) for p in word.phones]
    said = [p.score for word in given.words if word.char_start is not None for p in word.phones]
    both = [(r, g) for r, g in zip(rated, said, strict=True) if r is not None and g is not None]
    return np.array(both, dtype=float).reshape(-1, 2).T


def megabytes(model: Any, folder: Path | None) -> float:
    """The weights: of the network in memory, or of the files in a folder."""
    if folder is not None:
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    return float(sum(p.numel() * p.element_size() for p in model.parameters())) / 1e6


def keep(path: Path, mark: Mapping[str, Any], found: Measured, items: Sequence[Item]) -> None:
    """Write down what was measured, so that a run which was stopped need not do it again."""
    plain = [
        {k: v.tolist() if isinstance(v, np.ndarray) else asdict(v) for k, v in item.items()} for item in items
    ]
    content = {"mark": mark, "measured": asdict(found), "items": plain}
    disk.write_text(path, json.dumps(content, default=str) + "\n")


def kept(path: Path, mark: Mapping[str, Any]) -> tuple[Measured, list[Item]] | None:
    """What an earlier pass measured of the same; None where there is none, or of something else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if content["mark"] != json.loads(json.dumps(mark, default=str)):
        return None
    items: list[Item] = [
        {k: np.array(v).reshape(2, -1) if isinstance(v, list) else Edits(**v) for k, v in item.items()}
        for item in content["items"]
    ]
    return Measured(**content["measured"]), items
