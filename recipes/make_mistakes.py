"""Readings by model voices with wrong sounds put in: speech whose phones are known exactly.

Data      the texts of data_manifests/speechocean762.jsonl (train) and our own sentences; the model voice
Run       npm pack kokoro-js@1.2.1 && tar xzf kokoro-js-1.2.1.tgz
          python -m recipes.make_mistakes --voices package/voices
Expect    see recipes/README.md

A recogniser that is trained on readings learns the words as well as the sounds, and then hears
"think" where "sink" was said. Here the same contexts come with right and wrong sounds, and words come
that do not exist, so that only listening tells what was said. Whole voices are kept apart: those of
`DEV` choose and calibrate, nothing is ever trained on those of `HELD_OUT` (their rows are a test split,
which every trainer refuses), and for both each wrong clip has its clean twin.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from recipes.shared import espeak_voice, festival_voice
from recipes.shared.flite_voice import Flite
from speechtutor import audio, config
from speechtutor.content import tables
from speechtutor.core import CanonicalWord, Utterance, UtteranceScore
from speechtutor.corpora import manifest
from speechtutor.errors import TextError
from speechtutor.evaluation.slips import Slip, annotated, choose, override
from speechtutor.text.phones import PHONES, VOWELS
from speechtutor.text.speech_plan import SpokenWord, plan_speech

HELD_OUT = (
    "af_bella", "am_eric", "bf_isabella", "bm_lewis", "ef_dora", "zf_xiaoxiao", "jf_alpha", "if_sara",
    "pm_alex", "hm_omega",
)  # fmt: skip
"""Voices that nothing is trained, chosen or calibrated on."""

DEV = ("af_nova", "am_liam", "bm_daniel", "em_alex", "zm_yunxi", "hf_beta")
"""Voices for choices and calibration."""

MIX = (
    "usual", "right", "any", "nonsense", "usual", "deletion", "right", "nonsense", "any", "insertion",
    "usual", "nonsense-any", "deletion", "right", "usual", "insertion", "any", "nonsense-usual",
)  # fmt: skip
"""Kinds of train clips, over and over, so that any number of them is as mixed."""

TWINS = ("usual", "any", "usual", "deletion", "usual", "insertion")
"""Kinds of the wrong clips of dev and of held-out voices."""

OTHER_TRAIN = ("flite-rms", "flite-awb", "flite-kal16")
"""Voices of another engine for training."""

OTHER_HELD_OUT = ("flite-slt",)
"""A voice of that engine that nothing is trained, chosen or calibrated on."""

RULED = tuple(espeak_voice.PREFIX + name for name in espeak_voice.VOICES)
RULED_DEV = tuple(espeak_voice.PREFIX + name for name in espeak_voice.DEV)
"""Voices by rule for training, and for choices."""

KEPT = 160
"""Texts that only the pairs say."""

RATES = (0.8, 1.25)
MAX_WORDS = 9


@dataclass(frozen=True)
class Config:
    """How many readings, with how many wrong sounds."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Rows whose train texts are read."""
    voices: Path | None = None
    """Folder of voices of the model (`NAME.bin`); without it the four that ship, all for training."""
    flite: str | None = None
    """The program of another engine (`shared/flite_voice`), for as many clips again as `other` says."""
    out: Path = Path("runs/mistakes")
    """Folder for the clips, rows.jsonl (train), seen, dev and held-out.jsonl, those of other engines."""
    readings: int = 1000
    """Train clips to make; clips that are there are kept, so a run can be made longer."""
    dev: int = 60
    """Pairs of a wrong clip and its clean twin by the dev voices."""
    held_out: int = 100
    """Such pairs by the held-out voices."""
    seen: int = 40
    """Such pairs by the train voices, of texts that are not trained on."""
    espeak: str | None = None
    """The program of a third one (`shared/espeak_voice`), for as many clips, and pairs by two dev voices."""
    festival: str | None = None
    """The program of a fourth one that is only tested with (`shared/festival_voice`)."""
    other: int = 240
    """Train clips by each other engine; a quarter as many pairs by each one's voices that are kept apart."""
    wrong: float = 0.15
    """Share of the phones that are wrong in a train clip that is not right."""
    twin: int = 2
    """Wrong sounds in a clip that has a clean twin."""
    seed: int = 0
    """Seed of the choice."""
    smoke: bool = False
    """Choose the mistakes of a few made-up rows, and say nothing."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One reading: its name, who says what at which rate, and the slips in it."""

    name: str
    text: str
    words: tuple[SpokenWord, ...]
    slips: tuple[Slip, ...]
    voice: str
    rate: float
    shown: str = ""
    """The text of the row where it is not the one that gives the voice its style."""

    def row(self, split: str) -> Utterance:
        """A manifest row: the phones that should be said, and what was said instead."""
        text = self.shown or self.text
        scores = UtteranceScore(text, annotated(self.words, self.slips))
        phones = tuple(word.phones for word in self.words)
        speaker = f"voice-{self.voice}"
        return Utterance(self.name, f"{self.name}.flac", text, speaker, split, scores=scores, phones=phones)


