"""Word error rate of a transcriber, normalised and verbatim, and how fast it is.

Data      data_manifests/speechocean762.jsonl (dev, or test where you have it)
Run       python -m recipes.evaluate_asr --model faster-whisper-base
Expect    see recipes/README.md

Normalised: Whisper's own normaliser on both sides (no fillers, contractions written out, numbers as
digits; British spellings stay), the number to compare with papers. Verbatim: only case and
punctuation are taken off, the number that matters where every word said counts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from speechtutor import audio, config, manifest, metrics
from speechtutor.core import Utterance
from speechtutor.errors import InputError
from speechtutor.metrics import Edits, Interval
from speechtutor.text import words_for_wer

if TYPE_CHECKING:
    from speechtutor.stages import Transcriber


@dataclass(frozen=True)
class Config:
    """Which transcriber hears which rows."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Rows whose text is what was read."""
    root: Path = Path("../shared/data/speechocean762")
    """Folder that the manifest's audio paths are relative to."""
    out: Path = Path("runs/evaluate_asr")
    """Folder for config.json, report.json, report.md and hypotheses.jsonl."""
    split: str = "dev"
    """train, dev or test."""
    model: str | None = None
    """A transcriber of the registry, a folder or a hub id; None is the default transcriber."""
    adapter: Path | None = None
    """A LoRA adapter for the model."""
    lang: str = "en"
    """ISO 639-1 code of the language spoken."""
    device: str | None = None
    """auto, cpu, cuda, cuda:N or mps."""
    beams: int | None = None
    """Width of the beam search; None is the model's own."""
    limit: int | None = None
    """Hear only this many rows, evenly chosen."""
    draws: int = 1000
    """Draws of speakers for the 95 % intervals."""
    seed: int = 0
    """Seed of the draws."""
    smoke: bool = False
    """Run on three made-up utterances with a transcriber that hears nothing."""

    def __post_init__(self) -> None:
        """Refuse what would fail later."""
        if self.split not in manifest.SPLITS:
            raise ValueError(f"split {self.split!r} is none of {', '.join(manifest.SPLITS)}")
        if self.limit is not None and self.limit < 1:
            raise ValueError(f"limit must be 1 or more, not {self.limit}")


@dataclass(frozen=True, slots=True)
class Heard:
    """One utterance's outcome; times in seconds."""

    id: str
    speaker: str
    reference: str
    hypothesis: str
    duration: float
    elapsed: float


@dataclass(frozen=True, slots=True)
class Report:
    """Rates are fractions of the reference words; `rtf` is seconds of computing per second of audio."""

    model: str
    split: str
    n_utterances: int
    n_speakers: int
    n_words: int
    wer_normalised: Interval
    wer_verbatim: Interval
    rtf: float
    seconds_each: float
    n_empty: int

    def __str__(self) -> str:
        return "\n".join(
            (
                f"# {self.model} on {self.split}",
                "",
                "| measure | value [95 % over speakers] |",
                "| --- | --- |",
                f"| WER normalised | {self.wer_normalised} |",
                f"| WER verbatim | {self.wer_verbatim} |",
                f"| real-time factor | {self.rtf:.3f} |",
                f"| seconds per utterance | {self.seconds_each:.3f} |",
                f"| utterances, speakers, words | {self.n_utterances}, {self.n_speakers}, {self.n_words} |",
                f"| utterances without a word heard | {self.n_empty} |",
                "",
            )
        )


def normaliser(lang: str) -> Callable[[str], str]:
    """Whisper's normaliser for a language."""
    from transformers.models.whisper.english_normalizer import BasicTextNormalizer, EnglishTextNormalizer

    return EnglishTextNormalizer({}) if lang == "en" else BasicTextNormalizer()


def verbatim(text: str) -> str:
    """Lower case without punctuation."""
    return " ".join(words_for_wer(text))


def compared(heard: Sequence[Heard], normal: Callable[[str], str]) -> list[Edits]:
    """The word edits of every utterance."""
    return metrics.edits([normal(h.reference) for h in heard], [normal(h.hypothesis) for h in heard])


