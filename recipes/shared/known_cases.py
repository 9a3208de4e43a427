"""Cases of known errors for `train_diagnosis` and `evaluate_known_errors`; no recipe itself."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from speechtutor import audio
from speechtutor.core import CanonicalWord, Recording, Utterance
from speechtutor.corpora import canonical, manifest
from speechtutor.errors import InputError, TextError
from speechtutor.evaluation.known_error_places import hear
from speechtutor.evaluation.known_errors import Case, Piece, blend, claims, pieces, rated, well_said
from speechtutor.scoring.diagnosis import RIGHT
from speechtutor.stages import AcousticModel
from speechtutor.text.phones import pronounce

KINDS = ("usual", "any", "usual", "deletion", "usual", "insertion")
"""Kinds of claims, in turn."""


def accepted(row: Utterance) -> tuple[CanonicalWord, ...]:
    """The words of a row with every accepted pronunciation, or with its own phones where it has others."""
    own = canonical.of(row)
    try:
        found = pronounce(row.text, row.lang)
    except TextError:
        return own
    fits = len(found) == len(own) and all(
        word.pronunciations[0] in entry.pronunciations for word, entry in zip(own, found, strict=True)
    )
    return found if fits else own


def of_voices(rows: Sequence[Utterance], root: Path, group: str, harsh: float, seed: int) -> Iterator[Case]:
    """Readings whose sounds are known; a share of them as in a room, by a poor line, in noise."""
    from speechtutor.training.ear import Harsh

    for row in rows:
        recording = audio.load(root / row.audio)
        # Twins are heard through the same line.
        rng = random.Random(f"{seed}-{row.id.rsplit('-', 1)[0] if row.split != 'train' else row.id}")
        if rng.random() < harsh:
            recording = _through(Harsh(rng, speed=False), recording, rng.randrange(2**31))
        scores = row.scores
        assert scores is not None
        yield Case(row.id, group, row.speaker, recording, accepted(row), scores.words)


def _through(augment: object, recording: Recording, seed: int) -> Recording:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        samples = augment.wave(torch.from_numpy(recording.samples))  # type: ignore[attr-defined]
    return replace(recording, samples=samples.clamp(-1, 1).numpy().astype(np.float32))


def of_readings(
    rows: Sequence[Utterance],
    root: Path,
    n_claims: int,
    seed: int,
    *,
    wrong: int,
    whole: bool,
    start: int = 0,
) -> Iterator[Case]:
    """Learners' readings as raters judged them, and against texts made wrong where they are well said.

    `whole` makes texts wrong only for readings of which every phone is well said. The kinds of claims go in
    turn over the rows, of which the first one is number `start`. Groups: rated, swapped.
    """
    for k, row in enumerate(rows, start):
        recording, words = audio.load(root / row.audio), canonical.of(row)
        assert row.scores is not None
        truth = rated(row.scores.words)
        yield Case(row.id, "rated", row.speaker, recording, words, truth)
        if whole and not well_said(row.scores.words):
            continue
        for j in range(n_claims):
            kind = KINDS[(k + j) % len(KINDS)]
            made = claims(words, truth, kind, wrong, random.Random(f"{seed}-{row.id}-{j}"))
            if made is not None:
                yield Case(f"{row.id}-{kind}-{j}", "swapped", row.speaker, recording, *made)


def of_blends(
    rows: Sequence[Utterance], root: Path, acoustic: AcousticModel, seed: int, *, wrong: int, whole: bool
) -> Iterator[Case]:
    """Readings with single well-said sounds replaced by others of the same speaker. Group: blended."""
    by_speaker: dict[str, list[Utterance]] = {}
    for row in rows:
        if row.scores is not None and (not whole or well_said(row.scores.words)):
            by_speaker.setdefault(row.speaker, []).append(row)
    for speaker, own in by_speaker.items():
        bank: list[Piece] = []
        aligned = []
        for row in own[:6]:
            recording, words = audio.load(root / row.audio), canonical.of(row)
            assert row.scores is not None
            truth = rated(row.scores.words)
            found = hear(Case(row.id, "", speaker, recording, words, truth), [acoustic])
            if found is None:
                continue
            aligned.append(found)
            right = found.labels.phones == RIGHT
            bank += [
                piece for piece, kept in zip(pieces(recording, found.alignment), right, strict=True) if kept
            ]
        for found in aligned:
            rng = random.Random(f"{seed}-{found.case.name}")
            case = found.case
            made = blend(case.recording, found.alignment, case.truth, bank, wrong, rng)
            if made is not None:
                yield Case(f"{case.name}-blended", "blended", speaker, made[0], case.words, made[1])


def read(path: Path, splits: Sequence[str]) -> list[Utterance]:
    """The rows of a manifest whose sounds are known.

    Raises:
        InputError: when a row does not say what was said.
    """
    rows = manifest.read(path, splits)
    for row in rows:
        if row.scores is None or not all(manifest.annotated(word) for word in row.scores.words):
            raise InputError(f"{path}: {row.id} does not say which phones were said")
    return rows
