"""How far scores move when only the channel changes, and what becomes of them in noise.

Data      data_manifests/speechocean762.jsonl (dev)
Run       python -m recipes.evaluate_robustness
Expect    see recipes/README.md

Everything is held against the same scorer's judgement of the untouched recording. A louder recording, a
little silence, a codec or another resampler must hardly move a score. Noise as loud as the voice must
make the scorer say that it is unsure, or decline, and must not make up errors.
"""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from recipes.shared import synthetic
from speechtutor import audio, config
from speechtutor.core import SAMPLE_RATE, ErrorType, Recording, UtteranceScore
from speechtutor.corpora import canonical
from speechtutor.evaluation import job
from speechtutor.files import disk

Change = Callable[[Recording, np.random.Generator], Recording]
FLAGS = (ErrorType.MISPRONUNCIATION, ErrorType.OMISSION, ErrorType.INSERTION, ErrorType.REPETITION)
"""What a learner would read as an error of theirs."""
AROUND = SAMPLE_RATE // 10
"""Samples in 100 ms."""


@dataclass(frozen=True)
class Config:
    """Which scorer is tried on which rows."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Rows with text."""
    root: Path = Path("../shared/data/speechocean762")
    """Folder that the manifest's audio paths are relative to."""
    out: Path = Path("runs/evaluate_robustness")
    """Folder for config.json, report.json and report.md."""
    split: str = "dev"
    """train, dev or test."""
    scorer: str | None = None
    """A scorer of the registry or a folder; None is the default scorer."""
    limit: int | None = 100
    """Only this many rows, evenly chosen."""
    device: str | None = None
    """auto, cpu, cuda, cuda:N or mps."""
    seed: int = 0
    """Seed of the noise."""
    smoke: bool = False
    """Two made-up utterances and a scorer that does not listen."""


def _made(samples: np.ndarray) -> Recording:
    return Recording(np.clip(samples, -1, 1).astype(np.float32))


def gain(db: float) -> Change:
    """Louder or softer, cut off at full scale as a sound card does."""
    return lambda recording, _: _made(recording.samples * 10 ** (db / 20))


def silence_around(recording: Recording, _: np.random.Generator) -> Recording:
    """100 ms of nothing before and after."""
    return _made(np.pad(recording.samples, AROUND))


