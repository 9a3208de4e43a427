"""From a recording and a text to everything that a judgement is made of, whatever the acoustic model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from speechtutor.audio import prosody, vad
from speechtutor.audio.quality import quality as measure
from speechtutor.core import Alignment, CanonicalWord, Emission, Pitch, Quality, Recording
from speechtutor.scoring import gop
from speechtutor.scoring.align import align
from speechtutor.scoring.features import Features, extract
from speechtutor.stages import AcousticModel, Rater
from speechtutor.text.phones import VOWELS

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


def listen(acoustic: AcousticModel, recording: Recording, quality: Quality) -> Emission:
    """The emission of the spoken part, on the clock of the whole recording."""
    part, offset = vad.trim(recording, MARGIN, speech=quality.speech)
    emission = acoustic.emit(part)
    return replace(emission, origin=emission.origin + offset)


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
    """Nats per phone by which the best free path through the emission beats the text's."""
    free = float(emission.log_probs.max(axis=1).sum())
    return (free - alignment.log_likelihood) / len(alignment.phones)


def word_times(alignment: Alignment) -> list[tuple[float, float, int]]:
    """Start, end and number of syllables of each word."""
    rows = []
    for index in range(len(alignment.words)):
        phones = [phone for phone in alignment.phones if phone.word == index]
        start, end = alignment.interval(phones[0])[0], alignment.interval(phones[-1])[1]
        rows.append((start, end, sum(phone.canonical in VOWELS for phone in phones)))
    return rows
