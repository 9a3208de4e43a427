"""Change what the text says, or what the voice says, and see whether the score notices and where.

Data      data_manifests/speechocean762.jsonl (dev), and the model voice
Run       python -m recipes.evaluate_mutations
Expect    see recipes/README.md

On real speech the audio is right and the reference is made wrong: one phone of a well-pronounced
word is swapped for a confusable one. With the model voice the reference is right and the audio is
made wrong. A scorer that listens marks the changed phone, and leaves its neighbours alone.

`--every-kind` readings are mutated in all ways of `evaluation.scoring_mutations`: swapped, dropped,
inserted and repeated phones and words, and a wrong sentence.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from speechtutor import audio, config
from speechtutor.audio import quality
from speechtutor.core import CanonicalWord, Recording, Utterance
from speechtutor.core.score import ERROR_THRESHOLD
from speechtutor.corpora import canonical, manifest
from speechtutor.errors import InputError
from speechtutor.evaluation.scoring_mutations import Verdict, sample, single, verdict
from speechtutor.files import disk
from speechtutor.scoring.align import align
from speechtutor.text.phones import confusable, pronounce

if TYPE_CHECKING:
    from speechtutor.models.scorer import PronunciationScorer

GOOD = 0.95
"""In [0, 1]: raters' mean for a phone that was well said."""

SPOKEN = (
    ("I think it is a good day.", "think", "TH", "S"),
    ("I think it is a good day.", "think", "TH", "T"),
    ("I think it is a good day.", "think", "TH", "F"),
    ("The food was very nice.", "very", "V", "W"),
    ("She likes rice and fish.", "rice", "R", "L"),
    ("He put the ship in the water.", "ship", "IH", "IY"),
    ("There is a bad smell.", "bad", "AE", "EH"),
    ("We live in a big house.", "live", "V", "F"),
    ("My brother is a doctor.", "brother", "DH", "Z"),
    ("They sang a long song.", "long", "NG", "N"),
    ("The pool is full today.", "full", "UH", "UW"),
    ("I have three cats.", "three", "TH", "T"),
    ("Please zip your coat.", "zip", "Z", "S"),
    ("The chips are hot.", "chips", "CH", "SH"),
    ("Her pet is a dog.", "dog", "G", "K"),
)
"""Sentence, word, its phone, what the voice says instead."""


@dataclass(frozen=True)
class Config:
    """How many words are mutated."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Rows with canonical phones and raters' scores."""
    root: Path = Path("../shared/data/speechocean762")
    """Folder that the manifest's audio paths are relative to."""
    out: Path = Path("runs/evaluate_mutations")
    """Folder for config.json and report.json."""
    scorer: str | None = None
    """A scorer of the registry or a folder."""
    utterances: int = 100
    """Well-pronounced dev utterances to mutate, one phone each."""
    every_kind: int = 20
    """Well-pronounced dev readings that are mutated in every way."""
    voices: tuple[str, ...] = ("af_heart", "am_michael")
    """Model voices that say the wrong phones."""
    device: str | None = None
    """auto, cpu, cuda, cuda:N or mps."""
    seed: int = 0
    """Seed of the choice of words and phones."""
    smoke: bool = False
    """Make no judgement: only choose the mutations of a made-up corpus."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Scores before and after one change: of the phone, and of the others of its word and of the rest."""

    label: str
    before: float
    after: float
    error_probability: float
    lowest_in_word: bool
    moved_in_word: float
    moved_elsewhere: float
    heard: str | None
    said: str


def swap(words: Sequence[CanonicalWord], w: int, i: int, phone: str) -> tuple[CanonicalWord, ...]:
    """The words with phone i of word w replaced."""
    phones, stress = words[w].pronunciations[0], words[w].stress[0]
    changed = (*phones[:i], phone, *phones[i + 1 :])
    return (*words[:w], replace(words[w], pronunciations=(changed,), stress=(stress,)), *words[w + 1 :])