def nonsense(words: Sequence[SpokenWord], rng: random.Random) -> tuple[SpokenWord, ...]:
    """Random syllables in place of each word, so that no word can be guessed."""
    made = []
    for _ in range(min(len(words), 6)):
        phones: list[str] = []
        for _ in range(rng.choice((1, 1, 2, 2, 3))):
            phones += _syllable(phones, rng)
        vowels = iter([1, *[0] * len(phones)])
        stress = tuple(next(vowels) if phone in VOWELS else -1 for phone in phones)
        name = "".join(phones).lower()
        spoken = tuple(phones)
        made.append(SpokenWord(CanonicalWord(name, 0, len(name), (spoken,), (stress,)), spoken, stress))
    return tuple(made)


def _syllable(before: Sequence[str], rng: random.Random) -> list[str]:
    vowels = [phone for phone in PHONES if phone in VOWELS]
    consonants = [phone for phone in PHONES if phone not in VOWELS]
    onset = [rng.choice([c for c in consonants if c != "NG" and c not in before[-1:]])]
    if rng.random() < 0.15:
        onset.append(rng.choice([c for c in ("L", "R", "W") if c not in onset]))
    coda = [rng.choice([c for c in consonants if c not in ("HH", "W", "Y")])] if rng.random() < 0.6 else []
    return [*(onset if before or rng.random() < 0.85 else []), rng.choice(vowels), *coda]


def plan(name: str, text: str, kind: str, voice: str, share: float, rng: random.Random) -> Clip:
    """A reading of a kind; `share` of its phones are wrong, or that many where it is one or more.

    Raises:
        TextError: when the text cannot be pronounced.
    """
    words = plan_speech(text)
    shown = ""
    if kind.startswith("nonsense"):
        words = nonsense(words, rng)
        shown = " ".join(word.word.text for word in words)
        kind = kind.removeprefix("nonsense").removeprefix("-") or "right"
    n_phones = sum(len(word.phones) for word in words)
    n = round(share) if share >= 1 else max(round(share * n_phones), 1)
    slips = () if kind == "right" else tuple(choose(words, kind, n, rng))
    return Clip(name, text, words, slips, voice, round(rng.uniform(*RATES), 2), shown)


def texts_of(cfg: Config, source: Path) -> list[str]:
    """Train texts of the manifest and our own sentences, short enough, in a fixed random order."""
    known = {u.text.capitalize() for u in manifest.read(source) if u.split == "train"}
    own = {exercise.text for exercise in tables.sentence_bank()}
    texts = sorted(text for text in known | own if 3 <= len(text.split()) <= MAX_WORDS)
    random.Random(cfg.seed).shuffle(texts)
    return texts