def listen(transcriber: Transcriber, rows: Sequence[Utterance], root: Path, lang: str) -> list[Heard]:
    """Transcribe every row; the first is heard once before, so that loading is not timed."""
    from tqdm import tqdm

    transcriber.transcribe(audio.load(root / rows[0].audio), lang=lang)
    heard = []
    for row in tqdm(rows, desc="listening"):
        recording = audio.load(root / row.audio)
        start = perf_counter()
        text = transcriber.transcribe(recording, lang=lang).text
        heard.append(Heard(row.id, row.speaker, row.text, text, recording.duration, perf_counter() - start))
    return heard


def report(heard: Sequence[Heard], cfg: Config, model: str) -> Report:
    """The rates of a corpus with their intervals over speakers."""
    speakers = [h.speaker for h in heard]

    def rate(normal: Callable[[str], str]) -> tuple[Interval, int]:
        counted = compared(heard, normal)
        interval = metrics.speaker_bootstrap(
            lambda index: metrics.error_rate([counted[i] for i in index]), speakers, cfg.draws, cfg.seed
        )
        return interval, sum(edits.length for edits in counted)

    normalised, n_words = rate(normaliser(cfg.lang))
    elapsed = sum(h.elapsed for h in heard)
    return Report(
        model=model,
        split=cfg.split,
        n_utterances=len(heard),
        n_speakers=len(set(speakers)),
        n_words=n_words,
        wer_normalised=normalised,
        wer_verbatim=rate(verbatim)[0],
        rtf=elapsed / sum(h.duration for h in heard),
        seconds_each=elapsed / len(heard),
        n_empty=sum(not h.hypothesis for h in heard),
    )


def _rows(cfg: Config) -> list[Utterance]:
    rows = manifest.read(cfg.manifest, [cfg.split])
    if not rows:
        raise InputError(f"{cfg.manifest} has no row of the split {cfg.split}")
    if cfg.limit is None or cfg.limit >= len(rows):
        return rows
    return [rows[i * len(rows) // cfg.limit] for i in range(cfg.limit)]


def _smoke_rows(folder: Path) -> list[Utterance]:
    """Three short hums."""
    import numpy as np

    from speechtutor.core import Recording

    folder.mkdir(parents=True, exist_ok=True)
    wave = (0.3 * np.sin(np.arange(8000) / 20)).astype(np.float32)
    for i in range(3):
        audio.save(Recording(wave), folder / f"u{i}.wav")
    return [Utterance(f"u{i}", f"u{i}.wav", "Hello, world!", f"s{i}", "dev") for i in range(3)]


def run(cfg: Config) -> Report:
    """Hear the rows, write what was heard and the report, and return it.

    Raises:
        SpeechTutorError: for a manifest, a model or a recording that cannot be used.
    """
    from speechtutor import registry

    options: dict[str, Any] = {"adapter": cfg.adapter, "beams": cfg.beams}
    model = "fake" if cfg.smoke else cfg.model or registry.default("transcriber")
    transcriber = registry.load(
        "transcriber", model, device=cfg.device, **{k: v for k, v in options.items() if v is not None}
    )
    rows = _smoke_rows(cfg.out / "audio") if cfg.smoke else _rows(cfg)
    heard = listen(transcriber, rows, cfg.out / "audio" if cfg.smoke else cfg.root, cfg.lang)
    found = report(heard, cfg, model)
    config.save(cfg, cfg.out, device=cfg.device or "auto")
    lines = (json.dumps(asdict(h), ensure_ascii=False) + "\n" for h in heard)
    manifest.write_text(cfg.out / "hypotheses.jsonl", "".join(lines))
    manifest.write_text(cfg.out / "report.md", str(found))
    manifest.write_text(cfg.out / "report.json", json.dumps(asdict(found), indent=2) + "\n")
    return found


if __name__ == "__main__":
    print(run(config.parse(Config)))