def int16(recording: Recording, _: np.random.Generator) -> Recording:
    """Written as 16-bit WAV and read again."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.rint(recording.samples * 32767).astype("<i2").tobytes())
    return audio.decode(target.getvalue())


def mp3(recording: Recording, _: np.random.Generator, bit_rate: int = 64_000) -> Recording:
    """Through mp3 at 64 kbit/s and back."""
    import av

    target = io.BytesIO()
    with av.open(target, mode="w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=SAMPLE_RATE)
        stream.bit_rate = bit_rate
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(recording.samples[None], format="fltp", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return audio.decode(target.getvalue())


def through_44100(recording: Recording, _: np.random.Generator) -> Recording:
    """Up to 44.1 kHz with scipy's polyphase filter, down with the library's own resampler."""
    from scipy.signal import resample_poly

    return audio.from_array(resample_poly(recording.samples, 441, 160).astype(np.float32), 44_100)


def linear_48k(recording: Recording, _: np.random.Generator) -> Recording:
    """Up to 48 kHz by straight lines, the worst that is done in practice, and back without a filter."""
    n = len(recording.samples)
    up = np.interp(np.arange(3 * n) / 3, np.arange(n), recording.samples)
    return _made(np.interp(np.arange(n) * 3 + 0.5, np.arange(3 * n), up))


def noise(make: Callable[[int, np.random.Generator], np.ndarray], snr_db: float = 0.0) -> Change:
    """Something as loud as the recording (or `snr_db` softer), all through it."""

    def change(recording: Recording, rng: np.random.Generator) -> Recording:
        added = make(len(recording.samples), rng)
        level = float(np.sqrt(np.mean(recording.samples**2)))
        scale = level / max(float(np.sqrt(np.mean(added**2))), 1e-9) * 10 ** (-snr_db / 20)
        return _made(recording.samples + scale * added)

    return change


def white(n: int, rng: np.random.Generator) -> np.ndarray:
    """White noise."""
    return rng.standard_normal(n)


def music(n: int, rng: np.random.Generator) -> np.ndarray:
    """Something like music: chords of decaying harmonic tones, two a second."""
    times = np.arange(n) / SAMPLE_RATE
    sound = np.zeros(n)
    for start in np.arange(0, n / SAMPLE_RATE, 0.5):
        later = np.clip(times - start, 0, None)
        root = 110 * 2 ** (rng.integers(24) / 12)
        for step in (0, 4, 7):
            for harmonic in range(1, 6):
                pitch = root * 2 ** (step / 12) * harmonic
                tone = np.sin(2 * np.pi * pitch * later) * np.exp(-3 * later) / harmonic
                sound += np.where(times >= start, tone, 0)
    return sound


def again(recording: Recording, _: np.random.Generator) -> Recording:
    """The same once more, after all the others: nothing may be remembered."""
    return recording


CHANNEL: dict[str, Change] = {
    "+3 dB": gain(3),
    "-3 dB": gain(-3),
    "100 ms of silence around": silence_around,
    "16-bit WAV": int16,
    "mp3, 64 kbit/s": mp3,
    "44.1 kHz and back": through_44100,
    "48 kHz by straight lines and back": linear_48k,
    "once more": again,
}
NOISE: dict[str, Change] = {
    "white noise, 10 dB": noise(white, 10),
    "white noise, 0 dB": noise(white),
    "music-like, 0 dB": noise(music),
}


@dataclass(frozen=True, slots=True)
class Moved:
    """What one change did; scores and moves in points of 100, shares of what was judged before.

    `phone_mean` and `phone_p95` are over phones; `word_flips` is the share of words that were flagged
    before and are not, or the other way round; `declined` the share of utterances without a score.
    Among the words that were not flagged before, `new_errors` are flagged now and `now_unsure` are
    marked as unsure or belong to an utterance that was declined.
    """

    n: int
    overall_mean: float
    overall_max: float
    overall_signed: float
    phone_mean: float
    phone_p95: float
    phone_max: float
    word_flips: float
    declined: float
    new_errors: float
    now_unsure: float


def _said(score: UtteranceScore) -> list[Any]:
    return [word for word in score.words if word.char_start is not None]


def moved(before: Sequence[UtteranceScore], after: Sequence[UtteranceScore]) -> Moved:
    """Two judgements of the same utterances; those declined before are left out."""
    pairs = [(a, b) for a, b in zip(before, after, strict=True) if a.overall is not None]
    overall, phones, flips, fresh, unsure = [], [], [], [], []
    for a, b in pairs:
        if b.overall is not None and a.overall is not None:
            overall.append(100 * (b.overall - a.overall))
        words = _said(b) or [None] * len(_said(a))
        for old, new in zip(_said(a), words, strict=True):
            was, now = (word is not None and word.error_type in FLAGS for word in (old, new))
            declined = b.overall is None or new is None
            if not declined:
                flips.append(was != now)
                phones += _moves(old, new)
            if not was:
                fresh.append(now and not declined)
                unsure.append(declined or new.error_type is ErrorType.UNSURE)
    return Moved(
        len(pairs), _mean(np.abs(overall)), float(np.max(np.abs(overall), initial=0)), _mean(overall),
        _mean(phones), float(np.percentile(phones, 95)) if phones else 0.0, max(phones, default=0.0),
        _mean(flips), _mean([b.overall is None for _, b in pairs]), _mean(fresh), _mean(unsure),
    )  # fmt: skip


def _moves(old: Any, new: Any) -> list[float]:
    """How far each phone moved; another accepted pronunciation may have been heard, then none is compared."""
    if [p.canonical for p in old.phones] != [p.canonical for p in new.phones]:
        return []
    return [
        100 * abs(p.score - q.score)
        for p, q in zip(old.phones, new.phones, strict=True)
        if p.score is not None and q.score is not None
    ]


def _mean(values: Any) -> float:
    return float(np.mean(values)) if len(values) else 0.0


def padding(scorer: Any, recordings: Sequence[Recording], rows: Sequence[Any]) -> float | None:
    """The largest move of a phone's score (points of 100) when the head judges all rows in one batch.

    None for a scorer without a head of its own; the encoder takes one recording at a time.
    """
    from speechtutor.models.head import Batch
    from speechtutor.models.scorer import PronunciationScorer
    from speechtutor.scoring.observe import observe

    if not isinstance(scorer, PronunciationScorer):
        return None
    import torch

    cues = [
        observe(scorer.acoustic, r, canonical.of(row)).features
        for r, row in zip(recordings, rows, strict=True)
    ]
    largest = 0.0
    with torch.inference_mode():
        for member in scorer.head.members:
            together = member(Batch.of(cues)).phones
            for i, one in enumerate(cues):
                alone = member(Batch.of([one])).phones[0]
                # The head scores on 0-2.
                largest = max(largest, 50 * float((together[i, : len(alone)] - alone).abs().max()))
    return largest


def _table(rows: dict[str, Moved]) -> list[str]:
    lines = [
        "| change | overall moves, mean (largest) | phone moves, mean (95 %) | words flip | declined "
        "| new errors | now unsure |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    return lines + [
        f"| {name} | {m.overall_mean:.2f} ({m.overall_max:.2f}) | {m.phone_mean:.2f} ({m.phone_p95:.2f}) "
        f"| {m.word_flips:.1%} | {m.declined:.1%} | {m.new_errors:.1%} | {m.now_unsure:.1%} |"
        for name, m in rows.items()
    ]


def markdown(report: dict[str, Any]) -> str:
    """The report as a table; moves are in points of 100."""
    rows = {name: Moved(**row) for name, row in report["changes"].items()}
    lines = [
        f"{report['n_utterances']} utterances, {report['model']} {report['model_version']}; "
        f"{report['declined_before']} declined untouched. Moves in points of 100.",
        "",
        *_table(rows),
        "",
    ]
    if report["padding"] is not None:
        lines.append(f"Largest move of a phone in a batch instead of alone: {report['padding']:.4f}.")
    return "\n".join(lines) + "\n"


def run(cfg: Config) -> dict[str, Any]:
    """Change, score, write report.json and report.md; returns the report."""
    from tqdm import tqdm

    from speechtutor import registry

    if cfg.smoke:
        rows_file = synthetic.corpus(cfg.out / "corpus")
        cfg = replace(cfg, manifest=rows_file, root=rows_file.parent, scorer="fake", limit=2)
    rows = job.choose(cfg.manifest, cfg.split, cfg.limit)
    scorer = registry.load("scorer", cfg.scorer, device=cfg.device)
    recordings = [audio.load(cfg.root / row.audio) for row in rows]

    def judged(change: Change, name: str) -> list[UtteranceScore]:
        scores = []
        for i, (recording, row) in enumerate(zip(recordings, tqdm(rows, desc=name), strict=True)):
            changed = change(recording, np.random.default_rng([cfg.seed, i]))
            extra: dict[str, Any] = {} if cfg.scorer == "fake" else {"words": canonical.of(row)}
            scores.append(scorer.score(changed, row.text, **extra))
        return scores

    plain = judged(again, "untouched")
    changes = {name: moved(plain, judged(change, name)) for name, change in (CHANNEL | NOISE).items()}
    report = {
        "n_utterances": len(rows), "model": plain[0].model, "model_version": plain[0].model_version,
        "declined_before": sum(score.overall is None for score in plain),
        "changes": {name: asdict(row) for name, row in changes.items()},
        "padding": padding(scorer, recordings, rows),
    }  # fmt: skip
    config.save(cfg, cfg.out)
    disk.write_text(cfg.out / "report.json", json.dumps(report, indent=1) + "\n")
    disk.write_text(cfg.out / "report.md", markdown(report))
    return report


if __name__ == "__main__":
    config.main(run, Config, markdown)