def turn(voices: Sequence[str], i: int) -> str:
    """The voice of clip `i`, one place further in every round, so that each says every kind."""
    return voices[(i + i // len(voices)) % len(voices)]


def single_clips(
    cfg: Config, part: str, n: int, texts: Sequence[str], voices: Sequence[str]
) -> Iterator[Clip]:
    """Train clips."""
    for i in range(n):
        rng = random.Random(f"{cfg.seed}-{part}-{i}")
        kind = MIX[i % len(MIX)]
        name, text = f"{part}-{kind}-{i:04d}", texts[i % len(texts)]
        try:
            yield plan(name, text, kind, turn(voices, i), cfg.wrong, rng)
        except TextError:
            continue


def twin_clips(cfg: Config, part: str, n: int, texts: Sequence[str], voices: Sequence[str]) -> Iterator[Clip]:
    """Wrong clips, each followed by its clean twin."""
    for i in range(n):
        rng = random.Random(f"{cfg.seed}-{part}-{i}")
        kind = TWINS[i % len(TWINS)]
        name, text = f"{part}-{kind}-{i:04d}-wrong", texts[i % len(texts)]
        try:
            wrong = plan(name, text, kind, turn(voices, i), cfg.twin, rng)
        except TextError:
            continue
        if wrong.slips:
            yield wrong
            yield replace(wrong, name=wrong.name.replace("-wrong", "-right"), slips=())


def say(clips: Sequence[Clip], voice: Any, out: Path, split: str, *, fake: bool) -> list[Utterance]:
    """Make the clips that are not there yet; returns their rows."""
    from tqdm import tqdm

    out.mkdir(parents=True, exist_ok=True)
    for clip in tqdm(clips, desc=split):
        path = out / f"{clip.name}.flac"
        if not path.exists():
            extra = {} if fake else {"voice": clip.voice, "rate": clip.rate}
            audio.save(voice.speak(clip.text, phones=_spoken(clip), **extra), path)
    return [clip.row(split) for clip in clips]


def _spoken(clip: Clip) -> str:
    """The override; a text with more words than are said leaves its last ones out."""
    left_out = len(plan_speech(clip.text)) - len(clip.words)
    return " | ".join([override(clip.words, clip.slips), *["-"] * left_out])


def run(cfg: Config) -> list[manifest.Written]:
    """Write the clips, then a manifest of each part; clips that are there already are kept."""
    from recipes.shared import synthetic
    from speechtutor import registry

    source = synthetic.corpus(cfg.out / "corpus") if cfg.smoke else cfg.manifest
    if cfg.smoke:
        cfg = replace(cfg, readings=4, dev=2, held_out=1, seen=1)
    texts = texts_of(cfg, source)
    # Texts of the pairs are not trained on.
    n_kept = min(KEPT, len(texts) // 2)
    texts, kept = texts[n_kept:], texts[:n_kept]
    voice: Any = registry.load("synthesizer", "fake") if cfg.smoke else _kokoro(cfg.voices)
    names = ["fake"] if cfg.smoke else sorted(voice.voices)
    train = [name for name in names if name not in (*DEV, *HELD_OUT)]
    random.Random(cfg.seed).shuffle(train)
    parts = [("rows", "train", voice, single_clips(cfg, "train", cfg.readings, texts, train))]
    if cfg.flite:
        other = Flite(cfg.flite)
        clips = single_clips(cfg, "other-train", cfg.other, texts[::-1], OTHER_TRAIN)
        pairs = twin_clips(cfg, "other-unseen", cfg.other // 4, kept, OTHER_HELD_OUT)
        parts += [("other-rows", "train", other, clips), ("other-held-out", "test", other, pairs)]
    if cfg.espeak:
        ruled = espeak_voice.Espeak(cfg.espeak)
        clips = single_clips(cfg, "ruled-train", cfg.other, texts[1::2], RULED)
        pairs = twin_clips(cfg, "ruled-dev", cfg.other // 8, kept[::-1], RULED_DEV)
        parts += [("ruled-rows", "train", ruled, clips), ("ruled-dev", "dev", ruled, pairs)]
    if cfg.festival:
        fourth = festival_voice.Festival(cfg.festival)
        pairs = twin_clips(cfg, "fourth", cfg.other // 6, kept[::2], tuple(festival_voice.VOICES))
        parts.append(("fourth-held-out", "test", fourth, pairs))
    if cfg.voices or cfg.smoke:
        pairs = twin_clips(cfg, "dev", cfg.dev, kept[::-1], DEV)
        unseen = twin_clips(cfg, "unseen", cfg.held_out, kept, HELD_OUT)
        seen = twin_clips(cfg, "seen", cfg.seen, kept[1::2], train)
        parts += [("dev", "dev", voice, pairs), ("held-out", "test", voice, unseen)]
        parts += [("seen", "dev", voice, seen)]
    config.save(cfg, cfg.out)
    written = []
    for part, split, engine, clips in parts:
        rows = say(list(clips), engine, cfg.out, split, fake=cfg.smoke)
        if rows:
            written.append(manifest.write(cfg.out / f"{part}.jsonl", rows, cfg.out))
    return written


def _kokoro(folder: Path | None) -> Any:
    """The model voice, one thread, with the voices of a folder beside its own."""
    from speechtutor.models import kokoro

    voice = kokoro.load(threads=1)
    found = {path.stem: path for path in sorted(folder.glob("*.bin"))} if folder else {}
    return replace(voice, voices={**voice.voices, **found})


if __name__ == "__main__":
    config.main(run, Config)