def sites(rows: Sequence[Utterance], n: int, seed: int) -> Iterator[tuple[Utterance, int, int, str]]:
    """Well-said utterances, evenly spread, with a word, a phone of it and a confusable phone."""
    rng = random.Random(seed)
    good = [row for row in rows if row.scores and (row.scores.overall or 0) >= 0.8]
    for row in good[:: max(len(good) // n, 1)][:n]:
        words = row.scores.words if row.scores else ()
        fit = [
            k
            for k, word in enumerate(words)
            if len(word.phones) >= 3 and all((p.score or 0) >= GOOD for p in word.phones)
        ]
        if not fit:
            continue
        w = rng.choice(fit)
        i = rng.randrange(len(words[w].phones))
        yield row, w, i, rng.choice(confusable(words[w].phones[i].canonical)[:3])


def compare(
    scorer: PronunciationScorer,
    label: str,
    first: tuple[Recording, Sequence[CanonicalWord]],
    second: tuple[Recording, Sequence[CanonicalWord]],
    w: int,
    i: int,
    said: str,
) -> Outcome | None:
    """The same place of the text in two judgements, or None where the scorer declined one of them."""
    both = []
    for recording, words in (first, second):
        text = " ".join(word.text for word in words)
        score = scorer.score(recording, text, words=words)
        if score.overall is None:
            return None
        both.append([word for word in score.words if word.char_start is not None])
    old, new = both
    word_scores = [p.score or 0.0 for p in new[w].phones]
    moves = [
        [abs((a.score or 0.0) - (b.score or 0.0)) for a, b in zip(x.phones, y.phones, strict=True)]
        for x, y in zip(old, new, strict=True)
    ]
    inside = [m for k, m in enumerate(moves[w]) if k != i]
    outside = [m for k, row in enumerate(moves) if k != w for m in row]
    changed = new[w].phones[i]
    return Outcome(
        label, old[w].phones[i].score or 0.0, changed.score or 0.0, changed.error_probability or 0.0,
        word_scores[i] <= min(word_scores), float(np.mean(inside or [0.0])), float(np.mean(outside or [0.0])),
        changed.heard, said,
    )  # fmt: skip


def on_real_speech(cfg: Config, scorer: PronunciationScorer, rows: Sequence[Utterance]) -> list[Outcome]:
    """Right audio, wrong reference."""
    outcomes = []
    for row, w, i, phone in sites(rows, cfg.utterances, cfg.seed):
        recording, words = audio.load(cfg.root / row.audio), canonical.of(row)
        original = words[w].pronunciations[0][i]
        found = compare(
            scorer,
            f"{row.id} {words[w].text}: {original} read as {phone}",
            (recording, words),
            (recording, swap(words, w, i, phone)),
            w,
            i,
            original,
        )
        outcomes += [found] if found else []
    return outcomes


def on_the_model_voice(cfg: Config, scorer: PronunciationScorer, voice: Any, name: str) -> list[Outcome]:
    """Right reference, wrong audio."""
    outcomes = []
    for text, word, phone, instead in SPOKEN:
        # One pronunciation a word, so that both judgements are of the same phones.
        words = tuple(
            replace(x, pronunciations=x.pronunciations[:1], stress=x.stress[:1]) for x in pronounce(text)
        )
        w = next(k for k, entry in enumerate(words) if entry.text.lower().strip(".") == word)
        phones = words[w].pronunciations[0]
        i = phones.index(phone)
        wrong = " ".join((*phones[:i], instead, *phones[i + 1 :]))
        good, bad = voice.speak(text, voice=name), voice.speak(text, phones=f"{word}={wrong}", voice=name)
        found = compare(
            scorer, f"{name}, {word}: {phone} said as {instead}", (good, words), (bad, words), w, i, instead
        )
        outcomes += [found] if found else []
    return outcomes


def summary(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Shares and means over the mutations that were judged."""
    if not outcomes:
        return {"n": 0}
    return {
        "n": len(outcomes),
        "lowest in its word": float(np.mean([o.lowest_in_word for o in outcomes])),
        "flagged": float(np.mean([o.error_probability >= ERROR_THRESHOLD for o in outcomes])),
        "heard what was said": float(np.mean([o.heard == o.said for o in outcomes])),
        "fall of the phone": float(np.mean([o.before - o.after for o in outcomes])),
        "move of the other phones of the word": float(np.mean([o.moved_in_word for o in outcomes])),
        "move of the other words": float(np.mean([o.moved_elsewhere for o in outcomes])),
    }


def readings(rows: Sequence[Utterance], n: int) -> list[Utterance]:
    """Well-said rows of four to ten words, evenly spread."""
    good = [row for row in rows if row.scores and (row.scores.overall or 0) >= 0.9]
    fit = [row for row in good if 4 <= len(row.text.split()) <= 10]
    return fit[:: max(len(fit) // max(n, 1), 1)][:n]


def in_every_way(cfg: Config, scorer: PronunciationScorer, rows: Sequence[Utterance]) -> list[Verdict]:
    """One mutation of each kind for each reading, judged against the reading itself."""
    from speechtutor.scoring.observe import listen

    chosen = readings(rows, cfg.every_kind)
    found = []
    for k, row in enumerate(chosen):
        one, other = audio.load(cfg.root / row.audio), chosen[(k + 1) % len(chosen)]
        words, others = single(canonical.of(row)), single(canonical.of(other))
        original = scorer.score(one, row.text, words=words)
        if original.overall is None:
            continue
        alignment = align(listen(scorer.acoustic, one, quality.quality(one)), words)
        rng = np.random.default_rng([cfg.seed, k])
        sound = audio.load(cfg.root / other.audio)
        for mutation in sample(one, words, alignment, sound, others, confusable, rng):
            judged = scorer.score(mutation.recording, mutation.text, words=mutation.words)
            found.append(verdict(original, judged, mutation))
    return found


def by_kind(verdicts: Sequence[Verdict]) -> dict[str, dict[str, float | None]]:
    """Per kind: how often noticed, how far the place fell, how much the rest moved or was marked."""
    kinds: dict[str, list[Verdict]] = {}
    for one in verdicts:
        kinds.setdefault(one.kind, []).append(one)
    table: dict[str, dict[str, float | None]] = {}
    for kind, group in kinds.items():
        falls = [one.fall for one in group if one.fall is not None]
        judged = [one for one in group if not one.declined]
        n_kept = sum(one.n_kept for one in judged)
        table[kind] = {
            "n": len(group),
            "noticed": float(np.mean([one.noticed for one in group])),
            "declined": float(np.mean([one.declined for one in group])),
            "fall of the place": float(np.mean(falls)) if falls else None,
            "move of the other words": float(np.mean([one.moved for one in judged])) if judged else None,
            "other words marked": sum(one.false_flags for one in judged) / n_kept if n_kept else None,
        }
    return table


def run(cfg: Config) -> dict[str, Any]:
    """Mutate, score, write report.json; returns the summary of each kind."""
    from speechtutor import registry

    if cfg.smoke:
        from recipes.shared import synthetic

        rows = manifest.read(synthetic.corpus(cfg.out / "corpus"))
        return {"sites": len(list(sites(rows, 2, cfg.seed))), "spoken": len(SPOKEN)}
    rows = [row for row in manifest.read(cfg.manifest) if row.split == "dev"]
    if not rows:
        raise InputError(f"{cfg.manifest} has no dev rows")
    scorer: Any = registry.load("scorer", cfg.scorer, device=cfg.device)
    kinds = {"real speech, wrong reference": on_real_speech(cfg, scorer, rows)}
    ways = by_kind(in_every_way(cfg, scorer, rows))
    voice = registry.load("synthesizer") if cfg.voices else None
    for name in cfg.voices:
        kinds[f"model voice {name}, wrong sound"] = on_the_model_voice(cfg, scorer, voice, name)
    report: dict[str, Any] = {kind: summary(outcomes) for kind, outcomes in kinds.items()} | ways
    details = {kind: [str(o) for o in outcomes] for kind, outcomes in kinds.items()}
    config.save(cfg, cfg.out)
    disk.write_text(
        cfg.out / "report.json", json.dumps({"summary": report, "outcomes": details}, indent=1) + "\n"
    )
    return report


if __name__ == "__main__":
    config.main(run, Config)
