"""Made-up evaluations for the tests of reports: real rows and summaries, no model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from speechtutor import audio
from speechtutor.core import Recording, Utterance
from speechtutor.evaluation import asr, result
from speechtutor.evaluation.result import Bin, Calibration, Confusion, Gap, Group, Metric, Row, Summary
from speechtutor.evaluation.summary import summarise

PROVENANCE = {
    "commit": "0123456789abcdef", "manifest_sha256": "feed" * 16, "model": {"name": "x", "revision": "r1"},
    "device": "cpu", "seed": 0, "config": {"split": "dev"},
}  # fmt: skip
WORDS = ["weather", "think", "rice", "naïve", "très", "seven", "Mary", "very"]
EVIL = "<script>alert('x')</script> & \"quoted\""


def tone(path: Path, seconds: float = 0.5, seed: int = 0) -> None:
    """A short noise, so that a FLAC of it has a real size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = np.random.default_rng(seed).normal(0, 0.1, int(16000 * seconds)).astype(np.float32)
    audio.save(Recording(np.clip(wave, -1, 1)), path)


def _settings(folder: Path, root: Path | None, kind: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"root": None if root is None else str(root), "split": "dev"}
    record = {
        "kind": kind,
        "config": settings,
        "fingerprint": {},
        "commit": "0123456789abcdef",
        "device": "cpu",
    }
    (folder / result.CONFIG).write_text(json.dumps(record), encoding="utf-8")


def asr_rows(n: int, *, error: float = 0.3, seed: int = 0, text: str | None = None) -> list[Row]:
    """Rows of a recogniser that gets words wrong, of 10 speakers, half of them children."""
    texts, rng = np.random.default_rng(0), np.random.default_rng(seed)
    rows = []
    for i in range(n):
        speaker = i % 10
        words = [WORDS[j] for j in texts.integers(0, len(WORDS), 6)]
        heard = [w if rng.random() > error else WORDS[rng.integers(len(WORDS))] for w in words]
        said = " ".join(words) if text is None or i else text
        utterance = Utterance(
            f"u{i:04d}", f"clips/u{i:04d}.flac", said, f"s{speaker}", "dev",
            age=9 if speaker < 5 else 30, gender="f" if speaker < 1 else "m",
        )  # fmt: skip
        rows.append(
            asr.row_of(utterance, " ".join(heard), str.lower, duration=3.0, elapsed=0.3, snr_db=float(i % 35))
        )
    return rows


def asr_run(
    folder: Path, n: int = 60, *, root: Path | None = None, name: str = "hears-a-lot", **options: Any
) -> Path:
    """A finished recognition run."""
    rows = asr_rows(n, **options)
    if n > 2:
        bad = Utterance("failed-1", "clips/none.flac", "gone", "s1", "dev", age=9, gender="m")
        rows.append(asr.row_of(bad, None, str.lower, error="clips/none.flac: not an audio file"))
    _settings(folder, root, "asr")
    result.write(folder, summarise(asr.KIND, name, rows, PROVENANCE, draws=100), rows)
    return folder


def metric(label: str, value: float, unit: str = "correlation", better: str = "higher") -> Metric:
    return Metric(label, value, value - 0.05, value + 0.04, 100, "phones", 10, unit, better)


def scored_row(i: int, text: str = "think rice") -> Row:
    """A scored utterance: the machine misses one error of the raters and has one false alarm."""

    def phone(
        expected: str, score: float, rated: float | None, p: float, heard: str | None
    ) -> dict[str, Any]:
        return {
            "expected": expected, "start": 0.0, "end": 0.1, "score": score, "rated": rated, "gop": 1.0,
            "error_probability": p, "heard": heard, "perceived": "S" if expected == "TH" else None,
        }  # fmt: skip

    shift = i % 10
    first, second = [*text.split(), "rice"][:2]
    words = [
        {"text": first, "start": 0.0, "end": 0.4, "error_type": "Mispronunciation",
         "model": {"accuracy": 40.0 + shift, "stress": None, "total": 41.0},
         "raters": {"accuracy": 50.0, "stress": 100.0, "total": 50.0}, "matched": True,
         "phones": [phone("TH", 20.0, 10.0, 0.9, "S"), phone("IH", 90.0, 10.0, 0.1, None),
                    phone("NG", 95.0, 100.0, 0.0, None), phone("K", 10.0, 100.0, 0.8, "")]},
        {"text": second, "start": 0.4, "end": 0.8, "error_type": "None",
         "model": {"accuracy": 90.0, "stress": None, "total": 90.0},
         "raters": {"accuracy": 100.0, "stress": 100.0, "total": 100.0}, "matched": True,
         "phones": [phone("R", 96.0, 100.0, 0.3, None), phone("AY", 97.0, None, 0.0, None),
                    phone("S", 98.0, 100.0, 0.0, None)]},
    ]  # fmt: skip
    detail = {
        "model": {"overall": 50.0 + 4 * shift, "accuracy": 60.0, "fluency": 70.0, "prosody": None},
        "raters": {"overall": 60.0 + shift, "accuracy": 60.0, "fluency": 80.0, "prosody": 70.0},
        "warnings": [], "declined": False, "heard": ["S", "IH"], "decoded": None, "decoded_perceived": None,
        "words": words,
    }  # fmt: skip
    return Row(
        f"u{i}", f"s{i % 5}", "dev", f"u{i}.flac", text, None, 1.5, 0.2, None, {"age": "under 16"},
        {"phone_error": 0.1 * shift}, detail,
    )  # fmt: skip


def scoring_run(
    folder: Path, n: int = 20, *, root: Path | None = None, rows: Sequence[Row] | None = None
) -> Path:
    """A finished scoring run."""
    rows = [scored_row(i) for i in range(n)] if rows is None else rows
    bins = [Bin(i / 10, (i + 1) / 10, 10 * (10 - i), i / 10 + 0.05, i / 10) for i in range(9)]
    summary = Summary(
        "scoring", "judges-a-lot",
        {"phone_error": metric("phone error", 0.2, "share", "lower"), "phone_pcc": metric("phone PCC", 0.7),
         "overall_pcc": metric("overall PCC", 0.8)},
        PROVENANCE,
        groups=[Group("age", "under 16", 10, 6, False, {"phone_pcc": metric("phone PCC", 0.6)}),
                Group("age", "16 or older", 10, 6, False, {"phone_pcc": metric("phone PCC", 0.75)}),
                Group("l1", "Zulu", 2, 1, True)],
        gaps=[Gap("age", "under 16", "16 or older", "phone_pcc", metric("phone PCC", -0.15), 0.01, 0.02,
                  True)],
        baselines={"text only": {"phone_pcc": metric("phone PCC", 0.2)}},
        calibration=[Calibration("error probability", 0.012, 540, [*bins, Bin(0.9, 1.0, 0, None, None)])],
        confusions=[Confusion("phone", *c) for c in (("TH", "S", 20), ("K", "", 7), ("V", "F", 3))],
        counts={"utterances": len(rows), "speakers": 5, "declined": 0}, timing={"real_time_factor": 0.12},
        minimum_cell={"speakers": 5, "utterances": 20}, notes=["Made up."],
    )  # fmt: skip
    _settings(folder, root, "scoring")
    result.write(folder, summary, rows)
    return folder
