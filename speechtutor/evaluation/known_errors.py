"""Speech whose wrong sounds are known, and what a diagnosis of it found.

A case is a recording with a text and, phone by phone, what was said instead. It comes from one of three
places: a row whose sounds are known (`recipes.make_mistakes`, L2-ARCTIC); a learner's well-rated reading
whose text is made wrong at some phones (the recording is right, the text claims another sound); or such
a reading with single sounds cut out and others of the same speaker cross-faded in (SpeechBlender, El
Kheir et al., 2023).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from speechtutor.core import (
    SAMPLE_RATE,
    Alignment,
    CanonicalWord,
    Edit,
    Floats,
    PhoneScore,
    Recording,
    WordScore,
)
from speechtutor.evaluation.slips import USUAL, Slip, alike, applied
from speechtutor.scoring.diagnosis import IGNORED, RIGHT, WRONG
from speechtutor.text.phones import PHONES, VOWELS, confusable

Indices = NDArray[np.int64]


FADE = 0.01
"""Seconds over which two pieces of a blended recording are cross-faded."""


@dataclass(frozen=True, slots=True)
class Case:
    """A recording, its text, and per word the phones it should have with what was said instead."""

    name: str
    group: str
    speaker: str
    recording: Recording
    words: tuple[CanonicalWord, ...]
    truth: tuple[WordScore, ...]


@dataclass(frozen=True, slots=True)
class Labels:
    """Of every aligned phone and gap: `RIGHT`, `IGNORED`, `WRONG` or the index of what was said.

    `phones` (n_phones,), 39 for left out; `gaps` (n_phones + 1,), the sound put in before that phone.
    """

    phones: Indices
    gaps: Indices


def labels(alignment: Alignment, truth: Sequence[WordScore]) -> Labels:
    """What was said at each aligned phone.

    Where another accepted pronunciation was aligned than the one that should have been said, only the
    phones that both share have a label.
    """
    n = len(alignment.phones)
    phones, gaps = np.full(n, RIGHT), np.full(n + 1, RIGHT)
    start = 0
    for w, word in enumerate(truth):
        own = [phone.canonical for phone in alignment.phones if phone.word == w]
        place = _places(own, [phone.canonical for phone in word.phones])
        for i, at in enumerate(place):
            phones[start + i] = IGNORED if at is None else _label(word.phones[at])
        if None in place or len(own) != len(word.phones):
            gaps[start : start + len(own) + 1] = IGNORED
        for at, said in word.inserted:
            if at == len(word.phones):
                gaps[start + len(own)] = PHONES.index(said)
            elif at in place:
                gaps[start + place.index(at)] = PHONES.index(said)
        start += len(own)
    return Labels(phones, gaps)


def _places(own: Sequence[str], wanted: Sequence[str]) -> list[int | None]:
    """For each phone the place of the same phone in the other pronunciation, if it has one."""
    from rapidfuzz.distance import Levenshtein

    places: list[int | None] = [None] * len(own)
    for block in Levenshtein.opcodes(own, wanted):
        if block.tag == "equal":
            for step in range(block.src_end - block.src_start):
                places[block.src_start + step] = block.dest_start + step
    return places


def _label(phone: PhoneScore) -> int:
    if phone.error_probability is None:
        return IGNORED
    if phone.edit is Edit.MATCH:
        return RIGHT if phone.error_probability < 0.5 else WRONG
    return len(PHONES) if not phone.heard else PHONES.index(phone.heard)


def rated(words: Sequence[WordScore], good: float = 0.9, bad: float = 0.25) -> tuple[WordScore, ...]:
    """Raters' scores as truth: well-rated phones are right, badly rated ones wrong, the rest not known."""

    def verdict(phone: PhoneScore) -> PhoneScore:
        score = phone.score
        known = None if score is None or bad <= score < good else float(score < bad)
        return PhoneScore(phone.canonical, score, error_probability=known)

    return tuple(WordScore(w.text, w.score, phones=tuple(map(verdict, w.phones))) for w in words)


def well_said(words: Sequence[WordScore], good: float = 0.9) -> bool:
    """Whether raters found every phone good."""
    return bool(words) and all((phone.score or 0.0) >= good for word in words for phone in word.phones)


