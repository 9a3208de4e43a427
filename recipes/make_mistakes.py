"""Readings by the model voice with wrong sounds put in: speech whose phones are known exactly.

Data      the texts of data_manifests/speechocean762.jsonl (train); the model voice
Run       python -m recipes.make_mistakes
Expect    400 clips, 15 minutes of speech; see recipes/README.md

A recogniser that is trained on readings learns the words as well as the sounds, and then hears
"think" where "sink" was said. Here the same contexts come with right and wrong sounds, so that only
listening tells them apart.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speechtutor import audio, config
from speechtutor.core import PhoneScore, Utterance, UtteranceScore, WordScore
from speechtutor.corpora import manifest
from speechtutor.errors import TextError
from speechtutor.text.phones import VOWELS, confusable
from speechtutor.text.speech_plan import SpokenWord, plan_speech

USUAL = {
    "TH": ("S", "T", "F"),
    "DH": ("Z", "D"),
    "V": ("W", "F", "B"),
    "W": ("V",),
    "R": ("L", "W"),
    "L": ("R", "N"),
    "IH": ("IY", "EH"),
    "IY": ("IH",),
    "AE": ("EH", "AA"),
    "EH": ("AE", "IH"),
    "NG": ("N",),
    "N": ("NG", "L"),
    "Z": ("S",),
    "S": ("SH", "TH"),
    "SH": ("S",),
    "CH": ("SH", "T"),
    "JH": ("Z", "CH"),
    "UH": ("UW",),
    "UW": ("UH",),
    "AH": ("AA", "EH"),
    "AO": ("OW", "AA"),
    "OW": ("AO",),
    "EY": ("EH",),
    "D": ("T",),
    "G": ("K",),
    "B": ("P",),
}
"""Usual substitutions of learners of English with many first languages (Swan and Smith, 2001)."""

VOICES = ("af_heart", "am_michael", "bf_emma", "bm_george")


@dataclass(frozen=True)
class Config:
    """How many readings, with how many wrong sounds."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Rows whose train texts are read."""
    out: Path = Path("runs/mistakes")
    """Folder for the clips and rows.jsonl."""
    readings: int = 400
    """Clips to make."""
    wrong: float = 0.12
    """Share of phones that are replaced, in three clips of four; every fourth is right."""
    seed: int = 0
    """Seed of the choice."""
    smoke: bool = False
    """Choose the mistakes of a few made-up rows, and say nothing."""


def spoil(words: Sequence[SpokenWord], share: float, rng: random.Random) -> str:
    """An override for the model voice that replaces a share of the phones (`text.speech_plan`)."""
    parts = []
    for word in words:
        phones = []
        for phone, digit in zip(word.phones, word.stress, strict=True):
            said = phone
            if rng.random() < share:
                said = rng.choice(USUAL.get(phone) or confusable(phone)[:3])
            phones.append(f"{said}{max(digit, 0)}" if said in VOWELS else said)
        parts.append(" ".join(phones))
    return " | ".join(parts)


def row(name: str, text: str, words: Sequence[SpokenWord], voice: str) -> Utterance:
    """A train row whose canonical phones are those that were said."""
    said = tuple(
        WordScore(w.word.text, None, phones=tuple(PhoneScore(p, None) for p in w.phones)) for w in words
    )
    scores = UtteranceScore(text, said)
    return Utterance(
        name, f"{name}.flac", text, f"voice-{voice}", scores=scores, phones=tuple(w.phones for w in words)
    )


def run(cfg: Config) -> manifest.Written:
    """Write the clips, then the manifest; clips that are there already are kept."""
    from tqdm import tqdm

    from recipes.shared import synthetic
    from speechtutor import registry

    source = synthetic.corpus(cfg.out / "corpus") if cfg.smoke else cfg.manifest
    texts = sorted({u.text.capitalize() for u in manifest.read(source) if u.split == "train"})
    rng = random.Random(cfg.seed)
    rng.shuffle(texts)
    voice = registry.load("synthesizer", "fake" if cfg.smoke else None)
    rows = []
    for i in tqdm(range(min(cfg.readings, 2 if cfg.smoke else cfg.readings))):
        text, name = texts[i % len(texts)], VOICES[i % len(VOICES)]
        try:
            override = spoil(plan_speech(text), 0.0 if i % 4 == 3 else cfg.wrong, rng)
        except TextError:
            continue
        made = row(f"mistakes-{i:04d}", text, plan_speech(text, override), name)
        path = cfg.out / made.audio
        if not path.exists():
            extra = {} if cfg.smoke else {"voice": name}
            path.parent.mkdir(parents=True, exist_ok=True)
            audio.save(voice.speak(text, phones=override, **extra), path)
        rows.append(made)
    config.save(cfg, cfg.out)
    return manifest.write(cfg.out / "rows.jsonl", rows, cfg.out)


if __name__ == "__main__":
    config.main(run, Config)
