"""From a recording and a text to everything that a judgement is made of, whatever the acoustic model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

import numpy as np

from speechtutor.audio import prosody, vad
from speechtutor.audio.quality import quality as measure
from speechtutor.core import Alignment, CanonicalWord, Emission, Pitch, Quality, Recording, Seconds
from speechtutor.core.watching import each
from speechtutor.errors import AudioError
from speechtutor.scoring import gop
from speechtutor.scoring.align import align
from speechtutor.scoring.features import Features, extract
from speechtutor.stages import AcousticModel, Limited, Rater
from speechtutor.text.phones import VOWELS

MOST_HEARD: Seconds = 28.0
"""How much a model that does not say so (`stages.Limited`) is given to hear at once."""

TOO_LONG: Seconds = 15 * 60.0
"""The longest recording that is judged."""

MARGIN = 0.2
"""Seconds of what surrounds the speech that are kept; more of it must not change a score."""


@dataclass(frozen=True, slots=True)
class Observation:
    """All that the head and the judgement need of one recording and text."""

    quality: Quality
    emission: Emission
    alignment: Alignment
    ratios: gop.Ratios
    pitch: Pitch
    features: Features


def most_heard(acoustic: AcousticModel) -> Seconds:
    """The longest recording that a model takes at once."""
    return acoustic.longest if isinstance(acoustic, Limited) else MOST_HEARD


def check_length(recording: Recording) -> None:
    """Refuse what is too long to be judged at once.

    Raises:
        AudioError: when the recording is longer than `TOO_LONG`.
    """
    if recording.duration > TOO_LONG:
        raise AudioError(
            f"the recording is {recording.duration / 60:.1f} minutes long, more than the "
            f"{TOO_LONG / 60:.0f} that can be judged at once: cut it into parts"
        )


def listen(acoustic: AcousticModel, recording: Recording, quality: Quality) -> Emission:
    """The emission of the spoken part, on the clock of the whole recording.

    What is longer than the model hears at once is cut at pauses, heard piece by piece and joined.

    Raises:
        AudioError: when the recording is longer than `TOO_LONG`.
    """
    offset, parts = pieces(acoustic, recording, quality)
    emissions = [(start, acoustic.emit(piece)) for start, piece in each(parts)]
    emission = emissions[0][1] if len(emissions) == 1 else joined(emissions)
    return replace(emission, origin=emission.origin + offset)


def pieces(
    acoustic: AcousticModel, recording: Recording, quality: Quality
) -> tuple[Seconds, Sequence[tuple[Seconds, Recording]]]:
    """Where the spoken part begins, and what a model hears of it at once, with its start in that part.

    Raises:
        AudioError: when the recording is longer than `TOO_LONG`.
    """
    check_length(recording)
    part, offset = vad.trim(recording, MARGIN, speech=quality.speech)
    speech = [(start - offset, end - offset) for start, end in quality.speech]
    return offset, vad.split(part, most_heard(acoustic), speech=speech)


def joined(emissions: Sequence[tuple[Seconds, Emission]]) -> Emission:
    """What was heard of pieces that follow each other, by their starts in seconds, on the first one's clock.

    Each frame is the one that its own piece has nearest to that time, at most half a frame away; the
    silence that a model puts around a piece is kept only at both ends of the whole.
    """
    first = emissions[0][1]
    shift, origin = first.frame_shift, first.origin
    starts = [0, *(round((start - origin) / shift) for start, _ in emissions[1:])]
    start, last = emissions[-1]
    end = round((start + last.origin - origin) / shift) + len(last.log_probs)
    rows, hidden, lower = [], [], []
    for (start, one), (begin, stop) in zip(emissions, pairwise([*starts, end]), strict=True):
        own = np.arange(begin, stop) - round((start + one.origin - origin) / shift)
        own = np.clip(own, 0, len(one.log_probs) - 1)
        rows.append(one.log_probs[own])
        if one.embedding is not None:
            hidden.append(one.embedding[own])
        if one.lower is not None:
            lower.append(one.lower[own])
    embedding, low = (
        np.concatenate(parts) if len(parts) == len(emissions) else None for parts in (hidden, lower)
    )
    return replace(first, log_probs=np.concatenate(rows), embedding=embedding, lower=low)


def observe(
    acoustic: AcousticModel,
    recording: Recording,
    words: Sequence[CanonicalWord],
    quality: Quality | None = None,
) -> Observation:
    """Listen, align and measure; the same steps for training and for scoring.

    Raises:
        InputError: when the recording is too short for the text.
    """
    quality = measure(recording) if quality is None else quality
    emission = listen(acoustic, recording, quality)
    return examine(acoustic, emission, recording, words, quality, prosody.pitch(recording))


def examine(
    acoustic: AcousticModel,
    emission: Emission,
    recording: Recording,
    words: Sequence[CanonicalWord],
    quality: Quality,
    pitch: Pitch,
) -> Observation:
    """Align and measure a text against what was heard."""
    alignment = align(emission, words)
    ratios = gop.measure(emission, alignment, insertions=True)
    ratings = acoustic.rate(emission, alignment) if isinstance(acoustic, Rater) else None
    features = extract(emission, alignment, ratios, recording, pitch, ratings)
    return Observation(quality, emission, alignment, ratios, pitch, features)


def distance_from_text(emission: Emission, alignment: Alignment) -> float:
    """Nats per phone by which the best free path through the emission beats the text's.

    Those of the parts of a long reading, weighed by their phones, are that of the whole.
    """
    free = float(emission.log_probs.max(axis=1).sum())
    return (free - alignment.log_likelihood) / len(alignment.phones)


def word_times(alignment: Alignment) -> list[tuple[float, float, int]]:
    """Start, end and number of syllables of each word."""
    rows = []
    for _, group in groupby(alignment.phones, key=lambda phone: phone.word):
        phones = list(group)
        start, end = alignment.interval(phones[0])[0], alignment.interval(phones[-1])[1]
        rows.append((start, end, sum(phone.canonical in VOWELS for phone in phones)))
    return rows