def claims(
    words: Sequence[CanonicalWord],
    truth: Sequence[WordScore],
    kind: str,
    n: int,
    rng: random.Random,
    apart: int = 3,
) -> tuple[tuple[CanonicalWord, ...], tuple[WordScore, ...]] | None:
    """A text made wrong at up to `n` places: its words, and what was said against it; None if none fits.

    `words` are what should have been said, one pronunciation each, `truth` whether it was: the text is
    only made wrong where a phone and those beside it are known to be right. Kinds: usual (the text claims
    a sound for which learners say this one), any, deletion (the text has a sound more), insertion (it has
    one less).
    """
    said = [list(word.pronunciations[0]) for word in words]
    places = [(w, i) for w, phones in enumerate(said) for i in range(len(phones))]
    sure = _sure(truth)
    order = [place for place in range(len(places)) if sure[place]]
    rng.shuffle(order)
    taken: list[int] = []
    changes: dict[int, list[Slip]] = {}
    for place in order:
        if len(taken) == n:
            break
        w, i = places[place]
        claim = _claim(words[w], said[w][i], i, kind, rng)
        if claim is None or any(abs(place - other) < apart for other in taken):
            continue
        if _heard_apart(said, w, claim):
            taken.append(place)
            changes.setdefault(w, []).append(Slip(w, *claim))
    if not taken:
        return None
    return _claimed(words, truth, changes)


def _sure(truth: Sequence[WordScore]) -> list[bool]:
    """Of each phone whether it and its neighbours are known to be right."""
    right = [True, *(p.error_probability == 0.0 for word in truth for p in word.phones), True]
    return [all(right[i : i + 3]) for i in range(len(right) - 2)]


def _claim(
    word: CanonicalWord, phone: str, i: int, kind: str, rng: random.Random
) -> tuple[int, Edit, str] | None:
    """How the text differs from what was said: where, and which sound it has there."""
    if kind == "insertion":
        return (i, Edit.DELETION, "") if len(word.pronunciations[0]) > 1 else None
    if kind == "deletion":
        return i + rng.randint(0, 1), Edit.INSERTION, rng.choice(PHONES)
    usual = [other for other in PHONES if phone in USUAL.get(other, ())]
    others = usual or confusable(phone)[:3] if kind == "usual" else [p for p in PHONES if p != phone]
    other = rng.choice(list(others))
    return None if alike(other, phone, word.stress[0][i]) else (i, Edit.SUBSTITUTION, other)


def _heard_apart(said: Sequence[Sequence[str]], w: int, claim: tuple[int, Edit, str]) -> bool:
    """Whether no two equal sounds meet at the place, in what was said or in the text."""
    at, edit, other = claim
    before = said[w - 1][-1:] if w else []
    after = said[w + 1][:1] if w + 1 < len(said) else []
    for line in (said[w], applied(said[w], [Slip(w, at, edit, other)])):
        around = [*before, *line, *after][max(at + len(before) - 1, 0) : at + len(before) + 2]
        if any(a == b for a, b in pairwise(around)):
            return False
    return True


def _claimed(
    words: Sequence[CanonicalWord], known: Sequence[WordScore], changes: dict[int, list[Slip]]
) -> tuple[tuple[CanonicalWord, ...], tuple[WordScore, ...]]:
    texts, truth = [], []
    for w, word in enumerate(words):
        phones = word.pronunciations[0]
        slips = sorted(changes.get(w, []), key=lambda slip: slip.at)
        judged: list[PhoneScore] = []
        inserted: list[tuple[int, str]] = []
        stress: list[int] = []
        for at in range(len(phones) + 1):
            here = {slip.edit: slip for slip in slips if slip.at == at}
            if Edit.INSERTION in here:
                other = here[Edit.INSERTION].said
                judged.append(PhoneScore(other, None, edit=Edit.DELETION, heard="", error_probability=1.0))
                stress.append(0 if other in VOWELS else -1)
            if at == len(phones):
                break
            if Edit.DELETION in here:
                inserted.append((len(judged), phones[at]))
                continue
            other, own = phones[at], known[w].phones[at]
            if Edit.SUBSTITUTION in here:
                other = here[Edit.SUBSTITUTION].said
                own = PhoneScore(other, None, edit=Edit.SUBSTITUTION, heard=phones[at], error_probability=1.0)
            judged.append(own)
            stress.append(-1 if other not in VOWELS else max(word.stress[0][at], 0))
        changed_phones = tuple(phone.canonical for phone in judged)
        texts.append(replace(word, pronunciations=(changed_phones,), stress=(tuple(stress),)))
        truth.append(WordScore(word.text, None, phones=tuple(judged), inserted=tuple(inserted)))
    return tuple(texts), tuple(truth)


@dataclass(frozen=True, slots=True)
class Piece:
    """A phone cut out of a recording: its samples (n_samples,)."""

    phone: str
    samples: Floats


def pieces(recording: Recording, alignment: Alignment) -> list[Piece]:
    """Every aligned phone of a recording as a piece, the fades on both sides included."""
    cut = []
    for phone in alignment.phones:
        start, end = _samples(alignment, phone.start_frame, phone.end_frame)
        cut.append(Piece(phone.canonical, recording.samples[max(start, 0) : end]))
    return cut


def _samples(alignment: Alignment, start: int, end: int) -> tuple[int, int]:
    half = FADE / 2
    first = alignment.origin + start * alignment.frame_shift - half
    last = alignment.origin + end * alignment.frame_shift + half
    return round(first * SAMPLE_RATE), round(last * SAMPLE_RATE)


def blend(
    recording: Recording,
    alignment: Alignment,
    truth: Sequence[WordScore],
    bank: Sequence[Piece],
    n: int,
    rng: random.Random,
    apart: int = 3,
) -> tuple[Recording, tuple[WordScore, ...]] | None:
    """Up to `n` phones replaced by other sounds of the speaker, brought to the same level; None if none fits.

    Only phones that are known to be right, as those beside them, are replaced. Three in four become
    another phone of the same class; the rest are cut out.
    """
    flat = [(w, i) for w, word in enumerate(truth) for i in range(len(word.phones))]
    names = [phone.canonical for phone in alignment.phones]
    if len(flat) != len(names):
        return None
    sure = _sure(truth)
    order = [place for place in range(len(flat)) if sure[place]]
    rng.shuffle(order)
    chosen: dict[int, Piece | None] = {}
    for place in order:
        if len(chosen) == n:
            break
        phone = alignment.phones[place]
        if any(abs(place - other) < apart for other in chosen) or phone.end_frame - phone.start_frame < 3:
            continue
        found = _fitting(names, place, bank, rng)
        if found is not None:
            chosen[place] = found
        elif 0 < place < len(names) - 1 and names[place - 1] != names[place + 1]:
            chosen[place] = None
    if not chosen:
        return None
    samples = recording.samples
    for place in sorted(chosen, reverse=True):
        phone = alignment.phones[place]
        samples = _spliced(samples, *_samples(alignment, phone.start_frame, phone.end_frame), chosen[place])
    words = [list(word.phones) for word in truth]
    for place, piece in chosen.items():
        w, i = flat[place]
        heard = piece.phone if piece else ""
        edit = Edit.SUBSTITUTION if piece else Edit.DELETION
        words[w][i] = replace(words[w][i], edit=edit, heard=heard, error_probability=1.0)
    said = tuple(replace(word, phones=tuple(phones)) for word, phones in zip(truth, words, strict=True))
    return replace(recording, samples=samples), said


def _fitting(names: Sequence[str], place: int, bank: Sequence[Piece], rng: random.Random) -> Piece | None:
    """Another sound of the same class that does not meet itself next door; None one time in four."""
    if rng.random() < 0.25:
        return None
    phone = names[place]
    near = {phone, *names[max(place - 1, 0) : place + 2]}
    fit = [
        piece
        for piece in bank
        if piece.phone not in near
        and (piece.phone in VOWELS) == (phone in VOWELS)
        and not alike(phone, piece.phone, 0)
        and len(piece.samples) >= 4 * FADE * SAMPLE_RATE
    ]
    return rng.choice(fit) if fit else None


def _spliced(samples: Floats, start: int, end: int, piece: Piece | None) -> Floats:
    """The samples with [start, end) replaced by a piece at the same level, cross-faded at both cuts."""
    n = round(FADE * SAMPLE_RATE)
    start, end = max(start, 0), min(end, len(samples))
    head, old, tail = samples[:start], samples[start:end], samples[end:]
    up = np.linspace(0, 1, n, dtype=np.float32)
    if piece is None:
        joint = old[:n] * (1 - up) + old[-n:] * up
        return np.concatenate([head, joint, tail]).astype(np.float32)
    level = float(np.sqrt(np.mean(old**2)) + 1e-6) / float(np.sqrt(np.mean(piece.samples**2)) + 1e-6)
    new = piece.samples * np.float32(min(max(level, 0.25), 4.0))
    new = np.concatenate([old[:n] * (1 - up) + new[:n] * up, new[n:-n], new[-n:] * (1 - up) + old[-n:] * up])
    return np.concatenate([head, new, tail]).astype(np.float32)
